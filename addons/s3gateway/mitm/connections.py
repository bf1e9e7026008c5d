"""What a client connection is doing, and holding it to its bounds: more of what mitmproxy's public API cannot do.

As :mod:`~s3gateway.mitm.termination` this leans on mitmproxy's internals: the connection handlers, the ``HttpLayer``
and its ``Http1Server``, which takes a head of any length, keeps all that a client sends ahead, and queues an upload
whose backend connection is not there yet. ``tests/mitm/test_limits.py`` and ``test_termination.py`` pin what is used.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from h11._receivebuffer import ReceiveBuffer
from mitmproxy import ctx, http
from mitmproxy.connection import Connection
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import HttpLayer, HttpStream
from mitmproxy.proxy.layers.http._base import HttpEvent
from mitmproxy.proxy.layers.http._events import ResponseProtocolError
from mitmproxy.proxy.layers.http._http1 import Http1Server
from mitmproxy.proxy.mode_servers import ProxyConnectionHandler
from mitmproxy.proxy.server import ConnectionIO

from s3gateway import errors
from s3gateway.errors import S3Error
from s3gateway.rules.stalls import Look, Waits

_READ = 256 * 1024
"""Most bytes of one read; as much may have come behind a request that is being answered. mitmproxy reads a quarter."""

_QUEUED_READS = 4
_GATE_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Doing:
    """What a connection looks like, and the flow that it is about, if any."""

    look: Look
    flow: http.HTTPFlow | None = None


def handlers() -> Iterable[ProxyConnectionHandler]:
    """Every client connection there is."""
    server = ctx.master.addons.get("proxyserver")
    return list(server.connections.values()) if server else ()


def handler_of(client_id: str) -> ProxyConnectionHandler | None:
    """Find one client connection."""
    server = ctx.master.addons.get("proxyserver")
    return server.connections.get(client_id) if server else None


def look_at(handler: ProxyConnectionHandler, counts: Callable[[http.HTTPFlow], tuple[int, ...]]) -> Doing:
    """Tell whom a connection waits for. ``counts`` gives the numbers of a flow that change as its bodies move."""
    layers = handler.layer.context.layers
    http_layer = next((found for found in reversed(layers) if isinstance(found, HttpLayer)), None)
    server = http_layer.connections.get(handler.client) if http_layer else None
    if http_layer is None or not isinstance(server, Http1Server):
        return Doing(Look(Waits.HEAD))
    stream = next((stream for stream in http_layer.streams.values() if hasattr(stream, "flow")), None)
    if stream is None:
        return Doing(Look(_between(server), (server.stream_id,)))
    flow = stream.flow
    unsent = _unsent(handler.transports[handler.client]) if handler.client in handler.transports else 0
    held = sum(_unsent(io) for connection, io in handler.transports.items() if connection is not handler.client)
    ends = (flow.request.timestamp_end is not None, flow.response is not None)
    read = len(stream.request_body_buf) + len(stream.response_body_buf)  # of a body that does not stream
    waits = _waits(flow, client_has_unsent=bool(unsent), backend_has_unsent=bool(held))
    return Doing(Look(waits, (server.stream_id, unsent, held, read, *ends, *counts(flow))), flow)


def _between(server: Http1Server) -> Waits:
    if server.request is not None:  # it was refused, and its body is being dropped
        return Waits.BODY
    first = server.stream_id == 1
    return Waits.HEAD if first or server.buf else Waits.NEXT


def _waits(flow: http.HTTPFlow, *, client_has_unsent: bool, backend_has_unsent: bool) -> Waits:
    if flow.intercepted:
        return Waits.OPERATOR
    if client_has_unsent:
        return Waits.TAKE
    answered = flow.response is not None and flow.response.timestamp_end is not None
    connected = flow.server_conn.connected and flow.server_conn.tls_established
    uploading = flow.request.timestamp_end is None
    if uploading and (answered or not flow.request.stream):  # not streamed: it is held here until it is whole
        return Waits.BODY
    if flow.response is None and not connected:
        return Waits.CONNECT
    return Waits.BODY if uploading and connected and not backend_has_unsent else Waits.BACKEND


def _unsent(io: ConnectionIO) -> int:
    """Bytes that the peer has not taken: they fill its socket's buffer, and ours."""
    return io.writer.transport.get_write_buffer_size() if isinstance(io.writer, asyncio.StreamWriter) else 0


def cut(handler: ProxyConnectionHandler) -> None:
    """End a client connection; a client that takes nothing any more does not hold its socket open either."""
    io = handler.transports.get(handler.client)
    if io is not None:
        _end(io)


def cut_backend(handler: ProxyConnectionHandler) -> bool:
    """End the connections to the backend, open or opening; mitmproxy then reports an error. False if there are none."""
    ended = [io for connection, io in list(handler.transports.items()) if connection is not handler.client]
    for io in ended:
        _end(io)
    return bool(ended)


def _end(io: ConnectionIO) -> None:
    if io.handler is not None:
        io.handler.cancel("timeout")
    if _unsent(io) and isinstance(io.writer, asyncio.StreamWriter):
        io.writer.transport.abort()  # a close would wait for a peer that reads nothing, with the socket open


class _LargeReader(asyncio.StreamReader):
    """Gives as much as there is, and lets more be there."""

    async def read(self, n: int = -1) -> bytes:  # noqa: ARG002 - what mitmproxy asks for
        return await super().read(_READ)


def read_larger(handler: ProxyConnectionHandler, peer: Connection) -> None:
    """Take more of a body at once: each read passes all of mitmproxy's layers, which costs more than it carries.

    From ``client_connected`` or ``server_connected``: the loop that reads has not begun then.
    """
    io = handler.transports.get(peer)
    if io is not None and isinstance(io.reader, asyncio.StreamReader):
        io.reader.__class__ = _LargeReader
        io.reader._limit = _READ // 2  # type: ignore[attr-defined]  # noqa: SLF001 - asyncio stops receiving at twice that


def hold_reads_back(handler: ProxyConnectionHandler) -> None:
    """Do not read on from a client whose request is waiting: mitmproxy would queue an upload in memory.

    It does so while a connection to the backend is made, however long that takes.
    """
    handler.drain_writers = partial(_drain_and_wait, handler)  # type: ignore[method-assign]


async def _drain_and_wait(handler: ProxyConnectionHandler) -> None:
    await ProxyConnectionHandler.drain_writers(handler)
    client = handler.transports.get(handler.client)
    if client is None or asyncio.current_task() is not client.handler:
        return
    while _has_queued(handler):  # noqa: ASYNC110 - mitmproxy has no event for it
        await asyncio.sleep(_GATE_SECONDS)


def _has_queued(handler: ProxyConnectionHandler) -> bool:
    for found in reversed(handler.layer.context.layers):
        if isinstance(found, HttpLayer):
            return any(_is_behind(stream) for stream in found.streams.values())
    return False


def _is_behind(stream: HttpStream) -> bool:
    return bool(stream._paused) and len(stream._paused_event_queue) > _QUEUED_READS  # noqa: SLF001 - nothing else tells


class BoundedHttp1Server(Http1Server):
    """mitmproxy's server side of HTTP/1, with an end to what it keeps of a client's bytes, and S3's words for errors.

    ``most`` is the bound on a head that is not whole yet; whatever else is kept (what a client sends ahead of its turn,
    the line of an HTTP chunk) may have as much and two reads, and a client that goes on is cut off. ``refuse`` is told
    of a request that is none, and gives the bytes to answer with: mitmproxy's own page is HTML, which no SDK reads.
    """

    def __init__(self, context: Context, most: Callable[[], int], refuse: Callable[[S3Error], bytes]) -> None:
        super().__init__(context)
        self._most = most
        self._refuse = refuse

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        yield from super()._handle_event(event)
        kept = len(self.buf)
        if kept <= self._most():
            return
        if self.state == self.read_headers:
            error = errors.head_too_large("bytes of request head and more", kept, self._most())
            yield commands.SendData(self.conn, self._refuse(error))
            yield commands.CloseTcpConnection(self.conn, half_close=True)
            self.state = self.drop
            self.buf = ReceiveBuffer()
        elif kept > self._most() + 2 * _READ:
            yield commands.CloseConnection(self.conn)

    def read_headers(self, event: events.ConnectionEvent) -> layer.CommandGenerator[None]:
        """Ignore empty lines before a request (RFC 9112 §2.2): at each mitmproxy waits for the client to write more."""
        had = None
        while self.state == self.read_headers and len(self.buf) != had:
            had = len(self.buf)
            yield from self._in_xml(super().read_headers(event))

    def send(self, event: HttpEvent) -> layer.CommandGenerator[None]:
        """Pass on, but for mitmproxy's own errors."""
        sending = super().send(event)
        return self._in_xml(sending) if isinstance(event, ResponseProtocolError) else sending

    def _in_xml(self, given: layer.CommandGenerator[None]) -> layer.CommandGenerator[None]:
        """Put our answer in the place of what can only be mitmproxy's: an error page with its status."""
        for command in given:
            if isinstance(command, commands.SendData):
                is_clients = command.data.startswith(b"HTTP/1.1 4")
                command.data = self._refuse(errors.bad_request() if is_clients else errors.service_unavailable())
            yield command

    def drop(self, event: events.Event) -> layer.CommandGenerator[None]:
        """Take what still comes, so that the client can write to its end and read the answer."""
        self.buf = ReceiveBuffer()
        if isinstance(event, events.ConnectionClosed):
            yield commands.CloseConnection(self.conn)


def bound(top: layer.Layer | None, most: Callable[[], int], refuse: Callable[[S3Error], bytes]) -> None:
    """Give the HTTP layer below ``top`` its server side before mitmproxy makes one: it keeps what it finds there."""
    while top is not None and not isinstance(top, HttpLayer):
        top = getattr(top, "child_layer", None)
    if top is not None:
        top.connections[top.context.client] = BoundedHttp1Server(top.context.fork(), most, refuse)
