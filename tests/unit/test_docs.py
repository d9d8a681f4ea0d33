"""The pages: each is found from the README, and what they link to is there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]

LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)")


def links(page: Path) -> Iterator[tuple[str, Path, str]]:
    """(as written, the file it names, the heading or "")."""
    for found in LINK.finditer(page.read_text(encoding="utf-8")):
        name, heading = found[1], found[2] or ""
        yield found[0], (page.parent / name).resolve() if name else page, heading


def headings(page: Path) -> set[str]:
    """What a link calls the page's headings."""
    found = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).strip().replace(" ", "-") for one in found}


def test_every_page_is_linked_from_the_readme() -> None:
    linked = {target for _link, target, _heading in links(README)}
    assert [page.name for page in PAGES[1:] if page not in linked] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    wrong = [link for link, target, heading in links(page) if not _is_there(target, heading)]
    assert wrong == []


def _is_there(target: Path, heading: str) -> bool:
    return target.exists() and (not heading or heading in headings(target))
