"""Work that the keeper does again and again in a thread of its own, whatever goes wrong with it."""

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass

from docstopd.daemon.process import EXIT_STATE_UNKNOWN
from docstopd.errors import DocstopdError, StateUnknown

LONGEST_PAUSE = 60.0

_log = logging.getLogger(__name__)


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Chore:
    """`step` is called every `pause` seconds, less often while it fails; `finish` once, at the end.

    `failing`: what a failure means, for the log.
    """

    name: str
    step: Callable[[], object]
    pause: float
    failing: str
    finish: Callable[[], object] = _nothing


def started(chore: Chore) -> Callable[[], None]:
    """Do it in a thread; what is returned ends it, after its last step."""
    done = threading.Event()
    thread = threading.Thread(target=_run, args=(chore, done), name=chore.name, daemon=True)
    thread.start()

    def stop() -> None:
        done.set()
        thread.join(LONGEST_PAUSE)

    return stop


def _run(chore: Chore, done: threading.Event) -> None:
    pause = chore.pause
    while not done.wait(pause):
        pause = _attempt(chore, chore.step, pause)
    _attempt(chore, chore.finish, pause)


def _attempt(chore: Chore, work: Callable[[], object], pause: float) -> float:
    """Carry it out; how long to wait before the next time. The same failure is logged when the waiting begins."""
    try:
        work()
    except StateUnknown as error:
        _log.critical("stopping: %s; stored data is verified at the next start", error)
        logging.shutdown()
        os._exit(EXIT_STATE_UNKNOWN)
    except DocstopdError as error:
        if pause == chore.pause:
            _log.error("%s: %s; it is tried again", chore.failing, error)  # foreseen
        return min(LONGEST_PAUSE, pause * 2)
    except Exception:  # noqa: BLE001 - the thread must live on; what failed is in the log
        _log.exception("%s", chore.failing)
        return LONGEST_PAUSE
    return chore.pause
