"""How one exchange ends: with a refusal, broken off, or left by its client; and what it lets go of then.

Nothing more of it reaches the backend, and the client is told or cut off. How it ends well is for
:mod:`s3gateway.wire.answering`.
"""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Final

from s3gateway import errors
from s3gateway.explain.unreachable import remedy
from s3gateway.http1.exchange import Answer, Link, Upload
from s3gateway.rules.answer_head import AnswerHead
from s3gateway.rules.headers import wants_close
from s3gateway.rules.region import of_refusal
from s3gateway.sigv4.model import Headers
from s3gateway.wire.refusal import Refusal, document, refusal
from s3gateway.wire.stepping import Stepping
from s3gateway.wire.watching import Watch

logger = logging.getLogger(__name__)

_SERVER_ERROR: Final = 500


class Ending(Stepping):
    """Refuses, breaks off, lets go."""

    @property
    def drops_body(self) -> bool:
        """Whether nobody wants the rest of the client's body."""
        return self.progress.upload is Upload.DROPPED

    @property
    def _closes_client(self) -> bool:
        return self._is_1_0 or self.drops_body or self._service.is_draining or wants_close(self.transaction.head)

    @property
    def _status(self) -> int:
        """The status that the client has had; 0 while it has none."""
        head = self._reply.head
        return 0 if head is None or self.progress.may_answer else head.status

    def refuse(self, error: errors.S3Error, *more: tuple[bytes, bytes]) -> None:
        """Refuse what the client wants, at any moment: nothing more of it reaches the backend."""
        self.transaction.refusal = error.detached()
        self._let_go_of_backend()
        if self.progress.may_answer:
            self._answer_refusal(*more)
        else:
            self._break_off("")

    def _answer_refusal(self, *more: tuple[bytes, bytes]) -> None:
        """Answer with the refusal, head and body in one write."""
        transaction = self.transaction
        error, head, record = transaction.refusal or errors.internal_error(), transaction.head, transaction.record
        self._drop_upload()
        is_ill = error.status >= _SERVER_ERROR and error.code != "SlowDown"
        closes = transaction.arrival.has_body or is_ill or self._closes_client
        region = of_refusal(error.headers, record.operation, self._current.config.region)
        answer = refusal(error, head, record, *region, *more, *(transaction.for_page or ()), closes=closes)
        kept = document(error.redacted(), head, record) if answer.body and self._watch is not None else b""
        self._answer_for_itself(answer, kept, keeps=not closes)

    def _answer_for_itself(self, answer: Refusal, kept: bytes, *, keeps: bool) -> None:
        """Give the gateway's own answer; ``kept`` is what those who watch may keep of its body."""
        transaction = self.transaction
        self._reply.answer_with(answer.status, answer.reason, answer.headers)
        transaction.answer = AnswerHead(answer.status, answer.headers)

        def give() -> None:
            if self._caller is not None:
                self._caller.write(answer.wire)
            self.progress.answer = Answer.DONE
            self._close_books(answer.status)
            self._leave(keeps=keeps, linger=self.drops_body)

        if self._watch is None:
            give()
        else:
            self._after(self._watch_refusal(self._watch, answer.status, answer.headers, kept), give)

    async def _watch_refusal(self, watch: Watch, status: int, headers: Headers, kept: bytes) -> None:
        settled = self._close_books(status)
        if settled is not None:
            await settled
        await watch.refused(self.transaction, status, headers, kept)

    def _fail(self, why: str) -> None:
        """Tell that the backend has failed: in the log with the cause and the remedy, to the client as 503."""
        record = self.transaction.record
        record.fault = record.fault or why
        advice = "; ".join(filter(None, (record.fault.rstrip("."), remedy(record.fault))))
        logger.error("backend %s failed: %s", self._current.config.backend.url, advice)
        if self.progress.may_answer:
            self.refuse(self.transaction.refusal or errors.service_unavailable())
        else:
            self._break_off(why)

    def _break_off(self, why: str) -> None:
        """Cut the client's connection: the answer that it has begun to read cannot become whole."""
        record, caller = self.transaction.record, self._caller
        record.fault = record.fault or why
        self._let_go_of_backend()
        self._close_books(self._status, failed=record.fault or "refused")
        self._end()
        if caller is not None:
            caller.cut(resets=self._is_1_0)

    def abandon(self) -> None:
        """Let go of everything, whatever state it is in: the client is being cut off."""
        try:
            self._let_go_of_backend()
            self._close_books(0, failed="internal error")
        finally:
            self._end()

    def _drop_upload(self) -> None:
        """Take no more of the client's body: it is answered before its end."""
        if self.progress.is_uploading:
            self.progress.upload = Upload.DROPPED
            self._outbox.clear()
            self._update_reading()

    def _close_books(self, status: int, *, failed: str = "") -> Awaitable[None] | None:
        transaction = self.transaction
        if transaction.logged:
            return None
        record = transaction.record
        self._service.memory.moved(record.bytes_in + record.bytes_out)
        record.status = status
        record.duration = self._now() - self._began
        if transaction.refusal is not None:
            record.refuse(transaction.refusal)
        transaction.settle()
        settled = self._service.books.closed(transaction)
        if failed and self._watch is not None:
            self._service.books.run(self._watch.failed(transaction, failed))
        return settled

    def _let_go_of_backend(self) -> None:
        """End the connection to the backend, open or opening."""
        backend, self._backend = self._backend, None
        opening, self._opening = self._opening, None
        self._outbox.clear()
        self._reply.drop()
        if opening is not None:
            opening.cancel()
        if backend is not None:
            backend.close()
            self.progress.link = Link.GONE

    def _leave(self, *, keeps: bool, linger: bool) -> None:
        caller = self._caller
        self._end()
        if caller is not None:
            caller.exchange_ended(keeps=keeps, linger=linger)

    def _end(self) -> None:
        """Hold nothing any more: no connection, no byte of a body, no task."""
        self._is_over = True
        if self._member is not None:
            self._member.leave(self, self._weight)
            self._member = None
        self._caller = self._make = self._begun = None
        self._tried.clear()
        self._outbox.clear()
        self._outbox.on_framed = None
        self._reply.drop()
        self._held = None
        self._early.clear()
        self._wire = b""
        outgoing = self.transaction.outgoing
        if outgoing is not None and outgoing.body is not None:
            outgoing.body.drop()
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
