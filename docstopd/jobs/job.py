"""A job: a name, when it runs, and what it does."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from docstopd.config import Schedule
from docstopd.errors import DocstopdError, Failed, Refused, StateUnknown
from docstopd.vault.progress import Progress, Report

Work = Callable[[Progress, bool], Report]
"""`work(progress, dry)`: do it, or with `dry` only say what would be done. Safe against a crash at any moment: the next
run ends in the same state."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """`destructive`: it removes what cannot be had again, so it waits while the clock is in doubt."""

    name: str
    schedule: Schedule
    destructive: bool
    run: Work


def in_turn(steps: Mapping[str, Work]) -> Work:
    """One work made of several, whose reports are joined. One that fails does not keep the others from running.

    Raises `Refused` when all that went wrong was refused, else `Failed`, with the steps' names and reasons.
    """

    def work(progress: Progress, dry: bool) -> Report:
        report: dict[str, str | int | bool] = {}
        wrong: dict[str, DocstopdError] = {}
        for number, (name, step) in enumerate(steps.items()):
            progress("steps", number, len(steps))
            try:
                report |= step(progress, dry)
            except StateUnknown:
                raise
            except DocstopdError as error:
                _log.error("%s: %s", name, error)
                wrong[name] = error
            except Exception as error:  # noqa: BLE001 - the other steps have a right to run
                _log.exception("%s failed", name)
                wrong[name] = Failed(f"an error that nobody expected ({type(error).__name__})")
        if wrong:
            fate = Refused if all(isinstance(error, Refused) for error in wrong.values()) else Failed
            raise fate("; ".join(f"{name}: {error}" for name, error in wrong.items()))
        return report

    return work
