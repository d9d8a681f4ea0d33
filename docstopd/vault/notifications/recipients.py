"""Who is to be told: addresses from the sealed profiles of accounts."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

from docstopd.catalog import users
from docstopd.catalog.users import Account
from docstopd.crypto.serverkey import ServerKey
from docstopd.crypto.wrap import unwrap_any
from docstopd.db import Rows
from docstopd.model import Role, UserId
from docstopd.vault.notifications.event import Event
from docstopd.vault.notifications.policy import NotifyPolicy, To


@dataclass(frozen=True, slots=True)
class Recipient:
    """One address. `digest` stands for it where it must not be read."""

    address: str
    user: UserId
    digest: bytes


class Recipients:
    """The recipients as one transaction sees the accounts."""

    def __init__(self, rows: Rows, server: ServerKey, policy: NotifyPolicy) -> None:
        self._rows = rows
        self._server = server
        self._policy = policy

    def of(self, event: Event) -> list[Recipient]:
        """Who is told of an event, each address once; nobody whose account has none, or was disabled."""
        to = self._policy.to.get(event.rule.kind, To.OFF)
        found = [each for each in self._everybody if to in (To.ADMINS, To.BOTH) and each[0].user.role is Role.ADMIN]
        found += [each for each in self._everybody if to in (To.USER, To.BOTH) and each[0].user.id == event.user]
        return list({recipient.digest: recipient for _, recipient in found}.values())

    @cached_property
    def _everybody(self) -> list[tuple[Account, Recipient]]:
        enabled = [account for account in users.all_accounts(self._rows) if account.user.enabled]
        addresses = [(account, self._address(account)) for account in enabled]
        return [(account, self._recipient(account, address)) for account, address in addresses if address]

    def _address(self, account: Account) -> str:
        fields = json.loads(unwrap_any(self._server.profiles, account.profile, account.user.id))
        return str(fields["email"])

    def _recipient(self, account: Account, address: str) -> Recipient:
        digest = hashlib.blake2b(address.encode(), key=self._server.profile, digest_size=16).digest()
        return Recipient(address, account.user.id, digest)
