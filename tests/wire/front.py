"""A gateway with the table's clients, before the recorder before MinIO; every answer is searched for the backend."""

import contextlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.gateway import Gateway
from lab.minio import Minio
from tests.real.rawhttp import Answer, Raw
from tests.real.sdkv1 import Key
from tests.real.waiting import eventually
from tests.refusing import Request, Wire
from tests.sent import WatchedRecorder
from tests.sigv4.aws import CLIENT

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "bucket"
"""The one that the tables of requests name."""

HTTP_CHUNK = 1000


def now(late: timedelta = timedelta(0)) -> Wire:
    """Where and when a request is signed that arrives this much later; what is too late or early is so by a minute."""
    slack = timedelta(minutes=1) * ((late > timedelta(0)) - (late < timedelta(0)))
    return Wire(CLIENT.at(f"{datetime.now(UTC) - late - slack:%Y%m%dT%H%M%SZ}"))


def key(**changes: Any) -> Key:
    """The same client as :mod:`tests.real.sdkv1` signs for it."""
    return Key(**{"access_key_id": CLIENT.access_key_id, "secret": CLIENT.secret, **changes})


def head_bytes(request: Request, *, version: bytes = b"HTTP/1.1") -> bytes:
    """The head on the wire; with ``Content-Length`` if a body follows and nothing frames it yet."""
    head = request.head
    pairs = list(head.headers)
    if request.body is not None and not {b"content-length", b"transfer-encoding"} & set(head.names):
        pairs.append((b"Content-Length", b"%d" % len(request.body)))
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in pairs)
    return head.method + b" " + head.target + b" " + version + b"\r\n" + lines + b"\r\n"


def body_bytes(request: Request) -> bytes:
    """The body on the wire, in HTTP chunks if the head says so."""
    body = request.body or b""
    if b"transfer-encoding" not in request.head.names:
        return body
    pieces = [body[at : at + HTTP_CHUNK] for at in range(0, len(body), HTTP_CHUNK)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b""))


def on_wire(request: Request) -> bytes:
    """All of a request."""
    return head_bytes(request) + body_bytes(request)


@dataclass
class Front:
    """The gateway, what is behind it, and what an answer must never show."""

    gateway: Gateway
    recorder: WatchedRecorder
    minio: Minio
    s3: "S3Client"
    """Straight to MinIO."""
    ca_file: Path
    _others: set[int] = field(default_factory=set)

    def connect(self, *, tls: bool = False) -> Raw:
        """Open a connection to the gateway."""
        return Raw(self.gateway.port, self.ca_file if tls else None)

    def ask(self, request: Request | bytes, method: str = "", *, tls: bool = False) -> Answer:
        """Send on a connection of its own; the gateway may close on us while we send, and has then answered."""
        data = request if isinstance(request, bytes) else on_wire(request)
        with self.connect(tls=tls) as raw:
            with contextlib.suppress(ConnectionError):
                raw.send(data)
            answer = raw.read(method or data.partition(b" ")[0].decode())
        self.check_hidden(answer)
        return answer

    def check_hidden(self, answer: Answer) -> None:
        """Neither header nor body names the backend, and no secret is in them."""
        text = repr(answer.headers) + answer.body.decode("latin-1")
        for secret in (f":{self.recorder.port}", f":{self.minio.port}", Minio.secret_key, CLIENT.secret):
            assert secret not in text

    def stored(self, bucket: str = BUCKET) -> dict[str, tuple[str, datetime]]:
        """What is at the backend: keys with ETag and time."""
        found = self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        return {each["Key"]: (each["ETag"], each["LastModified"]) for each in found}

    def begin(self) -> None:
        """Clear the recorder; connections that are open now are kept for later requests."""
        self._others = self.recorder._open_numbers()
        self.recorder.clear()

    def settle(self) -> None:
        """Wait until no request is under way at the backend: each is whole, or its connection has ended."""
        eventually(
            lambda: not self.recorder.is_behind() and not self.recorder._busy_numbers(),
            "requests at the backend do not end",
        )

    def forget(self) -> None:
        """Settle, and clear the recorder."""
        self.settle()
        self.begin()

    def untouched(self) -> bool:
        """Whether nobody has even connected to the backend, or sent it a byte, since the recorder was cleared."""
        seen = self.recorder.connections()
        return all(connection.number in self._others and not connection.sent for connection in seen)
