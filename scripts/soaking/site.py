"""The servers under soak: MinIO over TLS with its data, and a gateway before it.

MinIO is killed and comes back; the gateway's configuration is rewritten under it; nobody here restarts the gateway.
"""

import os
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from lab.certs import make_certs
from lab.gateway import SPARK_CLIENT, Gateway, gateway_config
from lab.minio import Minio
from soaking.wire import Connection, Writer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET: Final = "soak"
LARGE: Final = "standing/large"
LARGE_SIZE: Final = 16 * 1024 * 1024
_BROKEN: Final = "clients: ["
_GRACE: Final = 1.0  # seconds after a start in which a kept-alive connection may still turn out to be dead


@dataclass(slots=True)
class Outages:
    """When the backend was away, as intervals of the monotonic clock: what fails then is no fault of the gateway's."""

    _intervals: list[tuple[float, float]] = field(default_factory=list)
    _since: float | None = None

    def begin(self) -> None:
        """It is about to go."""
        self._since = time.monotonic()

    def end(self) -> None:
        """It serves again."""
        if self._since is not None:
            self._intervals.append((self._since, time.monotonic() + _GRACE))
            self._since = None

    def touch(self, began: float, ended: float) -> bool:
        """Whether the backend was away at some time between the two."""
        running = [(self._since, ended)] if self._since is not None else []
        return any(start <= ended and began <= stop for start, stop in (*self._intervals, *running))

    def __len__(self) -> int:
        return len(self._intervals)


@dataclass(slots=True)
class Site:
    """What runs."""

    minio: Minio
    gateway: Gateway
    ca_file: Path
    config: dict[str, Any]
    outages: Outages = field(default_factory=Outages)
    reloads: int = 0

    @property
    def writer(self) -> Writer:
        """Writes requests with the client's keys."""
        return Writer(str(SPARK_CLIENT["access_key_id"]), str(SPARK_CLIENT["secret_access_key"]))

    def connect(self, *, tls: bool = False) -> Connection:
        """A connection to the gateway."""
        return Connection(self.gateway.port, self.ca_file if tls else None)

    def direct(self) -> "S3Client":
        """boto3 straight to MinIO."""
        return self.minio.client()

    def crash(self, away: float) -> None:
        """Kill MinIO, and start it on the same port and data after `away` seconds; return when it stores again."""
        self.outages.begin()
        self.minio.kill()
        time.sleep(away)
        self.minio.start()
        _await_storage(self.direct())
        self.outages.end()

    def reload(self, chance: random.Random) -> None:
        """Rewrite the configuration: another encryption rule, one client more or less, now and then a broken file."""
        self.reloads += 1
        if chance.random() < 0.15:  # noqa: PLR2004 - about one in seven
            self.gateway.write_config(_BROKEN)
            return
        more = {"name": f"guest{self.reloads}", "access_key_id": f"GUEST{self.reloads}", "secret_access_key": "guest"}
        rules: list[dict[str, Any]] = [{"bucket": BUCKET, "prefix": "objects/1", "sse-kms": Minio.kms_key_id}]
        rules += [{"sse-s3": True}] if chance.random() < 0.5 else []  # noqa: PLR2004 - every other time
        self.gateway.write_config(self.config | {"clients": [*self.config["clients"], more], "encryption": rules})


def _await_storage(s3: "S3Client") -> None:
    """MinIO is healthy before it stores."""
    deadline = time.monotonic() + 60
    while True:
        try:
            s3.put_object(Bucket=BUCKET, Key="standing/probe", Body=b"x")
        except (ClientError, BotoCoreError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


@contextmanager
def running_site() -> Iterator[Site]:
    """Start MinIO, a bucket with one large object, and the gateway."""
    with tempfile.TemporaryDirectory(prefix="s3gw-soak-") as folder:
        certs, _ = make_certs(Path(folder) / "certs")
        with Minio(certs) as minio:
            minio.client().create_bucket(Bucket=BUCKET)
            minio.client().put_object(Bucket=BUCKET, Key=LARGE, Body=os.urandom(LARGE_SIZE))
            config = gateway_config(
                minio, certificate=certs.gateway, log={"format": "json"}, limits={"refusal_linger": 1}
            )
            with Gateway(config) as gateway:
                yield Site(minio, gateway, certs.ca, config)


def every(seconds: float, stop: threading.Event, chance: random.Random) -> Iterator[None]:
    """Wait about `seconds`, again and again, until stopped."""
    while not stop.wait(seconds * chance.uniform(0.5, 1.5)):
        yield
