"""The connection to the backend of one exchange: signed, connected, written to, lost, tried once more."""

from typing import Final

from s3gateway import errors
from s3gateway.http1 import framing
from s3gateway.http1.exchange import Answer, Link, Upload
from s3gateway.http1.head import write_request
from s3gateway.rules.repeatable import is_repeatable
from s3gateway.sigv4.model import RequestHead
from s3gateway.wire.backend_connection import BackendConnection
from s3gateway.wire.choosing import RETRY_AFTER, Choosing, Make

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_CLIENTS_PAUSE: Final = 20.0
"""Seconds. A backend that ends an upload after its client has stood still for this long ended it for that reason."""


class Sending(Choosing):
    """Sends the request; :class:`s3gateway.wire.backend_connection.User` says what the pool asks of it."""

    def _send(self, make: Make) -> None:
        """Choose a backend where there are several, sign what leaves, and get a connection for it."""
        self._make = make
        if not self._came_under.config.sites or self._choose():
            self._sign()

    def _sign(self) -> None:
        transaction, make = self.transaction, self._make
        try:
            if transaction.admitted is None or transaction.refusal is not None or make is None:
                raise errors.internal_error()  # nothing leaves that was not admitted
            outgoing, body = make(transaction.admitted)
        except errors.S3Error as error:
            self.refuse(error)
            return
        except Exception as error:  # noqa: BLE001 - fail closed
            self._log_fault(error)
            self.refuse(errors.internal_error())
            return
        tracer = self._service.tracer
        if tracer is not None:
            outgoing = tracer.traced(outgoing, transaction)
        transaction.outgoing = outgoing
        transaction.record.sse = outgoing.sse
        transaction.record.describe(outgoing.operation)
        transaction.mark("signed")
        if self._watch is not None:
            self._watch.sent(
                RequestHead(outgoing.method, outgoing.target, outgoing.headers), self._current.config.backend
            )
        if body and any(name.lower() == b"transfer-encoding" for name, _ in outgoing.headers):
            body = framing.chunk(body) + framing.LAST_CHUNK
        self._wire = write_request(outgoing.method, outgoing.target, outgoing.headers) + body
        self._connect(fresh=self._rest is not None)

    def _connect(self, *, fresh: bool) -> None:
        pool = self._service.pool(self._current) if self._member is None else self._member.pool
        backend = None if fresh else pool.take()
        self.progress.moved = self._now()
        if backend is not None:
            self.backend_is_up(backend)
            return
        self.progress.link = Link.CONNECTING
        self._opening = pool.connect(self)
        self._update_reading()

    def backend_is_up(self, backend: BackendConnection) -> None:
        """Write the head to it, and let the client send its body."""
        self._guarded(self._on_backend_up, backend)

    def _on_backend_up(self, backend: BackendConnection) -> None:
        self._opening = None
        if self._is_over:
            backend.close()
            return
        progress = self.progress
        self._backend, backend.user = backend, self
        progress.link, progress.was_reused, progress.moved = Link.UP, backend.was_used, self._now()
        if progress.upload is not Upload.WAITING:
            backend.write(self._wire)
            return
        progress.upload = Upload.READING
        self._outbox.begin(self._wire)
        if self._request.expects_continue:
            self._drain()
            if self._caller is not None and not self._was_continued and not self.progress.body_taken:
                self._was_continued = True
                self._caller.write(CONTINUE)
        self._push()  # what has come of the body leaves in one write with the head
        self._drain()

    def backend_failed(self, why: str) -> None:
        """Tell the client that there is no backend."""
        self._opening = None
        self.progress.link = Link.GONE
        if not self._is_over:
            self._guarded(self._on_unreachable, why)

    def backend_gone(self, why: str) -> None:
        """Find out what the end of the backend's connection means."""
        self._backend = None
        self.progress.link = Link.GONE
        if self._is_over:
            return
        if self._is_waiting:
            self._lost = why
        else:
            self._guarded(self._on_lost, why)

    def _on_lost(self, why: str) -> None:
        progress, record = self.progress, self.transaction.record
        is_unanswered = progress.answer is Answer.NONE and not self._reply.has_come
        if is_unanswered and self._sends_again():
            return
        if self._member is not None:
            self._note_broken(why)
            if self._moves(why) or self._continues(why):
                return
        paused = self._now() - progress.client_moved
        if progress.upload is Upload.READING and paused >= _CLIENTS_PAUSE and progress.may_answer:
            self.refuse(errors.request_timeout())
        elif is_unanswered and progress.was_reused:
            record.fault = why
            self._log(f"{why} as the request was written to it; its client is asked to send it again")
            self.refuse(errors.slow_down(), RETRY_AFTER)
        else:
            self._fail(why)

    def _sends_again(self) -> bool:
        """Send the request again, on a fresh connection, where that is allowed; True if it is on its way."""
        outgoing = self.transaction.outgoing
        if outgoing is None or self._was_sent_again:
            return False
        repeatable = is_repeatable(outgoing.operation, self.transaction.head)
        if not self.progress.may_send_again(is_repeatable=repeatable, was_handed_over=not self._outbox):
            return False
        self._was_sent_again = True
        self.transaction.retries += ("stale",)
        if self.progress.upload is Upload.READING:
            self.progress.upload = Upload.WAITING  # none of it is taken before the head has gone out again
        self._outbox.clear()
        self._connect(fresh=True)
        return True

    def _catch_up(self) -> None:
        """Take what has come from the backend in the meantime."""
        if self._backend is not None:
            self._backend.resume_reading()
        if self._reply.head is not None:
            self._pass_on(b"")
        elif self._reply.has_come:
            self._read_head(b"")
        if self._lost is not None and not self._is_over and not self._is_waiting:
            lost, self._lost = self._lost, None
            self._on_lost(lost)

    def _drain(self) -> None:
        backend, outbox = self._backend, self._outbox
        if backend is None:
            return
        while not backend.is_full and (outbox or self._fill_outbox()):
            backend.write(outbox.take())
        self._update_reading()

    def _fill_outbox(self) -> bool:
        """Put more of the body into the outbox, if there is more."""
        raise NotImplementedError

    def backend_is_full(self) -> None:
        """Take no more of the client's body."""
        self._update_reading()

    def backend_has_room(self) -> None:
        """Take it again."""
        self.progress.moved = self._now()
        self._guarded(self._drain)
        self._push()
