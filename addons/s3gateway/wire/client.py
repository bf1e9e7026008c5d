"""The protocol in front: one client connection, plain or TLS, whose requests are served one after the other."""

import asyncio
import logging
import socket
import struct
import time
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from s3gateway import errors
from s3gateway.code_location import code_location
from s3gateway.gateway import Arrival
from s3gateway.http1.head import Request
from s3gateway.http1.heads import Heads
from s3gateway.observed.log_line import Record, new_id
from s3gateway.observed.transaction import Transaction
from s3gateway.rules.stalls import Waits, patience
from s3gateway.sigv4.model import RequestHead
from s3gateway.wire.exchange import Exchange
from s3gateway.wire.reads import READ, received
from s3gateway.wire.refusal import refusal
from s3gateway.wire.service import Service
from s3gateway.wire.tls import TlsTransport

logger = logging.getLogger(__name__)

_AT_ONCE: Final = 16
"""Requests of one connection that are answered before others have their turn: one read may bring thousands."""

_RESET: Final = struct.pack("ii", 1, 0)
"""``l_onoff`` and ``l_linger`` of socket(7): the close sends RST and drops what is unsent."""

_WRITE_BUFFER: Final = 128 * 1024
"""Unsent bytes at which the backend is asked to wait."""


class _State(Enum):
    HEAD = auto()  # a request is to come
    BUSY = auto()  # one is being served
    LINGER = auto()  # the last answer is out; what still comes is dropped, so that the client gets to read it
    GONE = auto()


class ClientConnection(asyncio.BufferedProtocol):
    """One client. ``address`` is written as in the log; ``on_gone`` is called once, when the connection has ended."""

    def __init__(self, service: Service, address: str, peer: object, on_gone: Callable[[], None]) -> None:
        self.service = service
        self.address = address
        self.peer = peer
        self.is_tls = False
        self.transport: asyncio.Transport | None = None
        self._on_gone = on_gone
        self._heads = Heads()
        self._state = _State.HEAD
        self._exchange: Exchange | None = None
        self._served = 0
        self._is_reading = True
        self._is_serving = self._has_turn_to_come = False
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._unsent = 0

    @property
    def is_busy(self) -> bool:
        """Whether a request is under way."""
        return self._exchange is not None

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection; a TLS one when its handshake is done."""
        raw: asyncio.Transport = transport  # type: ignore[assignment]  # asyncio's, or TlsTransport
        raw.set_write_buffer_limits(_WRITE_BUFFER)
        self.transport = raw
        self.is_tls = isinstance(transport, TlsTransport)
        self.service.clock.watched.add(self)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Give the buffer that all connections read into."""
        return received.view

    def buffer_updated(self, nbytes: int) -> None:
        """Take a copy of what came."""
        self.data_received(bytes(received.view[:nbytes]))

    def data_received(self, data: bytes) -> None:
        """Serve what is asked."""
        self._guarded(self._take, data)

    def _take(self, data: bytes) -> None:
        if self._state is _State.LINGER or self._state is _State.GONE:
            return
        exchange = self._exchange
        if exchange is not None:
            if exchange.takes_body and not self._heads:
                self._guarded(exchange.client_data, data)
                return
            if exchange.drops_body:
                self._heads.clear()
                return
        if exchange is None and self._served and not self._heads and data[0] not in b"\r\n":
            self._since = self._loop.time()  # a head has begun, and has its own time from now on
        self._heads.add(data)
        if exchange is None:
            self._serve()
        self.update_reading()

    def eof_received(self) -> bool:
        """A client that has ended its side is taken to want nothing more (RFC 9112 §9.6 leaves that open)."""
        self._leave("Client disconnected.")
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Let go of everything."""
        self._leave("Client disconnected.")
        self.service.clock.watched.discard(self)
        self.transport = None
        on_gone, self._on_gone = self._on_gone, _nothing
        on_gone()

    def pause_writing(self) -> None:
        """Take no more of the answer from the backend."""
        if self._exchange is not None:
            self._exchange.client_is_full()

    def resume_writing(self) -> None:
        """Take it again."""
        if self._exchange is not None:
            self._exchange.client_has_room()

    # What an exchange calls.

    def write(self, data: bytes) -> None:
        """Send to the client."""
        if self.transport is not None:
            self.transport.write(data)

    @property
    def unsent(self) -> int:
        """Bytes that the client has not taken."""
        return self.transport.get_write_buffer_size() if self.transport is not None else 0

    def update_reading(self) -> None:
        """Read on, or hold the client back: while nobody takes its body, or when it has sent much ahead of its turn."""
        transport = self.transport
        if transport is None:
            return
        exchange = self._exchange
        wants = not (exchange is not None and exchange.holds_back) and (
            exchange is None or len(self._heads) <= self.service.limits.unread_head + READ
        )
        if wants is not self._is_reading:
            self._is_reading = wants
            if wants:
                transport.resume_reading()
            else:
                transport.pause_reading()

    def push_body(self) -> None:
        """Give the exchange what has come of its body while it could not take it."""
        exchange = self._exchange
        if exchange is not None and self._heads and exchange.takes_body:
            self._guarded(exchange.client_data, self._heads.take_all())
        self.update_reading()

    def put_back(self, data: bytes) -> None:
        """Keep what came behind a body: the next request."""
        self._heads.put_back(data)

    def exchange_ended(self, *, keeps: bool, linger: bool = False) -> None:
        """Serve the next request, or end: at once, or ``limits.refusal_linger`` after the answer."""
        self._forget_exchange()
        self._since = self._loop.time()
        if self._state is not _State.BUSY:
            return
        if not keeps:
            self._end(linger=linger)
            return
        self._state = _State.HEAD
        self._served += 1
        self.update_reading()
        if self._heads:
            self._serve()

    def cut(self, *, resets: bool = False) -> None:
        """End at once, so that a client sees that its answer is not whole.

        To HTTP/1.0 a plain end of the connection is the end of the answer, so there it ``resets``.
        """
        if resets and self.transport is not None:
            found = self.transport.get_extra_info("socket")
            if found is not None:
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._state = _State.GONE
        self._drop()
        if self.transport is not None:
            self.transport.abort()

    # Time.

    def check(self, now: float) -> None:
        """End what stands still for longer than the limits allow."""
        exchange, limits = self._exchange, self.service.limits
        unsent = self.unsent
        if unsent != self._unsent:
            self._unsent = unsent
            self._since = now
            if exchange is not None:
                exchange.progress.moved = now
        if exchange is not None:
            exchange.check(now, limits)
            return
        match self._state:
            case _State.LINGER:
                allowed: float | None = limits.refusal_linger
            case _State.HEAD:
                waits = Waits.TAKE if unsent else Waits.HEAD if not self._served or self._heads else Waits.NEXT
                allowed = patience(waits, limits)
            case _:
                allowed = limits.body_timeout if unsent else 0
        if allowed is not None and now - self._since >= allowed:
            self.cut()

    def stop(self, why: str) -> None:
        """End what is under way because the gateway ends; a request that comes later is refused."""
        exchange = self._exchange
        if exchange is not None:
            self._guarded(exchange.client_gone, why)
            self.cut()

    # The work.

    def _serve(self) -> None:
        if self._is_serving:
            return  # an exchange has ended at once: the loop below goes on
        self._is_serving = True
        try:
            for _ in range(_AT_ONCE):
                if self._state is not _State.HEAD or not self._heads or not self._next():
                    return
        finally:
            self._is_serving = False
        if not self._has_turn_to_come:
            self._has_turn_to_come = True
            self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        self._has_turn_to_come = False
        if self._exchange is None:
            self._guarded(self._serve)

    def _next(self) -> bool:
        """Begin the next exchange; False where its head has not come whole."""
        try:
            request = self._heads.take(self.service.limits.unread_head)
        except errors.S3Error as error:
            self._refuse(error)
            return False
        if request is not None:
            self._begin(request)
        return request is not None

    def _begin(self, request: Request) -> None:
        self._state = _State.BUSY
        exchange = self._exchange = Exchange(self, request, self._loop.time())
        received.begun()
        exchange.start(self.service.refusal())
        if self._exchange is exchange:
            self.push_body()

    def _refuse(self, error: errors.S3Error) -> None:
        """Answer what is no request of S3's, in one write, and end. It has its line in the log, as every refusal."""
        record = Record(time.time(), new_id(), address=self.address, status=error.status)
        record.refuse(error)
        nothing = RequestHead(b"", b"", ())
        answer = refusal(error, nothing, record, closes=True)
        arrival = Arrival(tls=self.is_tls, has_body=False)
        self.service.books.closed(Transaction(nothing, arrival, record, refusal=error.detached()))
        self.write(answer.wire)
        self._state = _State.BUSY
        self._end(linger=True)

    def _end(self, *, linger: bool) -> None:
        self._heads.clear()
        self._since = self._loop.time()
        if self.transport is None:
            return
        if linger:
            self._state = _State.LINGER
            self._is_reading = True
            self.transport.resume_reading()
            self.transport.write_eof()
        else:
            self._state = _State.GONE
            self.transport.close()

    def _leave(self, why: str) -> None:
        self._state = _State.GONE
        exchange = self._exchange
        if exchange is not None:
            self._guarded(exchange.client_gone, why)
        self._drop()

    def _drop(self) -> None:
        self._forget_exchange()
        self._heads.clear()

    def _forget_exchange(self) -> None:
        if self._exchange is not None:
            self._exchange = None
            received.ended()

    def _guarded[**P](self, step: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Whatever a step of an exchange raises: nothing more of it reaches the backend, and the client is cut off."""
        exchange = self._exchange
        try:
            step(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - fail closed
            logger.error("connection of %s cut: %s", self.address, code_location(error))  # noqa: TRY400
            if exchange is not None:
                exchange.abandon()
            self.cut()


def _nothing() -> None:
    pass
