"""Make mitmproxy listen where the configuration says, and only there.

mitmproxy begins to open its listeners one turn of the event loop before it loads scripts, so with the options of the
command line: a regular proxy on port 8080. That attempt is withdrawn here before it has bound a socket, and started
again once the options are set. It leans on a task's name and on ``Servers._instances``; should either go, the options
still take effect when mitmproxy is running, and ``tests/mitm/test_startup.py`` tells. For an ``https`` backend
mitmproxy also listens for QUIC, whatever its ``http3`` option says; not here.
"""

import asyncio
import logging

from mitmproxy import ctx, http
from mitmproxy.proxy.mode_specs import ProxyMode

logger = logging.getLogger(__name__)

_TASK = "setup_servers"


def open_listeners_later(announcement: str) -> None:
    """Cancel mitmproxy's own attempt, if it is under way; start again when all options are set, and then announce."""
    server = ctx.master.addons.get("proxyserver")
    if server is None or server.is_running:
        return
    for mode in map(ProxyMode.parse, ctx.options.mode):  # cached: the servers are made from these very values
        object.__setattr__(mode, "transport_protocol", "tcp")
    ctx.master.addons.add(Listeners(announcement))
    checker = ctx.master.addons.get("errorcheck")
    if checker is not None:
        checker.logger.addFilter(_concerns_startup)
    for task in asyncio.all_tasks():
        if task.get_name().partition(" ")[0] == _TASK:  # under pytest mitmproxy adds the test's name
            task.cancel()
            server.servers._instances.clear()  # noqa: SLF001 - see above


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

    If a port is taken mitmproxy has logged it, and its error check ends the program after this.
    """

    def __init__(self, announcement: str) -> None:
        self._announcement = announcement

    async def running(self) -> None:
        """Listen as the options say, and tell."""
        server = ctx.master.addons.get("proxyserver")
        if server is None or await server.setup_servers():
            logger.warning("%s", self._announcement)
