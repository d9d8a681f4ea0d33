"""The live properties: one function each, and one table.

RFC 4918 section 15, RFC 4331 (quota), RFC 5397 (current-user-principal), RFC 3744 section 5.5 (privileges), RFC 3253
section 3.1.5 (reports), RFC 6578 section 4 (sync-token). WsgiDAV gives an unquoted getetag and an empty propname, and
leaves inherited locks out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from docstopd.dav import locks
from docstopd.dav.content_type import content_type
from docstopd.dav.dates import http_date, iso_date
from docstopd.dav.multistatus import escape
from docstopd.model import Lock, MemberRole, Node, NodeId, Quota

MICROSOFT = "urn:schemas-microsoft-com:"
CALENDARSERVER = "http://calendarserver.org/ns/"
KNOWN_PREFIXES = {MICROSOFT: "Z", CALENDARSERVER: "CS"}

WIN32_MODIFIED = f"{{{MICROSOFT}}}Win32LastModifiedTime"
WIN32_CREATED = f"{{{MICROSOFT}}}Win32CreationTime"
QUOTA_AVAILABLE = "{DAV:}quota-available-bytes"
QUOTA_USED = "{DAV:}quota-used-bytes"
LOCKS = "{DAV:}lockdiscovery"
PRIVILEGES = "{DAV:}current-user-privilege-set"
SYNC_TOKEN = "{DAV:}sync-token"  # noqa: S105  # a property's name

_READING = ("read", "read-current-user-privilege-set")
_WRITING = ("write", "write-properties", "write-content", "bind", "unbind", "unlock")


@dataclass(frozen=True, slots=True)
class Scene:
    """What the properties of one answer need beside the node.

    `locks`: by node, with `folder` (the folder listed, or the one node asked for) having all that cover it.
    `inherited`: those that cover its members too. `token`: the space's sync token.
    """

    folder: NodeId
    locks: Mapping[NodeId, Sequence[Lock]]
    inherited: Sequence[Lock] = ()
    quota: Quota | None = None
    role: MemberRole | None = None
    token: str = ""


Render = Callable[[Node, Scene], str]


@dataclass(frozen=True, slots=True)
class Live:
    """A live property: what renders it, on what it is, and whether allprop tells it."""

    name: str
    render: Render
    files: bool = True
    folders: bool = True
    allprop: bool = True


def _creationdate(node: Node, scene: Scene) -> str:
    return f"<D:creationdate>{iso_date(node.created)}</D:creationdate>"


def _displayname(node: Node, scene: Scene) -> str:
    return f"<D:displayname>{escape(node.name)}</D:displayname>"


def _getcontentlength(node: Node, scene: Scene) -> str:
    return f"<D:getcontentlength>{node.size}</D:getcontentlength>"


def _getcontenttype(node: Node, scene: Scene) -> str:
    return f"<D:getcontenttype>{content_type(node.name)}</D:getcontenttype>"


def _getetag(node: Node, scene: Scene) -> str:
    return f'<D:getetag>"{node.etag}"</D:getetag>'


def _getlastmodified(node: Node, scene: Scene) -> str:
    return f"<D:getlastmodified>{http_date(node.modified)}</D:getlastmodified>"


def _resourcetype(node: Node, scene: Scene) -> str:
    return "<D:resourcetype><D:collection/></D:resourcetype>" if node.folder else "<D:resourcetype/>"


def _supportedlock(node: Node, scene: Scene) -> str:
    return "<D:supportedlock/>" if node.past else locks.SUPPORTED


def _lockdiscovery(node: Node, scene: Scene) -> str:
    """Show a parent's infinite lock on its members too (RFC 4918 section 15.8)."""
    found = scene.locks.get(node.id, ())
    inherited = scene.inherited if node.id != scene.folder else ()
    if not found and not inherited:
        return locks.NONE
    own = [locks.active_lock(lock, folder=node.folder or lock.node != node.id) for lock in found]
    return locks.discovery(own + [locks.active_lock(lock, folder=True) for lock in inherited])


def _quota_available(node: Node, scene: Scene) -> str:
    available = 0 if scene.quota is None else scene.quota.available
    return f"<D:quota-available-bytes>{available}</D:quota-available-bytes>"


def _quota_used(node: Node, scene: Scene) -> str:
    used = 0 if scene.quota is None else scene.quota.used
    return f"<D:quota-used-bytes>{used}</D:quota-used-bytes>"


def _principal(node: Node, scene: Scene) -> str:
    """Name the caller by the collection that is every caller's own view: there are no principal resources."""
    return "<D:current-user-principal><D:href>/dav/</D:href></D:current-user-principal>"


def _privileges(node: Node, scene: Scene) -> str:
    """Tell what the caller's role lets him do; without one (in `/` and `/dav/`) he may read."""
    granted = _READING if scene.role in (None, MemberRole.READER) else (*_READING, *_WRITING)
    told = "".join([f"<D:privilege><D:{name}/></D:privilege>" for name in granted])
    return f"<D:current-user-privilege-set>{told}</D:current-user-privilege-set>"


def _reports(node: Node, scene: Scene) -> str:
    """Tell the reports; `/` and `/dav/`, which are in no space, and the past have no journal to report from."""
    if not node.folder or not node.space or node.past:
        return "<D:supported-report-set/>"
    report = "<D:supported-report><D:report><D:sync-collection/></D:report></D:supported-report>"
    return f"<D:supported-report-set>{report}</D:supported-report-set>"


def _sync_token(node: Node, scene: Scene) -> str:
    return f"<D:sync-token>{scene.token}</D:sync-token>"


def _ctag(node: Node, scene: Scene) -> str:
    return f'<CS:getctag>"{node.etag}"</CS:getctag>'


def _win32_modified(node: Node, scene: Scene) -> str:
    return f"<Z:Win32LastModifiedTime>{http_date(node.modified)}</Z:Win32LastModifiedTime>"


def _win32_created(node: Node, scene: Scene) -> str:
    return f"<Z:Win32CreationTime>{http_date(node.created)}</Z:Win32CreationTime>"


TABLE = {
    live.name: live
    for live in (
        Live("{DAV:}resourcetype", _resourcetype),
        Live("{DAV:}displayname", _displayname),
        Live("{DAV:}creationdate", _creationdate),
        Live("{DAV:}getlastmodified", _getlastmodified),
        Live("{DAV:}getetag", _getetag),
        Live("{DAV:}getcontentlength", _getcontentlength, folders=False),
        Live("{DAV:}getcontenttype", _getcontenttype, folders=False),
        Live("{DAV:}supportedlock", _supportedlock),
        Live(LOCKS, _lockdiscovery),
        Live(QUOTA_AVAILABLE, _quota_available, files=False, allprop=False),
        Live(QUOTA_USED, _quota_used, files=False, allprop=False),
        Live("{DAV:}current-user-principal", _principal, allprop=False),
        Live(PRIVILEGES, _privileges, allprop=False),
        Live("{DAV:}supported-report-set", _reports, allprop=False),
        Live(SYNC_TOKEN, _sync_token, files=False, allprop=False),
        Live(f"{{{CALENDARSERVER}}}getctag", _ctag, files=False, allprop=False),
        Live(WIN32_MODIFIED, _win32_modified, allprop=False),
        Live(WIN32_CREATED, _win32_created, allprop=False),
    )
}
