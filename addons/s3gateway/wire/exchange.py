"""One request and its answer, from head to log line: admit, sign, connect, upload, answer. Fails closed at every step.

An exchange is built in layers, each with one subject: :mod:`~s3gateway.wire.stepping` (what it holds, how it goes on),
:mod:`~s3gateway.wire.ending` (how it ends), :mod:`~s3gateway.wire.answering` (the way back),
:mod:`~s3gateway.wire.choosing` (which of several backends), :mod:`~s3gateway.wire.sending` (the backend's connection),
:mod:`~s3gateway.wire.uploading` (the client's body), :mod:`~s3gateway.wire.posting` (one that is a form),
:mod:`~s3gateway.wire.looking_up` (keys that somebody else knows), :mod:`~s3gateway.wire.sts` (logins and sessions),
:mod:`~s3gateway.wire.cors` (pages), :mod:`~s3gateway.wire.renewing` (a key that the backend refuses), and here the way
in.
"""

from datetime import UTC, datetime
from typing import Final

from s3gateway import errors, gateway, post_object, token_service
from s3gateway.gateway import Admitted, Outgoing
from s3gateway.http1.exchange import Upload
from s3gateway.http1.head import check_host
from s3gateway.rules.limits import Limits
from s3gateway.rules.stalls import Waits, patience
from s3gateway.wire.renewing import Renewing
from s3gateway.wire.uploading import same_or_new

_REFUSED: Final = 400


class Exchange(Renewing):
    """One request of a client, from its head on."""

    def start(self, refusal: errors.S3Error | None = None) -> None:
        """Admit the request, or refuse it before its body is looked at; ``refusal`` is one that is certain already."""
        self._guarded(self._start, refusal)

    def _start(self, refusal: errors.S3Error | None) -> None:
        head, config = self.transaction.head, self._current.config
        key = token_service.key_to_look_up(head, config) if refusal is None else ""
        self._when_known(key, lambda failed: self._on_known(refusal or failed))

    def _on_known(self, refusal: errors.S3Error | None) -> None:
        self._admit(refusal)
        self._when_signer(self._on_signer)

    def _on_signer(self) -> None:
        if not self._is_form:
            self.transaction.mark("verified")
        self._decide_for_page(self._go_on)

    def _go_on(self) -> None:
        watch = self._watch = self._service.books.watch(self.transaction, self._caller)
        if watch is not None:
            length = self._request.length if not self._is_form else 0  # a form cannot be edited
            is_to_forward = self.transaction.refusal is None and not self.transaction.is_preflight
            if is_to_forward and length and watch.holds(length):
                self._held = bytearray()
            self._outbox.on_framed = watch.uploaded
            self._after(watch.head_came(self.transaction), self._on_head_seen)
        else:
            self._answer_or_forward()

    def _answer_or_forward(self) -> None:
        if self.transaction.refusal is not None:
            self._answer_refusal()
        elif self.transaction.is_preflight:
            self._answer_preflight()
        else:
            self._forward()

    @property
    def _is_form(self) -> bool:
        """Whether who asks is known only from the body."""
        return self._form is not None or self._sts is not None

    def _admit(self, refusal: errors.S3Error | None) -> None:
        transaction, config = self.transaction, self._current.config
        record, head, arrival = transaction.record, transaction.head, transaction.arrival
        try:
            if refusal is not None:
                raise refusal
            if head.method == b"OPTIONS":
                self._admit_preflight()
                return
            check_host(head)
            if self._comes_with_its_body():
                return
            admitted = gateway.admit(head, arrival, config, datetime.now(UTC), self._service.rates)
        except errors.S3Error as error:
            if error.status < _REFUSED and self._service.is_ending:  # a health poll that was to hear that all is well
                error = errors.slow_down("the gateway is ending")
            if error.code != "RequestHeaderSectionTooLarge" and self._sts is None:
                record.client, operation = gateway.guess(head, config)
                if operation is not None:
                    record.describe(operation)
            transaction.refusal = error.detached()
        except Exception as error:  # noqa: BLE001 - fail closed
            self._log_fault(error)
            transaction.refusal = errors.internal_error()
        else:
            transaction.admitted = admitted
            record.client = admitted.client.name
            record.describe(admitted.operation)
            self._service.key_ledger.note(admitted.client)

    def _comes_with_its_body(self) -> bool:
        """Whether the body says who asks: a request to STS, or a form. Raises :class:`~s3gateway.errors.S3Error`."""
        head, length, config = self.transaction.head, self._request.length, self._current.config
        if token_service.is_call(head, config):
            self._expect_sts(length)
        elif (form := post_object.begin(head, self.transaction.arrival, length, config)) is not None:
            self._expect_form(form)
        return self._is_form

    def _on_head_seen(self) -> None:
        if self.transaction.refusal is not None or self.transaction.is_preflight:
            self._answer_or_forward()
        elif self._held is not None:
            self.progress.upload = Upload.READING
            self._push()
        elif self._request.length or self._watch is None:
            self._forward()
        else:
            self._after(self._watch.request_came(b""), self._forward)

    def _forward(self) -> None:
        """Sign what leaves, and get a connection for it; the body follows as it comes."""
        if self._sts is not None:
            self._read_sts(self._sts)
            return
        if self._form is not None:
            self._read_form()
            return
        head = self.transaction.head
        if self._watch is not None:
            head = self._edited = same_or_new(head, self._watch.request_now()[0])

        def make(admitted: Admitted) -> tuple[Outgoing, bytes]:
            current, spool = self._current, self._service.spool
            return gateway.forward(admitted, head, current.config, current.signer, datetime.now(UTC), spool), b""

        self._send(make)

    def client_gone(self, why: str) -> None:
        """Take the upload, or the answer, away from the backend at once."""
        if self._is_over:
            return
        record, status = self.transaction.record, self._status
        self._caller = None
        self._let_go_of_backend()
        if self.transaction.refusal is None:
            record.fault = record.fault or why
        self._close_books(status, failed=record.fault or why)
        self._end()

    def check(self, now: float, limits: Limits) -> None:
        """End what stands still for longer than the limits allow."""
        progress, caller, backend = self.progress, self._caller, self._backend
        if caller is None or self._is_over:
            return
        unsent = backend.unsent if backend is not None else 0
        if unsent != self._unsent:  # a slow backend takes it, though not enough for more to be written
            self._unsent, progress.moved = unsent, now
        if self._waits_for_fields and now - self._began >= limits.head_timeout and not self._is_waiting:
            self._guarded(self.refuse, errors.request_timeout())
            return
        progress.is_held_open = self._is_waiting and self._watch is not None and self._watch.is_held_open
        waits = progress.waits(
            client_has_unsent=bool(caller.unsent),
            backend_has_unsent=bool(self._outbox) or bool(unsent),
        )
        if not progress.is_over(waits, limits, now):
            self._check_fallen(now)
            return
        waited = f"{patience(waits, limits):g} s"
        match waits:
            case Waits.BODY if progress.may_answer:
                self._guarded(self.refuse, errors.request_timeout())
            case Waits.CONNECT:
                self._drop_opening()
                self._guarded(self._on_unreachable, f"not connected within {waited}")
            case Waits.BACKEND:
                self._note_broken(f"took and sent nothing for {waited}")
                self._guarded(self._fail, f"took and sent nothing for {waited}")
            case _:
                self._guarded(self._break_off, f"the client took and sent nothing for {waited}")
