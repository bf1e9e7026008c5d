"""What signals, and the parent of several workers, ask of a running gateway: to end, or to read its configuration anew.

mitmproxy ends at once with SIGTERM, and has no handler for SIGHUP, so that it dies of it.
"""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from mitmproxy import ctx

from s3gateway.config.shutdown import Shutdown
from s3gateway.serve.terminal import Terminal
from s3gateway.wire.draining import Draining


class Signals:
    """Obeys them. ``shutdown`` gives the times in force, ``reload`` reads the configuration anew."""

    def __init__(
        self,
        draining: Draining,
        shutdown: Callable[[], Shutdown],
        reload: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        self._draining = draining
        self._shutdown = shutdown
        self._reload = reload
        self._task: asyncio.Task[None] | None = None
        self._reloading: asyncio.Task[None] | None = None
        self._terminal = Terminal()

    def install(self, *, is_worker: bool) -> None:
        """Take the signals; to what a terminal sends to all, a worker leaves the answer to its parent."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.end)
        if not _draws_on_terminal():  # mitmproxy's console dies of it, which is right: it would draw on for nobody
            loop.add_signal_handler(signal.SIGHUP, _nothing if is_worker else self._on_hangup)
        if is_worker:
            loop.add_signal_handler(signal.SIGINT, _nothing)

    def end(self) -> None:
        """End when nothing runs any more; at once where that was asked for before."""
        if self._task is not None:
            self.end_now()
            return
        times = self._shutdown()
        self.drain(times.delay, times.grace)

    def drain(self, delay: float, grace: float) -> None:
        """End when nothing runs any more; seconds, an infinite ``grace`` waits for whatever runs."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._drain(delay, grace), name="s3gateway end")
        else:
            self._draining.shorten(grace)

    def end_now(self) -> None:
        """End at once."""
        ctx.master.shutdown()

    def reload(self) -> None:
        """Read the configuration anew."""
        self._reloading = asyncio.get_running_loop().create_task(self._reload(), name="s3gateway reload")

    async def _drain(self, delay: float, grace: float) -> None:
        try:
            await self._draining.run(delay, grace)
        finally:
            ctx.master.shutdown()

    def _on_hangup(self) -> None:
        """Reload; but end where there was a terminal that has been closed."""
        if self._terminal.was_closed:
            self.end()
        else:
            self.reload()


def _draws_on_terminal() -> bool:
    console = sys.modules.get("mitmproxy.tools.console.master")  # mitmdump does not load it
    return console is not None and isinstance(ctx.master, console.ConsoleMaster)


def _nothing() -> None:
    """Take a signal, and do nothing."""
