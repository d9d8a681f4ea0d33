"""Erasure: keys, names and contents are destroyed now, everywhere, and a certificate says so.

What always holds: a request is durable before anything goes; what is to go is listed in the transaction in which it
leaves the catalog; whoever dies on the way is followed by another that goes on; nothing that is held or protected
goes; what the lists name never comes back, by a restore neither.
"""

from docstopd.vault.erasure.door import Erasures

__all__ = ["Erasures"]
