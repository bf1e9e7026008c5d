"""A load client that does as little as possible: it writes prepared bytes to a socket and counts what comes back.

It runs in a process of its own, so that the targets' CPU time is theirs alone.
"""

import datetime as dt
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from s3gateway.sigv4.canonical import signing_key
from s3gateway.sigv4.chunk_signatures import ChunkChain
from s3gateway.sigv4.model import CredentialScope, Secret, Signature

REGION = "us-east-1"
CHUNK = 128 * 1024
_READ = 1024 * 1024
_STREAMING = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"


@dataclass(frozen=True, slots=True)
class Target:
    """Where to send: a name for the table, an endpoint, the key pair it knows, and the process whose CPU counts."""

    name: str
    endpoint: str
    access_key: str
    secret_key: str
    ca_file: Path | None
    pid: int


class BenchError(Exception):
    """An answer that is not 200: the measurement would be of something else."""


class Connection:
    """One kept-alive connection to a target."""

    def __init__(self, target: Target) -> None:
        url = urlsplit(target.endpoint)
        self._socket = socket.create_connection((url.hostname or "", url.port or 0), timeout=120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if url.scheme == "https":
            context = ssl.create_default_context(cafile=target.ca_file)
            self._socket = context.wrap_socket(self._socket, server_hostname=url.hostname)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def exchange(self, head: bytes, body: Iterable[bytes] = ()) -> int:
        """Send one request, read the whole answer; return the size of its body."""
        self._socket.sendall(head)
        for piece in body:
            self._socket.sendall(piece)
        return self._read()

    def _read(self) -> int:
        data = b""
        while b"\r\n\r\n" not in data:
            more = self._socket.recv(_READ)
            if not more:
                raise BenchError("the connection ended before an answer")
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n")[0]:
            raise BenchError(head.decode(errors="replace") + body[:400].decode(errors="replace"))
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        length = int(lengths[0].partition(b":")[2]) if lengths else 0
        left = length - len(body)
        buffer = bytearray(_READ)
        while left > 0:
            got = self._socket.recv_into(buffer)
            if not got:
                raise BenchError("the answer's body was cut")
            left -= got
        return length


def get(target: Target, path: str) -> bytes:
    """The bytes of a signed GET; valid for 15 minutes, so it may be sent again and again."""
    return _head(target, "GET", path, {}, sha256(b"").hexdigest())[0]


def put_unsigned(target: Target, path: str, size: int) -> bytes:
    """The head of an UNSIGNED-PAYLOAD PUT."""
    return _head(target, "PUT", path, {"Content-Length": str(size)}, "UNSIGNED-PAYLOAD")[0]


def put_hashed(target: Target, path: str, body: bytes) -> bytes:
    """The head of a PUT whose payload is signed by its hash, as boto3 does over http."""
    return _head(target, "PUT", path, {"Content-Length": str(len(body))}, sha256(body).hexdigest())[0]


def put_chunked(target: Target, path: str, data: bytes, times: int) -> tuple[bytes, list[bytes]]:
    """The head of an upload of `data` `times` over, and its signed 128 KiB chunks as SDK v1 sends them."""
    pieces = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)] * times
    length = sum(len(f"{len(piece):x}") + 85 + len(piece) for piece in [*pieces, b""])
    sized = {"Content-Length": str(length), "x-amz-decoded-content-length": str(len(data) * times)}
    head, seed, timestamp = _head(target, "PUT", path, sized, _STREAMING)
    scope = CredentialScope(timestamp[:8], REGION)
    chain = ChunkChain(signing_key(Secret(target.secret_key), scope), scope, timestamp, Signature(seed))
    hashes: dict[int, str] = {}
    body = []
    for piece in [*pieces, b""]:
        digest = hashes.setdefault(id(piece), sha256(piece).hexdigest())
        body += [f"{len(piece):x};chunk-signature={chain.chunk(digest).hex}\r\n".encode(), piece, b"\r\n"]
    return head, body


def _head(target: Target, method: str, path: str, fields: dict[str, str], payload: str) -> tuple[bytes, str, str]:
    url = urlsplit(target.endpoint)
    timestamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {"Host": url.netloc, "X-Amz-Date": timestamp, "X-Amz-Content-SHA256": payload, **fields}
    request = AWSRequest(method, target.endpoint + path, headers=headers)
    request.context["timestamp"] = timestamp
    auth = S3SigV4Auth(Credentials(target.access_key, target.secret_key), "s3", REGION)
    to_sign = auth.string_to_sign(request, auth.canonical_request(request))
    signature = auth.signature(to_sign, request)
    names = auth.signed_headers(auth.headers_to_sign(request))
    headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={auth.scope(request)}, SignedHeaders={names}, Signature={signature}"
    )
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode(), signature, timestamp
