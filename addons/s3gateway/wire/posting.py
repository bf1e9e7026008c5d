"""The client's body where it is a form: its fields are read and proven, then its file goes the way of every upload."""

from collections.abc import Callable
from datetime import UTC, datetime

from s3gateway import errors, post_object
from s3gateway.bodies.form_file import FormUpload
from s3gateway.gateway import Admitted, Outgoing
from s3gateway.http1.exchange import Upload
from s3gateway.observed.capture import Explanation
from s3gateway.observed.log_line import EXPLAINED
from s3gateway.post_object import AdmittedForm, Form
from s3gateway.wire.looking_up import LookingUp
from s3gateway.wire.sending import CONTINUE


class Posting(LookingUp):
    """Takes a form (:mod:`s3gateway.post_object`): nothing of it leaves before its policy is proven and holds."""

    _form: Form | None = None
    _upload: FormUpload | None = None  # until its length is known
    _admitted_form: AdmittedForm | None = None

    @property
    def _collects(self) -> bool:
        return self._upload is not None or super()._collects

    @property
    def _waits_for_fields(self) -> bool:
        """Whether nobody is proven yet: until then a form has no more time than a head."""
        return self._upload is not None and self._admitted_form is None

    def _expect_form(self, form: Form) -> None:
        self._form = form
        self.transaction.record.operation, self.transaction.record.bucket = "PutObject", form.bucket

    def _read_form(self) -> None:
        """Have the client send it."""
        if self._form is None:
            raise errors.internal_error()
        self._upload = FormUpload(self._form.boundary, self._request.length, self._service.forms)
        self.progress.upload = Upload.READING
        if self._request.expects_continue and self._caller is not None:
            self._caller.write(CONTINUE)
        self._push()
        self._update_reading()

    def _take(self, pieces: list[bytes], *, done: bool) -> None:
        upload = self._upload
        if upload is None:
            super()._take(pieces, done=done)
            return
        if not self._fails_form(upload, lambda: self._read_on(upload, pieces, done=done)):
            if self._admitted_form is None and (upload.reader.has_file or upload.reader.is_closed):
                key = post_object.key_to_look_up(upload.reader, self._current.config)
                self._when_known(key, lambda failed: self._on_key_known(upload, failed, done=done))
            else:
                self._send_if_ready(upload, done=done)

    def _read_on(self, upload: FormUpload, pieces: list[bytes], *, done: bool) -> None:
        for piece in pieces:
            self.transaction.record.bytes_in += len(piece)
            upload.feed(piece)
        if done:
            upload.reader.finish()

    def _on_key_known(self, upload: FormUpload, failed: errors.S3Error | None, *, done: bool) -> None:
        """Prove the form, once its fields are here."""

        def prove() -> None:
            if failed is not None:
                raise failed
            self._admit_form(upload)

        if not self._fails_form(upload, prove):
            self._when_signer(lambda: self._send_if_ready(upload, done=done))

    def _send_if_ready(self, upload: FormUpload, *, done: bool) -> None:
        if self.transaction.refusal is not None:
            self.refuse(self.transaction.refusal)
        elif done:
            self._send_whole(upload)
        elif upload.is_held_enough:
            self._send_on(upload)

    def _fails_form(self, upload: FormUpload, step: Callable[[], None]) -> bool:
        """Take a step; whatever it raises refuses the form."""
        try:
            step()
        except errors.S3Error as error:
            self._refuse_form(upload, error)
        except Exception as error:  # noqa: BLE001 - fail closed
            self._log_fault(error)
            self.refuse(errors.internal_error())
        else:
            return False
        return True

    def _refuse_form(self, upload: FormUpload, error: errors.S3Error) -> None:
        record = self.transaction.record
        record.client, record.key = post_object.guess(upload.reader, self._current.config)
        if error.reason and error.code in EXPLAINED:
            self.transaction.explanation = Explanation("form-policy", error.reason)
        self.refuse(error)

    def _admit_form(self, upload: FormUpload) -> None:
        transaction = self.transaction
        if self._form is None:
            raise errors.internal_error()
        admitted = post_object.admit_form(
            self._form, upload.reader, transaction.arrival, transaction.head, self._current.config, datetime.now(UTC),
            self._service.rates,
        )  # fmt: skip
        self._admitted_form = admitted
        transaction.admitted = admitted.admitted
        transaction.record.client = admitted.admitted.client.name
        transaction.record.describe(admitted.admitted.operation)
        self._service.key_ledger.note(admitted.admitted.client)
        transaction.mark("verified")

    def _send_whole(self, upload: FormUpload) -> None:
        """Send a file whose end is here, in one write with the head."""
        self.progress.upload = Upload.DONE
        data, self._upload = upload.whole(), None
        watch = self._watch

        def send() -> None:
            self._send(lambda _: (self._outgoing(len(data)), data))

        if watch is None:
            send()
        else:
            watch.uploaded(data)
            self._after(watch.request_came(None), send)

    def _send_on(self, upload: FormUpload) -> None:
        """Send the beginning of a long file; the rest follows as it comes."""
        self.progress.upload = Upload.WAITING
        self._upload = None

        def make(_: Admitted) -> tuple[Outgoing, bytes]:
            body = upload.streamed()
            return post_object.with_body(self._outgoing(body.length), body), b""

        self._send(make)

    def _outgoing(self, length: int) -> Outgoing:
        if self._admitted_form is None:
            raise errors.internal_error()
        current = self._current
        return post_object.forward_form(self._admitted_form, length, current.config, current.signer, datetime.now(UTC))

    def _end(self) -> None:
        upload, self._upload = self._upload, None
        if upload is not None:
            upload.drop()
        super()._end()
