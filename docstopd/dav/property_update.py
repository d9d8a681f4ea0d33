"""The instructions of PROPPATCH and extended MKCOL (RFC 4918 section 14.19, RFC 5689 section 3), and their outcome."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from docstopd.dav.dates import parse_http_date
from docstopd.dav.fragment import serialise
from docstopd.dav.multistatus import Prefixes, propstat
from docstopd.dav.properties import KNOWN_PREFIXES, TABLE, WIN32_CREATED, WIN32_MODIFIED
from docstopd.dav.refusal import Refusal
from docstopd.dav.settings import Settings
from docstopd.dav.xml_body import Element, children, tag
from docstopd.errors import TooLarge
from docstopd.model import SECOND, Micros

OWNCLOUD_MODIFIED = "{DAV:}lastmodified"
_OK, _DEPENDENT = "200 OK", "424 Failed Dependency"
_unix_time = re.compile(r"[0-9]{1,12}").fullmatch


@dataclass(slots=True)
class Update:
    """What is to be set and removed, in the document's order; `refused` maps what cannot be to its status line."""

    changes: list[tuple[str, str | None]] = field(default_factory=list)
    created: Micros | None = None
    modified: Micros | None = None
    names: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)

    def propstats(self, prefixes: Prefixes) -> str:
        """Return each property's outcome: all of them were done, or none (section 9.2)."""
        rest = _DEPENDENT if self.refused else _OK
        outcomes: dict[str, list[str]] = {}
        for name in dict.fromkeys(self.names):
            outcomes.setdefault(self.refused.get(name, rest), []).append(prefixes.empty(name))
        if not outcomes:
            return propstat("", _OK)
        return "".join([propstat("".join(names), status) for status, names in outcomes.items()])


def read_update(root: Element, settings: Settings) -> Update:
    """Read a document's instructions. Raises a 413 for more of them than a node may have properties."""
    update = Update()
    for element, remove in _instructions(root):
        update.names.append(tag(element))
        if len(update.names) > settings.properties:
            raise Refusal(413, f"A request changes at most {settings.properties} properties.")
        if remove:
            _remove(update, tag(element))
        else:
            _set(update, element, settings)
    return update


def _instructions(root: Element) -> Iterator[tuple[Element, bool]]:
    for instruction in root:
        name = tag(instruction)
        if name in ("{DAV:}set", "{DAV:}remove"):
            for wrapper in children(instruction, "{DAV:}prop"):
                yield from ((element, name == "{DAV:}remove") for element in wrapper)


def _set(update: Update, element: Element, settings: Settings) -> None:
    """Times that Windows and ownCloud's clients set are the node's own; the other live properties are protected."""
    name = tag(element)
    text = (element.text or "").strip()
    if name in (WIN32_MODIFIED, WIN32_CREATED, OWNCLOUD_MODIFIED):
        seconds = _seconds(name, text)
        if seconds is None:
            update.refused[name] = "409 Conflict"
        elif name == WIN32_CREATED:
            update.created = seconds * SECOND
        else:
            update.modified = seconds * SECOND
    elif name in TABLE:
        update.refused[name] = "403 Forbidden"
    else:
        _keep(update, element, settings)


def _keep(update: Update, element: Element, settings: Settings) -> None:
    try:
        value = serialise(element, settings.property_size)
    except TooLarge:
        value = None
    if value is None or len(value.encode()) > settings.property_size:
        update.refused[tag(element)] = "507 Insufficient Storage"
    else:
        update.changes.append((tag(element), value))


def _remove(update: Update, name: str) -> None:
    """To remove what is not there is no error (section 14.23); a node always has its times."""
    if name in TABLE:
        update.refused[name] = "403 Forbidden"
    else:
        update.changes.append((name, None))


def _seconds(name: str, text: str) -> int | None:
    if name != OWNCLOUD_MODIFIED:
        return parse_http_date(text)
    return int(text) if _unix_time(text) else None


def outcome_prefixes() -> Prefixes:
    """Return the prefixes for a document that tells outcomes."""
    return Prefixes(KNOWN_PREFIXES)
