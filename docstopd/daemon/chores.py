"""All chores of the keeper in one list."""

from docstopd.config import Config
from docstopd.daemon.anchors import mail_server_of
from docstopd.daemon.chore import Chore
from docstopd.daemon.forwarder import chore_of, forwarder_of
from docstopd.daemon.mailing import Mailing
from docstopd.daemon.watchers import watcher_of
from docstopd.vault import Vault

TRIPWIRE_PAUSE = 3.0
MAIL_PAUSE = 5.0


def chores_of(config: Config, vault: Vault, *, clean: bool) -> list[Chore]:
    """What the keeper does beside the jobs. `clean`: the run of the daemon before this one ended as it should."""
    chores = [Chore("tripwire", vault.tripwire.look, TRIPWIRE_PAUSE, "the tripwire does not see what changes")]
    forwarder = forwarder_of(config, vault)
    if forwarder is not None:
        chores.append(chore_of(forwarder))
    server = mail_server_of(config)
    if server is not None:
        mailing = Mailing(vault, server.send, snapshots=bool(config.snapshots.targets))
        chores.append(Chore("mail", mailing.step, MAIL_PAUSE, "mails wait to be sent", mailing.finish))
    return chores + watcher_of(config, vault, clean=clean)  # ends first: what it says last is forwarded
