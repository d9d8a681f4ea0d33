"""Byte ranges (RFC 9110 section 14).

WsgiDAV answers HEAD with 206, and errs at `bytes=5-3`, `bytes=-0` and past the end. Several ranges in one request are
answered with the whole file, which section 14.2 allows and every client accepts.
"""

import re

from docstopd.dav.refusal import Refusal

_LONGEST = 18
"""Digits of a position that are read; more of them are a number past any file's end, and int() has a limit too."""
_one_range = re.compile(r"bytes[ \t]*=[ \t,]*([0-9]*)-([0-9]*)[ \t,]*", re.IGNORECASE).fullmatch
_content_range = re.compile(r"bytes[ \t]+([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)", re.IGNORECASE).fullmatch
_update_range = re.compile(
    r"bytes[ \t]*=[ \t]*(?:([0-9]{1,18})-([0-9]{1,18})?|-([0-9]{1,18}))", re.IGNORECASE
).fullmatch


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """Return (start, length) of the one range asked for, None when the whole file is the answer.

    Raises a 416 when no byte of the file is asked for.
    """
    found = _one_range(header.strip(" \t"))
    if found is None or found.groups() == ("", ""):
        return None
    first, last = _number(found[1]), _number(found[2])
    if first is None:
        start, length = max(size - (last or 0), 0), min(last or 0, size)
    elif last is not None and last < first:
        return None
    else:
        start, length = first, size - first if last is None else min(last + 1, size) - first
    if length <= 0:
        raise unsatisfiable(size)
    return start, length


def unsatisfiable(size: int) -> Refusal:
    """416, with the size that a client needs to ask again."""
    return Refusal(416, "No byte of the range is in the file.", headers=(("Content-Range", f"bytes */{size}"),))


def parse_content_range(header: str) -> tuple[int, int, int | None] | None:
    """Return (start, end past the last byte, total) of a Content-Range in a request, None when it makes no sense."""
    found = _content_range(header.strip(" \t"))
    if found is None:
        return None
    start, end = int(found[1]), int(found[2]) + 1
    total = None if found[3] == "*" else int(found[3])
    if end <= start or (total is not None and total < end):
        return None
    return start, end, total


def parse_update_range(header: str, size: int) -> tuple[int, int | None] | None:
    """Return (start, end or None) of a PATCH's `X-Update-Range` on a file of `size`, None when it makes no sense."""
    if header.strip(" \t").lower() == "append":
        return size, None
    found = _update_range(header.strip(" \t"))
    if found is None:
        return None
    if found[3] is not None:
        return max(size - int(found[3]), 0), None
    start, end = int(found[1]), None if found[2] is None else int(found[2]) + 1
    return None if end is not None and end <= start else (start, end)


def _number(digits: str) -> int | None:
    if not digits:
        return None
    return int(digits) if len(digits) <= _LONGEST else 10**_LONGEST
