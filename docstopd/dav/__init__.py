"""The WebDAV front: parses requests, calls the vault, formats answers; no rules of its own.

What always holds here: a URL is decoded once; a write carries its preconditions to the vault as a `Guard`; no output is
built with an XML library and no input is read without one; errors become HTTP in `errors.py` alone. One file per method
or concern; each that departs from WsgiDAV says why.
"""

from docstopd.dav.application import DavApplication
from docstopd.dav.settings import Settings

__all__ = ["DavApplication", "Settings"]
