"""Sockets to listen on, and in plain words why one cannot be had."""

import errno
import socket
from typing import Final

from s3gateway.config.check import ConfigError, quoted
from s3gateway.config.model import Admin, Listen

BACKLOG: Final = 1024
"""Connections that may wait to be accepted; Linux takes no more than ``net.core.somaxconn``."""

_AN_ADDRESS: Final = "name an address of this machine, 127.0.0.1 or 0.0.0.0"
_NOT_HERE: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def bind(section: str, listen: Listen | Admin) -> list[socket.socket]:
    """Bind as asyncio does, without listening: a socket for each address that the host stands for.

    A name may stand for addresses of a family that this machine does not have; one that it has suffices. ``section`` is
    the configuration's. Raises :class:`ConfigError`.
    """
    try:
        found = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        raise ConfigError(f"{section}.host", f"{quoted(listen.host)} does not resolve", _AN_ADDRESS) from None
    bound, failed = [], []
    for family, _, _, _, address in dict.fromkeys(found):
        one = _bind(socket.AddressFamily(family), address)
        if isinstance(one, OSError):
            failed.append(one)
        else:
            bound.append(one)
    worst = next((error for error in failed if error.errno not in _NOT_HERE), None)
    if worst or not bound:
        for one in bound:
            one.close()
        raise _not_free(section, listen, worst or failed[0])
    return bound


def _bind(
    family: socket.AddressFamily, address: tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
) -> socket.socket | OSError:
    try:
        bound = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        return error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        return error
    return bound


def _not_free(section: str, listen: Listen | Admin, error: OSError) -> ConfigError:
    host, port = f"{section}.host", f"{section}.port"
    place = f"{listen.port} on {listen.host}"
    match error.errno:
        case errno.EADDRINUSE:
            return ConfigError(port, f"{place} is in use", "choose another or stop what listens there")
        case errno.EACCES:
            return ConfigError(port, f"{place} is not allowed to this user", "choose one from 1024")
        case errno.EADDRNOTAVAIL:
            return ConfigError(host, f"{quoted(listen.host)} is no address of this machine", _AN_ADDRESS)
    return ConfigError(host, f"{place} cannot be listened on ({error.strerror})", "choose another host or port")
