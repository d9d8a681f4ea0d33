"""The tripwire: one user who changes very many files of a space in a short time is an alarm.

The journal is what it goes by, since all processes write to that: it counts what was appended since it last looked.
`docs/tripwire.md` says what it sees and what it does not. `door` stands on the stores, which know the policy: it is not
gathered here.
"""

from docstopd.vault.tripwire.policy import TripwirePolicy

__all__ = ["TripwirePolicy"]
