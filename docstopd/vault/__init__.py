"""The vault: the only door to the data. Fronts parse, call it and format; every rule is in here.

What always holds: a change is one catalog transaction, together with its journal entry; what it needs of the keyring
and the blob store is durable before; what it leaves over is destroyed after. Membership, conditions and locks are
checked inside the transaction that they are for. No plaintext is written anywhere.
"""

from docstopd.vault.accounts import Accounts
from docstopd.vault.arrivals import Arrivals, Intake
from docstopd.vault.audit import CHECKPOINTS, Audit, Checkpoints, Forwarding
from docstopd.vault.basis import Basis
from docstopd.vault.batches import Batches
from docstopd.vault.change import Changes
from docstopd.vault.content import Content
from docstopd.vault.damage import DamageReports
from docstopd.vault.erasure import Erasures
from docstopd.vault.expiry import Expiry
from docstopd.vault.files import Files, Listing
from docstopd.vault.journal import Journal
from docstopd.vault.kept import Kept
from docstopd.vault.locks import Locks
from docstopd.vault.marks import Marks
from docstopd.vault.notifications.door import Notifications
from docstopd.vault.past.door import Past
from docstopd.vault.retention.dispositions import Dispositions
from docstopd.vault.retention.filing import Filing
from docstopd.vault.retention.holding import Holds
from docstopd.vault.retention.run import Retention
from docstopd.vault.rollback.door import Rollback
from docstopd.vault.rotation import Rotation
from docstopd.vault.runs import Runs
from docstopd.vault.service import Service
from docstopd.vault.session import Session
from docstopd.vault.sessions import Sessions
from docstopd.vault.snapshots import Snapshots
from docstopd.vault.spaces import Spaces
from docstopd.vault.storage import Storage
from docstopd.vault.stores import Policy, Stores
from docstopd.vault.syncing import SYNC_LIMIT, Report, Sync
from docstopd.vault.tripwire.door import Tripwire
from docstopd.vault.upload import Upload

__all__ = [
    "CHECKPOINTS",
    "SYNC_LIMIT",
    "Basis",
    "Content",
    "Intake",
    "Kept",
    "Listing",
    "Policy",
    "Report",
    "Session",
    "Stores",
    "Upload",
    "Vault",
]


class Vault:
    """All doors over one set of stores."""

    def __init__(self, stores: Stores, policy: Policy) -> None:
        self._stores = stores
        journal = Journal(stores.clock, stores.random)
        damage = DamageReports(stores, journal)
        self._batches = Batches(stores, journal, policy)
        changes = Changes(stores, journal, policy, damage, self._batches)
        # who comes, and to what
        self.sessions = Sessions(stores, journal, policy, damage, self._batches.opening)
        self.spaces = Spaces(changes)
        self.accounts = Accounts(stores, journal, self.sessions, self.spaces, policy)
        # what there is, and what was
        self.files = Files(changes)
        self.locks = Locks(changes)
        self.sync = Sync(changes)
        self.arrivals = Arrivals(changes, self.sessions)
        self.past = Past(changes, self.files)
        self.rollback = Rollback(changes)
        # what goes, and what must stay
        self.retention = Retention(changes, self.past.purge)
        self.filing = Filing(changes)
        self.holds = Holds(changes)
        self.dispositions = Dispositions(stores, journal)
        self.erasure = Erasures(changes, self.accounts, self.spaces)
        self.expiry = Expiry(stores, journal, policy)
        # copies and keys
        self.snapshots = Snapshots(stores, journal, damage, policy, self.files)
        self.rotation = Rotation(changes, self.spaces)
        # what happened
        self.checkpoints = Checkpoints(stores)
        self.audit = Audit(stores, self.checkpoints)
        self.forwarding = Forwarding(stores, self.audit)
        self.tripwire = Tripwire(stores, journal, policy.tripwire)
        self.storage = Storage(stores, journal, damage)
        # the daemon itself
        self.service = Service(stores, journal)
        self.runs = Runs(stores, journal)
        self.marks = Marks(stores, journal)
        self.notifications = Notifications(stores, journal, self.marks, policy.notify)

    def housekeep(self) -> None:
        """What is due every second: idle sessions are forgotten, what was read is journalled."""
        self.sessions.sweep()
        self._batches.flush()

    def settle(self) -> None:
        """Append what waits for the next `housekeep`; to be called before the stores are closed."""
        self._batches.flush()

    def close(self) -> None:
        """Settle, and close the stores."""
        self.settle()
        self._stores.catalog.close()
        self._stores.keyring.close()
