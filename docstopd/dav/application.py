"""The WSGI application, in WsgiDAV's frame.

WsgiDAV's own `__call__` re-encodes and normalises the path (which decodes some names twice), lowers it to find the
share, reads and drops whole bodies before each answer (300 MB of an unauthenticated PUT, in memory), and builds a log
line for each request. This one parses the URL once, calls the stack and maps errors; bodies left unread are the
server's to drain within bounds.
"""

import logging
from collections.abc import Iterable
from typing import Any

from wsgidav.wsgidav_app import WsgiDAVApp

from docstopd.dav.authenticate import REQUEST, Authenticator
from docstopd.dav.errors import error_response
from docstopd.dav.options import options
from docstopd.dav.provider import VaultProvider
from docstopd.dav.request import Request
from docstopd.dav.resolver import Resolver
from docstopd.dav.response import StartResponse, text
from docstopd.dav.settings import Settings
from docstopd.dav.url import SHARE, PublicNames, request_target
from docstopd.errors import DocstopdError, Failed, StateUnknown
from docstopd.vault import Vault

logger = logging.getLogger(__name__)


class DavApplication(WsgiDAVApp):  # type: ignore[misc]  # WsgiDAV is untyped
    """Serves `/dav/`, and `/` as the read-only collection above it.

    Raises StateUnknown alone: the process must stop then, whatever the request was.
    """

    def __init__(self, vault: Vault, settings: Settings) -> None:
        self._vault = vault
        self._settings = settings
        self._names = PublicNames.of(settings.public_names)
        super().__init__(
            {
                "provider_mapping": {f"/{SHARE}": VaultProvider(vault)},
                "middleware_stack": [Authenticator, Resolver],
                # Off, because the vault keeps locks and properties itself, sealed and across restarts.
                "lock_storage": None,
                "property_manager": None,
                "logging": {"enable": False},
                "http_authenticator": {"accept_basic": False, "accept_digest": False},
                "verbose": 1,
            }
        )

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes | memoryview]:
        """Follow WSGI; every error that a request can cause is an answer."""
        request: Request | None = None
        method: str = environ["REQUEST_METHOD"]
        try:
            raw: str = environ["REQUEST_URI"]
            if method == "OPTIONS":
                return options().send(method, start_response)
            target = request_target(raw, self._settings)
            request = Request(environ, method, target, self._vault, self._settings, self._names)
            environ[REQUEST] = request
            answer: Iterable[bytes | memoryview] = self.application(environ, start_response)
        except StateUnknown:
            raise
        except DocstopdError as error:
            if isinstance(error, Failed):
                logger.error("%s failed: %s: %s", method, type(error).__name__, error)  # noqa: TRY400  # foreseen: no traceback
            return error_response(error, request).send(method, start_response)
        except Exception:
            logger.exception("%s failed for a reason that nobody foresaw", method)
            return text(500, "Something went wrong that should not; it has been logged.").send(method, start_response)
        finally:
            # Each holds the other: left so, the keys that the request was answered with would wait for the collector.
            environ.pop(REQUEST, None)
        return answer
