"""How much memory a listing takes: a process of its own that lists a folder over and over and prints its peaks.

    python listing_memory.py FOLDER

FOLDER is the data of a `vaults.Bench` with the user ada, whose folder `many` is listed. Prints, as JSON, the bytes by
which the process grew at its peak, for each body asked with.
"""

import base64
import io
import json
import sys
from pathlib import Path

from vaults import PASSWORD, open_bench

from docstopd.dav import DavApplication, Settings

FEW = (
    b'<D:propfind xmlns:D="DAV:"><D:prop><D:resourcetype/><D:getcontentlength/><D:getlastmodified/><D:getetag/>'
    b"</D:prop></D:propfind>"
)
BODIES = {"few": FEW, "all": b"", "few, again": FEW, "all, again": b""}


def peak() -> int:
    """Bytes of the largest resident set since the last `forget_peak`."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def forget_peak() -> None:
    """Count from here."""
    Path("/proc/self/clear_refs").write_text("5")


def main() -> None:
    application = DavApplication(open_bench(Path(sys.argv[1])).vault, Settings())

    def ask(path: str, depth: str, body: bytes) -> int:
        environ = {
            "REQUEST_METHOD": "PROPFIND",
            "REQUEST_URI": path,
            "HTTP_HOST": "localhost",
            "HTTP_AUTHORIZATION": "Basic " + base64.b64encode(f"ada:{PASSWORD}".encode()).decode(),
            "HTTP_DEPTH": depth,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            "wsgi.url_scheme": "http",
        }
        return sum(bytes(piece).count(b"<D:response>") for piece in application(environ, lambda *_: None))

    ask("/dav/ada/", "1", FEW)
    forget_peak()
    start, grown = peak(), {}
    for name, body in BODIES.items():
        responses = ask("/dav/ada/many/", "1", body)
        grown[name] = {"responses": responses, "grown": peak() - start}
    print(json.dumps(grown))


main()
