"""The body of a PUT or PATCH on its way to the vault: its length, time and checksums, and the loop that moves it."""

import hashlib
import re
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from docstopd.dav.refusal import bad_request
from docstopd.dav.request import Request, header
from docstopd.dav.response import Response, empty
from docstopd.errors import IncompleteBody, TooLarge
from docstopd.model import SECOND, Micros, Written
from docstopd.vault import Upload

SEGMENT = 262_112
"""Plaintext bytes of one FLOE segment: reading that much lets the vault seal it without joining pieces."""

_unix_time = re.compile(r"(-?[0-9]{1,12})(?:\.([0-9]{1,6})[0-9]*)?").fullmatch
_HASHES: dict[str, Callable[[], Any]] = {
    "MD5": lambda: hashlib.md5(usedforsecurity=False),
    "SHA1": lambda: hashlib.sha1(usedforsecurity=False),
    "SHA256": hashlib.sha256,
    "SHA512": hashlib.sha512,
    "SHA3-256": hashlib.sha3_256,
}


def stored(written: Written, *, accepted: bool = False) -> Response:
    """Answer 201 or 204 with the ETag; `accepted` tells ownCloud's clients that their time was kept."""
    headers = [("ETag", f'"{written.node.etag}"')]
    if accepted:
        headers.append(("X-OC-MTime", "accepted"))
    return empty(201 if written.created else 204, *headers)


def announced_length(request: Request) -> int | None:
    """Return how long the body says it is. Finder sends chunks, and the length in a header of its own."""
    environ = request.environ
    length = environ.get("CONTENT_LENGTH") or header(environ, "HTTP_X_EXPECTED_ENTITY_LENGTH")
    if not length:
        return None
    if not length.isascii() or not length.isdigit() or len(length) > 18:
        raise bad_request("The announced length is not a number.")
    limit = request.settings.upload
    if limit is not None and int(length) > limit:
        raise TooLarge(f"A file is at most {limit} bytes here.")
    return int(length)


def modification_time(request: Request) -> Micros | None:
    """Return ownCloud's `X-OC-Mtime`, None when absent or no number, in which case it isn't answered as accepted."""
    found = _unix_time(header(request.environ, "HTTP_X_OC_MTIME"))
    if found is None:
        return None
    return int(found[1]) * SECOND + int((found[2] or "0").ljust(6, "0"))


def receive(request: Request, upload: Upload, expected: int | None, checks: "Sequence[Checksum]" = ()) -> None:
    """Pass the body on in segments through one buffer, and raise IncompleteBody unless it is what was announced."""
    source = request.environ["wsgi.input"]
    limit = request.settings.upload
    buffer = memoryview(bytearray(SEGMENT if expected is None else max(1, min(expected, SEGMENT))))
    total = 0
    chunked = "HTTP_TRANSFER_ENCODING" in request.environ
    while (total != expected or chunked) and (count := source.readinto(buffer)):
        total += count
        if expected is not None and total > expected:
            break
        if limit is not None and total > limit:
            raise TooLarge(f"A file is at most {limit} bytes here.")
        upload.write(buffer[:count])
        for check in checks:
            check.update(buffer[:count])
    if expected is not None and total != expected:
        raise IncompleteBody(f"The body has {total} bytes and not the {expected} announced.")
    for check in checks:
        check.verify()


class Checksum:
    """One checksum of a body under way."""

    def __init__(self, name: str, expected: str) -> None:
        self._adler: int | None = 1 if name == "ADLER32" else None
        self._hash = _HASHES[name]() if name in _HASHES else None
        self._expected = expected.lower()

    def update(self, buffer: memoryview) -> None:
        """Take in more of the body."""
        if self._hash is not None:
            self._hash.update(buffer)
        elif self._adler is not None:
            self._adler = zlib.adler32(buffer, self._adler)

    def verify(self) -> None:
        """Raise IncompleteBody unless the whole body gives the expected digits."""
        digits = self._hash.hexdigest() if self._hash is not None else f"{self._adler:08x}"
        if digits != self._expected:
            raise IncompleteBody("The body's checksum is not the announced one.")


def checksums(request: Request) -> list[Checksum]:
    """Return the checks that `OC-Checksum` asks for ("SHA1:… MD5:…"); kinds that we don't know are not checked."""
    value = header(request.environ, "HTTP_OC_CHECKSUM")
    if not value:
        return []
    pairs = [item.partition(":") for item in value.split()]
    known = {name.upper(): digits for name, _, digits in pairs if name.upper() in (*_HASHES, "ADLER32")}
    return [Checksum(name, digits) for name, digits in known.items()]
