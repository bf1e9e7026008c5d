"""Requests that no SDK would send, or not in that way: raw sockets, aws-chunked bodies cut anywhere, FIN and RST."""

import base64
import contextlib
import datetime as dt
import hashlib
import socket
import ssl
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from lab.backends import REGION
from showcase.sigv4 import STREAMING, Head, Signer

STREAMING_TRAILER: Final = f"{STREAMING}-TRAILER"
UNSIGNED_TRAILER: Final = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
CHUNK: Final = 128 * 1024  # AWS SDK for Java v1's
_EMPTY: Final = hashlib.sha256(b"").hexdigest()
_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Request:
    """A signed head, ready to send, and its body in frames."""

    method: str
    head: bytes
    frames: tuple[bytes, ...] = ()

    @property
    def body(self) -> bytes:
        """All frames."""
        return b"".join(self.frames)

    @property
    def whole(self) -> bytes:
        """Head and body."""
        return self.head + self.body

    def with_header(self, line: bytes) -> "Request":
        """Add a header line after signing."""
        return replace(self, head=self.head[:-2] + line + b"\r\n\r\n")

    def spoiled(self, frame: int) -> "Request":
        """Change one byte of a frame: a chunk's data, or the final chunk's signature."""
        frames = list(self.frames)
        changed = bytearray(frames[frame])
        at = -3 if changed[0] != ord("0") else -5
        changed[at] = ord("1") if changed[at] == ord("0") else ord("0")  # a signature still looks like one
        frames[frame] = bytes(changed)
        return replace(self, frames=tuple(frames))


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes requests of one key pair, dated now or `age` ago."""

    access_key: str
    secret_key: str
    age: dt.timedelta = dt.timedelta()

    def request(
        self, method: str, target: str, payload: str = _EMPTY, headers: Sequence[tuple[str, str]] = ()
    ) -> tuple[Request, Signer, str]:
        """Sign a head; give it, and what a chunk chain goes on with: signer and seed signature."""
        moment = f"{dt.datetime.now(dt.UTC) - self.age:%Y%m%dT%H%M%SZ}"
        signer = Signer(self.access_key, self.secret_key, REGION, moment)
        fields = [
            ("Host", "127.0.0.1"), ("amz-sdk-invocation-id", hashlib.sha256(target.encode()).hexdigest()[:32]),
            ("amz-sdk-retry", "0/0/500"), ("User-Agent", "Hadoop 3.3.4, aws-sdk-java/1.12.367"),
            ("x-amz-content-sha256", payload), ("X-Amz-Date", moment), *headers,
        ]  # fmt: skip
        raw = [(name.encode(), value.encode()) for name, value in fields]
        names = sorted(name.lower() for name, _ in fields if name != "Transfer-Encoding")
        value, seed = signer.authorization(Head(method, target.encode(), raw, payload), names)
        lines = b"".join(b"%b: %b\r\n" % pair for pair in [*raw, (b"Authorization", value.encode())])
        head = b"%b %b HTTP/1.1\r\n%bConnection: Keep-Alive\r\n\r\n" % (method.encode(), target.encode(), lines)
        return Request(method, head), signer, seed

    def get(self, target: str) -> Request:
        """A GET without a body."""
        return self.request("GET", target)[0]

    def upload(self, target: str, data: bytes, mode: str = STREAMING, *, http_chunked: bool = False) -> Request:
        """A PUT as aws-chunked of 128 KiB; on request in HTTP chunks instead of with a Content-Length."""
        pieces = [*(data[at : at + CHUNK] for at in range(0, len(data), CHUNK)), b""]
        checksum = "x-amz-checksum-crc32:" + base64.b64encode(zlib.crc32(data).to_bytes(4)).decode()
        headers = [("x-amz-decoded-content-length", str(len(data)))]
        headers += [] if mode == STREAMING else [("x-amz-trailer", "x-amz-checksum-crc32")]
        length = ("Content-Length", str(_length(pieces, mode, checksum)))
        headers.append(("Transfer-Encoding", "chunked") if http_chunked else length)
        request, signer, seed = self.request("PUT", target, mode, headers)
        frames = _frames(pieces, mode, checksum, signer, seed)
        if http_chunked:
            frames = [*(b"%x\r\n%b\r\n" % (len(frame), frame) for frame in frames), b"0\r\n\r\n"]
        return replace(request, frames=tuple(frames))


def _length(pieces: Sequence[bytes], mode: str, checksum: str) -> int:
    signature = 0 if mode == UNSIGNED_TRAILER else len(";chunk-signature=") + 64
    length = sum(len(f"{len(piece):x}") + signature + 4 + len(piece) for piece in pieces)
    if mode == STREAMING:
        return length
    return length + len(checksum) + 2 + (len("x-amz-trailer-signature:") + 64 + 2 if signature else 0)


def _frames(pieces: Sequence[bytes], mode: str, checksum: str, signer: Signer, last: str) -> list[bytes]:
    """Chunks, and the trailer if the mode has one in place of the final chunk's line end."""
    frames = []
    for piece in pieces:
        size = f"{len(piece):x}"
        if mode != UNSIGNED_TRAILER:
            last = signer.chunk(last, piece)
            size += f";chunk-signature={last}"
        frames.append(size.encode() + b"\r\n" + piece + b"\r\n")
    if mode != STREAMING:
        lines = f"{checksum}\r\n"
        if mode == STREAMING_TRAILER:
            lines += f"x-amz-trailer-signature:{signer.trailer(last, f'{checksum}\n')}\r\n"
        frames[-1] = frames[-1].removesuffix(b"\r\n")
        frames.append(f"{lines}\r\n".encode())
    return frames


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: status, the S3 error code if it is an error, the ETag, and the body's SHA-256 in hex."""

    status: int
    code: str
    etag: str
    digest: str


class Connection:
    """One connection to the gateway; `ca_file` for TLS."""

    def __init__(self, port: int, ca_file: Path | None = None) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_SECONDS)
        if ca_file:
            context = ssl.create_default_context(cafile=ca_file)
            self._socket = context.wrap_socket(self._socket, server_hostname="127.0.0.1")
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send all of it. A gateway that has refused already may have closed: its answer can still be read."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self._socket.sendall(data)

    def answer(self) -> Answer:
        """Read one answer. `ConnectionError` if it is cut short."""
        status, fields = self.answer_head()
        length = int(fields.get(b"content-length", b"0"))
        digest, body, left = hashlib.sha256(), b"", length
        while left:
            data = self._file.read(min(left, CHUNK))
            if not data:
                raise ConnectionError(f"{left} of {length} bytes missing")
            left -= len(data)
            digest.update(data)
            body = body or data
        code = body.partition(b"<Code>")[2].partition(b"<")[0].decode() if status >= 400 else ""  # noqa: PLR2004
        return Answer(status, code, fields.get(b"etag", b"").decode(), digest.hexdigest())

    def answer_head(self) -> tuple[int, dict[bytes, bytes]]:
        """Read status line and headers; give status and fields, their names in lower case."""
        words = self._line().split(b" ")
        if words[0] != b"HTTP/1.1":
            raise ConnectionError("the connection ended without an answer")
        lines = iter(lambda: self._line().rstrip(), b"")
        return int(words[1]), {
            name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)
        }

    def skim(self, size: int) -> None:
        """Read some bytes of an answer."""
        self._file.read(size)

    def reset(self) -> None:
        """Make the end of this connection an RST."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _line(self) -> bytes:
        line = self._file.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("the connection ended before the answer did")
        return line
