"""The request target (RFC 9112 section 3.2): which form it has, its path and its query."""

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from docstopd.http.fields import check_host
from docstopd.http.rejection import Rejection

_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Target(NamedTuple):
    """A parsed target. `path` is decoded once, its bytes as latin-1; `authority` is that of the absolute form."""

    path: str
    query: str
    authority: str | None


def parse_target(raw: str, method: str) -> Target:
    """Take a target apart; raises Rejection.

    The absolute form must be accepted (RFC 9112 section 3.2.2). `*` asks about the server as a whole, which is what
    `/` stands for here.
    """
    if raw[0] == "/":
        return Target(*_path_and_query(raw), None)
    if raw == "*" and method == "OPTIONS":
        return Target("/", "", None)
    scheme, mark, rest = raw.partition("://")
    if not mark or scheme.lower() not in ("http", "https"):
        raise Rejection(400, "The request target is neither a path nor an http URL.")
    authority, slash, path = rest.partition("/")
    if "?" in authority:
        authority, _, query = authority.partition("?")
        slash, path = "/", f"?{query}{slash}{path}"
    check_host(authority)
    return Target(*_path_and_query(f"/{path}"), authority)


def _path_and_query(raw: str) -> tuple[str, str]:
    if "#" in raw:
        raise Rejection(400, "A request target has no fragment.")
    path, _, query = raw.partition("?")
    return (decode(path) if "%" in path else path), query


def decode(path: str) -> str:
    """Undo the percent escapes of a path, once; raises Rejection for broken ones and for NUL."""
    if _BROKEN_ESCAPE.search(path):
        raise Rejection(400, "A percent sign in the path is not followed by two hexadecimal digits.")
    decoded = unquote_to_bytes(path.encode("latin-1")).decode("latin-1")
    if "\0" in decoded:
        raise Rejection(400, "The path holds a NUL.")
    return decoded
