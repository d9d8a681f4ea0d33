"""The composition root: builds the parts, supervises worker processes and the keeper, speaks with systemd.

Always: one daemon per data folder; no child outlives its supervisor; no secret in a process's arguments or
environment; a child that does not know whether a write was stored stops them all.
"""

from docstopd.daemon.lock import data_lock, holder
from docstopd.daemon.logs import configure_logs
from docstopd.daemon.status import Status, read_status
from docstopd.daemon.supervisor import Commands, serve

__all__ = ["Commands", "Status", "configure_logs", "data_lock", "holder", "read_status", "serve"]
