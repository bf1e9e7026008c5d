"""The gateway's own wire on an event loop in a thread, with real sockets and no mitmproxy; and a backend for it.

Tests of time move the clock. The backend keeps its connections alive.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lab.certs import Certs
from s3gateway.config.gateway_yaml import build
from s3gateway.config.model import KeyPair
from s3gateway.observed.transaction import Transaction
from s3gateway.signer import CredentialSource, Signer
from s3gateway.sigv4.model import Secret
from s3gateway.wire.backend_connection import BackendConnection
from s3gateway.wire.backends import Pool
from s3gateway.wire.client import ClientConnection
from s3gateway.wire.cluster import Cluster, Resolve, resolve
from s3gateway.wire.contexts import for_backend, for_clients, with_certificate
from s3gateway.wire.front import Front
from s3gateway.wire.own_keys import OwnKeys, trial
from s3gateway.wire.proxied import Address
from s3gateway.wire.service import Current, Service
from s3gateway.wire.watching import Watch
from tests.real.rawhttp import Raw
from tests.real.waiting import LIMIT, eventually
from tests.refusing import CLIENTS, auth
from tests.sigv4 import aws
from tests.wire.scripted import Exchange, Script, Scripted

GET = auth("GET", "/bucket/key")
PUT = auth("PUT", "/bucket/key", payload=aws.UNSIGNED, body=b"x" * 100)

Answering = Callable[[Exchange, bytes], None]
"""Answers one request, of which the bytes are given."""


class _Books:
    """Nobody watches; what has ended is kept."""

    def __init__(self) -> None:
        self.ended: list[Transaction] = []

    def closed(self, transaction: Transaction) -> Awaitable[None] | None:
        self.ended.append(transaction)
        return None

    def watch(self, transaction: Transaction, client: object) -> Watch | None:
        return None

    def run(self, coroutine: Coroutine[object, object, None]) -> None:
        coroutine.close()


class Wire:
    """A running gateway. ``later`` moves its clock on, which asks everything whether it is over."""

    def __init__(
        self,
        backend: Scripted,
        certs: Certs,
        *,
        endpoint: str = "",
        cors: Any = None,
        clients: Any = CLIENTS,
        domains: Any = (),
        own_keys: Any = None,
        lookup: Any = None,
        sections: dict[str, Any] | None = None,
        proxy_protocol: Any = (),
        several: dict[str, Any] | None = None,
        health: dict[str, Any] | None = None,
        resolve: Resolve = resolve,
        **limits: Any,
    ) -> None:
        credentials = {"access_key_id": backend.access_key, "secret_access_key": backend.secret_key}
        document = {
            "listen": {"certificate": str(certs.gateway), "proxy_protocol": list(proxy_protocol)},
            "health": health or {},
            "backend": {
                **(several or {"endpoint": endpoint or backend.endpoint}),
                "ca_file": str(backend.ca_file),
                "credentials": credentials if own_keys is None else {"keys": [credentials, *own_keys]},
            },
            "clients": clients,
            "addressing": {"domains": list(domains)},
            "cors": cors,
            "limits": {"refusal_linger": 1, **limits},
            "lookup": lookup,
            **(sections or {}),
        }
        config = build(document, Path())
        keys = KeyPair(backend.access_key, Secret(backend.secret_key))
        tls = with_certificate(config.listen) if config.listen.certificate else for_clients()
        self._current = Current(config, Signer(keys, "us-east-1"), tls, for_backend(config.backend))
        self._ca_file = certs.ca
        self._resolve = resolve
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wire", daemon=True)
        self._ahead = 0.0
        self.books = _Books()
        self.clients: set[ClientConnection] = set()
        self.refused: list[str] = []
        self.on_source: Callable[[ClientConnection, Address], str] = _note_source
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self.do(self._begin())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LIMIT)
        self._loop.close()

    def do[T](self, work: Coroutine[object, object, T]) -> T:
        """Run on the gateway's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(LIMIT)

    def connect(self, *, tls: bool = False) -> Raw:
        return Raw(self.port, self._ca_file if tls else None)

    def later(self, seconds: float) -> None:
        """Move the clock on, and let it ask everything."""
        self._ahead += seconds
        self.do(self._check())

    @property
    def service(self) -> Service:
        return self._service

    @property
    def pool(self) -> Pool:
        return self._service.pool(self._current)

    @property
    def cluster(self) -> Cluster:
        found = self._service.cluster
        assert found is not None
        return found

    def idle(self) -> list[BackendConnection]:
        """The connections that are kept now."""
        return list(self.pool._idle)

    def settle(self, idle: int) -> None:
        """Wait until no exchange is under way, and so many connections are kept."""
        eventually(
            lambda: all(client._exchange is None for client in self.clients.copy()) and len(self.pool._idle) == idle,
            f"{len(self.pool._idle)} connections are kept",
        )

    async def _begin(self) -> None:
        base = self._loop.time
        self._loop.time = lambda: base() + self._ahead  # type: ignore[method-assign]
        service = self._service = Service(lambda: self._current, self.books, self._resolve)
        service.own_keys = own_keys = OwnKeys(self._current.config, CredentialSource(self._current.config.credentials))
        own_keys.try_out = trial(service)
        own_keys.on_change = self._on_own_key
        self._server = await self._loop.create_server(partial(_Accepted, self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def _on_own_key(self) -> None:
        if self._service.own_keys is not None:
            self._current = replace(self._current, signer=self._service.own_keys.signer)

    async def _end(self) -> None:
        self._server.close()
        for client in tuple(self.clients):
            client.stop("the test is over")
            client.cut()
        self._service.stop()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _check(self) -> None:
        self._service._check(self._loop.time())
        for one in tuple(self._service.clock.watched):
            one.check(self._loop.time())


def _note_source(client: ClientConnection, source: Address) -> str:
    client.address = source[0]
    return ""


class _Accepted(asyncio.Protocol):
    """Hands a connection over, as mitmproxy's hook does."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        wire = self._wire
        client = ClientConnection(wire._service, "the test", None, lambda: wire.clients.discard(client))
        wire.clients.add(client)
        transport.set_protocol(
            Front(
                client,
                lambda _: None,
                transport,
                on_source=lambda source: wire.on_source(client, source),
                on_refused=wire.refused.append,
            )
        )


class Keeping(Scripted):
    """A backend that answers one request after the other on each connection, and notes them all."""

    def __init__(self, certs: Certs) -> None:
        super().__init__(certs)
        self.seen: list[tuple[int, bytes]] = []
        self.answer: Answering = ok

    def begin(self, answer: Answering) -> None:
        """Answer so from now on, on new connections; those there are end."""
        self.seen = []
        self.answer = answer
        for exchange in self.exchanges:
            self.end(exchange)
        self.play(self._serve_on)

    def end(self, exchange: Exchange) -> None:
        """End a connection now; to close it would wait for the thread that reads from it."""
        with contextlib.suppress(OSError):
            exchange._tls.shutdown(socket.SHUT_RDWR)

    def requests(self) -> list[bytes]:
        """The request lines that came."""
        return [request.partition(b" HTTP/")[0] for _, request in self.seen]

    def _serve_on(self, exchange: Exchange) -> None:
        number = self.exchanges.index(exchange)
        while True:
            exchange.received.clear()
            exchange.read_head()
            if b"\r\n\r\n" not in exchange.received:
                return
            if b"\r\ntransfer-encoding:" in bytes(exchange.received).partition(b"\r\n\r\n")[0].lower():
                exchange.read_until(lambda data: data.endswith(b"\r\n0\r\n\r\n"))
            elif not hasattr(self.answer, "early"):
                exchange.read_request()
            self.seen.append((number, bytes(exchange.received)))
            self.answer(exchange, bytes(exchange.received))


def ok(exchange: Exchange, request: bytes) -> None:
    """Say 200 with a body."""
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + (b"" if request.startswith(b"HEAD") else b"hello"))


def early(answer: Answering) -> Answering:
    """Have it called as soon as the head is there."""
    answer.early = True  # type: ignore[attr-defined]
    return answer


__all__ = ["Answering", "Keeping", "Script", "Wire", "early", "ok"]
