"""What a PROPFIND asks for (RFC 4918 sections 9.1 and 14.20), read once and kept by the body's bytes.

Clients send the same few bodies all day; the same bytes mean the same query, so it is parsed the first time only.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from docstopd.dav.multistatus import Prefixes
from docstopd.dav.properties import (
    KNOWN_PREFIXES,
    LOCKS,
    PRIVILEGES,
    QUOTA_AVAILABLE,
    QUOTA_USED,
    SYNC_TOKEN,
    TABLE,
    Live,
    Render,
)
from docstopd.dav.refusal import Refusal, bad_request
from docstopd.dav.xml_body import Element, children, parse, tag

LONGEST_KEPT = 8192
"""Bytes of a body that is remembered."""
_KEPT = 256
_QUOTAS = frozenset({QUOTA_AVAILABLE, QUOTA_USED})
_TOLD = tuple(live.name for live in TABLE.values() if live.allprop)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a query asks of files, or of folders: live ones to render, and empty elements of names to look up."""

    live: tuple[Render, ...]
    names: tuple[str, ...]
    rest: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Query:
    """A query. `dead`: dead properties are needed; `all_dead`: each of them is told; `only_names`: by name alone.

    `dead_names` are the ones that are asked for by name.
    """

    start: str
    files: Kind
    folders: Kind
    dead: bool
    all_dead: bool
    dead_names: tuple[str, ...]
    only_names: bool
    locks: bool
    quota: bool
    role: bool
    token: bool

    def without_quota(self) -> "Query":
        """Return the same query where quotas are properties that nothing has."""
        return replace(self, folders=self._lacking(_QUOTAS), quota=False)

    def without_space(self) -> "Query":
        """Return the same query where what only the folders of a space have is had by nothing."""
        return replace(self, folders=self._lacking(_QUOTAS | {SYNC_TOKEN}), quota=False, token=False)

    def _lacking(self, names: frozenset[str]) -> Kind:
        folders = self.folders
        kept = [(name, render) for name, render in zip(folders.names, folders.live, strict=True) if name not in names]
        gone = [(name, f"<D:{name[6:]}/>") for name in folders.names if name in names and not self.only_names]
        return Kind(tuple(render for _, render in kept), tuple(name for name, _ in kept), (*folders.rest, *gone))


def read_query(body: bytes, most: int) -> Query:
    """Read a PROPFIND body; an empty one asks for everything (section 9.1). Raises 400, and 413 past `most` names."""
    return _kept(body, most) if len(body) <= LONGEST_KEPT else _read(body, most)


@lru_cache(maxsize=_KEPT)
def _kept(body: bytes, most: int) -> Query:
    return _read(body, most)


def _read(body: bytes, most: int) -> Query:
    if not body:
        return _query(_TOLD, [], all_dead=True)
    root = parse(body)
    if tag(root) != "{DAV:}propfind":
        raise bad_request("The body of PROPFIND is a DAV:propfind element.")
    kinds = [child for child in root if tag(child) in ("{DAV:}propname", "{DAV:}allprop", "{DAV:}prop")]
    if len(kinds) != 1:
        raise bad_request("A DAV:propfind holds one of propname, allprop and prop.")
    if tag(kinds[0]) == "{DAV:}propname":
        return _query([name for name in TABLE if name not in _QUOTAS], [], all_dead=True, only_names=True)
    if tag(kinds[0]) == "{DAV:}prop":
        return prop_query(kinds[0], most)
    included = [tag(child) for include in children(root, "{DAV:}include") for child in include]
    return _query(_TOLD, _bounded(included, most), all_dead=True)


def prop_query(prop: Element, most: int) -> Query:
    """Read a DAV:prop element that names properties. Raises 413 past `most` names."""
    return _query([], _bounded([tag(child) for child in prop], most))


def _bounded(names: list[str], most: int) -> list[str]:
    """Each name costs something for each member, so a request cannot ask for any number of them."""
    distinct = list(dict.fromkeys(names))
    if len(distinct) > most:
        raise Refusal(413, f"A request asks for at most {most} properties.")
    return distinct


def _query(told: Iterable[str], asked: list[str], *, all_dead: bool = False, only_names: bool = False) -> Query:
    """Make a query of what is told where it exists, and what was asked for by name and is missed where it doesn't."""
    wanted = list(dict.fromkeys([*told, *asked]))
    prefixes = Prefixes(KNOWN_PREFIXES)
    elements = {name: prefixes.empty(name) for name in wanted}
    dead_names = tuple(name for name in wanted if name not in TABLE)

    def kind(has: Callable[[Live], bool]) -> Kind:
        names = tuple(name for name in wanted if name in TABLE and has(TABLE[name]))
        live = tuple(_constant(elements[name]) if only_names else TABLE[name].render for name in names)
        return Kind(live, names, tuple((name, elements[name]) for name in asked if name not in names))

    return Query(
        start=prefixes.start(),
        files=kind(lambda live: live.files),
        folders=kind(lambda live: live.folders),
        dead=all_dead or bool(dead_names),
        all_dead=all_dead,
        dead_names=dead_names,
        only_names=only_names,
        locks=LOCKS in wanted and not only_names,
        quota=not _QUOTAS.isdisjoint(wanted),
        role=PRIVILEGES in wanted and not only_names,
        token=SYNC_TOKEN in wanted and not only_names,
    )


def _constant(element: str) -> Render:
    return lambda node, scene: element
