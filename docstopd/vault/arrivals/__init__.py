"""Arrivals: what comes while its space is locked, is sealed at once, and is filed when a member unlocks the space.

What always holds: who takes a content in cannot open it again; an arrival is durable, blob, key and row, before anybody
hears of it; one arrival becomes one file, once, with the blob and under the data key that it came with.
"""

from docstopd.vault.arrivals.door import Arrivals, Filed, Waiting
from docstopd.vault.arrivals.intake import Intake

__all__ = ["Arrivals", "Filed", "Intake", "Waiting"]
