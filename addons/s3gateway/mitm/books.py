"""Who is told of an exchange when it has ended, and who may watch it while it goes on."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine

from s3gateway.mitm.explaining import Explainer, patiently
from s3gateway.mitm.log import AccessLog
from s3gateway.mitm.observers import Observers
from s3gateway.mitm.recorder import Recorder
from s3gateway.mitm.watched.desk import Desk
from s3gateway.observed.polls import Polls
from s3gateway.observed.transaction import Transaction
from s3gateway.rules import health_polls
from s3gateway.wire.service import Current
from s3gateway.wire.watching import Watch

logger = logging.getLogger(__name__)


class Books:
    """The gateway's books; :class:`s3gateway.wire.service.Books` says what is asked of them."""

    def __init__(
        self, current: Callable[[], Current], log: AccessLog, recorder: Recorder, desk: Desk, observers: Observers
    ) -> None:
        self._current = current
        self._metrics = observers.metrics
        self._observers = observers
        self._log = log
        self._recorder = recorder
        self._desk = desk
        self._explainer = Explainer(self._on_explained)
        self._tasks: set[asyncio.Task[None]] = set()
        self._polls = Polls(logger.info, lambda seconds, tell: asyncio.get_running_loop().call_later(seconds, tell))

    def watch(self, transaction: Transaction, client: object) -> Watch | None:
        """Give whoever watches."""
        return self._desk.watch(transaction, client)

    def run(self, coroutine: Coroutine[object, object, None]) -> None:
        """Run what nothing waits for."""
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def closed(self, transaction: Transaction) -> Awaitable[None] | None:
        """Log and record an exchange that has ended, and have a mismatch explained."""
        if transaction.logged:
            return None
        config = transaction.config or self._current().config
        if transaction.refusal is not None and health_polls.is_poll(transaction.head):
            self._polls.count(transaction.head.path.decode(), transaction.record.status)
            transaction.logged = True
            if self._metrics is not None:
                self._metrics.ended(transaction)
            return None
        if transaction.outgoing is None:
            transaction.mark("answered")  # by the gateway; what was sent is answered when the backend answers
        transaction.mark("ended")
        settled = self._explainer.consider(transaction, config)
        self._recorder.finish(transaction, explained_later=settled is not None)
        transaction.logged = True
        self._log.write(transaction.record, config.log_format)
        self._observers.ended(transaction, config)
        return patiently(settled) if settled and self._desk.writes_flows else None

    def stop(self) -> None:
        """Tell of the last polls, and keep what is not explained yet as it is."""
        self._polls.flush()
        for transaction in self._explainer.stop():
            self._recorder.explained(transaction)

    async def _on_explained(self, transaction: Transaction, dropped: int) -> None:
        if self._metrics is not None and transaction.explanation is not None:
            self._metrics.explained(transaction.explanation.cause)
        self._log.explain(transaction, dropped, self._current().config.log_format)
        self._recorder.explained(transaction)
        await self._desk.explained(transaction)
