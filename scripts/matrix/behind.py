"""The backends that clients run against, each with its lanes, its table, and what is known of what fails there."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab import CHECKOUT
from lab.cache import cache_dir
from lab.certs import Certs
from lab.minio import Minio
from lab.seaweedfs import SeaweedFS
from matrix.catalogue import CLIENTS, Known
from matrix.stage import LANES, Lane, Server

_TABLES: Final = CHECKOUT / "tests" / "clients"


@dataclass(frozen=True, slots=True)
class Behind:
    """A backend: how it is started, what is run and where that is told. `command` runs one client there."""

    name: str
    start: Callable[[Certs], AbstractContextManager[Server]]
    lanes: tuple[Lane, ...]
    table: Path
    known: Mapping[str, tuple[Known, ...]]
    command: str

    @property
    def results(self) -> Path:
        """The folder where results are kept."""
        return cache_dir("clients", "results", *([] if self is MINIO else [self.name]))

    def reason(self, client: str, lane: str, case: str) -> str:
        """What is known of a failure; empty if nothing is."""
        return next((one.reason for one in self.known.get(client, ()) if one.covers(lane, case)), "")


MINIO: Final = Behind(
    "minio",
    Minio,
    LANES,
    _TABLES / "matrix.md",
    {client.name: client.known for client in CLIENTS.values()},
    "scripts/clients --only {} --write",
)

_OF_SEAWEEDFS: Final = tuple(
    Known(lane, "copy", "SeaweedFS answers UploadPartCopy of an object under SSE-KMS with 501, directly as well")
    for lane in ("http+kms", "tls+kms")
)
_OF_S3A: Final = (
    Known("*", "checksum CRC64NVME", "S3A 3.4.2 does not know it"),
    *(
        Known(lane, f"checksum {name}", "over plain HTTP, SDK 2.29.52 signs a wrong SHA trailer (MinIO's table)")
        for lane in ("http", "http+s3", "http+kms")
        for name in ("SHA1", "SHA256")
    ),
)

SEAWEEDFS: Final = Behind(
    "seaweedfs",
    SeaweedFS,
    (
        Lane("direct", None, "plain", tls=True),
        Lane("http", "http", "plain", tls=False),
        Lane("http+s3", "http", "sses3", tls=False),
        Lane("http+kms", "http", "kms", tls=False),
        Lane("tls", "tls", "plain", tls=True),
        Lane("tls+s3", "tls", "sses3", tls=True),
        Lane("tls+kms", "tls", "kms", tls=True),
    ),
    _TABLES / "seaweedfs.md",
    dict.fromkeys(CLIENTS, _OF_SEAWEEDFS) | {"hadoop-3.4.2": (*_OF_SEAWEEDFS, *_OF_S3A)},
    "scripts/clients --backend seaweedfs --only {} --write",
)

BACKENDS: Final = {one.name: one for one in (MINIO, SEAWEEDFS)}
