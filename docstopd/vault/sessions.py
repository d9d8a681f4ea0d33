"""Signing in: who brings which credential, what it unlocks, and when that is forgotten."""

import hashlib
import os
import re
import threading
import unicodedata
from dataclasses import replace

from docstopd.catalog import users
from docstopd.crypto import slot as slots
from docstopd.crypto.userkey import Identity, UserKey
from docstopd.db import Rows
from docstopd.errors import Refused, Unauthenticated
from docstopd.keyring import Slot
from docstopd.model import SECOND, Micros, SlotKind, SpaceId, User
from docstopd.vault.damage import DamageReports
from docstopd.vault.journal import NOBODY, SYSTEM, Facts, Journal, Seal
from docstopd.vault.kept import Room
from docstopd.vault.session import Opening, Session, Unlocked
from docstopd.vault.stores import Policy, Stores
from docstopd.vault.throttle import Throttle
from docstopd.vault.turnstile import Turnstile

CREDENTIAL_LIMIT = 1024
"""Characters of a name or a credential; what is longer is wrong without being looked at."""

WRONG = "the name or the password is wrong"
"""All that a client learns."""


_surrogate = re.compile("[\ud800-\udfff]").search


def sign_in_name(text: str) -> str:
    """The form in which a sign-in name is kept and compared."""
    return unicodedata.normalize("NFC", text).casefold()


class Sessions:
    """Verified credentials of one process, by a digest under a key that only this process has.

    What another process changes holds here at the next request: the account and the slot are looked up each time.
    """

    def __init__(
        self, stores: Stores, journal: Journal, policy: Policy, damage: DamageReports, opening: Opening
    ) -> None:
        self._stores = stores
        self._journal = journal
        self._policy = policy
        self._throttle = Throttle(stores.catalog, stores.server.throttle, policy)
        self._turnstile = Turnstile(stores.turnstile)
        self._damage = damage
        self._opening = opening
        self._digest_key = os.urandom(32)
        self._room = Room(policy.kept)
        self._verified: dict[bytes, Unlocked] = {}
        self._verifying: dict[bytes, threading.Lock] = {}
        self._guard = threading.Lock()

    def sign_in(self, name: str, credential: str, address: str = "", agent: str = "") -> Session:
        """The session of a user who proves to be one.

        Raises `Unauthenticated` after the same work whether the name or the credential is wrong, `Throttled` after too
        many of these. A credential that was verified lately costs two look-ups.
        """
        if not all(_possible(text) for text in (name, credential)):
            raise Unauthenticated(WRONG)
        name = sign_in_name(name)
        digest = self._digest(name, credential)
        session = self._known(digest, name, address, agent)
        if session is not None:
            return session
        with self._one_at_a_time(digest), self._damage.watch(NOBODY):
            # Clients open several connections at once: the first verifies, the others find its result.
            return self._known(digest, name, address, agent) or self._verify(digest, name, credential, address, agent)

    def _one_at_a_time(self, digest: bytes) -> threading.Lock:
        with self._guard:
            if len(self._verifying) > 1000:
                self._verifying = {known: lock for known, lock in self._verifying.items() if lock.locked()}
            return self._verifying.setdefault(digest, threading.Lock())

    def _known(self, digest: bytes, name: str, address: str, agent: str) -> Session | None:
        unlocked = self._verified.get(digest)
        if unlocked is None:
            return None
        now = self._stores.clock()
        user = users.look_up(self._stores.catalog, name)
        if (
            user is None
            or not user.enabled
            or user.id != unlocked.user
            or self._expired(unlocked, now)
            or not self._stores.keyring.has_slot(unlocked.slot)
        ):
            self._verified.pop(digest, None)
            return None
        unlocked.used = now
        return Session(user, unlocked, address, agent, now)

    def _expired(self, unlocked: Unlocked, now: Micros) -> bool:
        return (
            now - unlocked.used > self._policy.idle * SECOND
            or now - unlocked.since > self._policy.absolute * SECOND
            or (unlocked.until is not None and now >= unlocked.until)
        )

    def _verify(self, digest: bytes, name: str, credential: str, address: str, agent: str) -> Session:
        now = self._stores.clock()
        self._throttle.check(name, address, now)
        with self._stores.catalog.read() as rows:
            user = users.find(rows, name)
        origin = {"address": address, "agent": agent}
        user, slot, key = self._open_slot(user, name, credential, origin)
        unlocked = self._unlock(user, slot, key, now)
        self._throttle.succeeded(name)
        facts = {"outcome": "done", "slot": slot.kind.value}
        self._stores.catalog.write(lambda rows: self._record(rows, user, facts, origin))
        self._verified[digest] = unlocked
        return Session(user, unlocked, address, agent, now)

    def _open_slot(
        self, user: User | None, name: str, credential: str, origin: dict[str, str]
    ) -> tuple[User, Slot, bytes]:
        """The user, the slot that the credential opens, and the user key in it. Raises as `sign_in`.

        App passwords are random and cost nothing to try. The password is tried in each other case, or one that nobody
        has, so that every wrong credential takes the same time.
        """
        now = self._stores.clock()
        known = self._stores.keyring.slots(user.id) if user and user.enabled else []
        usable = [slot for slot in known if slot.expires is None or slot.expires > now]
        for slot in usable:
            if user and slot.kind is SlotKind.APP_PASSWORD and (key := self.try_slot(slot, credential)) is not None:
                return user, slot, key
        passwords = [slot for slot in usable if slot.kind is SlotKind.PASSWORD]
        with self._turnstile.passing():
            # Again, and failures are counted in here: of many guesses sent at once, none outruns the count.
            self._throttle.check(name, origin["address"], self._stores.clock())
            if not passwords or not credential:
                for server in self._stores.server.every:  # as a wrong password is tried with each
                    slots.dummy(b"-", server.pepper, self._stores.cost)
            for slot in passwords:
                if user and (key := self.try_slot(slot, credential)) is not None:
                    return user, slot, key
            self._count_failure(user, name, origin)
        raise Unauthenticated(WRONG)

    def try_slot(self, slot: Slot, credential: str) -> bytes | None:
        """The user key if the credential opens the slot. Raises `Damaged` for a slot that is not sound.

        A slot that an earlier server key was mixed into is made anew, since only now is its credential at hand.
        """
        try:
            secret = slots.credential_bytes(slot.kind, credential)
        except Unauthenticated:  # a credential of another kind
            return None
        for server in self._stores.server.every:
            key = _opened(slot, secret, server.pepper)
            if key is not None:
                if server is not self._stores.server:
                    self._renew(slot, secret, key)
                return key
        return None

    def _renew(self, slot: Slot, secret: bytes, key: bytes) -> None:
        if self._stores.read_only:
            return
        value = slots.make(
            slot.kind,
            secret,
            key,
            user=slot.user,
            slot=slot.id,
            pepper=self._stores.server.pepper,
            cost=self._stores.cost,
            random=self._stores.random,
        )
        self._stores.keyring.renew_slot(replace(slot, value=value))

    def _unlock(self, user: User, slot: Slot, key: bytes, now: Micros) -> Unlocked:
        _public, private = self._stores.keyring.identity(user.id, user.name)
        identity = Identity.unwrap(UserKey(key), user.id, private)
        return Unlocked(user.id, slot, identity, now, self._room.shelf(), self._opening)

    def unlock_with(self, user: User, slot: Slot, key: bytes) -> Session:
        """A session from a user key that was opened otherwise (a new account, a recovery)."""
        return Session(user, self._unlock(user, slot, key, self._stores.clock()))

    def _count_failure(self, user: User | None, name: str, origin: dict[str, str]) -> None:
        def work(rows: Rows) -> None:
            shut = self._throttle.failed(rows, name, origin["address"], self._stores.clock())
            tried = {} if user else {"name": name}
            self._record(rows, user, {"outcome": "refused", "shut": shut}, origin | tried)

        self._stores.catalog.write(work)

    def _record(self, rows: Rows, user: User | None, facts: Facts, payload: dict[str, str]) -> None:
        seal = Seal.of_server(self._stores.server, payload)
        self._journal.append(rows, SYSTEM, "sign-in", actor=user.id if user else NOBODY, facts=facts, seal=seal)

    def sweep(self) -> None:
        """Forget what has been idle for too long. Called every few seconds by the daemon."""
        now = self._stores.clock()
        for digest, unlocked in list(self._verified.items()):
            if self._expired(unlocked, now):
                self._verified.pop(digest, None)

    def with_open(self, space: SpaceId) -> list[Session]:
        """A session for each credential by which the space is open in this process now."""
        now = self._stores.clock()
        known = [one for one in list(self._verified.values()) if one.keys(space) and not self._expired(one, now)]
        with self._stores.catalog.read() as rows:
            found = [(users.get(rows, one.user), one) for one in known]
        return [Session(user, one) for user, one in found if user is not None and user.enabled]

    def _digest(self, name: str, credential: str) -> bytes:
        text = f"{name}\0{credential}".encode()
        return hashlib.blake2b(text, key=self._digest_key, digest_size=32).digest()


def _opened(slot: Slot, secret: bytes, pepper: bytes) -> bytes | None:
    try:
        return slots.open(slot.value, secret, user=slot.user, slot=slot.id, pepper=pepper)
    except Unauthenticated:
        return None


def _possible(text: str) -> bool:
    """Whether a name or a credential is worth a look: not beyond the limit, and no half of a surrogate pair in it."""
    return len(text) <= CREDENTIAL_LIMIT and _surrogate(text) is None


def check_name(text: str) -> str:
    """A new sign-in name in its kept form. Raises `Refused` for one that no client could send or nobody could read."""
    name = sign_in_name(text)
    allowed = all(letter.isalnum() or letter in "._-@" for letter in name)
    if not name or len(name) > 64 or not allowed or not name[0].isalnum():
        raise Refused(
            f"{text!r} cannot be a user name: use up to 64 letters, digits and ._-@, beginning with a letter or digit"
        )
    return name
