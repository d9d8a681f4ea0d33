"""The HTTP server: strict where requests are read, patient with people and not with their imitators.

Always: a request whose framing two readers could understand differently is refused and its connection closed; memory
per connection is bounded whatever is sent; a body cut short raises IncompleteBody and nothing takes it for whole;
`X-Forwarded-*` is believed from configured proxies alone.
"""

from docstopd.http.server import Application, Server
from docstopd.http.settings import Settings
from docstopd.http.tls import tls_context

__all__ = ["Application", "Server", "Settings", "tls_context"]
