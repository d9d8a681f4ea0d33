"""`/health`, beside the application that serves everything else."""

from collections.abc import Iterable
from typing import Any

from docstopd.http import Application

_BODY = b"ok\n"


class Health:
    """Answers `GET /health` with 200 as long as this process serves, without authentication; reveals nothing else."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes | memoryview]:
        """Follow WSGI."""
        if environ["REQUEST_URI"] != "/health" or environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return self._application(environ, start_response)
        headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(_BODY))),
            ("Cache-Control", "no-store"),
        ]
        start_response("200 OK", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [_BODY]
