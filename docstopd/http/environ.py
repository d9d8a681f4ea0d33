"""The WSGI environment of a request (PEP 3333)."""

import socket
import sys
from typing import Any

from docstopd.http.head import CHUNKED, Head
from docstopd.http.proxy import Proxies
from docstopd.http.response import SOFTWARE


class Environs:
    """Builds environments; what is the same for all requests is made once."""

    def __init__(self, listener: socket.socket, proxies: Proxies) -> None:
        address = listener.getsockname()
        inet = listener.family in (socket.AF_INET, socket.AF_INET6)
        self._proxies = proxies
        self._base: dict[str, Any] = {
            "SCRIPT_NAME": "",
            "SERVER_NAME": address[0] if inet else "localhost",
            "SERVER_PORT": str(address[1]) if inet else "",
            "SERVER_SOFTWARE": SOFTWARE,
            "wsgi.errors": sys.stderr,
            "wsgi.multiprocess": True,
            "wsgi.multithread": True,
            "wsgi.run_once": False,
            "wsgi.version": (1, 0),
        }

    def build(self, head: Head, body: object, peer: tuple[str, int], secure: bool) -> dict[str, Any]:
        """The environment of one request; raises Rejection for a trusted proxy's malformed fields.

        Beyond PEP 3333: REQUEST_URI is the target as it was sent; `wsgi.input_terminated` says that `wsgi.input` ends
        where the body does, whether or not CONTENT_LENGTH is there.
        """
        environ = self._base.copy()
        environ["REQUEST_METHOD"] = head.method
        environ["REQUEST_URI"] = head.raw_target
        environ["PATH_INFO"] = head.target.path
        environ["QUERY_STRING"] = head.target.query
        environ["SERVER_PROTOCOL"] = "HTTP/1.1" if head.modern else "HTTP/1.0"
        environ["REMOTE_ADDR"] = peer[0]
        environ["REMOTE_PORT"] = str(peer[1])
        environ["wsgi.url_scheme"] = "https" if secure else "http"
        environ["wsgi.input"] = body
        environ["wsgi.input_terminated"] = head.length == CHUNKED or "CONTENT_LENGTH" in head.fields
        self._proxies.apply(environ, head.fields)
        environ.update(head.fields)
        return environ
