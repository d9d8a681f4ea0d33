"""Header fields, strictly (RFC 9110 section 5, RFC 9112 section 5), into the names that WSGI gives them."""

import re
from collections.abc import Iterable
from functools import lru_cache

from docstopd.http.rejection import Rejection

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)(?::[0-9]{0,5})?")

MOST_FIELDS = 200

# Fields that speak once. A second one means two parties read the request differently, so it is refused, not joined.
_SINGLE = frozenset(
    {
        "HTTP_HOST",
        "CONTENT_LENGTH",
        "CONTENT_TYPE",
        "HTTP_AUTHORIZATION",
        "HTTP_CONTENT_RANGE",
        "HTTP_DEPTH",
        "HTTP_DESTINATION",
        "HTTP_EXPECT",
        "HTTP_IF",
        "HTTP_IF_MODIFIED_SINCE",
        "HTTP_IF_RANGE",
        "HTTP_IF_UNMODIFIED_SINCE",
        "HTTP_LOCK_TOKEN",
        "HTTP_OVERWRITE",
        "HTTP_RANGE",
        "HTTP_X_EXPECTED_ENTITY_LENGTH",
    }
)


def parse_fields(lines: Iterable[str]) -> dict[str, str]:
    """Field lines (latin-1, without their ends) to WSGI names and values; raises Rejection.

    A name with an underscore is dropped: WSGI could not tell it from the one with a hyphen.
    """
    fields: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise Rejection(400, "A header line has no colon.")
        key = _key(name)
        if not key:
            continue
        value = value.strip(" \t")
        if key in fields:
            if key in _SINGLE:
                raise Rejection(400, f"The header {name} appears twice.")
            value = f"{fields[key]}{'; ' if key == 'HTTP_COOKIE' else ', '}{value}"
        fields[key] = value
    return fields


@lru_cache(maxsize=512)
def _key(name: str) -> str:
    """The WSGI name of a field, empty for one to drop. Folded lines and spaces before the colon fail here."""
    if not _TOKEN.fullmatch(name):
        raise Rejection(400, "A header name is malformed, or a header is folded over two lines.")
    if "_" in name:
        return ""
    key = name.upper().replace("-", "_")
    return key if key in ("CONTENT_LENGTH", "CONTENT_TYPE") else f"HTTP_{key}"


@lru_cache(maxsize=64)
def check_host(host: str) -> None:
    """Raise Rejection unless `host` is one host with an optional port (RFC 9110 section 7.2)."""
    if not _HOST.fullmatch(host):
        raise Rejection(400, "The Host is missing or malformed.")
