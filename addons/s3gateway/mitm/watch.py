"""The addon that holds connections to the limits: how many, how long they may stand still, how much head they send.

It is in mitmproxy's hooks once a connection and never for a request. Stalls are found by looking at every connection
once a second, which costs a few microseconds for each; whose they are and when they are over is decided in
:mod:`s3gateway.rules.stalls`.
"""

import asyncio
import logging
import math
import resource
import time
from dataclasses import replace
from secrets import token_hex

from mitmproxy import connection, http
from mitmproxy.net.http import http1
from mitmproxy.proxy import layer
from mitmproxy.proxy.mode_servers import ProxyConnectionHandler
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from s3gateway import errors
from s3gateway.code_location import code_location
from s3gateway.mitm import connections, flows, termination
from s3gateway.mitm.start.live import Live
from s3gateway.rules.connections import Connections
from s3gateway.rules.limits import Limits
from s3gateway.rules.stalls import Stall, Waits, patience

logger = logging.getLogger(__name__)

NAME = "s3gatewaywatch"
SWEEP_SECONDS = 1.0

_WARN_SECONDS = 60.0
_OTHER_FILES = 128
"""Descriptors for listeners, log, configuration, libraries."""


class Watch:
    """Counts connections in and out, and ends those that stand still."""

    name = NAME

    def __init__(self, live: Live, transactions: flows.Transactions) -> None:
        self._live = live
        self._transactions = transactions
        self._count = Connections()
        self._warned: dict[str, float] = {}
        self._stalls: dict[str, Stall] = {}
        self._asked_for = self._room = 0
        for handler in connections.handlers():  # the script was reloaded
            self._count.add(handler.client.id, handler.client.peername[0])
        self._task = asyncio.create_task(self._sweep_for_ever(), name="s3gateway watch")

    @property
    def _limits(self) -> Limits:
        return self._live.current.config.limits

    @property
    def _taken(self) -> Limits:
        """As many connections as are allowed and have room."""
        limits = self._limits
        return replace(limits, connections=min(limits.connections, self._room)) if self._room else limits

    def done(self) -> None:
        """Stop; the next one takes over."""
        self._task.cancel()

    def client_connected(self, client: connection.Client) -> None:
        """Count it in, or close it at once."""
        full = self._count.enter(client.id, client.peername[0], self._taken)
        if full:
            client.error = full  # mitmproxy closes it
            now = time.monotonic()
            if now - self._warned.get(full, -math.inf) > _WARN_SECONDS:  # not for each of a flood
                self._warned[full] = now
                logger.warning("%s reached: further connections are closed, %s first", full, client.peername[0])
        elif (handler := connections.handler_of(client.id)) is not None:
            connections.hold_reads_back(handler)
            connections.read_larger(handler, client)

    def server_connected(self, data: ServerConnectionHookData) -> None:
        """Read the backend's answers in larger pieces, too."""
        if (handler := connections.handler_of(data.client.id)) is not None:
            connections.read_larger(handler, data.server)

    def client_disconnected(self, client: connection.Client) -> None:
        """Count it out."""
        self._count.leave(client.id)

    def next_layer(self, nextlayer: layer.NextLayer) -> None:
        """Bound what the HTTP server below keeps."""
        client = nextlayer.context.client
        connections.bound(nextlayer.layer, lambda: self._limits.unread_head, lambda error: self._refuse(client, error))

    def _refuse(self, client: connection.Client, error: errors.S3Error) -> bytes:
        logger.info("%s refused: %s", client.peername[0], error)
        asyncio.get_running_loop().call_later(self._limits.refusal_linger, _cut_if_there, client.id)
        fields = ((b"Content-Type", b"application/xml"), (b"Connection", b"close"))
        body = error.to_xml("", token_hex(8).upper())
        return bytes(http1.assemble_response(http.Response.make(error.status, body, http.Headers(fields))))

    async def _sweep_for_ever(self) -> None:
        while True:
            try:
                self._sweep(time.monotonic())
            except Exception as error:  # noqa: BLE001 - one odd connection must not keep the others from being watched
                logger.error("connections not watched: %s", code_location(error))  # noqa: TRY400
            await asyncio.sleep(SWEEP_SECONDS)

    def _sweep(self, now: float) -> None:
        limits = self._limits
        if limits.connections != self._asked_for:
            self._asked_for, self._room = limits.connections, _make_room(limits.connections)
        handlers = connections.handlers()
        self._stalls = {known.client.id: self._stalls.get(known.client.id) or Stall() for known in handlers}
        for handler in handlers:
            doing = connections.look_at(handler, self._counts)
            stall = self._stalls[handler.client.id]
            if stall.is_over(doing.look, limits, now):
                self._end(handler, doing, f"{patience(doing.look.waits, limits):g} s")

    def _counts(self, flow: http.HTTPFlow) -> tuple[int, ...]:
        transaction = self._transactions.get(flow)
        return (transaction.record.bytes_in, transaction.record.bytes_out) if transaction else ()

    def _end(self, handler: ProxyConnectionHandler, doing: connections.Doing, waited: str) -> None:
        """End what stands still, so that the error hook can still answer where HTTP allows it."""
        transaction = self._transactions.get(doing.flow) if doing.flow else None
        answerable = doing.flow is not None and not termination.has_begun(doing.flow)
        if transaction is None or transaction.refusal is not None:
            connections.cut(handler)
            return
        match doing.look.waits:
            case Waits.BODY if answerable:
                transaction.refusal = errors.request_timeout()
            case Waits.CONNECT:
                transaction.record.fault = f"not connected within {waited}"
            case Waits.BACKEND:
                transaction.record.fault = f"took and sent nothing for {waited}"
            case _:
                transaction.record.fault = f"the client took and sent nothing for {waited}"
                connections.cut(handler)
                return
        if not connections.cut_backend(handler):
            connections.cut(handler)


def _cut_if_there(client_id: str) -> None:
    if (handler := connections.handler_of(client_id)) is not None:
        connections.cut(handler)


def _make_room(connections: int) -> int:
    """Let the process have the files for that many, as far as it may; Linux gives 1024 unless it is asked for more.

    Gives how many there is room for: out of files, a process accepts nothing and logs that without end.
    """
    files = 2 * connections + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= files:
        return connections
    allowed = files if hard == resource.RLIM_INFINITY else min(files, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed == files:
        return connections
    room = max(1, (allowed - min(_OTHER_FILES, allowed // 2)) // 2)
    logger.warning(
        "limits.connections: that many may need %d file descriptors, and this process may have %d: %d are taken; "
        "raise its limit (ulimit -Hn) or lower limits.connections",
        files,
        allowed,
        room,
    )
    return room
