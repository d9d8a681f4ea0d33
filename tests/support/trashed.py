"""Finding one's way in the trash of a test's vault."""

from vaults import Bench

from docstopd.model import Node, SpacePath
from docstopd.vault import Session

TRASH = ("ada", ".trash")


def trashed(bench: Bench, session: Session, name: str) -> SpacePath:
    """The path of the one deleted tree that was called so."""
    (found,) = [node for node in bench.vault.files.list(session, TRASH).members if deletion_name(node) == name]
    return (*TRASH, found.name)


def deletion_name(node: Node) -> str:
    """What a deleted node was called."""
    assert node.deletion is not None
    return node.deletion.name
