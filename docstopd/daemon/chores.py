"""All chores of the keeper in one list."""

from docstopd.config import Config
from docstopd.daemon.chore import Chore
from docstopd.daemon.forwarder import chore_of, forwarder_of
from docstopd.vault import Vault

TRIPWIRE_PAUSE = 3.0


def chores_of(config: Config, vault: Vault) -> list[Chore]:
    """What the keeper does beside the jobs."""
    chores = [Chore("tripwire", vault.tripwire.look, TRIPWIRE_PAUSE, "the tripwire does not see what changes")]
    forwarder = forwarder_of(config, vault)
    if forwarder is not None:
        chores.append(chore_of(forwarder))
    return chores
