"""The parent: binds once, keeps so many workers, replaces them without losing a connection, and ends them.

Workers inherit the sockets, so what waits to be accepted belongs to none of them, and one that ends leaves it to the
others. The parent touches no request. If it is killed, each worker serves on until its connections have ended.
"""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Coroutine
from typing import Any, Final

from s3gateway.config.check import ConfigError
from s3gateway.config.model import Config, in_url
from s3gateway.serve import ends, ledger, machine
from s3gateway.serve.pages import OperatorPages
from s3gateway.serve.plan import Place, Plan
from s3gateway.serve.process import Process, Start, environment_of_workers
from s3gateway.serve.systemd import Notify
from s3gateway.serve.terminal import Terminal
from s3gateway.wire.admin import Admin

logger = logging.getLogger(__name__)

_SLOTS_PER_WORKER: Final = 4
_LEAST_SLOTS: Final = 16
_SPARE_SECONDS: Final = 10.0
"""What a worker may take to end beyond ``shutdown.*``, until it is killed."""


class Parent:
    """Supervises the workers of ``plan``, whose configuration is ``config``."""

    def __init__(self, plan: Plan, config: Config, notify: Notify) -> None:
        self._plan = plan
        self._config = config
        self._notify = notify
        slots = max(_LEAST_SLOTS, _SLOTS_PER_WORKER * plan.workers)
        self._file = ledger.create(slots)
        self._ledger = ledger.Ledger(self._file, own=-1)
        self._free = list(range(slots))
        self._sockets = list(plan.sockets)
        self._places = [Place(number + 1) for number in range(plan.workers)]
        self._workers: list[Process] = []
        self._pages = OperatorPages(lambda: self._workers)
        self._admin: Admin | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._over = asyncio.Event()
        self._terminal = Terminal()
        self._is_ending = False
        self._is_restarting = False
        self._oom_kills = machine.oom_kills()

    async def run(self) -> int:
        """Serve until a signal asks for the end; the exit status."""
        self._take_signals()
        first, *others = self._places
        if not await self._begin(first):  # alone: it makes what all of them share, as mitmproxy's CA
            status = 0 if self._is_ending else 1
            self.end_now()
            await self._over.wait()
            return status
        if self._config.admin is not None:
            self._admin = Admin(self._pages.pages)
            await self._admin.listen(self._config.admin.host, self._config.admin.port)
            self._run(self._pages.keep_looking())
        await asyncio.gather(*(self._begin(place) for place in others))
        if not self._is_ending:
            self._announce()
        await self._over.wait()
        if self._admin is not None:
            self._admin.stop()
        return 0

    # Signals.

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.end)
        loop.add_signal_handler(signal.SIGINT, self.end_now)
        loop.add_signal_handler(signal.SIGHUP, lambda: self.end() if self._terminal.was_closed else self.reload())
        loop.add_signal_handler(signal.SIGUSR2, lambda: self._run(self.restart()))

    def end(self) -> None:
        """End when nothing runs any more; at once where that was asked for before."""
        if self._is_ending:
            self.end_now()
            return
        self._is_ending = self._pages.is_ending = True
        times = self._config.shutdown
        self._notify.stopping(times.delay + times.grace + 2 * _SPARE_SECONDS)
        logger.warning("ending: %d workers, in %g s at most", len(self._workers), times.delay + times.grace)
        for worker in self._workers:
            worker.drain(0 if worker.is_ending else times.delay, times.grace)
        loop = asyncio.get_running_loop()
        loop.call_later(times.delay, self._close_sockets)
        loop.call_later(times.delay + times.grace + _SPARE_SECONDS, self._kill)
        self._see_whether_over()

    def end_now(self) -> None:
        """End at once."""
        self._is_ending = self._pages.is_ending = True
        self._notify.stopping(_SPARE_SECONDS)
        self._close_sockets()
        for worker in self._workers:
            worker.end_now()
        asyncio.get_running_loop().call_later(_SPARE_SECONDS, self._kill)
        self._see_whether_over()

    def reload(self) -> None:
        """Have every worker read the configuration anew; one that cannot use it keeps the old one, and says so."""
        self._notify.reloading()
        self._read_config()
        for worker in self._workers:
            worker.reload()
        self._notify.ready(self._told())

    async def restart(self) -> None:
        """Replace every worker, one at a time: the old one drains when the new one accepts connections.

        What it has under way is not cut, however long it takes. One that cannot start changes nothing.
        """
        if self._is_restarting or self._is_ending:
            logger.warning("not restarted: %s already", "ending" if self._is_ending else "restarting")
            return
        self._is_restarting = True
        try:
            self._read_config()
            for place in self._places:
                async with place.lock:
                    if not await self._replace(place):
                        logger.error("not restarted: a new worker did not start; the old ones stay")
                        return
            logger.warning("restarted: %s", self._told())
            self._notify.status(self._told())
        finally:
            self._is_restarting = False

    # Workers.

    async def _begin(self, place: Place) -> bool:
        async with place.lock:
            return place.worker is not None or await self._replace(place)

    async def _replace(self, place: Place) -> bool:
        """Start a worker there; when it accepts connections it takes the place, and who was there drains."""
        worker = await self._start(place.number)
        if worker is None:
            return False
        if not await worker.ready():
            if not self._is_ending:
                why = ends.reason(await worker.ended(), out_of_memory=self._was_out_of_memory())
                logger.error("worker %d (pid %d) did not start: it %s", worker.number, worker.pid, why)
            return False
        if self._is_ending:
            worker.end_now()
            return False
        old, place.worker = place.worker, worker
        worker.on_end(lambda: self._on_lost(place, worker))
        if old is not None:
            old.drain(0, None)
        return True

    async def _start(self, number: int) -> Process | None:
        if self._is_ending:
            return None
        if not self._free:
            logger.error("worker %d not started: %d are still ending; wait for them", number, len(self._workers))
            return None
        slot = self._free.pop(0)
        start = Start(self._plan.command, environment_of_workers(), self._file, [one.fileno() for one in self._sockets])
        try:
            worker = await Process.start(number, slot, start)
        except OSError as error:
            self._free.append(slot)
            logger.error("worker %d not started: %s", number, error.strerror)  # noqa: TRY400 - one line
            return None
        self._workers.append(worker)
        worker.on_end(lambda: self._bury(worker))
        return worker

    def _bury(self, worker: Process) -> None:
        self._workers.remove(worker)
        self._ledger.clear(worker.slot)
        self._free.append(worker.slot)
        self._pages.bury(worker)
        self._see_whether_over()

    def _on_lost(self, place: Place, worker: Process) -> None:
        """A worker that served has ended: say why, and start another unless it was asked to."""
        if place.worker is not worker or self._is_ending:
            return
        place.worker = None
        self._run(self._mend(place, worker))

    async def _mend(self, place: Place, worker: Process) -> None:
        why = ends.reason(await worker.ended(), out_of_memory=self._was_out_of_memory())
        self._pages.lost += 1
        place.failures = ends.failures_after(place.failures, time.monotonic() - worker.began)
        while not self._is_ending and place.worker is None:
            wait = ends.back_off(place.failures)
            logger.error("worker %d (pid %d) %s; another one in %g s", worker.number, worker.pid, why, wait)
            await asyncio.sleep(wait)
            if await self._begin(place):
                logger.warning("worker %d serves again: %s", place.number, self._told())
                return
            place.failures += 1
            why = "could not be replaced"

    def _was_out_of_memory(self) -> bool:
        before, self._oom_kills = self._oom_kills, machine.oom_kills()
        return self._oom_kills > before

    def _kill(self) -> None:
        for worker in self._workers:
            logger.error("worker %d (pid %d) does not end, and is killed", worker.number, worker.pid)
            worker.kill()

    def _close_sockets(self) -> None:
        sockets, self._sockets = self._sockets, []
        for one in sockets:
            one.close()

    def _see_whether_over(self) -> None:
        if self._is_ending and not self._workers:
            self._over.set()

    # What is told.

    def _read_config(self) -> None:
        """Know the times of a later end; the workers say themselves what is wrong with a configuration."""
        try:
            config = self._plan.load()
        except ConfigError:
            return
        old = self._config
        if config.admin != old.admin or (config.listen.host, config.listen.port) != (old.listen.host, old.listen.port):
            logger.error("listen and admin: addresses and ports cannot change while running; end the parent, start it")
        self._config = config

    def _announce(self) -> None:
        config = self._config
        logger.warning(
            "S3 gateway on %s:%d (HTTP and TLS) for %s: %s; parent %d",
            in_url(config.listen.host), config.listen.port, config.backend.url, self._told(), os.getpid(),
        )  # fmt: skip
        self._notify.ready(self._told())

    def _told(self) -> str:
        serving = [str(worker.pid) for worker in self._workers if worker.serves]
        return f"workers {len(serving)} (pid {', '.join(serving)})"

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
