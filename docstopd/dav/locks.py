"""Locks as XML (RFC 4918 sections 14.1 and 15.8)."""

from collections.abc import Iterable

from docstopd.dav.multistatus import escape
from docstopd.dav.url import href
from docstopd.model import Lock

SUPPORTED = (
    "<D:supportedlock>"
    "<D:lockentry><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>"
    "<D:lockentry><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>"
    "</D:supportedlock>"
)
NONE = "<D:lockdiscovery/>"


def active_lock(lock: Lock, *, folder: bool) -> str:
    """Return one lock. `folder`: its root is one. The owner is what the client sent, as XML."""
    return (
        "<D:activelock><D:locktype><D:write/></D:locktype>"
        f"<D:lockscope>{'<D:exclusive/>' if lock.exclusive else '<D:shared/>'}</D:lockscope>"
        f"<D:depth>{'infinity' if lock.infinite else '0'}</D:depth>{lock.owner}"
        f"<D:timeout>Second-{lock.timeout}</D:timeout>"
        f"<D:locktoken><D:href>{escape(lock.token)}</D:href></D:locktoken>"
        f"<D:lockroot><D:href>{href(lock.root, folder=folder)}</D:href></D:lockroot></D:activelock>"
    )


def discovery(active: Iterable[str]) -> str:
    """Return the lockdiscovery property of these locks."""
    return f"<D:lockdiscovery>{''.join(active)}</D:lockdiscovery>"
