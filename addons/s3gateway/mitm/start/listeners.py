"""Make mitmproxy listen where the configuration says, and only there.

mitmproxy begins to open its listeners one turn of the event loop before it loads scripts, so with the options of the
command line: a regular proxy on port 8080. That attempt is withdrawn here before it has bound a socket, and started
again once the options are set.
"""

import logging
from collections.abc import Callable

from mitmproxy import ctx, http

from s3gateway.config.model import Admin, Listen
from s3gateway.mitm import internals
from s3gateway.serve.worker import Worker
from s3gateway.wire.listening import bind


def check_address(section: str, listen: Listen | Admin) -> None:
    """Refuse what cannot be listened on: mitmproxy's words for it advise a ``--mode`` that the gateway refuses.

    It binds as asyncio will, for a moment and without listening. Raises
    :class:`~s3gateway.config.check.ConfigError`.
    """
    server = ctx.master.addons.get("proxyserver")
    if server is None or server.is_running or not ctx.options.server:
        return
    for bound in bind(section, listen):
        bound.close()


def open_listeners_later(on_open: Callable[[], None]) -> None:
    """Cancel mitmproxy's own attempt, if it is under way; start again when all options are set, and then tell."""
    if not internals.withdraw_listeners():
        return
    ctx.master.addons.add(Listeners(on_open))
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

    def __init__(self, on_open: Callable[[], None]) -> None:
        self._on_open = on_open

    async def running(self) -> None:
        """Listen as the options say, and tell."""
        server = ctx.master.addons.get("proxyserver")
        if not ctx.options.server:  # -n: nobody is to connect
            return
        if server is None or await server.setup_servers():
            self._on_open()


def close_listeners(worker: Worker | None) -> None:
    """Listen no more; connections that are there stay."""
    if worker is not None:
        worker.stop_listening()
    ctx.options.update(server=False)
