"""What the trash tells of a deleted file or folder: live properties in a namespace of docstopd's own.

WsgiDAV has no trash. They are told as dead properties are, since few resources have them; nobody can set them, for
nothing in the trash can be changed.
"""

from docstopd.dav.dates import iso_date
from docstopd.dav.multistatus import escape
from docstopd.dav.url import href
from docstopd.model import Deletion

NAMESPACE = "urn:docstopd:trash"


def deletion_properties(deletion: Deletion) -> dict[str, str]:
    """Return what is known, as XML by Clark name."""
    place, time = deletion.place, deletion.time
    found = {
        "original-name": deletion.name,
        "original-folder": None if place is None else href(place, folder=True),
        "deleted": None if time is None else iso_date(time),
        "deleted-by": deletion.user,
    }
    return {
        f"{{{NAMESPACE}}}{name}": f'<{name} xmlns="{NAMESPACE}">{escape(text)}</{name}>'
        for name, text in found.items()
        if text is not None
    }
