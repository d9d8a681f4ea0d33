"""What is made up at start: times that passed while nobody ran the jobs, and runs that were cut off."""

from collections.abc import Sequence

from docstopd.jobs.schedule import Times
from docstopd.model import Micros
from docstopd.vault.runs import Outcome, Run

LOOK_BACK = 2
"""How many runs of a job `is_missed` wants to see."""


def is_missed(times: Times, recent: Sequence[Run], now: Micros) -> bool:
    """Whether a run is to be made up; however many were missed, it is one. `recent` are the last, newest first.

    A job that never ran waits for its time. A run with which its process died is made up once: what it died of may be
    the job itself, and would take each new process with it.
    """
    if not recent or recent[0].outcome is Outcome.RUNNING or times.after(now) is None:
        return False
    if recent[0].outcome is Outcome.STOPPED:
        return True
    if recent[0].lost:
        return not (len(recent) > 1 and recent[1].lost)
    following = times.after(recent[0].started)
    return following is not None and following <= now
