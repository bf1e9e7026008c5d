"""What one exchange holds, and how it goes on: step by step, and whatever a step raises, nothing more reaches anybody.

Whoever watches (:mod:`s3gateway.wire.watching`) is waited for between the steps, with both sides held back.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING

from s3gateway import errors
from s3gateway.code_location import code_location
from s3gateway.gateway import Admitted, Arrival, Outgoing
from s3gateway.http1 import framing
from s3gateway.http1.exchange import Progress
from s3gateway.http1.head import CHUNKED, HTTP_1_0, ProtocolError, Request
from s3gateway.observed.log_line import Record, new_id
from s3gateway.observed.transaction import Transaction
from s3gateway.rules.balance import Need
from s3gateway.wire.caller import Caller
from s3gateway.wire.outbox import Outbox
from s3gateway.wire.reply import Reply
from s3gateway.wire.watching import Answered, Killed, Watch

if TYPE_CHECKING:
    from s3gateway.rules.continuation import Rest
    from s3gateway.sigv4.model import RequestHead
    from s3gateway.wire.backend_connection import BackendConnection
    from s3gateway.wire.backends import Opening
    from s3gateway.wire.member import Member

logger = logging.getLogger(__name__)


class Stepping:
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
        self._current = self._came_under = caller.service.current
        self._request = request
        self._began = now
        self._is_1_0 = request.version == HTTP_1_0
        self._body = framing.reader(request.length)
        self._outbox = Outbox(in_chunks=request.length == CHUNKED)
        self._reply = Reply(is_1_0=self._is_1_0)
        self._wire = b""  # the head as it leaves, with a body that was held
        self._backend: BackendConnection | None = None
        self._opening: Opening | None = None
        self._make: Callable[[Admitted], tuple[Outgoing, bytes]] | None = None  # signs, for the backend in use
        self._was_sent_again = self._was_continued = False
        self._member: Member | None = None  # the one of several backends that was chosen
        self._weight = 0.0
        self._tried: set[Member] = set()
        self._was_moved = False
        self._begun: Reply | None = None  # the answer that one backend began and another is to end
        self._rest: Rest | None = None  # what another backend was asked for, after one broke off
        self._fell_at: float | None = None
        self._watch: Watch | None = None
        self._edited: RequestHead | None = None  # the head as whoever watches has let it go on
        self._task: asyncio.Task[None] | None = None
        self._is_waiting = False  # for whoever watches
        self._is_over = False
        self._held: bytearray | None = None  # the body, where it is read whole before anything leaves
        self._unsent = 0  # bytes that the backend had not taken when the clock last asked
        self._early: list[bytes] = []  # of an answer that came before the upload's end
        self._lost: str | None = None
        self._closes = True  # the client's connection, with this answer: what its head has said

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
            self.transaction.notes += (why,)
            logger.error("request %s: %s", self.transaction.record.request_id, why)

    def _log_fault(self, error: BaseException) -> None:
        logger.error("request %s refused: %s", self.transaction.record.request_id, code_location(error))

    def refuse(self, error: errors.S3Error) -> None:
        """Refuse what the client wants, at any moment."""
        raise NotImplementedError

    def abandon(self) -> None:
        """Let go of everything, whatever state it is in."""
        raise NotImplementedError

    @property
    def need(self) -> Need:
        """What the request needs of a backend."""
        raise NotImplementedError

    def backend_fell(self, why: str) -> None:
        """Hear that the chosen backend can no longer be given what this one needs."""
        raise NotImplementedError

    def _break_off(self, why: str) -> None:
        """Cut the client's connection."""
        raise NotImplementedError

    def _answer_for_others(self, answered: Answered) -> None:
        """Give the client what somebody else's addon has answered."""
        raise NotImplementedError
