"""Media types by name, and how a browser is kept from running what it is given.

The types are Python's own table: the system's files differ between machines, and WsgiDAV's lookup parses the name as a
URL, which `;` and `#` in a name confuse.
"""

from mimetypes import MimeTypes

UNKNOWN = "application/octet-stream"
_TYPES = MimeTypes(filenames=()).types_map[True] | {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".md": "text/markdown",
    ".xhtml": "application/xhtml+xml",
    ".xht": "application/xhtml+xml",
    ".xsl": "application/xslt+xml",
    ".mht": "message/rfc822",
}
_ACTIVE = frozenset(
    {
        "text/html",
        "application/xhtml+xml",
        "image/svg+xml",
        "text/xml",
        "application/xml",
        "text/javascript",
        "application/javascript",
        "text/xsl",
        "application/xslt+xml",
        "message/rfc822",
        "application/mathml+xml",
        "application/x-shockwave-flash",
    }
)
_GUARDED = (("X-Content-Type-Options", "nosniff"), ("Content-Security-Policy", "sandbox; default-src 'none'"))
_ATTACHED = (*_GUARDED, ("Content-Disposition", "attachment"))


def content_type(name: str) -> str:
    """Return the media type that a file's name suggests."""
    dot = name.rfind(".")
    return _TYPES.get(name[dot:].lower(), UNKNOWN) if dot > 0 else UNKNOWN


def browser_headers(kind: str) -> tuple[tuple[str, str], ...]:
    """Return the headers that make stored content inert in a browser, which would run it with this site's rights."""
    return _ATTACHED if kind in _ACTIVE else _GUARDED
