"""Make mitmproxy listen where the configuration says, and only there.

mitmproxy begins to open its listeners one turn of the event loop before it loads scripts, so with the options of the
command line: a regular proxy on port 8080. That attempt is withdrawn here before it has bound a socket, and started
again once the options are set.
"""

import errno
import logging
import socket

from mitmproxy import ctx, http

from s3gateway.config.check import ConfigError, quoted
from s3gateway.config.model import Admin, Listen
from s3gateway.mitm import internals

logger = logging.getLogger(__name__)

_AN_ADDRESS = "name an address of this machine, 127.0.0.1 or 0.0.0.0"
_NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def check_address(section: str, listen: Listen | Admin) -> None:
    """Refuse what cannot be listened on: mitmproxy's words for it advise a ``--mode`` that the gateway refuses.

    It binds as asyncio will, for a moment and without listening. A name may stand for addresses of a family that this
    machine does not have; one that it has suffices. ``section`` is the configuration's. Raises :class:`ConfigError`.
    """
    server = ctx.master.addons.get("proxyserver")
    if server is None or server.is_running or not ctx.options.server:
        return
    try:
        found = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        raise ConfigError(f"{section}.host", f"{quoted(listen.host)} does not resolve", _AN_ADDRESS) from None
    failed = [error for family, _, _, _, address in found if (error := _bind(family, address))]
    worst = next((error for error in failed if error.errno not in _NOT_HERE), None)
    if worst or len(failed) == len(found):
        raise _not_free(section, listen, worst or failed[0])


def _bind(family: int, address: tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]) -> OSError | None:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind(address)
    except OSError as error:
        return error
    return None


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


def open_listeners_later(announcement: str) -> None:
    """Cancel mitmproxy's own attempt, if it is under way; start again when all options are set, and then announce."""
    if not internals.withdraw_listeners():
        return
    ctx.master.addons.add(Listeners(announcement))
    checker = ctx.master.addons.get("errorcheck")
    if checker is not None:
        checker.logger.addFilter(_concerns_startup)


def hold_replays() -> list[http.HTTPFlow]:
    """Take the flows of ``-C`` off mitmproxy's queue: it sends the first before it tells scripts that it is running."""
    held: list[http.HTTPFlow] = []
    playback = ctx.master.addons.get("clientplayback")
    while playback is not None and not playback.queue.empty():
        held.append(playback.queue.get_nowait())
        playback.queue.task_done()
    return held


def release_replays(held: list[http.HTTPFlow]) -> None:
    """Put them back, in their order."""
    while held:
        ctx.master.addons.get("clientplayback").queue.put_nowait(held.pop(0))


def _concerns_startup(record: logging.LogRecord) -> bool:
    """Tell errors of the start, which mitmproxy ends for, from those of requests that came before it was over.

    The listener is open a little earlier, and a client must not end the gateway. A start that fails for the gateway's
    own reasons ends by itself.
    """
    return not record.name.startswith(("s3gateway", "mitmproxy.proxy.server"))


class Listeners:
    """Starts the withdrawn listeners anew. An addon of its own, because a script's ``running`` may not be a coroutine.

    If a port was taken in the meantime mitmproxy has logged it, and its error check ends the program after this.
    """

    def __init__(self, announcement: str) -> None:
        self._announcement = announcement

    async def running(self) -> None:
        """Listen as the options say, and tell."""
        server = ctx.master.addons.get("proxyserver")
        if not ctx.options.server:  # -n: nobody is to connect
            return
        if server is None or await server.setup_servers():
            logger.warning("%s", self._announcement)
