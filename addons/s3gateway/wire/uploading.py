"""The client's body of one exchange: taken as fast as the backend takes it, verified, passed on or ended."""

from datetime import UTC, datetime
from itertools import chain

from s3gateway import errors
from s3gateway.bodies.held import Held, hold, release
from s3gateway.bodies.whole import Piece
from s3gateway.http1.exchange import Link, Upload
from s3gateway.http1.head import ProtocolError
from s3gateway.sigv4.model import RequestHead
from s3gateway.wire.sending import Sending
from s3gateway.wire.watching import Watch


class Uploading(Sending):
    """Takes the body from the client and gives it to the backend, verified."""

    @property
    def takes_body(self) -> bool:
        """Whether more of the client's body can be taken now."""
        if self.progress.upload is not Upload.READING or self._is_waiting:
            return False
        return self._held is not None or (self._backend is not None and not self._backend.is_full)

    @property
    def holds_back(self) -> bool:
        """Whether the client must wait before it sends more of its body."""
        return self.progress.is_uploading and not self.takes_body

    def client_data(self, data: bytes) -> None:
        """Take some of the body; what is behind its end goes back to the client's connection."""
        progress, caller, body = self.progress, self._caller, self._body
        if caller is None:
            return
        progress.moved = progress.client_moved = self._now()
        try:
            pieces = body.feed(data)
        except ProtocolError:
            self._spoil(errors.bad_request())
            return
        if body.done and body.rest:
            caller.put_back(body.rest)
            body.rest = b""
        progress.body_taken = progress.body_taken or bool(pieces)
        if self._held is not None:
            self._hold(self._held, pieces, done=body.done)
        else:
            self._transform(pieces, done=body.done)

    def _transform(self, pieces: list[bytes], *, done: bool) -> None:
        """Verify, and pass on what may leave."""
        record, outgoing = self.transaction.record, self.transaction.outgoing
        body = outgoing.body if outgoing is not None else None
        try:
            if body is None:
                raise errors.internal_error()
            out: list[Piece] = []
            for piece in pieces:
                record.bytes_in += len(piece)
                out += body.feed(piece)
            ending = body.finish() if done else None
        except errors.S3Error as error:
            record.chunks = body.chunks if body is not None else 0
            self._spoil(error)
            return
        except Exception as error:  # noqa: BLE001 - fail closed: nothing more may reach the backend
            self._log_fault(error)
            self._spoil(errors.internal_error())
            return
        record.chunks = body.chunks
        self._outbox.put(out, ending)
        if done:
            self.progress.upload = Upload.DONE
        self._drain()
        if done:
            self._on_uploaded()

    def _on_uploaded(self) -> None:
        if self._watch is not None:
            self._after(self._watch.request_came(None), self._catch_up)
        elif self._reply.has_come:
            self._catch_up()

    def _hold(self, kept: bytearray, pieces: list[bytes], *, done: bool) -> None:
        """Collect a body that somebody may edit; when it is whole, verify it first."""
        transaction, watch = self.transaction, self._watch
        for piece in pieces:
            kept += piece
        transaction.record.bytes_in = len(kept)
        if not done:
            return
        self.progress.upload = Upload.DONE
        wire, self._held = bytes(kept), None
        try:
            if transaction.admitted is None or watch is None:
                raise errors.internal_error()
            held = hold(transaction.admitted, wire, self._current.config, self._current.signer, datetime.now(UTC))
        except errors.S3Error as error:
            self.refuse(error)
        except Exception as error:  # noqa: BLE001 - fail closed
            self._log_fault(error)
            self.refuse(errors.internal_error())
        else:
            transaction.record.chunks = held.chunks
            self._after(watch.request_came(held.content), lambda: self._release(held, watch))

    def _release(self, held: Held, watch: Watch) -> None:
        """Sign a held request as it is now, edited or not, and send all of it."""
        head, content = watch.request_now()
        head = same_or_new(self.transaction.head, head)
        config, signer = self._current.config, self._current.signer
        self._sign(lambda admitted: release(admitted, held, head, content, config, signer, datetime.now(UTC)))

    def _spoil(self, error: errors.S3Error) -> None:
        """End an upload that is at fault: the backend never has it whole, and the client reads why."""
        outgoing, backend = self.transaction.outgoing, self._backend
        body = outgoing.body if outgoing is not None else None
        has_begun = not self._outbox.holds_head  # else the backend has heard nothing, and need not
        poison = body.poison() if body is not None and has_begun and not self._outbox.in_chunks else None
        if backend is not None and poison is not None and self.progress.may_answer:
            self._backend = None
            self.progress.link = Link.GONE
            backend.spoil(chain[Piece](self._outbox.take_all(), poison))
        self._drop_upload()
        self.refuse(error)


def same_or_new(admitted: RequestHead, now: RequestHead) -> RequestHead:
    """Give the admitted head itself unless somebody has edited it since."""
    return admitted if now == admitted else now
