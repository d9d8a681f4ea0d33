"""The one table from errors to HTTP.

WsgiDAV answers 500 to whatever is not its own error. The macOS Finder takes any 5xx but 507 for a file that has
vanished, so no error that the vault raises on purpose becomes one: damage is 409, since the resource's state is in the
way and sending the request again won't help. 500 is left to what nobody foresaw, which is a bug and is logged as one.
"""

from docstopd import errors
from docstopd.dav.multistatus import error_body
from docstopd.dav.refusal import Refusal
from docstopd.dav.request import Request
from docstopd.dav.response import XML_TYPE, Response, text, whole
from docstopd.dav.url import href
from docstopd.model import SpacePath

_FAILED = "What is stored cannot be read as it was written; it has been logged."
_TABLE: dict[type[errors.DocstopdError], tuple[int, str]] = {
    errors.Unauthenticated: (401, ""),
    errors.Throttled: (429, ""),
    errors.Forbidden: (403, ""),
    errors.NotFound: (404, ""),
    errors.AlreadyExists: (405, ""),
    errors.ParentMissing: (409, ""),
    errors.IsFolder: (409, ""),
    errors.NotFolder: (409, ""),
    errors.InvalidName: (400, ""),
    errors.Overlap: (403, ""),
    errors.PreconditionFailed: (412, ""),
    errors.NoSuchLock: (412, ""),
    errors.LockConflict: (423, "no-conflicting-lock"),
    errors.Locked: (423, "lock-token-submitted"),
    errors.InvalidSyncToken: (403, "valid-sync-token"),
    errors.IncompleteBody: (400, ""),
    errors.TooLarge: (413, ""),
    errors.QuotaExceeded: (507, "quota-not-exceeded"),
    errors.StorageFull: (507, "sufficient-disk-space"),
    errors.Busy: (429, ""),
    errors.Damaged: (409, ""),
    errors.Incompatible: (409, ""),
    errors.Refused: (403, ""),
    errors.Failed: (409, ""),
}


def status_of(error: errors.DocstopdError) -> tuple[int, str]:
    """Return the status and the condition element's name of the nearest class in the table."""
    return next(_TABLE[kind] for kind in type(error).__mro__ if kind in _TABLE)


def error_response(error: errors.DocstopdError, request: Request | None) -> Response:
    """Return the answer to an error: a condition as XML where RFC 4918 names one, a sentence otherwise."""
    if isinstance(error, Refusal):
        if error.condition:
            return whole(error.status, XML_TYPE, error_body(error.condition), *error.headers)
        return text(error.status, str(error), *error.headers)
    status, condition = status_of(error)
    if condition:
        return whole(status, XML_TYPE, error_body(_condition(condition, error, request)))
    headers = (("Retry-After", "1"),) if isinstance(error, errors.Busy) else ()
    message = _FAILED if isinstance(error, errors.Failed) else str(error)
    return text(status, message or "The request cannot be carried out.", *headers)


def _condition(name: str, error: errors.DocstopdError, request: Request | None) -> str:
    roots = error.roots if isinstance(error, errors.Locked) else ()
    hrefs = "".join([f"<D:href>{root_href(root, request)}</D:href>" for root in roots])
    return f"<D:{name}>{hrefs}</D:{name}>" if hrefs else f"<D:{name}/>"


def root_href(path: SpacePath, request: Request | None) -> str:
    """Return the href of a lock's root, by its name alone when it has gone or may not be looked at."""
    if request is not None and request.signed_in:
        try:
            return request.href_of(path)
        except errors.DocstopdError:
            pass
    return href(path, folder=False)
