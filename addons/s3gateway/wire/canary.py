"""The canary: one small object for each way to sign, through the gateway to the backend, and gone again.

It runs at the start and after a reload, as the client that the configuration names, over a connection of the gateway's
own: nothing but the listening socket is left out. A wrong key, clock, region, KMS key or name in a certificate is told
in words. Until it has passed the gateway is not ready; a failure is tried again, and nobody else's request is refused
for it.
"""

import asyncio
import logging
import re
import socket
from typing import Final

from s3gateway.code_location import code_location
from s3gateway.explain.unreachable import remedy
from s3gateway.observed.printable import printable
from s3gateway.observed.transaction import Transaction
from s3gateway.wire.canary_run import Found, run
from s3gateway.wire.client import ClientConnection
from s3gateway.wire.front import Front
from s3gateway.wire.plain_client import Streams
from s3gateway.wire.service import Service

logger = logging.getLogger(__name__)

_OF_ONE: Final = re.compile(r" \(headers: [^)]*\)")
"""What a note tells of one request alone: without it, one reason is told once for all ways to sign."""


class Canary:
    """Runs in a running gateway. ``why`` is why the gateway is not ready; empty where it is, or there is no canary."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._ended: dict[str, Transaction | None] = {}
        self._task: asyncio.Task[None] | None = None
        self._has_passed = False
        self.why = ""

    @property
    def is_running(self) -> bool:
        """Whether it wants to hear of what has ended."""
        return self._task is not None and not self._task.done()

    @property
    def is_up(self) -> dict[str, bool]:
        """Whether the last run passed, by the client's name; nothing before the first has ended."""
        settings = self._service.current.config.canary
        if settings is None or (self.is_running and not self.why and not self._has_passed):
            return {}
        return {settings.client: self._has_passed}

    @property
    def reason(self) -> str:
        """Why the gateway is not ready."""
        if self._service.current.config.canary is None or self._has_passed:
            return ""
        return f"canary: {self.why or 'has not passed yet'}"

    def begin(self) -> None:
        """Run as soon as the configuration that was given is in force."""
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.get_running_loop().create_task(self._run_on(), name="s3gateway canary")

    def ended(self, transaction: Transaction) -> None:
        """Hear of a request: of the canary's own, whose key nobody can guess."""
        if transaction.record.key in self._ended:
            self._ended[transaction.record.key] = transaction

    def stop(self) -> None:
        """Run no more."""
        if self._task is not None:
            self._task.cancel()

    async def _run_on(self) -> None:
        """Run until it passes."""
        while (settings := self._service.current.config.canary) is not None:
            try:
                found = await run(self._service.current.config, self._connect, self._note, self._explain)
            except Exception as error:  # noqa: BLE001 - the gateway would not get ready, and nobody knew why
                found = Found(f"failed by itself: {code_location(error)}", "")
            finally:
                self._ended = {}
            self._has_passed = not found.why
            if found.why and found.why != self.why:
                logger.error("canary: %s (not ready; tried again each %g s)", found.why, settings.retry)
            self.why = found.why
            if not found.why:
                logger.warning("canary: %s", found.told)
                return
            await asyncio.sleep(settings.retry)

    def _note(self, key: str) -> None:
        """Expect requests of this key."""
        self._ended[key] = None

    def _explain(self, key: str) -> str:
        transaction = self._ended.get(key)
        return "" if transaction is None else words(transaction, self._service.current.config.backend.url)

    async def _connect(self) -> Streams:
        return await connect(self._service)


async def connect(service: Service) -> Streams:
    """Open a connection to the gateway in this process, without a listener."""
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    await loop.connect_accepted_socket(lambda: _Accepted(service), theirs)
    return await asyncio.open_connection(sock=ours)


class _Accepted(asyncio.Protocol):
    """Hands the connection over, as the door does with those that mitmproxy has accepted."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        raw: asyncio.Transport = transport  # type: ignore[assignment]  # asyncio's annotation says less
        client = ClientConnection(self._service, "canary", None, lambda: None)
        raw.set_protocol(Front(client, lambda _: None, raw))


def words(transaction: Transaction, backend: str) -> str:
    """Say why a request did not do what it asks for, as its operator needs it."""
    record = transaction.record
    if transaction.notes:
        return _OF_ONE.sub("", transaction.notes[-1])
    if record.fault:
        advice = "; ".join(filter(None, (record.fault.rstrip("."), remedy(record.fault))))
        return f"backend {record.endpoint or backend} failed: {advice}"
    if transaction.explanation is not None:
        return transaction.explanation.sentence
    if record.refusal:
        return f"refused with {record.refusal}: {record.reason}"
    if record.backend_error:
        return f"backend {record.endpoint or backend} answered {record.status} {printable(record.backend_error)}"
    return ""
