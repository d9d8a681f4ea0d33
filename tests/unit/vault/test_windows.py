"""Names that Windows cannot open: allowed, and the journal warns of them."""

import json

import pytest
from vaults import Bench

from docstopd.model import MemberRole, SpacePath
from docstopd.vault import Session, naming, windows


def facts(bench: Bench, session: Session) -> dict[str, object]:
    """What the last entry of the space `ada` says."""
    space = bench.vault.files.stat(session, ("ada",)).space
    found = bench.rows("SELECT facts FROM journal WHERE stream = ? ORDER BY seq DESC LIMIT 1", space)
    told: dict[str, object] = json.loads(found[0][0])
    return told


def warning(bench: Bench, session: Session, path: SpacePath) -> object:
    """The warning in the entry of a new file."""
    bench.put(session, path, b"1")
    return facts(bench, session).get("windows")


RESERVED = ["con", "PRN", "Aux", "nul", "COM1", "lpt9", "com0", "LPT\u00b9", "nul.txt", "NUL .tar.gz", "conin$", "Con."]
ENDING = ["a.", "a ", "a..", "..."]
CHARACTER = ["a<b", "a>b", "a:b", 'a"b', "a|b", "a?b", "a*b", "a\\b"]
FINE = [
    "a",
    "console",
    "com10",
    "com",
    "lpt",
    "nul-",
    "a.nul",
    "a b",
    ".a",
    "a.b.c",
    "COM1x",
    "caf\u00e9",
    "\U0001f600",
    "._con",
]


@pytest.mark.parametrize(
    ("name", "reason"),
    [(name, "reserved-name") for name in RESERVED]
    + [(name, "ending") for name in ENDING]
    + [(name, "character") for name in CHARACTER]
    + [(name, None) for name in FINE],
)
def test_each_kind_of_name_is_told_by_its_word(bench: Bench, ada: Session, name: str, reason: str | None) -> None:
    """And each is stored, and read back."""
    assert warning(bench, ada, ("ada", name)) == reason
    assert bench.get(ada, ("ada", name)) == b"1"


def test_a_name_is_as_long_for_windows_as_it_has_units_of_utf_16() -> None:
    """Two for a letter beyond the basic plane."""
    assert windows.reason("a" * 255) is None
    assert windows.reason("a" * 256) == "too-long"
    assert windows.reason("\U0001f600" * 127) is None
    assert windows.reason("\U0001f600" * 128) == "too-long"


@pytest.mark.parametrize(
    ("there", "new"),
    [("readme", "README"), ("README", "readme"), ("ReadMe", "reaDme"), ("\u00c9t\u00e9", "\u00e9T\u00c9")],
)
def test_names_that_differ_by_the_case_of_letters_clash(bench: Bench, ada: Session, there: str, new: str) -> None:
    """Whichever came first, and after either was written again; not in another folder, nor when the first is gone."""
    bench.vault.files.make_folder(ada, ("ada", "other"))
    assert warning(bench, ada, ("ada", there)) is None
    bench.put(ada, ("ada", there), b"2")
    assert warning(bench, ada, ("ada", "other", new)) is None
    assert warning(bench, ada, ("ada", new)) == "case-clash"
    assert {there, new} <= bench.names(ada, ("ada",))
    bench.vault.files.delete(ada, ("ada", there))
    bench.vault.files.delete(ada, ("ada", new))
    assert warning(bench, ada, ("ada", new)) is None


def test_names_that_windows_tells_apart_do_not_clash(bench: Bench, ada: Session) -> None:
    """It folds letter by letter."""
    bench.put(ada, ("ada", "stra\u00dfe"), b"1")
    assert warning(bench, ada, ("ada", "STRASSE")) is None
    assert naming.folded("\u0130") == "\u0130"


def test_folders_moves_and_copies_are_warned_of_as_well(bench: Bench, ada: Session) -> None:
    """A node that is only spelled anew is not in its own way."""
    files = bench.vault.files
    files.make_folder(ada, ("ada", "a:"))
    assert facts(bench, ada)["windows"] == "character"
    bench.put(ada, ("ada", "a:", "x"), b"1")
    files.copy(ada, ("ada", "a:"), ("ada", "A:"), overwrite=False, deep=False)
    assert facts(bench, ada)["windows"] == "character"
    files.copy(ada, ("ada", "a:", "x"), ("ada", "a:", "X"), overwrite=False, deep=False)
    assert facts(bench, ada)["windows"] == "case-clash"
    files.move(ada, ("ada", "a:", "x"), ("ada", "nul"), overwrite=False)
    assert facts(bench, ada)["windows"] == "reserved-name"
    files.move(ada, ("ada", "a:", "X"), ("ada", "a:", "x"), overwrite=False)
    assert "windows" not in facts(bench, ada)
    files.move(ada, ("ada", "nul"), ("ada", "a:", "X"), overwrite=False)
    assert facts(bench, ada)["windows"] == "case-clash"


def test_a_clash_is_seen_across_epochs(bench: Bench, ada: Session) -> None:
    """Names sealed under an older key are looked up under that."""
    bob = bench.account("bob").user
    files, spaces = bench.vault.files, bench.vault.spaces
    bench.put(ada, ("ada", "Old"), b"1")
    bench.put(ada, ("ada", "older"), b"1")
    spaces.grant(ada, "ada", bob, MemberRole.READER)
    spaces.revoke(ada, "ada", bob)
    assert files.stat(ada, ("ada", "Old")).size == 1
    assert warning(bench, ada, ("ada", "oLD")) == "case-clash"
    assert warning(bench, ada, ("ada", "Older")) == "case-clash"


def test_what_is_kept_to_find_clashes_tells_no_name(bench: Bench, ada: Session) -> None:
    """It is sealed as names are, and there for names with capitals alone."""
    bench.put(ada, ("ada", "Secret"), b"1")
    bench.put(ada, ("ada", "plain"), b"1")
    found = [row[0] for row in bench.rows("SELECT folded FROM nodes WHERE folder = 0 ORDER BY id")]
    assert found[1] is None
    assert b"secret" not in found[0]
    bench.put(ada, ("ada", "secret"), b"1")
    names = [row[0] for row in bench.rows("SELECT name FROM nodes WHERE folder = 0 ORDER BY id")]
    assert names[2] == found[0]
