"""The head of a request: its first line, its fields and how its body is framed (RFC 9112)."""

import re
from typing import NamedTuple

from docstopd.http.fields import MOST_FIELDS, check_host, parse_fields
from docstopd.http.rejection import Rejection
from docstopd.http.target import Target, parse_target

_METHOD = re.compile(r"[A-Z][A-Z0-9-]{0,31}")
_VERSION = re.compile(r"HTTP/1\.[0-9]")
_LENGTH = re.compile(r"[0-9]{1,18}")

# All that may stand in a head: visible ASCII, obs-text, space, tab and the line ends, which are counted apart.
_ALLOWED = bytes([0x09, 0x0A, 0x0D, *range(0x20, 0x7F), *range(0x80, 0x100)])

CHUNKED = -1


class Head(NamedTuple):
    """A parsed head. `fields` has WSGI names; `length` is the body's length in bytes, or CHUNKED."""

    method: str
    raw_target: str
    target: Target
    modern: bool
    fields: dict[str, str]
    length: int
    keep_alive: bool
    expects: bool

    def __repr__(self) -> str:
        return f"Head({self.method})"  # the fields hold credentials, the target names of sealed spaces


def parse_head(data: bytes, max_uri: int) -> Head:
    """Read a head, from the request line to the last field's CRLF (not included); raises Rejection."""
    lines = _lines(data)
    method, raw_target, modern = _request_line(lines[0], max_uri)
    fields = parse_fields(lines[1:])
    target = parse_target(raw_target, method)
    _check_host(fields, modern)
    if target.authority is not None:
        fields["HTTP_HOST"] = target.authority  # RFC 9112 section 3.2.2: the authority of the target replaces Host
    return Head(
        method,
        raw_target,
        target,
        modern,
        fields,
        _body_length(fields, modern),
        _keeps_alive(fields, modern),
        _expects(fields, modern),
    )


def _lines(data: bytes) -> list[str]:
    if data.translate(None, _ALLOWED):
        raise Rejection(400, "The header holds a control character.")
    lines = data.decode("latin-1").split("\r\n")
    ends = len(lines) - 1
    if data.count(b"\r") != ends or data.count(b"\n") != ends:
        raise Rejection(400, "Header lines end with CR LF.")
    if ends > MOST_FIELDS:
        raise Rejection(431, f"More than {MOST_FIELDS} header lines.")
    return lines


def _request_line(line: str, max_uri: int) -> tuple[str, str, bool]:
    """Method, target, and whether the client speaks HTTP/1.1 (a later 1.x counts as such)."""
    try:
        method, target, version = line.split(" ")
    except ValueError:
        raise Rejection(400, "The request line is not a method, a target and a version.") from None
    if len(target) > max_uri:
        raise Rejection(414, f"The request target is longer than {max_uri} bytes.")
    if not target or "\t" in line or not _METHOD.fullmatch(method):
        raise Rejection(400, "The request line is malformed.")
    if not _VERSION.fullmatch(version):
        # 505 may be sent for another major version; Finder takes any 5xx for a vanished file, so it is 400 here.
        raise Rejection(400, "Only HTTP/1.0 and HTTP/1.1 are spoken here.")
    return method, target, version != "HTTP/1.0"


def _check_host(fields: dict[str, str], modern: bool) -> None:
    host = fields.get("HTTP_HOST")
    if host is not None:
        check_host(host)
    elif modern:
        raise Rejection(400, "The Host is missing or malformed.")


def _body_length(fields: dict[str, str], modern: bool) -> int:
    """RFC 9112 section 6.3; anything that two readers could frame differently is refused."""
    coding = fields.pop("HTTP_TRANSFER_ENCODING", None)
    length = fields.get("CONTENT_LENGTH")
    if coding is None:
        if length is None:
            return 0
        if not _LENGTH.fullmatch(length):
            raise Rejection(400, "The Content-Length is not a number.")
        return int(length)
    if length is not None:
        raise Rejection(400, "Content-Length and Transfer-Encoding contradict each other.")
    if not modern or coding.lower() != "chunked":
        raise Rejection(400, "The only Transfer-Encoding is a single chunked, in HTTP/1.1.")
    return CHUNKED


def _keeps_alive(fields: dict[str, str], modern: bool) -> bool:
    connection = fields.get("HTTP_CONNECTION")
    if connection is None:
        return modern
    options = [option.strip() for option in connection.lower().split(",")]
    return "close" not in options and (modern or "keep-alive" in options)


def _expects(fields: dict[str, str], modern: bool) -> bool:
    expect = fields.get("HTTP_EXPECT")
    if expect is None or not modern:
        return False
    if expect.lower() != "100-continue":
        raise Rejection(417, "The only expectation known is 100-continue.")
    return True
