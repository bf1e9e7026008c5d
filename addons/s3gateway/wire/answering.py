"""The way back of one exchange: the backend's answer, on its way to the client."""

from typing import Final

from s3gateway.answer_watch import Refuse
from s3gateway.http1.exchange import Answer, Upload
from s3gateway.http1.head import ProtocolError
from s3gateway.rules.continuation import Rest
from s3gateway.rules.headers import removed
from s3gateway.wire.ending import Ending
from s3gateway.wire.reply import Step
from s3gateway.wire.watching import Answered, Watch

LARGE: Final = 1024 * 1024
"""Bytes from which an answer weighs more than a small request: of one, and of what a slow client has not taken."""

_UNAVAILABLE: Final = 503
_NO_QUORUM: Final = "SlowDownWrite"


class Answering(Ending):
    """Takes the answer from the backend and gives it to the client; :class:`~s3gateway.wire.reply.Reply` knows how."""

    def backend_data(self, data: bytes) -> None:
        """Take some of the answer."""
        self.progress.moved = self._now()
        if self._is_waiting:
            self._reply.keep(data)
            if self._backend is not None:
                self._backend.pause_reading()
        elif self._reply.head is None:
            self._guarded(self._read_head, data)
        else:
            self._guarded(self._pass_on, data)

    def _read_head(self, data: bytes) -> None:
        transaction, progress = self.transaction, self.progress
        if transaction.admitted is None or transaction.outgoing is None:
            raise ProtocolError("an answer came before its request")
        admitted, outgoing, config = transaction.admitted, transaction.outgoing, self._current.config
        step = self._reply.read_head(data, admitted, outgoing, config, transaction.for_page)
        if step is Step.MORE:
            return
        if self._rest is not None:
            self._take_rest(self._rest)
            return
        if self._member is not None:
            head = self._reply.head
            if head is not None and head.status == _UNAVAILABLE and self._is_tried_elsewhere():
                return
            if self._reply.length >= LARGE:
                self._weigh_answer(self._reply.length)
        progress.answer = Answer.HELD
        transaction.mark("answered")
        self._note_answer()
        if isinstance(step, Refuse):
            self._refuse_answer(step)
        elif self._watch is not None:
            self._after(self._watch_answer(self._watch), self._catch_up)
        else:
            self._pass_on(b"")

    def _pass_on(self, data: bytes) -> None:
        """Pass on some of the answer's body, with its head where that has not left; at its end, end the exchange."""
        reply = self._reply
        out = reply.read_body(data)
        self._note_answer()
        if isinstance(out, Refuse):
            self._refuse_answer(out)
        elif self.progress.is_uploading and reply.is_success:
            # No success before the client's whole body is proven; the backend cannot have read it either.
            self._early += out
            if self._early and self._backend is not None:
                self._backend.pause_reading()
        elif not (reply.is_undecided and not out):
            early, self._early = self._early, []
            self._give([*early, *out], is_whole=reply.is_whole)

    def _give(self, pieces: list[bytes], *, is_whole: bool) -> None:
        caller, record, watch = self._caller, self.transaction.record, self._watch
        if caller is None:
            return
        wire: list[bytes] = []
        if self.progress.may_answer:
            self.progress.answer = Answer.BEGUN
            self._drop_upload()
            self._closes = self._closes_client
            wire.append(self._reply.head_for_client(self.transaction.head.method, closes=self._closes))
        for piece in pieces:
            record.bytes_out += len(piece)
            if watch is not None:
                watch.downloaded(piece)
        wire += self._reply.framed(pieces, is_whole=is_whole)
        data = wire[0] if len(wire) == 1 else b"".join(wire)
        if not is_whole:
            caller.write(data)
        elif watch is None:
            self._finish(data)
        else:
            self._close_books(self._status)
            self._after(watch.answered(self.transaction), lambda: self._finish(data))

    def _finish(self, last: bytes) -> None:
        """End well: the answer is whole."""
        caller, backend = self._caller, self._backend
        if caller is not None and last:
            caller.write(last)
        upload = self.progress.upload
        is_clean = upload is Upload.NONE or (upload is Upload.DONE and self._reply.is_success)
        is_clean = is_clean and not self._outbox and self._lost is None
        self.progress.answer = Answer.DONE
        self._backend = None
        if backend is not None:
            # Who refuses an upload may not have read what was written: the next request would wait behind it.
            if is_clean and self._reply.leaves_clean and not backend.unsent:
                backend.give_back()
            else:
                backend.close()
        self._close_books(self._status)
        self._leave(keeps=not self._closes, linger=upload is Upload.DROPPED)

    def _refuse_answer(self, refusal: Refuse) -> None:
        """Give the client the gateway's answer in place of the backend's."""
        record = self.transaction.record
        record.backend_error = refusal.code or record.backend_error
        self.transaction.explanation = refusal.explanation or self.transaction.explanation
        self._log(refusal.why)
        self.refuse(refusal.error)

    def _note_answer(self) -> None:
        """Take what the answer has told into the record and the log."""
        reply, transaction = self._reply, self.transaction
        transaction.answer = reply.head
        if reply.head is not None and not transaction.record.backend_request_id:
            transaction.record.note_request_id(reply.head.first(b"x-amz-request-id"))
        transaction.record.backend_error = reply.code or transaction.record.backend_error
        if reply.code == _NO_QUORUM and self._member is not None:
            self._note_refused_write()
        while reply.notes:
            self._log(reply.notes.pop(0))

    async def _watch_answer(self, watch: Watch) -> None:
        reply = self._reply
        if reply.head is not None:
            headers = await watch.answer_came(reply.head.status, reply.reason, reply.head.headers)
            reply.edit(headers)
            self.transaction.answer = reply.head

    def _answer_for_others(self, answered: Answered) -> None:
        """Give the client what somebody else's addon has answered."""
        self._let_go_of_backend()
        self._drop_upload()
        if not self.progress.may_answer:
            self._break_off("answered twice")
            return
        fields = removed(removed(answered.headers, b"transfer-encoding"), b"content-length")
        headers = (*fields, (b"Content-Length", b"%d" % len(answered.body)))
        self._reply.answer_with(answered.status, answered.reason, headers)
        self._note_answer()
        self._give([answered.body] if self.transaction.head.method != b"HEAD" else [], is_whole=True)

    def client_is_full(self) -> None:
        """Take no more of the answer."""
        if self._backend is not None and self._reply.head is not None:
            self._backend.pause_reading()

    def client_has_room(self) -> None:
        """Take it again."""
        if self._backend is not None and not self._is_waiting:
            self._backend.resume_reading()

    def _take_rest(self, rest: Rest) -> None:
        """Go on with an answer that another backend has begun."""
        raise NotImplementedError

    def _is_tried_elsewhere(self) -> bool:
        """Try the request at another backend, where this one refuses it for the moment."""
        raise NotImplementedError

    def _note_refused_write(self) -> None:
        """Hear that the backend does not see its write quorum."""
        raise NotImplementedError

    def _weigh_answer(self, length: int) -> None:
        """Count a large answer for what it is."""
        raise NotImplementedError

    def _catch_up(self) -> None:
        """Take what has come from the backend in the meantime."""
        raise NotImplementedError
