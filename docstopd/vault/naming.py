"""What a node may be called."""

import unicodedata

from docstopd.errors import Forbidden, InvalidName
from docstopd.model import SpacePath
from docstopd.vault.stores import Policy

RESERVED = frozenset({".versions", ".trash", ".snapshots"})
"""Names at the top of each space that are kept for its past."""


def normal(name: str) -> str:
    """The NFC form: the two spellings of one name never coexist (macOS sends NFD)."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def normal_path(path: SpacePath) -> SpacePath:
    """Every name of a path in its NFC form."""
    return tuple(map(normal, path))


def is_past(path: SpacePath) -> bool:
    """Whether a path leads into its space's past."""
    return len(path) > 1 and path[1] in RESERVED


def refuse_past(path: SpacePath) -> None:
    """Raises `Forbidden` for a path into the past, where nothing can be changed."""
    if is_past(path):
        if path[1] == ".trash":
            raise Forbidden(
                ".trash shows the past, which nobody can change: move what you need out of it; it is emptied by itself,"
                " and what has to be gone at once is erased by `docstopd erasure request`"
            )
        raise Forbidden(f"{path[1]} shows the past, which nobody can change: copy what you need out of it")


def check(path: SpacePath, policy: Policy) -> None:
    """Whether a node may be made at `path`, the space's label included. Raises `InvalidName`, `Forbidden`."""
    refuse_past(path)
    check_length(len(path), length(path), policy)
    _check_name(path[-1], policy)


def length(path: SpacePath) -> int:
    """The bytes of a path in UTF-8, a slash before each name."""
    return sum(len(name.encode(errors="replace")) + 1 for name in path)


def check_length(depth: int, length: int, policy: Policy) -> None:
    """Whether a path may have so many names, the space's label included, and bytes. Raises `InvalidName`."""
    if depth > policy.depth:
        raise InvalidName(f"a path may have at most {policy.depth} names")
    if length > policy.path:
        raise InvalidName(f"a path may have at most {policy.path} bytes")


def _check_name(name: str, policy: Policy) -> None:
    if name in {"", ".", ".."} or "/" in name:
        raise InvalidName("a name must not be empty, '.' or '..', nor hold a '/'")
    # XML 1.0 has no place for these, so no client could ever see the name.
    if any(letter < " " or letter in "\x7f\ufffe\uffff" or "\ud800" <= letter <= "\udfff" for letter in name):
        raise InvalidName("a name must not hold control characters")
    if len(name.encode()) > policy.name:
        raise InvalidName(f"a name may have at most {policy.name} bytes in UTF-8")


def folded(name: str) -> str:
    """A name in lower case, letter by letter as Windows does: `A` is `a` then, and `straße` is not `strasse`."""
    if name.isascii():
        return name.lower()
    return "".join([lower if len(lower := letter.lower()) == 1 else letter for letter in name])


def ephemeral(name: str) -> bool:
    """Files that macOS leaves beside others and writes again and again: kept, but without versions or trash.

    The journal says that one came or went, and not that its content became another one or that it was locked.
    """
    return name.startswith("._") or name == ".DS_Store"
