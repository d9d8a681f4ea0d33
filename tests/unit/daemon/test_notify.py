"""Words to systemd."""

import socket
from pathlib import Path

from docstopd.daemon.notify import Notifier


def test_states_arrive_in_systemds_form(tmp_path: Path) -> None:
    """At a path or an abstract name."""
    for address, bound in ((str(tmp_path / "s"), str(tmp_path / "s")), ("@docstopd-test", "\0docstopd-test")):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inbox:
            inbox.bind(bound)
            inbox.settimeout(5)
            notifier = Notifier(address)
            notifier.ready("serving")
            assert inbox.recv(1000) == b"READY=1\nSTATUS=serving"
            notifier.reloading()
            assert inbox.recv(1000).startswith(b"RELOADING=1\nMONOTONIC_USEC=")


def test_without_systemd_nothing_happens() -> None:
    """Nor when its socket is gone."""
    Notifier(None).ready("x")
    Notifier("/nowhere/at/all").stopping()
