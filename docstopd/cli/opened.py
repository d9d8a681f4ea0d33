"""The vault of a configuration, opened beside whatever daemon runs on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from docstopd.cli.asking import Secrets
from docstopd.config import load
from docstopd.daemon.compose import open_vault
from docstopd.errors import NotFound
from docstopd.vault import Session, Vault

AGENT = "docstopd command line"
"""What the journal says of a sign-in from here."""


@contextmanager
def opened(config: Path) -> Iterator[Vault]:
    """The vault. Raises ConfigurationError, and what `open_vault` raises."""
    with open_vault(load(config)) as vault:
        yield vault


@contextmanager
def about(what: str) -> Iterator[None]:
    """Name what was looked for and is not there: the vault's errors don't, since names are sealed and errors logged."""
    try:
        yield
    except NotFound as error:
        if repr(what) in str(error):
            raise
        raise NotFound(f"{what}: {error}") from None


def session_of(vault: Vault, user: str, secrets: Secrets) -> Session:
    """Sign a user in. Raises `Unauthenticated`, `Throttled`."""
    return vault.sessions.sign_in(user, secrets.ask(f"password of {user}"), agent=AGENT)


def session_as(vault: Vault, user: str | None, secrets: Secrets) -> Session | None:
    """The session of `--as`, None without it."""
    return None if user is None else session_of(vault, user, secrets)
