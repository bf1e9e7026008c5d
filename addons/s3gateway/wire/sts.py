"""STS of one exchange: its form is collected, whoever asks is proven, and the answer holds the credentials.

Nothing of it goes to the backend, and nothing of it is kept: not the form, not the answer, and of the target nothing
that a password or a token may be in.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_bytes
from typing import Final

from s3gateway import errors, token_service
from s3gateway.http1.exchange import Upload
from s3gateway.http1.head import reason
from s3gateway.identity import calls, documents
from s3gateway.identity.login import Login
from s3gateway.identity.session import ENTROPY_BYTES
from s3gateway.identity.sts import as_sts
from s3gateway.sigv4.model import RequestHead, Secret
from s3gateway.token_service import Asked, Granted
from s3gateway.wire.backend_logins import at_backend
from s3gateway.wire.posting import Posting
from s3gateway.wire.refusal import Refusal
from s3gateway.wire.sending import CONTINUE

_OK: Final = 200
_SHOWN: Final = 64


@dataclass(slots=True)
class _Reading:
    """A request to STS of which the form is still to come. ``head`` is the one that came, with all that is in it."""

    head: RequestHead
    body: bytearray


class Assuming(Posting):
    """Takes a request to STS (:mod:`s3gateway.token_service`) and answers it."""

    _sts: _Reading | None = None
    _granted: Granted | None = None

    @property
    def _collects(self) -> bool:
        return self._sts is not None or super()._collects

    @property
    def _waits_for_fields(self) -> bool:
        return (self._sts is not None and self.progress.upload is Upload.READING) or super()._waits_for_fields

    def _expect_sts(self, length: int) -> None:
        """Note that this is a request to STS; what is kept of its head from now on holds no secret."""
        transaction = self.transaction
        head = transaction.head
        self._sts = _Reading(head, bytearray())
        transaction.head = token_service.shown(head)
        transaction.record.operation = calls.action_in(head.parameters) or "STS"
        try:
            token_service.check(head, length, self._current.config)
        except errors.S3Error as error:
            raise as_sts(error) from None

    def _read_sts(self, sts: _Reading) -> None:
        """Have the client send its form, if there is one."""
        if not self._request.length:
            self._answer_sts(sts)
            return
        self.progress.upload = Upload.READING
        if self._request.expects_continue and self._caller is not None:
            self._caller.write(CONTINUE)
        self._push()
        self._update_reading()

    def _take(self, pieces: list[bytes], *, done: bool) -> None:
        sts = self._sts
        if sts is None:
            super()._take(pieces, done=done)
            return
        for piece in pieces:
            self.transaction.record.bytes_in += len(piece)
            sts.body += piece
        if len(sts.body) > calls.MOST_BYTES:
            self.refuse(token_service.too_long())
        elif done:
            self.progress.upload = Upload.DONE
            self._answer_sts(sts)

    def _answer_sts(self, sts: _Reading) -> None:
        body, sts.body = bytes(sts.body), bytearray()
        self._after(self._decide(sts.head, body), self._give_granted)

    async def _decide(self, head: RequestHead, body: bytes) -> None:
        """Find the answer, which may take a directory or an issuer to say who it is."""
        await asyncio.sleep(0)  # a login takes milliseconds: others are served between its steps
        try:
            self._granted = await self._grant(head, body)
        except errors.S3Error as error:
            self.transaction.refusal = as_sts(error).detached()
        except Exception as error:  # noqa: BLE001 - fail closed
            self._log_fault(error)
            self.transaction.refusal = as_sts(errors.internal_error())

    async def _grant(self, head: RequestHead, body: bytes) -> Granted:
        transaction, service, current = self.transaction, self._service, self._current
        record, config, now = transaction.record, current.config, datetime.now(UTC)
        asked = token_service.begin(head, body, transaction.arrival, config, now, service.rates)
        record.operation = asked.call.action
        if asked.client is not None:
            record.client = asked.client.name
            service.key_ledger.note(asked.client)
        if asked.call.action == calls.CALLER and asked.client is not None:
            return token_service.identify(asked.client, record.request_id)
        login = await self._login(asked)
        record.client = login.user
        if roles := token_service.roles_as_user(asked, login, config):
            at, pool = service.anyone(current)
            login = await at_backend(asked.call, login, roles, at.config, pool)
        entropy = token_bytes(ENTROPY_BYTES)
        return token_service.grant(asked, login, config, datetime.now(UTC), entropy, record.request_id)

    async def _login(self, asked: Asked) -> Login:
        """Ask a provider who it is, unless a signature has said so."""
        if asked.client is not None:
            return token_service.login_of(asked.client)
        call, record, logins = asked.call, self.transaction.record, self._service.logins
        user = call.get("LDAPUsername") if call.action == calls.WITH_LDAP else ""
        record.client = f"{user[:_SHOWN]}?" if user else ""
        self._charge_login(user)
        if call.action == calls.WITH_LDAP:
            return await logins.with_password(call.need("LDAPUsername"), Secret(call.need("LDAPPassword")))
        return await logins.with_token(Secret(call.need(calls.WEB_TOKEN)), call.get("RoleArn") or None)

    def _charge_login(self, user: str) -> None:
        sts = self._current.config.sts
        if sts is None:
            raise errors.internal_error()
        address, now = self.transaction.record.address, datetime.now(UTC)
        self._service.login_rates.charge(address, user, sts.logins_per_address, sts.logins_per_user, now)

    def _give_granted(self) -> None:
        transaction, granted = self.transaction, self._granted
        if granted is None or transaction.refusal is not None:
            self.refuse(transaction.refusal or as_sts(errors.internal_error()))
            return
        closes = self._closes_client
        body = granted.document
        record = transaction.record
        record.bytes_out = len(body)
        headers = (
            (b"Content-Type", b"text/xml"),
            (b"Content-Length", b"%d" % len(body)),
            (b"x-amzn-RequestId", record.request_id.encode()),
            (b"Cache-Control", b"no-store"),
            *(transaction.for_page or ()),
            *(((b"Connection", b"close"),) if closes else ()),
        )
        kept = documents.redacted(body) if self._watch is not None else b""
        self._answer_for_itself(Refusal(_OK, reason(_OK), headers, body), kept, keeps=not closes)

    def refuse(self, error: errors.S3Error, *more: tuple[bytes, bytes]) -> None:
        """Refuse; what concerns STS in its own words."""
        super().refuse(as_sts(error) if self._sts is not None else error, *more)

    def _end(self) -> None:
        self._sts = self._granted = None
        super()._end()
