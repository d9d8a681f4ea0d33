"""Telling systemd how the daemon is (sd_notify(3), Type=notify-reload of systemd.service(5))."""

import os
import socket
import time
from contextlib import suppress


class Notifier:
    """Sends states to the socket that systemd names; without one it does nothing."""

    def __init__(self, address: str | None) -> None:
        self._address = f"\0{address[1:]}" if address and address.startswith("@") else address

    @classmethod
    def from_environment(cls) -> "Notifier":
        """The notifier for $NOTIFY_SOCKET."""
        return cls(os.environ.get("NOTIFY_SOCKET"))

    def ready(self, status: str) -> None:
        """The daemon serves; also the end of a reload."""
        self._send(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """A reload begins; `ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """The daemon is about to end."""
        self._send("STOPPING=1\nSTATUS=requests in flight finish")

    def _send(self, state: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock, suppress(OSError):  # it only informs
            sock.sendto(state.encode(), self._address)
