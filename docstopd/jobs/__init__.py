"""Jobs: what runs by itself, when, and how it is written down.

What always holds: one job runs once at a time, over all processes; each run is in the ledger before it begins; a run
that fails is in the journal and in the log; what destroys waits while the clock is in doubt. No job needs the key of a
sealed space.
"""

from docstopd.jobs.clock import ClockGuard, read_clocks
from docstopd.jobs.job import Job, in_turn
from docstopd.jobs.runner import Ended, Runner
from docstopd.jobs.schedule import Times
from docstopd.jobs.scheduler import Scheduler

__all__ = ["ClockGuard", "Ended", "Job", "Runner", "Scheduler", "Times", "in_turn", "read_clocks"]
