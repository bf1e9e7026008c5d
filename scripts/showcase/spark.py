"""Requests as Spark's S3A puts them on the wire (AWS SDK for Java v1 over plain HTTP), written on a socket by hand."""

import contextlib
import http.client
import select
import socket
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Self

from lab.wire import RecordedRequest, RequestReader
from showcase.sigv4 import STREAMING, Head, Signer

CHUNK: Final = 128 * 1024  # what the SDK signs at a time
_USER_AGENT: Final = (
    "Hadoop 3.3.4, aws-sdk-java/1.12.367 Linux/6.1 OpenJDK_64-Bit_Server_VM/17.0.9+9 java/17.0.9 scala/2.12.18 "
    "vendor/Eclipse_Adoptium cfg/retry-mode/legacy"
)
_EMPTY_SHA256: Final = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
_CONTINUE_WAIT: Final = 2.0  # seconds; the SDK too sends the body in the end if nobody says anything


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client got."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request before it is signed. `data` makes it an upload in signed chunks."""

    method: str
    target: str
    headers: Sequence[tuple[str, str]] = ()
    data: bytes | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as bytes: the head, and the body in pieces (frame and data of each chunk)."""

    head: bytes
    body: tuple[bytes, ...] = field(default=())

    @property
    def seen(self) -> RecordedRequest:
        """The same request as a reader of the wire sees it."""
        reader = RequestReader()
        reader.feed(self.head + b"".join(self.body))
        return reader.requests()[0]

    def with_header(self, name: str, value: str) -> "Sent":
        """The same request with one header more, which nobody signed."""
        return Sent(self.head.removesuffix(b"\r\n") + f"{name}: {value}\r\n\r\n".encode(), self.body)

    def with_flipped_bit(self, chunk: int) -> "Sent":
        """The same request with one bit of the chunk's data turned, its signature as it was."""
        piece = bytearray(self.body[chunk])
        piece[len(piece) // 2] ^= 1
        return Sent(self.head, (*self.body[:chunk], bytes(piece), *self.body[chunk + 1 :]))


class SparkClient:
    """One S3A client of the gateway at `port`, over one kept connection, for as long as a `with` block.

    `session_token` goes with keys of a session, as `TemporaryAWSCredentialsProvider` sends it.
    """

    def __init__(self, port: int, access_key: str, secret_key: str, region: str, session_token: str = "") -> None:
        self._port = port
        self._keys = (access_key, secret_key, region)
        self._session_token = session_token
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def sign(self, wanted: Wanted) -> Sent:
        """The request as the SDK writes it: some headers signed, `Expect` and `Connection` added after that."""
        signer = Signer(*self._keys, datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"))
        payload = _EMPTY_SHA256 if wanted.data is None else STREAMING
        headers = self._headers(wanted, signer.moment, payload)
        head = Head(wanted.method, wanted.target.encode(), _raw(headers), payload)
        authorization, seed = signer.authorization(head, [name.lower() for name, _ in headers])
        headers.append(("Authorization", authorization))
        if wanted.data is not None:
            headers.append(("Expect", "100-continue"))
        headers.append(("Connection", "Keep-Alive"))
        lines = [f"{wanted.method} {wanted.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
        text = "\r\n".join([*lines, "", ""]).encode()
        return Sent(text, () if wanted.data is None else tuple(_signed_chunks(signer, seed, wanted.data)))

    def send(self, sent: Sent, after_first: Callable[[], object] = lambda: None) -> Answer:
        """Send a request, the body only when the gateway said `100 Continue`, and read the answer.

        `after_first` is called between the first chunk and the others.
        """
        server = self._socket or socket.create_connection(("127.0.0.1", self._port), timeout=60)
        self._socket = server
        server.sendall(sent.head)
        if not sent.body or _may_continue(server):
            # A refusal may come, and the connection end, while we still send.
            with contextlib.suppress(ConnectionError):
                for number, piece in enumerate(sent.body):
                    server.sendall(piece)
                    if number == 0:
                        after_first()
        response = http.client.HTTPResponse(server, method=sent.head.partition(b" ")[0].decode())
        response.begin()
        answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        if response.will_close:
            self._close()
        response.close()
        return answer

    def _headers(self, wanted: Wanted, moment: str, payload: str) -> list[tuple[str, str]]:
        data = wanted.data
        length = 0 if data is None else _chunked_length(len(data))
        return [
            ("Host", f"127.0.0.1:{self._port}"),
            ("amz-sdk-invocation-id", str(uuid.uuid4())),
            ("amz-sdk-request", "attempt=1;max=21"),
            ("amz-sdk-retry", "0/0/500"),
            *wanted.headers,
            *([] if data is None else [("Content-Length", str(length))]),
            ("User-Agent", _USER_AGENT),
            ("x-amz-content-sha256", payload),
            ("X-Amz-Date", moment),
            *([("X-Amz-Security-Token", self._session_token)] if self._session_token else []),
            *([] if data is None else [("x-amz-decoded-content-length", str(len(data)))]),
        ]

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _raw(headers: Sequence[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers]


def _pieces(data: bytes) -> list[bytes]:
    """The data in chunks, the final empty one too."""
    return [*(data[at : at + CHUNK] for at in range(0, len(data), CHUNK)), b""]


def _signed_chunks(signer: Signer, seed: str, data: bytes) -> list[bytes]:
    frames, previous = [], seed
    for piece in _pieces(data):
        previous = signer.chunk(previous, piece)
        frames.append(f"{len(piece):x};chunk-signature={previous}\r\n".encode() + piece + b"\r\n")
    return frames


def _chunked_length(size: int) -> int:
    """Content-Length is known before anything is signed: a signature always has 64 hex digits."""
    frame = len(";chunk-signature=") + 64 + 2 * len("\r\n")
    return sum(len(f"{len(piece):x}") + frame + len(piece) for piece in _pieces(bytes(size)))


def _may_continue(server: socket.socket) -> bool:
    """Wait for `100 Continue` and take it off the socket; False if another answer came instead."""
    if not select.select([server], [], [], _CONTINUE_WAIT)[0]:
        return True
    if not server.recv(12, socket.MSG_PEEK).startswith(b"HTTP/1.1 100"):
        return False
    said = b""
    while not said.endswith(b"\r\n\r\n"):
        said += server.recv(1)
    return True
