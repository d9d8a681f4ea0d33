"""The door to notifications: what is to be told goes from the journal into the outbox, and from there to a server."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby

from docstopd.catalog import journal as entries
from docstopd.catalog import marks
from docstopd.catalog import outbox as store
from docstopd.crypto.wrap import unwrap_any, wrap
from docstopd.db import Rows
from docstopd.errors import Damaged, Failed, Incompatible
from docstopd.model import HOUR, SECOND, Micros
from docstopd.vault.journal import SYSTEM, Journal
from docstopd.vault.marks import Marks, Step
from docstopd.vault.notifications.event import Event, Events
from docstopd.vault.notifications.policy import NotifyPolicy
from docstopd.vault.notifications.recipients import Recipient, Recipients
from docstopd.vault.notifications.rules import ACTIONS
from docstopd.vault.stores import Stores

CURSOR = "notified"
MOST = 1000
"""Entries of one stream that are told in one transaction."""

SHOWN = 30
"""Events that one mail lists."""

FIRST_DELAY: Micros = 60 * SECOND
LONGEST_DELAY: Micros = 6 * HOUR
_SUBJECT = "docstopd: "
_FOOT = "\n\nThis mail is from docstopd, which keeps your organisation's records. Nobody reads answers to it."

Send = Callable[[Sequence[str], str, str], None]
"""`send(addresses, subject, text)`: a server has taken the mail when it returns. Raises `Failed`."""

_log = logging.getLogger(__name__)


class Notifications:
    """For one process at a time; two would tell some things twice."""

    def __init__(self, stores: Stores, journal: Journal, marks_of: Marks, policy: NotifyPolicy) -> None:
        self._stores = stores
        self._journal = journal
        self._marks = marks_of
        self._policy = policy
        self._seen: dict[bytes, int] = {}

    # -- from the journal into the outbox ----------------------------------------------------------------------------

    def take(self) -> int:
        """Queue what the journal got since the last time; how many mails. Durable when this returns.

        The first call begins with what comes from then on.
        """
        if not self._seen:
            self._seen = self._stores.catalog.write(self._begin)
        with self._stores.catalog.read() as rows:
            heads = _heads(rows)
            moved = {stream: seq for stream, seq in heads.items() if seq > self._seen.get(stream, 0)}
            found = any(self._entries(rows, stream, self._seen) for stream in moved)
        if not found:
            self._seen = {**self._seen, **moved}
            return 0
        queued, self._seen = self._stores.catalog.write(self._take)
        return queued

    def _begin(self, rows: Rows) -> dict[bytes, int]:
        heads = _heads(rows)
        known = marks.get(rows, CURSOR)
        if known is None:
            _put_cursor(rows, heads)
            return heads
        # After a restore a stream may end before the place where this was.
        return {stream: min(seq, heads.get(stream, 0)) for stream, seq in _cursor(known).items()}

    def _entries(self, rows: Rows, stream: bytes, cursor: Mapping[bytes, int]) -> list[Event]:
        found = entries.of_actions(rows, stream, cursor.get(stream, 0), MOST, ACTIONS)
        return list(Events(rows).of(found))

    def _take(self, rows: Rows) -> tuple[int, dict[bytes, int]]:
        # Another process may have been here: what counts is the cursor in the catalog.
        cursor = _cursor(marks.get(rows, CURSOR) or "{}")
        heads = _heads(rows)
        events: list[Event] = []
        for stream, seq in heads.items():
            found = entries.of_actions(rows, stream, cursor.get(stream, 0), MOST, ACTIONS) if seq else []
            cursor[stream] = found[-1].seq if len(found) == MOST else seq
            events += Events(rows).of(found)
        oldest = self._stores.clock() - self._policy.keep
        queued = self._queue(rows, [event for event in events if event.time > oldest])
        _put_cursor(rows, cursor)
        return queued, cursor

    def _queue(self, rows: Rows, events: Iterable[Event]) -> int:
        """One mail for all events of one rule that came at once, to each recipient; beyond the rate it is held back."""
        recipients = Recipients(rows, self._stores.server, self._policy)
        mails: dict[tuple[Recipient, str, str], list[Event]] = {}
        for event in events:
            for recipient in recipients.of(event):
                mails.setdefault((recipient, event.rule.kind, event.rule.subject), []).append(event)
        for (recipient, kind, _subject), told in mails.items():
            self._add(rows, kind, recipient, *_mail(told))
        return len(mails)

    def _add(self, rows: Rows, kind: str, recipient: Recipient, subject: str, text: str) -> None:
        now = self._stores.clock()
        recent = store.count(rows, kind, recipient.digest, now - self._policy.window)
        state = store.WAITING if recent < self._policy.most else store.HELD
        content = json.dumps([recipient.address, subject, text]).encode()
        sealed = wrap(self._stores.server.profile, content, recipient.digest, self._stores.random)
        store.add(rows, kind, recipient.user, recipient.digest, now, state, sealed)

    # -- from the outbox to a server ---------------------------------------------------------------------------------

    def deliver(self, send: Send) -> int:
        """Send what is due; how many. Raises the first `Failed`: that mail is tried later, the others next time."""
        now = self._stores.clock()
        with self._stores.catalog.read() as rows:
            held, due = store.held(rows), store.due(rows, now, 50)
        if held:
            self._stores.catalog.write(self._gather)
        for done, mail in enumerate(due):
            try:
                self._send(mail, send)
            except Failed as error:
                self._failed(mail, error)
                if done or len(due) > 1:
                    _log.warning("a mail about %s was not taken: %s", mail.kind, error)
                raise
        return len(due)

    def _send(self, mail: store.Row, send: Send) -> None:
        try:
            text = unwrap_any(self._stores.server.profiles, mail.content, mail.recipient)
            address, subject, body = json.loads(text)
        except (Damaged, Incompatible):
            _log.error("a mail about %s is damaged and is dropped", mail.kind)
            self._stores.catalog.write(lambda rows: store.remove(rows, mail.id))
            return
        send([address], subject, body)
        self._stores.catalog.write(lambda rows: store.sent(rows, mail.id))

    def _failed(self, mail: store.Row, error: Failed) -> None:
        now = self._stores.clock()
        delay = min(LONGEST_DELAY, FIRST_DELAY << min(mail.tries, 20))

        def work(rows: Rows) -> None:
            if now - mail.queued < self._policy.keep:
                store.postpone(rows, mail.id, now + delay)
                return
            store.remove(rows, mail.id)
            self._journal.append(rows, SYSTEM, "mail-lost", facts={"kind": mail.kind, "tries": mail.tries + 1})
            _log.error("a mail about %s could not be sent for too long and is given up: %s", mail.kind, error)

        self._stores.catalog.write(work)

    def _gather(self, rows: Rows) -> None:
        """What was held back becomes one mail for each kind and recipient, as soon as the rate allows."""
        now = self._stores.clock()
        for (digest, kind), group in groupby(store.held(rows), lambda row: (row.recipient, row.kind)):
            if store.count(rows, kind, digest, now - self._policy.window) >= self._policy.most:
                continue
            found = list(group)
            opened = [json.loads(unwrap_any(self._stores.server.profiles, row.content, digest)) for row in found]
            subject = f"{_SUBJECT}{len(found)} more about: {kind}"
            lines = [f"- {each[1].removeprefix(_SUBJECT)}" for each in opened[:SHOWN]]
            more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
            text = "\n".join(["These were held back, since there were many within an hour:", "", *lines, *more])
            self._add(rows, kind, Recipient(opened[0][0], found[0].user, digest), subject, text + _FOOT)
            for row in found:
                store.remove(rows, row.id)

    # -- what nobody else writes down, and what is past --------------------------------------------------------------

    def tidy(self) -> None:
        """Forget what was sent long ago."""
        before = self._stores.clock() - 2 * self._policy.window
        self._stores.catalog.write(lambda rows: store.forget(rows, before))

    def miss_snapshot(self, newest: Micros) -> None:
        """Journal, once a day, that the newest snapshot is too old."""
        now = self._stores.clock()
        if now - newest <= self._policy.late:
            return

        def step(old: str | None) -> Step:
            if old is not None and now - int(old) < 24 * HOUR:
                return Step(old)
            return Step(str(now), "snapshot-late", {"hours": (now - newest) // HOUR})

        self._marks.advance("snapshot-late", step)

    def counts(self) -> dict[str, int]:
        """How many mails wait, are held back, or were sent lately."""
        with self._stores.catalog.read() as rows:
            return store.counts(rows)


def _mail(told: Sequence[Event]) -> tuple[str, str]:
    """Subject and text of what came at once."""
    last = told[-1]
    texts = dict.fromkeys(event.text for event in told)
    shown = list(texts)[:SHOWN]
    more = [f"and {len(texts) - SHOWN} more"] if len(texts) > SHOWN else []
    subject = last.subject if len(told) == 1 else f"{last.subject} (and {len(told) - 1} more)"
    return _SUBJECT + subject, "\n\n".join([*shown, *more]) + _FOOT


def _heads(rows: Rows) -> dict[bytes, int]:
    return {stream: seq for stream, (seq, _hash) in entries.heads(rows)}


def _cursor(text: str) -> dict[bytes, int]:
    return {bytes.fromhex(stream): seq for stream, seq in json.loads(text).items()}


def _put_cursor(rows: Rows, cursor: Mapping[bytes, int]) -> None:
    marks.put(rows, CURSOR, json.dumps({stream.hex(): seq for stream, seq in cursor.items()}, separators=(",", ":")))
