"""systemd's side: sockets that it has opened (sd_listen_fds(3)), and what it is told (sd_notify(3))."""

import os
import socket
import time
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Final

_FIRST: Final = 3


def inherited(environment: MutableMapping[str, str]) -> list[socket.socket]:
    """Take the sockets that were passed to this very process; none where it was not activated by one."""
    mine = environment.pop("LISTEN_PID", "") == str(os.getpid())
    count = environment.pop("LISTEN_FDS", "0")
    environment.pop("LISTEN_FDNAMES", None)
    if not mine or not count.isdigit():
        return []
    taken = [socket.socket(fileno=_FIRST + at) for at in range(int(count))]
    for one in taken:
        one.set_inheritable(False)
    return taken


class Notify:
    """Tells systemd of the service's state; says nothing where nobody wants to know."""

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        self._address = environment.pop("NOTIFY_SOCKET", "")

    def ready(self, status: str) -> None:
        """It serves, also after a reload."""
        self._tell(f"READY=1\nSTATUS={status}")

    def status(self, status: str) -> None:
        """One line for ``systemctl status``."""
        self._tell(f"STATUS={status}")

    def reloading(self) -> None:
        """It reads its configuration anew."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self, seconds: float) -> None:
        """It ends, and may need so long for it: TimeoutStopSec= need not know of ``shutdown.grace``."""
        self._tell(f"STOPPING=1\nEXTEND_TIMEOUT_USEC={int(seconds * 1e6)}")

    def _tell(self, text: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notify:
            notify.sendto(text.encode(), address)
