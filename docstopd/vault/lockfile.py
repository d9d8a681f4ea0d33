"""Lock files: one at a time among all processes. A process that dies leaves its lock free."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from docstopd.db import durable
from docstopd.errors import Busy


@contextmanager
def locked(file: Path, busy: str, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock of `file`, which is made with its folder; `shared` with others who share it.

    Raises `Busy` with the text `busy` at once when somebody else has it.
    """
    durable.make_folder(file.parent)
    descriptor = durable.open_lock(file)
    try:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(busy) from None
        yield
    finally:
        os.close(descriptor)
