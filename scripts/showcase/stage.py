"""The parts of the demo, started and stopped together.

Spark-shaped client ──http──────────────────▶ gateway ──https──▶ recorder ──https──▶ S3 server
boto3 ───────────────https──▶ recorder ──https──▶
"""

import json
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from lab import MissingPartError, tools
from lab.backends import REGION, Backend, s3_client
from lab.certs import Certs, make_certs
from lab.gateway import Gateway, gateway_config
from lab.minio import Minio
from lab.moto import Moto
from lab.recorder import Recorder
from lab.wire import RecordedRequest
from showcase.ending import Ending

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET: Final = "demo"
KMS_PREFIX: Final = "pii/"
KMS_KEY: Final = Minio.kms_key_id  # moto takes any
ACCESS_KEY: Final = "SPARKKEY"
POLICY: Final = (
    {"bucket": BUCKET, "prefix": KMS_PREFIX, "sse-kms": KMS_KEY},
    {"sse-s3": True},
)
_PATIENCE: Final = 60.0  # seconds for a log line or a recorded request, both of which come a moment after the answer

BackendName = Literal["auto", "moto", "minio"]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Address:
    """An S3 endpoint and a key for it: the gateway, seen as somebody's backend."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str
    ca_file: Path


@dataclass(frozen=True, slots=True)
class Stage:
    """What runs. `behind` records between gateway and backend, `front` between a TLS client and the gateway."""

    backend: Minio | Moto
    certs: Certs
    gateway: Gateway
    behind: Recorder
    front: Recorder
    secret_key: str = field(repr=False)

    @property
    def verifies_chunks(self) -> bool:
        """Whether the backend checks chunk signatures by itself."""
        return isinstance(self.backend, Minio)

    @property
    def backend_name(self) -> str:
        """As its makers write it."""
        return name_of(self.backend)

    def client(self, *, tls: bool) -> "S3Client":
        """boto3 through the gateway; over TLS by way of `front`."""
        return self.front.client() if tls else s3_client(self.gateway.url, ACCESS_KEY, self.secret_key)

    def outgoing(self) -> list[RecordedRequest]:
        """The whole requests that the backend got since `behind` was cleared."""
        return eventually(self.behind.requests, lambda found: bool(found) and all(one.complete for one in found))

    def begun(self, target: bytes, *, length: int = 0) -> list[RecordedRequest]:
        """What the backend got for `target`, once `length` bytes of a body are there; waits for that alone."""

        def look() -> list[RecordedRequest]:
            return [request for request in self.behind.requests() if request.target == target]

        return eventually(look, lambda found: sum(request.body_length for request in found) >= length)

    def log_lines(self, seen: int, *, wanted: int) -> list[dict[str, Any]]:
        """The gateway's log of requests after the first `seen`, once there are `wanted` more."""
        return eventually(lambda: log_records(self.gateway)[seen:], lambda lines: len(lines) >= wanted)


def choose(name: BackendName) -> Path | None:
    """The MinIO program to use; None means moto. `MissingPartError` if MinIO is wanted and not there."""
    found = None if name == "moto" else tools.find_minio()
    if name == "minio" and found is None:
        message = (
            "no MinIO found: put `minio` on PATH or name it in MINIO_BINARY (scripts/test builds one and keeps it)"
        )
        raise MissingPartError(message)
    return found


@contextmanager
def opened(minio: Path | None, port: int | None, say: Say, ending: Ending) -> Iterator[Stage]:
    """Start everything; stop it and remove its files at the end, whatever happens. `say` is told of each part."""
    with ExitStack() as parts:
        with ending.deferred():
            stage = _open(parts, minio, port, say)
        yield stage


@contextmanager
def without_recorder(stage: Stage, ending: Ending) -> Iterator[Gateway]:
    """The gateway anew on the same port, now straight in front of the backend and logging as text."""
    stage.gateway.stop()
    config = _config(stage.backend, stage.certs, stage.secret_key, stage.gateway.port, log="text")
    with ExitStack() as parts:
        with ending.deferred():
            gateway = parts.enter_context(Gateway(config))
        yield gateway


def _open(parts: ExitStack, minio: Path | None, port: int | None, say: Say) -> Stage:
    folder = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="s3gw-demo-")))
    certs, _ = make_certs(folder / "certs")
    say("a CA, a backend and a gateway certificate, in a temporary folder")
    # moto's checker is botocore's signer, which leaves User-Agent out; SDK v1 signs that.
    backend = Moto(certs, check_signatures=False) if minio is None else Minio(certs, program=minio)
    parts.enter_context(backend)
    say(f"{name_of(backend)} over TLS at {backend.endpoint}")
    behind = parts.enter_context(Recorder(backend, certs))
    secret = secrets.token_urlsafe(24)
    gateway = parts.enter_context(Gateway(_config(behind, certs, secret, port, log="json")))
    say(f"the gateway (mitmdump -s addons/s3_gateway.py) at {gateway.url}, and over TLS at {gateway.tls_url}")
    address = Address(gateway.tls_url, ACCESS_KEY, secret, REGION, certs.ca)
    front = parts.enter_context(Recorder(address, certs))
    say("wire recorders on both sides of it")
    return Stage(backend, certs, gateway, behind, front, secret)


def _config(backend: Backend, certs: Certs, secret: str, port: int | None, *, log: str) -> dict[str, Any]:
    client = {"name": "spark", "access_key_id": ACCESS_KEY, "secret_access_key": secret, "buckets": ["*"]}
    return gateway_config(
        backend, clients=[client], encryption=POLICY, certificate=certs.gateway, port=port, log={"format": log}
    )


def name_of(backend: Minio | Moto) -> str:
    """As its makers write it."""
    return "MinIO" if isinstance(backend, Minio) else "moto"


def log_records(gateway: Gateway) -> list[dict[str, Any]]:
    """The lines of requests; an explanation, which follows a refusal when it is found, has no status."""
    lines = gateway.log().splitlines(keepends=True)
    told = [json.loads(line) for line in lines if line.startswith('{"time"') and line.endswith("}\n")]
    return [line for line in told if "status" in line]


def eventually[T](look: Callable[[], T], enough: Callable[[T], bool]) -> T:
    """What `look` gives once it is enough, or after all patience."""
    deadline = time.monotonic() + _PATIENCE
    while not enough(found := look()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found
