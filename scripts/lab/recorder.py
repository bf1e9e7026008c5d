"""A wire recorder between the gateway and its backend: what was sent, byte for byte, whatever the gateway believes.

A TCP relay that ends TLS with the backend's certificate, opens TLS of its own to the real backend, and keeps both
directions of every connection. It changes nothing, and hands on every end and reset.
"""

import asyncio
import contextlib
import ssl
import threading
import urllib.parse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from botocore.config import Config

from lab.backends import Backend, s3_client
from lab.certs import Certs
from lab.wire import RecordedRequest, RequestReader, WireError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_READ: Final = 1 << 16
_CLOSE_WAIT: Final = "08"  # in proc(5)'s net/tcp
_LINGER: Final = 20  # seconds for a peer to take the last bytes
_LIMIT: Final = 60  # seconds for our own loop, on a machine that is busy
_Keep = Callable[[bytes], None]
_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Connection:
    """One connection. `sent` and `received` are the raw bytes, as the gateway sees it, up to `max_raw` each."""

    def __init__(self, number: int, max_body: int | None, max_raw: int) -> None:
        self.number: Final = number
        self.reader: Final = RequestReader(number, max_body)
        self.sent: Final = bytearray()
        self.received: Final = bytearray()
        self.fault: WireError | None = None
        self._max_raw = max_raw

    def on_sent(self, data: bytes) -> None:
        """Keep bytes from the gateway and read them as requests, up to the first fault."""
        self.sent.extend(data[: self._max_raw - len(self.sent)])
        if self.fault is None:
            try:
                self.reader.feed(data)
            except WireError as fault:
                self.fault = fault

    def on_received(self, data: bytes) -> None:
        """Keep bytes from the backend."""
        self.received.extend(data[: self._max_raw - len(self.received)])


class Recorder:
    """A recorder in front of `backend`, for as long as a `with` block; a `lab.backends.Backend` with the same keys.

    Bodies longer than `max_body` bytes are kept as length and hash only; of each connection's raw bytes the first
    `max_raw` are kept in each direction.
    """

    def __init__(
        self, backend: Backend, certs: Certs, *, max_body: int | None = 8 << 20, max_raw: int = 16 << 20
    ) -> None:
        self._backend = backend
        self._certs = certs
        self._limits = (max_body, max_raw)
        self._connections: list[Connection] = []
        self._count = 0
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="recorder", daemon=True)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(_LIMIT)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(_LIMIT)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_LIMIT)
        self._loop.close()

    @property
    def endpoint(self) -> str:
        """`https://127.0.0.1:port`: the gateway's backend."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def access_key(self) -> str:
        """The real backend's."""
        return self._backend.access_key

    @property
    def secret_key(self) -> str:
        """The real backend's."""
        return self._backend.secret_key

    @property
    def region(self) -> str:
        """The real backend's."""
        return self._backend.region

    @property
    def ca_file(self) -> Path:
        """The CA that signed the certificate shown here."""
        return self._certs.ca

    def client(self, config: Config | None = None) -> "S3Client":
        """A boto3 client through the recorder, with the backend's keys."""
        return s3_client(
            self.endpoint, self.access_key, self.secret_key, region=self.region, ca_file=self.ca_file, config=config
        )

    def connections(self) -> list[Connection]:
        """All connections since `clear`, and those open then, in order of opening."""
        with self._lock:
            return list(self._connections)

    def requests(self) -> list[RecordedRequest]:
        """All requests since `clear`, by connection; `WireError` if the gateway sent anything that is none."""
        with self._lock:
            for connection in self._connections:
                if connection.fault is not None:
                    message = f"connection {connection.number}: {connection.fault}"
                    raise WireError(message)
            return [request for connection in self._connections for request in connection.reader.requests()]

    def clear(self) -> None:
        """Forget all so far; a connection that is still open stays, without the requests that have begun."""
        with self._lock:
            for connection in self._connections:
                connection.reader.clear()
                connection.sent.clear()
                connection.received.clear()
                connection.fault = None
            self._connections = [known for known in self._connections if known.number in self._open_numbers()]

    def is_behind(self) -> bool:
        """Whether anything that was sent to us is not kept yet: a connection, bytes or an end."""
        return self._is_held_back() or asyncio.run_coroutine_threadsafe(self._is_behind(), self._loop).result(_LIMIT)

    async def _is_behind(self) -> bool:
        """Look from the loop, where nothing is under way between the kernel and what is kept."""
        for _ in range(5):  # who was accepted gets a task, and what a reset took off the kernel's list is read
            await asyncio.sleep(0)
        return self._is_held_back()

    def _is_held_back(self) -> bool:
        """Whether the kernel holds something for us."""
        ours = f":{self.port:04X}"
        rows = (line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:])
        return any(row[1].endswith(ours) and (row[3] == _CLOSE_WAIT or row[4][-8:] != "00000000") for row in rows)

    def _busy_numbers(self) -> set[int]:
        """Which connections are open in the middle of a request; a gateway keeps others for later ones."""
        opened = self._open_numbers()
        with self._lock:
            known = [one for one in self._connections if one.number in opened]
            return {one.number for one in known if one.fault or not all(r.complete for r in one.reader.requests())}

    def _open_numbers(self) -> set[int]:
        return {int(task.get_name()) for task in self._tasks.copy() if not task.done()}

    async def _listen(self) -> None:
        self._context.load_cert_chain(self._certs.backend_certificate, self._certs.backend_key)
        self._server = await self._loop.create_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._closing = True
        if self._server is None:
            return
        for listener in self._server.sockets:
            self._loop.remove_reader(listener.fileno())
        await asyncio.sleep(0)  # who was accepted before gets a transport, which a closed server does not give
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def _accept(self) -> asyncio.StreamReaderProtocol:
        self._count += 1
        connection = Connection(self._count, *self._limits)
        return _Stream(partial(self._keep, connection.on_sent), partial(self._serve, connection))

    def _serve(self, connection: Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Begin, before TLS does: whenever we close, there is a task to cancel for each connection."""
        if self._closing:
            writer.transport.abort()
            return
        with self._lock:
            self._connections.append(connection)
            task = self._loop.create_task(self._relay(connection, reader, writer), name=str(connection.number))
            self._tasks.add(task)

        def end(_: object) -> None:  # also of a task that was cancelled before its first step
            writer.transport.abort()
            self._tasks.discard(task)

        task.add_done_callback(end)

    async def _relay(self, connection: Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        where = urllib.parse.urlsplit(self._backend.endpoint)
        context = ssl.create_default_context(cafile=self._backend.ca_file)
        with contextlib.suppress(OSError):  # the backend is down, and looks down from here
            await writer.start_tls(self._context)  # in the task's first step: no byte is read before it
            to_reader, to_writer = await _connected(where, partial(self._keep, connection.on_received))
            try:
                await to_writer.start_tls(context, server_hostname=where.hostname)
                await _joined((reader, to_writer), (to_reader, writer))
            finally:
                to_writer.transport.abort()

    def _keep(self, keep: _Keep, data: bytes) -> None:
        with self._lock:
            keep(data)


class _Stream(asyncio.StreamReaderProtocol):
    """One side of a connection. What comes is kept as it comes: a reset takes back what nobody has read."""

    def __init__(self, keep: _Keep, serve: Callable[..., None] | None = None) -> None:
        self.reader: Final = asyncio.StreamReader()
        super().__init__(self.reader, serve)
        self._keep = keep

    def data_received(self, data: bytes) -> None:
        self._keep(data)
        super().data_received(data)


async def _connected(where: urllib.parse.SplitResult, keep: _Keep) -> _Streams:
    loop = asyncio.get_running_loop()
    transport, stream = await loop.create_connection(lambda: _Stream(keep), str(where.hostname), where.port or 443)
    return stream.reader, asyncio.StreamWriter(transport, stream, stream.reader, loop)


async def _joined(*ways: _Streams) -> None:
    """Hand on what comes, both ways, until one ends. TLS has no half-closed state in asyncio: the other is told."""
    pumps = [asyncio.create_task(_pump(*way)) for way in ways]
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        ended = await asyncio.gather(*pumps, return_exceptions=True)
        if not any(isinstance(result, OSError) for result in ended):
            await asyncio.gather(*(_end(writer) for _, writer in ways))
    finally:
        for pump in pumps:
            pump.cancel()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_READ):
        writer.write(data)
        await writer.drain()


async def _end(side: asyncio.StreamWriter) -> None:
    """Close with what was written still going out."""
    side.close()
    with contextlib.suppress(OSError, TimeoutError):
        await asyncio.wait_for(side.wait_closed(), _LINGER)
