"""Carries the journal to a syslog receiver, in a thread of the keeper."""

import os

from docstopd.config import Config, syslog_parts
from docstopd.daemon.chore import Chore
from docstopd.errors import DocstopdError
from docstopd.senders.syslog import Message, Receiver, Severity
from docstopd.vault import Vault
from docstopd.vault.audit.forwarding import Batch, Cursor
from docstopd.vault.audit.trail import Line

NAME = "syslog"
PAUSE = 1.0

_LOUD = {"refused": Severity.WARNING, "failed": Severity.ERROR}
_ERRORS = frozenset({"damage", "storage-alarm", "reads-lost", "job-failed"})


class Forwarder:
    """One carrier. What was sent counts as arrived when the connection still stands a moment later."""

    def __init__(self, vault: Vault, receiver: Receiver, *, everywhere: bool, details: bool) -> None:
        self._forwarding = vault.forwarding
        self._receiver = receiver
        self._everywhere = everywhere
        self._details = details
        self._arrived: Cursor = {}
        self._sent: Cursor | None = None

    def step(self) -> bool:
        """Confirm what was sent and send what is next; whether there may be more. Raises `Failed`, `StateUnknown`."""
        if not self._arrived:
            self._arrived = self._forwarding.begin(NAME)
        try:
            self._confirm()
            batch: Batch = self._forwarding.next(self._arrived, everywhere=self._everywhere)
            if not batch.lines:
                return False
            self._receiver.send([message_of(line, details=self._details) for line in batch.lines])
        except DocstopdError:
            self._sent = None  # from the last place that is sure, once more
            raise
        self._sent = batch.cursor
        return True

    def finish(self) -> None:
        """Send the rest, as far as it goes at once."""
        while self.step():
            pass
        self._receiver.close()

    def _confirm(self) -> None:
        if self._sent is not None:
            self._receiver.check()
            self._forwarding.done(NAME, self._sent)
            self._arrived, self._sent = self._sent, None


def message_of(line: Line, *, details: bool) -> Message:
    """An entry as a message. Only with `details` it names people and addresses; never what somebody tried as a name.

    Outcome and address come first: filters match them by their place, where no value of a client's can be.
    """
    fields = {"outcome": str(line.facts.get("outcome", "done"))}
    if details and "address" in line.details and line.stream == "system":
        fields["address"] = line.details["address"] or "local"
    fields["user"] = line.actor if details else line.by
    fields |= {"stream": line.stream if details else line.stream_id, "seq": str(line.seq), "node": str(line.node)}
    fields |= {key: _text(value) for key, value in line.facts.items() if key != "outcome"}
    severity = Severity.ERROR if line.action in _ERRORS else _LOUD.get(fields["outcome"], Severity.INFO)
    return Message(line.time, severity, line.action, fields)


def _text(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def receiver_of(config: Config) -> Receiver | None:
    """Where the configuration forwards to."""
    if config.audit.syslog is None:
        return None
    return Receiver(*syslog_parts(config.audit.syslog), config.audit.syslog_authority, os.getpid())


def forwarder_of(config: Config, vault: Vault) -> Forwarder | None:
    """The forwarder of a configuration, None without a receiver."""
    receiver = receiver_of(config)
    if receiver is None:
        return None
    everywhere = config.audit.syslog_streams == "all"
    return Forwarder(vault, receiver, everywhere=everywhere, details=config.audit.syslog_details)


def chore_of(forwarder: Forwarder) -> Chore:
    """A forwarder as work of the keeper."""
    return Chore("forwarder", forwarder.step, PAUSE, "the journal is not forwarded", forwarder.finish)
