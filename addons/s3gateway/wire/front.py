"""The first bytes of a connection: whose it is, where a load balancer tells, and whether TLS or plain HTTP follows."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Final

from s3gateway.http1.proxy_protocol import ProxyProtocolError
from s3gateway.rules.connections import is_within
from s3gateway.wire.client import ClientConnection
from s3gateway.wire.proxied import Address, Opening
from s3gateway.wire.tls import TlsTransport

logger = logging.getLogger(__name__)

_RECORD: Final = b"\x16\x03"
"""A TLS record with a handshake message, of any version (RFC 8446 §5.1). No HTTP method begins so."""

_VERSIONS: Final = b"\x00\x01\x02\x03"
_DISTRUSTED: Final = (
    "The client does not trust the gateway's certificate; it needs the CA that signed `listen.certificate` "
    "(without that key: mitmproxy's own, mitmproxy-ca-cert.pem in the confdir)"
)


class Front(asyncio.Protocol):
    """Waits for the first bytes of ``client``'s connection. ``on_tls`` is told of each handshake that is done.

    ``on_source`` is told the address that a load balancer has named, and gives the reason if there is one to close the
    connection. ``on_refused`` is told why a connection was closed before it began.
    """

    def __init__(
        self,
        client: ClientConnection,
        on_tls: Callable[[ssl.SSLObject], None],
        transport: asyncio.Transport,
        *,
        on_source: Callable[[Address], str] = lambda _: "",
        on_refused: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._client = client
        self._on_tls, self._on_source, self._on_refused = on_tls, on_source, on_refused
        self._transport = transport
        self._peer = transport.get_extra_info("peername")
        networks = client.service.current.config.listen.proxy_protocol
        self._opening: Opening | None = Opening(is_proxy=bool(networks) and is_within(self._peer[0], networks))
        self._first = b""
        self._clock = client.service.clock
        self._since = self._clock.now()
        self._clock.watched.add(self)

    def data_received(self, data: bytes) -> None:
        """Decide, if there is enough."""
        if self._opening is None:
            self._first += data
        elif not self._is_open(self._opening, data):
            return
        if self._first:
            self._tell_tls_from_http()

    def _is_open(self, opening: Opening, data: bytes) -> bool:
        """Whether it is known whose connection it is, and it may go on."""
        try:
            rest = opening.feed(data)
        except ProxyProtocolError as error:
            self._on_refused(str(error))
            self._transport.abort()
            return False
        if rest is None:
            return False
        self._opening, self._first = None, rest
        if opening.is_proxy:
            self._peer = opening.source or self._peer
            if self._on_source(self._peer):
                self._transport.abort()
                return False
        return True

    def _tell_tls_from_http(self) -> None:
        first = self._first
        if first[:2] == _RECORD[: len(first)]:
            if len(first) > len(_RECORD) and first[2] in _VERSIONS:
                self._shake_hands()
            if len(first) <= len(_RECORD):
                return
            if first[2] in _VERSIONS:
                return
        self._clock.watched.discard(self)
        self._transport.set_protocol(self._client)
        self._client.connection_made(self._transport)
        self._client.data_received(first)

    def eof_received(self) -> bool:
        """End what has not begun."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of it."""
        self._clock.watched.discard(self)
        self._client.connection_lost(exc)

    def check(self, now: float) -> None:
        """End a connection whose first bytes, or whose handshake, do not come."""
        if now - self._since >= self._client.service.limits.head_timeout:
            self._transport.abort()

    def _shake_hands(self) -> None:
        context = self._client.service.current.client_tls
        TlsTransport(context, self._client, on_up=self._on_up, on_failed=self._on_failed).take_over(
            self._transport, self._first
        )

    def _on_up(self, tls: ssl.SSLObject) -> None:
        self._clock.watched.discard(self)
        self._on_tls(tls)

    def _on_failed(self, why: str) -> None:
        self._clock.watched.discard(self)
        told = _DISTRUSTED if "unknown ca" in why or "certificate unknown" in why or "bad certificate" in why else why
        logger.warning("TLS handshake failed: %s", told, extra={"client": self._peer})
