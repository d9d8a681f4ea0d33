"""Request paths, Destination and the resource tags of `If` (RFC 3986, RFC 4918 sections 8.3, 10.3 and 10.4).

WsgiDAV unquotes a Destination before it parses it, so that `;`, `?` and `%3F` cut names short; it garbles raw UTF-8,
refuses a path without a host, and answers 502 when the port is left out or a proxy ends TLS. It also matches the share
without regard to case and then fails. Here a URL is parsed first and decoded once, to bytes and then as UTF-8, and its
names are put into NFC: macOS asks for NFD, and both forms must never stand side by side.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from unicodedata import normalize
from urllib.parse import quote, unquote_to_bytes

from docstopd.dav.refusal import Refusal, bad_request
from docstopd.dav.settings import Settings
from docstopd.errors import InvalidName, NotFound
from docstopd.model import SpacePath

SHARE = "dav"
_broken_escape = re.compile(rb"%(?![0-9A-Fa-f]{2})").search
_escaped_slash = re.compile(rb"%2[Ff]").search
_unfit = re.compile("[\\x00-\\x1f\\x7f-\\x9f\ufffe\uffff]").search
_unreserved = re.compile(r"[A-Za-z0-9._~-]+").fullmatch
_absolute = re.compile(r"(https?)://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL).fullmatch


@dataclass(frozen=True, slots=True)
class Target:
    """What a URL points at: a path below `/dav/`, or None for `/`. `slash`: it ended in one."""

    path: SpacePath | None
    slash: bool


@dataclass(frozen=True, slots=True)
class PublicNames:
    """The names this service answers to, apart from the one that a request asked for."""

    hosts: frozenset[str]
    authorities: frozenset[tuple[str, str]]
    written: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, names: Iterable[str]) -> "PublicNames":
        """Read names as the configuration has them: a host, with a port or a scheme where it has one."""
        written = tuple(_scheme_and_rest(name) for name in names)
        parsed = [_authority(*name) for name in written]
        return cls(frozenset(host for host, _ in parsed), frozenset(parsed), written)

    def are_meant(self, scheme: str, authority: str, asked_host: str) -> bool:
        """Tell whether `authority` is this service, asked for under `asked_host` (the Host header).

        A port that is left out is any: clients do so behind proxies.
        """
        host, port = meant = _authority(scheme, authority)
        asked = _authority("", asked_host)
        if not port:
            return host == asked[0] or host in self.hosts
        return meant == asked or meant in self.authorities

    def are_origin(self, origin: str, scheme: str, asked_host: str) -> bool:
        """Tell whether a page of `origin` is this service's own: scheme, host and port are the same (RFC 6454).

        `scheme` and `asked_host` are the request's, by a trusted proxy's word where there is one. A configured name
        without a scheme has the request's, or https: a proxy may have ended that unseen.
        """
        found = _absolute(origin)
        if found is None or not found[2] or found[3]:
            return False
        own = {_origin(scheme, asked_host)}
        own.update(_origin(named or each, rest) for named, rest in self.written for each in (scheme, "https"))
        return _origin(found[1], found[2]) in own


def request_target(raw: str, limits: Settings) -> Target:
    """Parse a request target in origin or absolute form (RFC 9112 section 3.2); its query says nothing to WebDAV."""
    if not raw.startswith("/"):
        found = _absolute(raw)
        if found is None:
            raise bad_request("The request target is not a path.")
        raw = found[3] or "/"
    if "#" in raw:
        raise bad_request("A request target has no fragment; write # as %23.")
    return _target(raw.partition("?")[0].encode("latin-1"), limits)


def reference(value: str, host: str, names: PublicNames, limits: Settings) -> Target | None:
    """Parse a Simple-ref: an absolute URL or an absolute path. None means that it points at another server.

    A query or fragment is refused rather than dropped: it is a name whose `?` or `#` was not escaped.
    """
    value = value.strip(" \t")
    found = None if value.startswith("/") else _absolute(value)
    if found is not None:
        if "@" in found[2] or not names.are_meant(found[1], found[2], host):
            return None
        value = found[3] or "/"
    if not value.startswith("/") or value.startswith("//") or "?" in value or "#" in value:
        raise bad_request("Give an absolute URL or an absolute path, with ? and # escaped.")
    return _target(value.encode("latin-1"), limits)


def href(path: SpacePath | None, *, folder: bool) -> str:
    """Return the one spelling of a path: everything but unreserved characters escaped, `/` at the end of a folder."""
    if path is None:
        return "/"
    joined = "/".join([escape_name(name) for name in (SHARE, *path)])
    return f"/{joined}/" if folder else f"/{joined}"


def escape_name(name: str) -> str:
    """Return one segment of an href; the common name needs no escape and is recognised faster than `quote` does."""
    return name if _unreserved(name) else quote(name, safe="")


def _target(raw: bytes, limits: Settings) -> Target:
    """Decode once, then split: no name can hold a slash, so an escaped one is refused before it could split."""
    if b"%" in raw:
        if _broken_escape(raw):
            raise bad_request("The URL holds a % that is not followed by two hexadecimal digits.")
        if _escaped_slash(raw):
            raise InvalidName("A name cannot hold a slash.")
        raw = unquote_to_bytes(raw)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise bad_request("The URL is not UTF-8.") from None
    if not text.isascii():
        text = normalize("NFC", text)
    names = tuple([name for name in text.split("/") if name])
    _check(text, names, limits)
    if not names:
        return Target(None, slash=True)
    if names[0] != SHARE:
        raise NotFound("There is nothing at this URL.")
    return Target(names[1:], slash=text.endswith("/"))


def _check(text: str, names: tuple[str, ...], limits: Settings) -> None:
    if _unfit(text):
        raise InvalidName("A name cannot hold a control character.")
    if "." in names or ".." in names:
        raise InvalidName("A name cannot be . or ..")
    longest = limits.path + len(f"/{SHARE}/")  # the slash at the end included
    if len(names) > limits.depth + 1 or len(text) > longest or len(text.encode()) > longest:
        raise Refusal(414, f"The path is longer than {limits.path} bytes or deeper than {limits.depth} folders.")
    if len(text) > limits.name // 4 and any(len(name.encode()) > limits.name for name in names):
        raise Refusal(414, f"A name is longer than {limits.name} bytes.")


def _scheme_and_rest(name: str) -> tuple[str, str]:
    found = _absolute(name)
    return (found[1], found[2]) if found is not None else ("", name)


def _origin(scheme: str, authority: str) -> tuple[str, str, str]:
    """Return scheme, host and port, a port that is left out being the scheme's own."""
    host, port = _authority(scheme, authority)
    return scheme.lower(), host, port


def _authority(scheme: str, authority: str) -> tuple[str, str]:
    """Split host and port, a scheme's own port dropped. Brackets of IPv6 stay with the host."""
    authority = authority.lower()
    host, colon, port = authority.rpartition(":")
    if not colon or "]" in port:
        return authority, ""
    default = {"http": ("80",), "https": ("443",)}.get(scheme.lower(), ("80", "443"))
    return host, "" if port in default else port
