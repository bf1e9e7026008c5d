"""A backend that knows no S3: over TLS it answers each GET with fixed bytes, and swallows each PUT.

Beside it a gateway's own speed can be seen, where MinIO would take most of the machine. `/BUCKET/KEY` is answered with
as many bytes as KEY says (`1k`, `64m`), and with 1 KiB where it says nothing. Only a Content-Length ends a body. One
process may have several ports, each a backend of its own to whoever has to choose.

    python -m lab.fixed PORT,PORT CERTIFICATE KEY
"""

import asyncio
import re
import ssl
import sys
from pathlib import Path
from typing import Final

from lab.backends import REGION
from lab.certs import Certs
from lab.ports import accepts, free_port
from lab.process import Command, start
from lab.server import TlsServer

_PIECE: Final = memoryview(bytes(range(256)) * 1024)  # 256 KiB
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_SIZE: Final = re.compile(rb"^[A-Z]+ /[^/ ?]*/(\d+)([km])[ ?]")
_UNITS: Final = {b"k": 1 << 10, b"m": 1 << 20}
_DEFAULT_SIZE: Final = 1 << 10
# As many headers as MinIO's answers have, because a gateway reads, checks and passes on each of them.
_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nAccept-Ranges: bytes\r\nContent-Length: %d\r\nContent-Type: binary/octet-stream\r\n"
    b'ETag: "d41d8cd98f00b204e9800998ecf8427e"\r\nLast-Modified: Tue, 01 Dec 2026 10:00:00 GMT\r\nServer: MinIO\r\n'
    b"Strict-Transport-Security: max-age=31536000; includeSubDomains\r\nVary: Origin\r\nVary: Accept-Encoding\r\n"
    b"X-Amz-Id-2: dd9025bab4ad464b049177c95eb6ebf374d3b3fd1af9251148b658df7ac2e3e8\r\n"
    b"X-Amz-Request-Id: 187D3A5B0C1F2E4D\r\nX-Content-Type-Options: nosniff\r\nX-Ratelimit-Limit: 50000\r\n"
    b"X-Ratelimit-Remaining: 50000\r\nX-Xss-Protection: 1; mode=block\r\nDate: Tue, 01 Dec 2026 10:00:00 GMT\r\n\r\n"
)


class Fixed(TlsServer):
    """The backend as a process on a free loopback port, for a `with` block. A `lab.backends.Backend`."""

    access_key: Final = "fixedadmin"
    secret_key: Final = "fixed-secret-of-the-lab"
    region: Final = REGION

    def __init__(self, certs: Certs, ports: int = 1) -> None:
        super().__init__("fixed", free_port(), certs)
        self._ports = [self.port, *(free_port() for _ in range(ports - 1))]

    @property
    def endpoints(self) -> list[str]:
        """One for each port."""
        return [f"https://127.0.0.1:{port}" for port in self._ports]

    def start(self) -> None:
        """Start; return when all ports accept."""
        files = str(self._certs.backend_certificate), str(self._certs.backend_key)
        ports = ",".join(map(str, self._ports))
        arguments = [sys.executable, "-m", "lab.fixed", ports, *files]
        scripts = Path(__file__).resolve().parents[1]
        command = Command("fixed", arguments, self.log_path, {"PYTHONPATH": str(scripts)})
        self._process = start(command, lambda: all(map(accepts, self._ports)))


class _Connection(asyncio.Protocol):
    """One connection: requests in, fixed answers out, in order."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._head = b""
        self._body_left = 0
        self._due: list[int] = []
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        while data:
            if self._body_left:
                taken = min(self._body_left, len(data))
                self._body_left -= taken
                data = data[taken:]
                if not self._body_left:
                    self._answer(0)
                continue
            head, end, data = (self._head + data).partition(b"\r\n\r\n")
            if not end:
                self._head = head
                return
            self._head = b""
            self._begin(head)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._write()

    def _begin(self, head: bytes) -> None:
        length = _LENGTH.search(head)
        self._body_left = int(length[1]) if length else 0
        if not self._body_left:
            self._answer(_answer_size(head))

    def _answer(self, size: int) -> None:
        if self._transport is None:
            return
        whole = _HEAD % size
        if size <= _DEFAULT_SIZE:
            whole += _PIECE[:size]
            size = 0
        self._transport.write(whole)
        if size:
            self._due.append(size)
            self._write()

    def _write(self) -> None:
        """Write large answers in pieces, as fast as the reader takes them."""
        while self._due and not self._paused and self._transport is not None:
            size = min(self._due[0], len(_PIECE))
            self._due[0] -= size
            if not self._due[0]:
                self._due.pop(0)
            self._transport.write(_PIECE[:size])


def _answer_size(head: bytes) -> int:
    if not head.startswith(b"GET "):
        return 0
    named = _SIZE.match(head)
    return int(named[1]) * _UNITS[named[2]] if named else _DEFAULT_SIZE


async def _serve(ports: list[int], certificate: str, key: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(_Connection, "127.0.0.1", port, ssl=context, backlog=1024) for port in ports]
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(_serve([int(port) for port in sys.argv[1].split(",")], sys.argv[2], sys.argv[3]))
