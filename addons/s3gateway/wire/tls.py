"""TLS on memory buffers: a transport's bytes on one side, a protocol's on the other, for clients and for the backend.

asyncio's own TLS cannot be given bytes that were read before the handshake (the first one tells TLS from plain HTTP),
keeps a buffer of 256 KiB for each connection, and says the same of a peer's close_notify as of a cut. Here two buffers
serve all connections: what is read is decrypted and handed on before the event loop reads from another socket.
"""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from s3gateway.wire.reads import MOST, received

_NO_TLS: Final = frozenset(("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG"))
"""What OpenSSL says of a peer that answers a ClientHello with something else."""

_decrypted = memoryview(bytearray(MOST))


class Inner(Protocol):
    """What is called with what came decrypted: the methods of asyncio's protocols."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is up."""

    def data_received(self, data: bytes) -> None:
        """Some data has come."""

    def eof_received(self) -> bool | None:
        """The peer sends no more."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""

    def pause_writing(self) -> None:
        """Much is unsent."""

    def resume_writing(self) -> None:
        """Little is unsent."""


class TlsTransport(asyncio.BufferedProtocol):
    """One TLS connection. To the socket's transport it is a protocol, to ``inner`` it is the transport.

    ``on_up`` is called when the handshake is done, and ``on_failed`` with the reason when it is not. ``inner`` has
    ``connection_made`` called between the two: it never sees a connection that is not up.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        inner: Inner,
        *,
        server_hostname: str | None = None,
        on_up: Callable[[ssl.SSLObject], None] | None = None,
        on_failed: Callable[[str], None] | None = None,
    ) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        is_server = server_hostname is None
        self._tls = context.wrap_bio(self._in, self._out, server_side=is_server, server_hostname=server_hostname)
        self._inner = inner
        self._on_up, self._on_failed = on_up, on_failed
        self._raw: asyncio.Transport | None = None
        self._is_up = self._is_paused = self._is_dropping = self._is_closing = self._is_ended = False

    # What the socket's transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        raw: asyncio.Transport = transport  # type: ignore[assignment]  # the base class of asyncio's signature
        self._raw = raw
        self._advance()

    def take_over(self, transport: asyncio.Transport, first: bytes) -> None:
        """Begin on a transport that is connected, with what was read from it already."""
        self._raw = transport
        transport.set_protocol(self)
        self._in.write(first)
        self._advance()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Give the buffer that all connections read into."""
        return received.view

    def buffer_updated(self, nbytes: int) -> None:
        """Decrypt what came and hand it on."""
        if self._is_dropping:
            return
        self._in.write(received.view[:nbytes])
        self._advance()

    def eof_received(self) -> bool:
        """Tell ``inner`` of the end; whether it was a clean one is for the framing of HTTP to tell."""
        if not self._is_up:
            self._fail("it ended the connection")
        elif not self._is_ended:
            self._is_ended = True
            self._inner.eof_received()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell ``inner``, and let go of it."""
        if not self._is_up:
            self._fail("it ended the connection")
        self._raw = None
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass on."""
        if self._is_up:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass on."""
        if self._is_up:
            self._inner.resume_writing()

    # What ``inner`` calls: the part of asyncio's transports that it needs.

    def write(self, data: bytes) -> None:
        """Encrypt and send."""
        if self._raw is None or self._is_closing:
            return
        try:
            done = self._tls.write(data) if data else 0
            while done < len(data):
                done += self._tls.write(memoryview(data)[done:])
        except ssl.SSLError:
            self.abort()
            return
        self._flush()

    def write_eof(self) -> None:
        """Say that no more comes, and drop what the peer still sends."""
        if self._raw is None or self._is_closing:
            return
        self._is_dropping = True
        self._notify()
        self._raw.write_eof()

    def close(self) -> None:
        """Say so, send what is unsent, and close."""
        if self._raw is None or self._is_closing:
            return
        if not self._is_dropping:
            self._notify()
        self._is_closing = self._is_dropping = True
        self._raw.close()

    def abort(self) -> None:
        """Close at once."""
        self._is_closing = self._is_dropping = True
        if self._raw is not None:
            self._raw.abort()

    def is_closing(self) -> bool:
        """Whether nothing more can be written."""
        return self._is_closing or self._raw is None or self._raw.is_closing()

    def pause_reading(self) -> None:
        """Hand nothing on; what was received stays encrypted."""
        self._is_paused = True
        if self._raw is not None:
            self._raw.pause_reading()

    def resume_reading(self) -> None:
        """Hand on what waits, and read."""
        if not self._is_paused:
            return
        self._is_paused = False
        if self._raw is not None:
            self._raw.resume_reading()
            asyncio.get_running_loop().call_soon(self._advance)  # not from within the caller's own step

    def get_write_buffer_size(self) -> int:
        """Bytes that the peer has not taken."""
        return self._raw.get_write_buffer_size() if self._raw is not None else 0

    def set_write_buffer_limits(self, high: int) -> None:
        """Set at how many unsent bytes ``inner`` is asked to pause."""
        if self._raw is not None:
            self._raw.set_write_buffer_limits(high)

    def get_extra_info(self, name: str) -> object:
        """Pass on."""
        return self._raw.get_extra_info(name) if self._raw is not None else None

    # The work.

    def _advance(self) -> None:
        if self._raw is None or self._is_dropping:
            return
        try:
            if not self._is_up and not self._shake_hands():
                return
            while self._may_read and self._read():
                pass
        except ssl.SSLError as error:
            self._fail(_reason(error))
        else:
            if self._out.pending:  # tickets, answers to a key update
                self._flush()

    @property
    def _may_read(self) -> bool:
        return not (self._is_paused or self._is_dropping or self._is_ended)

    def _shake_hands(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        self._is_up = True
        self._flush()
        if self._on_up:
            self._on_up(self._tls)
        self._on_up = self._on_failed = None
        self._inner.connection_made(self)  # type: ignore[arg-type]  # it has what is asked of it
        return True

    def _read(self) -> bool:
        """Hand on one piece; whether there may be more."""
        size, most, more = 0, len(received.view), True
        try:
            while size < most:
                count = self._tls.read(most - size, _decrypted[size:])
                if not count:
                    self._is_ended, more = True, False  # close_notify
                    break
                size += int(count)
                if not self._in.pending and not self._tls.pending():
                    more = False  # asking again would only raise SSLWantReadError
                    break
        except ssl.SSLWantReadError:
            more = False
        if size:
            self._inner.data_received(bytes(_decrypted[:size]))
        if self._is_ended and not self._inner.eof_received():
            self.close()  # as asyncio does at the end of a plain connection
        return more

    def _notify(self) -> None:
        with suppress(ssl.SSLError):  # the peer has not answered yet, and need not
            self._tls.unwrap()
        self._flush()

    def _flush(self) -> None:
        if self._raw is not None and self._out.pending:
            self._raw.write(self._out.read())

    def _fail(self, why: str) -> None:
        on_failed, self._on_failed = self._on_failed, None
        if self._raw is not None:
            self._flush()  # the alert that says why
            self._raw.close()
        self._is_dropping = True
        if on_failed:
            on_failed(why)


def _reason(error: ssl.SSLError) -> str:
    """Tell in OpenSSL's words, without the place in Python's source."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"Certificate verify failed: {error.verify_message}"
    if error.reason in _NO_TLS:
        return "it does not speak TLS"
    return (error.reason or "the handshake failed").replace("_", " ").lower()
