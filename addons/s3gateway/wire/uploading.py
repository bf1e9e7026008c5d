"""The client's body of one exchange: taken as fast as the backend takes it, verified, passed on or ended."""

import asyncio
from datetime import UTC, datetime
from itertools import chain
from typing import Final

from s3gateway import errors
from s3gateway.bodies.held import Held, hold, release
from s3gateway.bodies.whole import Body, Piece
from s3gateway.gateway import Admitted, Outgoing
from s3gateway.http1.exchange import Link, Upload
from s3gateway.http1.head import ProtocolError
from s3gateway.sigv4.model import RequestHead
from s3gateway.wire.sending import Sending
from s3gateway.wire.watching import Watch

_AT_ONCE: Final = 16
"""Chunks from the spool that leave before others have their turn: a fast backend takes them without end."""


class Uploading(Sending):
    """Takes the body from the client and gives it to the backend, verified."""

    _is_received = False  # all of the body has come, and its end has not been put into the outbox
    _has_ended = False  # its end has just been put there
    _filled = 0

    @property
    def takes_body(self) -> bool:
        """Whether more of the client's body can be taken now."""
        if self.progress.upload is not Upload.READING or self._is_waiting:
            return False
        if self._collects:
            return True
        return self._backend is not None and not self._backend.is_full and not self._has_verified

    @property
    def _collects(self) -> bool:
        """Whether the body is kept here, before anything leaves."""
        return self._held is not None

    @property
    def _has_verified(self) -> bool:
        """Whether some of what was verified waits for its way out, so that nothing more is taken."""
        body = self._transformer
        return self._is_received or (body is not None and body.has_more)

    @property
    def _transformer(self) -> Body | None:
        outgoing = self.transaction.outgoing
        return outgoing.body if outgoing is not None else None

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
        self._take(pieces, done=body.done)

    def _take(self, pieces: list[bytes], *, done: bool) -> None:
        if self._held is not None:
            self._hold(self._held, pieces, done=done)
        else:
            self._transform(pieces, done=done)

    def _transform(self, pieces: list[bytes], *, done: bool) -> None:
        """Verify, and pass on what may leave."""
        record, body = self.transaction.record, self._transformer
        try:
            if body is None:
                raise errors.internal_error()
            out: list[Piece] = []
            for piece in pieces:
                record.bytes_in += len(piece)
                out += body.feed(piece)
            ending = body.finish() if done and not body.has_more else None
        except errors.S3Error as error:
            record.chunks = body.chunks if body is not None else 0
            self._spoil(error)
            return
        except Exception as error:  # noqa: BLE001 - fail closed: nothing more may reach the backend
            self._log_fault(error)
            self._spoil(errors.internal_error())
            return
        record.chunks = body.chunks
        self._put(out, ending)
        self._is_received = done and ending is None
        self._drain()

    def _put(self, pieces: list[Piece], ending: list[Piece] | None) -> None:
        self._outbox.put(pieces, ending)
        if ending is not None:
            self.progress.upload = Upload.DONE
            self._has_ended = True

    def _drain(self) -> None:
        super()._drain()
        if self._has_ended:
            self._has_ended = False
            self._on_uploaded()

    def _fill_outbox(self) -> bool:
        body = self._transformer
        if body is None or self.progress.upload is not Upload.READING or not self._has_verified:
            return False
        if self._filled >= _AT_ONCE:
            asyncio.get_running_loop().call_soon(self._go_on_filling)
            return False
        self._filled += 1
        if body.has_more:
            self._put(body.more(), None)
            return True
        self._is_received = False
        try:
            self._put([], body.finish())
        except errors.S3Error as error:
            self._spoil(error)
            return False
        return True

    def _go_on_filling(self) -> None:
        self._filled = 0
        if not self._is_over:
            self.progress.moved = self._now()
            self._guarded(self._drain)
            self._push()

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

        def make(admitted: Admitted) -> tuple[Outgoing, bytes]:
            current = self._current
            return release(admitted, held, head, content, current.config, current.signer, datetime.now(UTC))

        self._send(make)

    def _spoil(self, error: errors.S3Error) -> None:
        """End an upload that is at fault: the backend never has it whole, and the client reads why."""
        body, backend = self._transformer, self._backend
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
