"""Who asks: HTTP Basic alone (RFC 7617).

WsgiDAV prefers Digest, which needs passwords that can be read back; takes any `?logout` in a query for a sign-out; and
fails with 500 on a header that is not Base64. Here the header is read strictly, and what cannot be read costs no guess.
"""

from base64 import b64decode
from math import ceil
from typing import Any

from wsgidav.mw.base_mw import BaseMiddleware

from docstopd.dav.refusal import Refusal, bad_request
from docstopd.dav.request import Request
from docstopd.errors import Throttled, Unauthenticated
from docstopd.vault import Session

_AGENT = 200
"""Characters of a User-Agent that the journal is given."""

REQUEST = "docstopd.dav.request"
"""The environ key under which the application leaves the request for the middleware."""


class Authenticator(BaseMiddleware):  # type: ignore[misc]  # WsgiDAV is untyped
    """Signs the caller in, or answers 401 or 429; hands on only requests whose caller is known."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Follow WSGI."""
        request: Request = environ[REQUEST]
        request.session = sign_in(request)
        return self.next_app(environ, start_response)


def sign_in(request: Request) -> Session:
    """Return the caller's session. The same words for an unknown user and a wrong password."""
    environ = request.environ
    challenge = ("WWW-Authenticate", f'Basic realm="{request.settings.realm}", charset="UTF-8"')
    pair = read_basic(environ.get("HTTP_AUTHORIZATION", ""))
    if pair is None:
        raise Refusal(401, "Sign in with your name and password.", headers=(challenge,))
    try:
        agent = environ.get("HTTP_USER_AGENT", "")[:_AGENT]
        return request.vault.sessions.sign_in(*pair, environ.get("REMOTE_ADDR", ""), agent)
    except Unauthenticated:
        raise Refusal(401, "The name and the password do not belong together.", headers=(challenge,)) from None
    except Throttled as throttled:
        wait = ("Retry-After", str(max(1, ceil(throttled.retry_after))))
        raise Refusal(429, "Too many failed sign-ins; wait and try again.", headers=(wait,)) from None


def read_basic(header: str) -> tuple[str, str] | None:
    """Return name and password; None without a header or with another scheme, such as Office's empty Bearer.

    Raises a 400 for a Basic header that is broken.
    """
    scheme, _, encoded = header.strip(" \t").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        raw = b64decode(encoded.strip(" ").encode("ascii"), validate=True)
    except ValueError:
        raise bad_request("The Authorization header is not Base64.") from None
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        # Old clients send ISO 8859-1 whatever the challenge says (RFC 7617 appendix B.3).
        text = raw.decode("latin-1")
    name, colon, password = text.partition(":")
    if not colon or not name or not text.isprintable():
        raise bad_request("The Authorization header does not hold a name and a password.")
    return name, password
