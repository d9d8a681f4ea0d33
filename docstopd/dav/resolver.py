"""From a method to what answers it, in place of WsgiDAV's RequestResolver and RequestServer.

WsgiDAV refuses methods outside its own list before any hook is asked, and evaluates its preconditions outside the write
that they protect.
"""

from collections.abc import Callable
from typing import Any

from wsgidav.mw.base_mw import BaseMiddleware

from docstopd.dav.authenticate import REQUEST
from docstopd.dav.delete import delete
from docstopd.dav.get import get, head
from docstopd.dav.lock import lock, unlock
from docstopd.dav.mkcol import mkcol
from docstopd.dav.options import METHODS
from docstopd.dav.origin import refuse_foreign
from docstopd.dav.partial import patch
from docstopd.dav.propfind import propfind
from docstopd.dav.proppatch import proppatch
from docstopd.dav.put import put
from docstopd.dav.refusal import Refusal
from docstopd.dav.relocate import copy, move
from docstopd.dav.report import report
from docstopd.dav.request import Request
from docstopd.dav.response import Response

HANDLERS: dict[str, Callable[[Request], Response]] = {
    "GET": get,
    "HEAD": head,
    "PUT": put,
    "PATCH": patch,
    "DELETE": delete,
    "MKCOL": mkcol,
    "COPY": copy,
    "MOVE": move,
    "PROPFIND": propfind,
    "PROPPATCH": proppatch,
    "REPORT": report,
    "LOCK": lock,
    "UNLOCK": unlock,
}


class Resolver(BaseMiddleware):  # type: ignore[misc]  # WsgiDAV is untyped
    """The last of the stack: calls the method's function and sends its answer."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Follow WSGI."""
        request: Request = environ[REQUEST]
        handler = HANDLERS.get(request.method)
        if handler is None:
            # 501 would be the word, but for clients any 5xx but 507 is a server that has broken.
            raise Refusal(405, "This method is not known here.", headers=(("Allow", METHODS),))
        refuse_foreign(request)
        return handler(request).send(request.method, start_response)
