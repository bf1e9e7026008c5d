"""A network of this process's own, where several addresses that are not loopback are all this machine. Linux.

MinIO takes no loopback addresses for a cluster where it takes itself to be in a container. Nothing outside sees the new
network, and it is gone with the last process in it.
"""

import fcntl
import os
import socket
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lab import MissingPartError

_SET_FLAGS: Final = 0x8914  # SIOCSIFFLAGS and so on, see netdevice(7)
_SET_ADDRESS: Final = 0x8916
_SET_NETMASK: Final = 0x891C
_UP: Final = 0x1
_REQUEST: Final = 40  # bytes of a struct ifreq


def enter(addresses: Sequence[str]) -> None:
    """Leave the machine's network for a new one: loopback, and these IPv4 addresses, each with another last number.

    Only the calling thread does, and what it starts from then on: call it before there are others. `MissingPartError`
    where the system does not let us.
    """
    try:
        _unshare()
    except OSError as error:
        message = f"no network of its own can be had ({error.strerror}): run it as root, or allow user namespaces"
        raise MissingPartError(message) from None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        _set(control, _SET_FLAGS, "lo", struct.pack("H", _UP))
    for address in addresses:
        add(address)


def add(address: str) -> None:
    """Have one more IPv4 address, or one again."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        _set(control, _SET_ADDRESS, _alias(address), _address(address))
        _set(control, _SET_NETMASK, _alias(address), _address("255.255.255.255"))


def remove(address: str) -> None:
    """Have it no more: a connection to it is refused at once."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        _set(control, _SET_FLAGS, _alias(address), struct.pack("H", 0))


def _unshare() -> None:
    if not os.geteuid():
        os.unshare(os.CLONE_NEWNET)
        return
    user, group = os.geteuid(), os.getegid()
    os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNET)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        Path("/proc/self", name).write_text(text, encoding="ascii")


def _alias(address: str) -> str:
    return f"lo:{address.rpartition('.')[2]}"


def _address(text: str) -> bytes:
    return struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(text))


def _set(control: socket.socket, request: int, name: str, value: bytes) -> None:
    fcntl.ioctl(control, request, struct.pack("16s", name.encode()) + value.ljust(_REQUEST - 16, b"\0"))
