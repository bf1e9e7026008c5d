"""What one exchange holds, and how it ends: well, with a refusal, broken off, or left by its client.

Whatever goes wrong in a step, nothing more reaches the backend, and the client is told or cut off. Whoever watches
(:mod:`s3gateway.wire.watching`) is waited for between the steps, with both sides held back.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Final

from s3gateway import errors
from s3gateway.code_location import code_location
from s3gateway.explain.unreachable import remedy
from s3gateway.gateway import Arrival
from s3gateway.http1 import framing
from s3gateway.http1.exchange import Answer, Link, Progress, Upload
from s3gateway.http1.head import CHUNKED, HTTP_1_0, ProtocolError, Request
from s3gateway.observed.log_line import Record, new_id
from s3gateway.observed.transaction import Transaction
from s3gateway.rules.answer_head import AnswerHead
from s3gateway.rules.headers import wants_close
from s3gateway.rules.region import of_refusal
from s3gateway.sigv4.model import Headers
from s3gateway.wire.caller import Caller
from s3gateway.wire.outbox import Outbox
from s3gateway.wire.refusal import Refusal, document, refusal
from s3gateway.wire.reply import Reply
from s3gateway.wire.watching import Answered, Killed, Watch

if TYPE_CHECKING:
    from s3gateway.wire.backends import BackendConnection, Opening

logger = logging.getLogger(__name__)

_SERVER_ERROR: Final = 500


class Ending:
    """One request of ``caller``. It holds both connections while it lasts, and nothing once it has ended."""

    def __init__(self, caller: Caller, request: Request, now: float) -> None:
        self.progress = Progress(now, has_body=bool(request.length))
        self.transaction = Transaction(
            request.head,
            Arrival(tls=caller.is_tls, has_body=bool(request.length)),
            Record(time.time(), new_id(), address=caller.address),
        )
        self._caller: Caller | None = caller
        self._service = caller.service
        self._current = caller.service.current
        self._request = request
        self._began = now
        self._is_1_0 = request.version == HTTP_1_0
        self._body = framing.reader(request.length)
        self._outbox = Outbox(in_chunks=request.length == CHUNKED)
        self._reply = Reply(is_1_0=self._is_1_0)
        self._wire = b""  # the head as it leaves, with a body that was held
        self._backend: BackendConnection | None = None
        self._opening: Opening | None = None
        self._was_sent_again = False
        self._watch: Watch | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_waiting = False  # for whoever watches
        self._is_over = False
        self._held: bytearray | None = None  # the body, where it is read whole before anything leaves
        self._unsent = 0  # bytes that the backend had not taken when the clock last asked
        self._early: list[bytes] = []  # of an answer that came before the upload's end
        self._lost: str | None = None
        self._closes = True  # the client's connection, with this answer: what its head has said

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
        self._caller = None
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

    def _after(self, waiting: Coroutine[object, object, None], then: Callable[[], None]) -> None:
        """Go on with ``then`` when whoever watches has seen enough."""
        self._is_waiting = True
        self._update_reading()
        self._task = asyncio.ensure_future(self._wait(waiting, then))

    async def _wait(self, waiting: Coroutine[object, object, None], then: Callable[[], None]) -> None:
        try:
            await waiting
        except Killed:
            self._step(self._break_off, "Connection killed.")
        except Answered as answered:
            self._step(self._answer_for_others, answered)
        except Exception as error:  # noqa: BLE001 - fail closed
            self._log_fault(error)
            self._watch = None  # it would fail in the refusal, too
            self._step(self.refuse, errors.internal_error())
        else:
            self._step(then)

    def _step[**P](self, then: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        self._is_waiting = False
        self.progress.moved = self._now()
        if not self._is_over:
            self._guarded(then, *args, **kwargs)
            self._update_reading()

    def _guarded[**P](self, step: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Whatever a step raises: nothing more reaches the backend, and the client is told or cut off."""
        try:
            step(*args, **kwargs)
        except ProtocolError:
            self._log(f"the answer of backend {self._current.config.backend.url} is no HTTP")
            self._refuse_or_cut(errors.service_unavailable())
        except Exception as error:  # noqa: BLE001 - fail closed
            self._log_fault(error)
            self._refuse_or_cut(errors.internal_error())

    def _refuse_or_cut(self, error: errors.S3Error) -> None:
        caller = self._caller
        try:
            if not self._is_over:
                self.refuse(error)
        except Exception as failure:  # noqa: BLE001 - fail closed, to the end
            self._log_fault(failure)
            self.abandon()
            if caller is not None:
                caller.cut(resets=self._is_1_0)

    def _push(self) -> None:
        if self._caller is not None:
            self._caller.push_body()

    def _update_reading(self) -> None:
        if self._caller is not None:
            self._caller.update_reading()

    def _now(self) -> float:
        return self._service.clock.now()

    def _log(self, why: str) -> None:
        if why:
            logger.error("request %s: %s", self.transaction.record.request_id, why)

    def _log_fault(self, error: BaseException) -> None:
        logger.error("request %s refused: %s", self.transaction.record.request_id, code_location(error))

    def _answer_for_others(self, answered: Answered) -> None:
        """Give the client what somebody else's addon has answered."""
        raise NotImplementedError
