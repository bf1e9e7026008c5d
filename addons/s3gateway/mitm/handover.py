"""Where a connection passes from mitmproxy to the gateway's own wire.

mitmproxy listens, accepts, and tells in ``client_connected``. From there on it has nothing to do but to know that the
connection exists. :class:`Door` belongs to no script: when the gateway's script is gone after a broken reload, it still
takes every connection, and each request is answered with 500. mitmproxy would forward it.
"""

import logging
import math
import resource
import ssl
import time
from collections.abc import Callable
from dataclasses import replace

from mitmproxy.connection import Client, TlsVersion
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.utils import human

from s3gateway.code_location import code_location
from s3gateway.mitm import internals
from s3gateway.rules.connections import Connections, Elsewhere, is_within
from s3gateway.rules.limits import Limits
from s3gateway.wire.client import ClientConnection
from s3gateway.wire.front import Front
from s3gateway.wire.proxied import Address
from s3gateway.wire.service import Service

logger = logging.getLogger(__name__)

NAME = "s3gatewaydoor"

_WARN_SECONDS = 60.0
_OTHER_FILES = 128
"""Descriptors for listeners, log, configuration, libraries."""


class Door:
    """Counts connections in and out, and hands each to the gateway. It goes on where a door ``before`` it has ended.

    ``on_full`` is told of the limit that has kept one out.
    """

    name = NAME

    def __init__(
        self, service: Service, before: "Door | None" = None, on_full: Callable[[str], None] | None = None
    ) -> None:
        self._service = service
        self._on_full = on_full
        self._count: Connections = before._count if before else Connections()  # noqa: SLF001 - of the same class
        self._clients: dict[str, ClientConnection] = {}
        self._warned: dict[str, float] = {}
        self._asked_for = self._room = 0

    def share(self, ledger: Elsewhere) -> None:
        """Count together with other workers."""
        self._count.elsewhere = ledger

    def client_connected(self, client: Client) -> None:
        """Take the connection over, or have mitmproxy close it."""
        if client.error is not None:  # another addon has refused it
            return
        try:
            self._take(client)
        except Exception as error:  # noqa: BLE001 - mitmproxy would serve it with a layer of its own
            client.error = "internal error"
            logger.error("connection of %s closed: %s", human.format_address(client.peername), code_location(error))  # noqa: TRY400

    def _take(self, client: Client) -> None:
        if self._service.is_closed:
            logger.error("the gateway's script is not loaded: %s is refused", human.format_address(client.peername))
        networks = self._service.current.config.listen.proxy_protocol
        is_proxy = bool(networks) and is_within(client.peername[0], networks)
        full = self._count.enter(client.id, None if is_proxy else client.peername[0], self._limits)
        if full:
            client.error = full
            if self._on_full is not None:
                self._on_full(full)
            self._warn_full(full, client.peername[0])
            return
        taken = internals.take_transport(client)
        if isinstance(taken, str):
            client.error = taken
            level = logging.DEBUG if taken == internals.GONE else logging.ERROR
            logger.log(level, "connection of %s closed: %s", human.format_address(client.peername), taken)
            return
        transport, first, on_gone = taken

        def gone() -> None:
            self._count.leave(client.id)  # at once: mitmproxy's own end of it comes some turns of the loop later
            on_gone()

        connection = ClientConnection(self._service, human.format_address(client.peername), client, gone)
        self._clients[client.id] = connection
        front = Front(
            connection,
            lambda tls: _note_tls(client, tls),
            transport,
            on_source=lambda source: self._name(client, connection, source),
            on_refused=lambda why: self._warn(why, "connection of %s closed: %s", client.peername[0], why),
        )
        transport.set_protocol(front)
        transport.resume_reading()
        if first:
            front.data_received(first)

    def _name(self, client: Client, connection: ClientConnection, source: Address) -> str:
        """Know a connection by the address that a load balancer has named; gives the limit that it is over."""
        full = self._count.name(client.id, source[0], self._limits)
        if full:
            self._warn_full(full, source[0])
        client.peername, connection.address = source, human.format_address(source)
        return full

    def _warn_full(self, limit: str, address: str) -> None:
        self._warn(limit, "%s reached: further connections are closed, %s first", limit, address)

    def _warn(self, what: str, message: str, *told: str) -> None:
        """Write a line, but not for each of a flood."""
        now = time.monotonic()
        if now - self._warned.get(what, -math.inf) > _WARN_SECONDS:
            self._warned[what] = now
            logger.warning(message, *told)

    def client_disconnected(self, client: Client) -> None:
        """Count out also what was never handed over."""
        self._count.leave(client.id)
        self._clients.pop(client.id, None)

    def server_connect(self, data: ServerConnectionHookData) -> None:
        """Let mitmproxy itself connect to nobody."""
        data.server.error = "only the gateway connects to the backend"

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._count)

    @property
    def in_flight(self) -> int:
        """How many of them have a request under way."""
        return sum(connection.is_busy for connection in self._clients.values())

    def stop(self, why: str) -> None:
        """End every exchange."""
        for connection in tuple(self._clients.values()):
            connection.stop(why)

    @property
    def _limits(self) -> Limits:
        """As many connections as are allowed and have room."""
        limits = self._service.limits
        if limits.connections != self._asked_for:
            self._asked_for, self._room = limits.connections, _make_room(limits.connections)
        return replace(limits, connections=self._room) if self._room < limits.connections else limits


def _note_tls(client: Client, tls: ssl.SSLObject) -> None:
    """Tell mitmproxy's own picture of the connection: mitmweb and flow files show it."""
    client.tls, client.timestamp_tls_setup = True, time.time()
    version = tls.version()
    client.tls_version = version if version in TlsVersion.__args__ else None  # type: ignore[attr-defined,assignment]
    cipher = tls.cipher()
    client.cipher = cipher[0] if cipher else None
    client.alpn = (tls.selected_alpn_protocol() or "").encode() or None


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
