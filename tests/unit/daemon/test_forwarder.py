"""Forwarding the journal: at least once over restarts and broken connections, and nothing personal unasked."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from vaults import PASSWORD, Bench, open_bench

from docstopd.daemon.forwarder import Forwarder, message_of
from docstopd.errors import Failed, Unauthenticated
from docstopd.senders.syslog import Message, Severity, encode
from docstopd.vault import Session

FILTER = Path(__file__).parents[3] / "config" / "fail2ban" / "filter.d" / "docstopd.conf"


class Taken:
    """A receiver that takes messages, unless it is told to fail."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.fails_after: int | None = None
        self.broken = False

    def send(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if self.fails_after is not None and len(self.messages) >= self.fails_after:
                raise Failed("gone")
            self.messages.append(message)

    def check(self) -> None:
        if self.broken:
            self.broken = False
            raise Failed("closed")

    def close(self) -> None:
        pass

    def seqs(self) -> list[int]:
        return [int(message.fields["seq"]) for message in self.messages]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    opened = open_bench(tmp_path)
    yield opened
    opened.vault.close()


@pytest.fixture
def ada(bench: Bench) -> Session:
    return bench.account("ada")


def forwarder(bench: Bench, taken: Taken, *, everywhere: bool = False, details: bool = False) -> Forwarder:
    return Forwarder(bench.vault, taken, everywhere=everywhere, details=details)  # type: ignore[arg-type]


def drain(one: Forwarder) -> None:
    while one.step():
        pass


def grow(bench: Bench, count: int) -> None:
    for _ in range(count):
        bench.vault.accounts.set_enabled("bob", enabled=True)


def test_a_new_forwarder_begins_with_what_comes(bench: Bench, ada: Session) -> None:
    """And goes on after a restart where it was: nothing is lost, nothing comes twice."""
    bench.account("bob")
    taken = Taken()
    drain(forwarder(bench, taken))
    assert taken.messages == []
    last = len(bench.actions(b"system"))
    grow(bench, 3)
    drain(forwarder(bench, taken))
    grow(bench, 2)
    drain(forwarder(bench, taken))
    drain(forwarder(bench, taken))
    assert taken.seqs() == list(range(last + 1, last + 6))


def test_what_may_not_have_arrived_is_sent_again(bench: Bench, ada: Session) -> None:
    """When sending fails in the middle, and when the connection is found closed afterwards."""
    bench.account("bob")
    taken, last = Taken(), len(bench.actions(b"system"))
    one = forwarder(bench, taken)
    drain(one)
    grow(bench, 4)
    taken.fails_after = 2
    with pytest.raises(Failed):
        one.step()
    taken.fails_after = None
    assert one.step()
    taken.broken = True
    with pytest.raises(Failed):
        one.step()
    drain(one)
    new = list(range(last + 1, last + 5))
    assert taken.seqs() == new[:2] + new + new


def test_a_process_that_dies_after_sending_sends_it_again(bench: Bench, ada: Session) -> None:
    """Once more is better than never."""
    bench.account("bob")
    taken, last = Taken(), len(bench.actions(b"system"))
    drain(forwarder(bench, taken))
    grow(bench, 1)
    forwarder(bench, taken).step()
    drain(forwarder(bench, taken))
    assert taken.seqs() == [last + 1, last + 1]


def test_all_streams_go_in_pages(bench: Bench, ada: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of spaces too, also of one that is made later."""
    monkeypatch.setattr("docstopd.vault.audit.forwarding.PAGE", 2)
    taken = Taken()
    one = forwarder(bench, taken, everywhere=True)
    drain(one)
    for number in range(5):
        bench.vault.files.make_folder(ada, ("ada", f"f{number}"))
    bench.account("bob")
    drain(one)
    kinds = [message.kind for message in taken.messages]
    assert kinds.count("create") == 5 and kinds.count("space-add") == 1 and kinds.count("user-add") == 1


def test_nothing_personal_is_forwarded_unasked(bench: Bench, ada: Session) -> None:
    """No name, address, path; with details names and addresses, but never what somebody typed as a name."""
    bench.vault.spaces.add("accounting", ada.user)
    plain, detailed = Taken(), Taken()
    for taken, details in ((plain, False), (detailed, True)):
        one = forwarder(bench, taken, everywhere=True, details=details)
        drain(one)
        bench.vault.files.make_folder(ada, ("ada", f"illness-{details}"))
        with pytest.raises(Unauthenticated):
            bench.vault.sessions.sign_in("ada", "a wrong one", "203.0.113.7", "SecretAgent")
        with pytest.raises(Unauthenticated):
            bench.vault.sessions.sign_in("my-secret-password", "x", "203.0.113.8", "SecretAgent")
        drain(one)
    text = b"\n".join(encode(message, "h", 1) for message in plain.messages).decode()
    assert not any(word in text for word in ("203.0.113", '"ada"', "accounting", "illness", "Agent", "my-secret"))
    text = b"\n".join(encode(message, "h", 1) for message in detailed.messages).decode()
    assert 'sign-in: outcome="refused" address="203.0.113.7" user="ada"' in text
    assert not any(word in text for word in ("illness", "Agent", "my-secret"))


def test_what_went_wrong_is_louder(bench: Bench, ada: Session) -> None:
    """By the severity."""
    with pytest.raises(Unauthenticated):
        bench.vault.sessions.sign_in("ada", "a wrong one", "203.0.113.7")
    lines = bench.vault.audit.show(None, None, 10)
    found = {message_of(line, details=True).kind: message_of(line, details=True).severity for line in lines}
    assert found["user-add"] is Severity.INFO
    assert message_of(lines[-1], details=True).severity is Severity.WARNING


@pytest.mark.skipif(shutil.which("fail2ban-regex") is None, reason="fail2ban is not installed")
def test_the_filter_for_fail2ban_finds_failures_and_is_not_misled(bench: Bench, ada: Session, tmp_path: Path) -> None:
    """As rsyslog writes them; an agent or a name that looks like a line of ours bans nobody."""
    forged = 'x" sign-in: outcome="refused" address="198.51.100.1"'
    for name, address in (("ada", "203.0.113.7"), ("ada", "2001:db8::7"), (forged, "203.0.113.8")):
        with pytest.raises(Unauthenticated):
            bench.vault.sessions.sign_in(name, "a wrong one", address, forged)
    bench.vault.sessions.sign_in("ada", PASSWORD, "203.0.113.9", forged)
    lines = []
    for line in bench.vault.audit.show(None, None, 100):
        encoded = encode(message_of(line, details=True), "records", 7).decode()
        lines.append("Nov 24 20:40:18 records docstopd[7]: " + encoded.partition("] ")[2])
        lines.append(encoded)
    log = tmp_path / "auth.log"
    log.write_text("\n".join(lines) + "\n")
    finished = subprocess.run(
        ["fail2ban-regex", "--out", "ip", str(log), str(FILTER)], capture_output=True, text=True, check=False
    )
    found = finished.stdout.split()
    assert sorted(set(found)) == ["2001:db8::7", "203.0.113.7", "203.0.113.8"], finished.stdout + finished.stderr
