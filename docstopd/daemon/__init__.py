"""The composition root: builds the parts, supervises worker processes, speaks with systemd.

Always: one daemon per data folder; no worker outlives its supervisor; no secret in a process's arguments or
environment; a worker that does not know whether a write was stored stops them all.
"""

from docstopd.daemon.lock import data_lock, holder
from docstopd.daemon.logs import configure_logs
from docstopd.daemon.status import Status, read_status
from docstopd.daemon.supervisor import serve

__all__ = ["Status", "configure_logs", "data_lock", "holder", "read_status", "serve"]
