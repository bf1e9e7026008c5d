"""Where clients run: a backend, a bucket to list with 1200 odd keys, and for each client a gateway that captures.

The gateway's rules go by bucket, so that one gateway serves every lane of a client, and one capture tells of all.
"""

import base64
import hashlib
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.config import Config

from capturing.sources import read
from lab import MissingPartError
from lab.backends import Backend
from lab.certs import Certs
from lab.gateway import Gateway, gateway_config
from lab.java import trust_options
from matrix.installing import Installed
from matrix.results import Case
from s3gateway.observed.capture import Exchange

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

LISTING: Final = "listing"
SIZE: Final = 20_000_000
KEY_FILE: Final = "sse-c.key"
KEY: Final = base64.b64encode(bytes(range(32))).decode()
"""The SSE-C key of every run: it guards nothing, and a replay of the captures needs it."""
ACCESS_KEY: Final = "CLIENTKEY"
SECRET_KEY: Final = "client-secret-of-the-lab"  # noqa: S105 - of a gateway that lives for one client
_CLIENT: Final = {"name": "client", "access_key_id": ACCESS_KEY, "secret_access_key": SECRET_KEY, "buckets": ["*"]}
_ROUNDS: Final = 3
_SECONDS: Final = 900
_JAVA_OPTIONS: Final = ("-Xmx1g", "-XX:TieredStopAtLevel=1")  # quick to start; what is measured waits for the wire
_LAST: Final = 300

_ODD: Final = (
    "plain", "a b", "é", "x+y=1", "100%", "%2F", "~*'()!", "a&b;c", "emoji 😀", "q?#", "コレ", "[b]{c}^",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lane:
    """One way to the backend: by which front (None: straight), and to which bucket."""

    name: str
    front: str | None
    rule: str
    tls: bool

    def bucket(self, client: str) -> str:
        """A bucket of its own, by whose name the gateway's rules go; without dots, which make it no host to Java."""
        return f"{self.rule}-{self.front or 'direct'}-{client.replace('.', '-')}"


LANES: Final = (
    Lane("direct", None, "plain", tls=True),
    Lane("http", "http", "plain", tls=False),
    Lane("http+kms", "http", "kms", tls=False),
    Lane("tls", "tls", "plain", tls=True),
    Lane("tls+kms", "tls", "kms", tls=True),
    Lane("tls+sse-c", "tls", "ssec", tls=True),
)
"""To MinIO."""


class Server(Backend, Protocol):
    """A backend, with a client of its own."""

    def client(self, config: Config | None = None) -> "S3Client":
        """A boto3 client straight to it, with its administrator's keys."""


def keys_to_list() -> list[str]:
    """1200 keys with what has to be escaped, in the order in which S3 lists them."""
    return sorted((f"{odd}/{number:03}" for odd in _ODD for number in range(100)), key=str.encode)


def rules(key_file: str, lanes: Sequence[Lane] = LANES) -> list[dict[str, Any]]:
    """The encryption rules of every gateway with these lanes."""
    kinds: dict[str, dict[str, Any]] = {
        "kms": {"sse-kms": "my-key"},
        "ssec": {"sse-c": key_file},
        "sses3": {"sse-s3": True},
    }
    used = {lane.rule for lane in lanes}
    return [{"bucket": f"{name}-*"} | rule for name, rule in kinds.items() if name in used]


@dataclass(frozen=True, slots=True)
class Stage:
    """A backend with the listing, the files that drivers are given, and the lanes there are."""

    backend: Server
    certs: Certs
    folder: Path
    environment: Mapping[str, str] = field(repr=False)
    lanes: tuple[Lane, ...] = LANES

    def run(self, name: str, client: Installed) -> "Ran":
        """Run the driver once a lane; the gateway's capture of all lanes is in what comes back."""
        cases: dict[str, tuple[Case, ...]] = {}
        exchanges = self._lanes(name, client, tuple(lane.name for lane in self.lanes), _keeping(cases), capture=True)
        return Ran(cases, exchanges)

    def _lanes(
        self, name: str, client: Installed, wanted: Sequence[str], keep: Callable[[str, str], None], *, capture: bool
    ) -> tuple[Exchange, ...]:
        names = [lane.bucket(name) for lane in self.lanes]
        with _buckets(self.backend.client(), names), tempfile.TemporaryDirectory(prefix="s3gw-client-") as place:
            file = Path(place) / "capture.jsonl"
            config = gateway_config(
                self.backend,
                clients=[_CLIENT],
                encryption=rules(str(self.folder / KEY_FILE), self.lanes),
                certificate=self.certs.gateway,
                log={"capture": str(file)} if capture else {},
            )
            with Gateway(config) as gateway:
                for lane in (lane for lane in self.lanes if lane.name in wanted):
                    work = Path(place) / lane.name
                    work.mkdir()
                    trust = trust_options(self.certs.ca, work).split() if lane.tls else []
                    (work / "java.options").write_text("\n".join([*_JAVA_OPTIONS, *trust]), encoding="utf-8")
                    keep(lane.name, self._run(client, self._door(lane, gateway, name, work), work))
            return read(file) if file.exists() else ()

    def speed(self, name: str, client: Installed) -> dict[str, list[dict[str, float]]]:
        """Run the driver's case `speed`, direct and over HTTP: lane -> a round each."""
        timed = Installed(client.command, dict(client.env) | {"S3_CASES": "speed"})
        found: dict[str, list[dict[str, float]]] = {}

        def keep(lane: str, output: str) -> None:
            lines = [line for line in output.splitlines() if line.startswith('{"put"')]
            found[lane] = [json.loads(line) for line in lines]

        self._lanes(name, timed, ("direct", "http"), keep, capture=False)
        for lane, rounds in found.items():
            if len(rounds) < _ROUNDS:
                raise MissingPartError(f"{lane}: only {len(rounds)} rounds were told of")
        return found

    def _door(self, lane: Lane, gateway: Gateway, name: str, work: Path) -> dict[str, str]:
        direct = lane.front is None
        through = gateway.tls_url if lane.tls else gateway.url
        return {
            "S3_ENDPOINT": self.backend.endpoint if direct else through,
            "S3_KEY": self.backend.access_key if direct else ACCESS_KEY,
            "S3_SECRET": self.backend.secret_key if direct else SECRET_KEY,
            "S3_CA": str(self.certs.ca) if lane.tls else "",
            "S3_BUCKET": lane.bucket(name),
            "S3_LANE": lane.name,
            "S3_WORK": str(work),
        }

    def _run(self, client: Installed, door: Mapping[str, str], work: Path) -> str:
        """Standard output; how it ended, where that is not well, is a line more."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "S3_"))}
        env = own | dict(self.environment) | {"HOME": str(work), "NO_PROXY": "*"} | dict(client.env) | dict(door)
        try:
            ended = subprocess.run(
                client.command, cwd=work, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=_SECONDS, check=False, errors="replace",
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            said = error.stdout.decode(errors="replace") if isinstance(error.stdout, bytes) else ""
            return f"{said}\n{_driver(f'did not end within {_SECONDS} s')}"
        if ended.returncode:
            last = [line for line in ended.stderr.splitlines() if line.strip() and not line.startswith(("\tat ", "  "))]
            why = f"ended with status {ended.returncode}: {' | '.join(last[-3:])}"
            return f"{ended.stdout}\n{_driver(why)}"
        return ended.stdout


def _driver(why: str) -> str:
    return json.dumps({"case": "(driver)", "error": why})


def _keeping(cases: dict[str, tuple[Case, ...]]) -> Callable[[str, str], None]:
    def keep(lane: str, output: str) -> None:
        cases[lane] = tuple(_told(output))

    return keep


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of each lane, and what went through the gateway."""

    lanes: Mapping[str, tuple[Case, ...]]
    exchanges: tuple[Exchange, ...]


def _told(output: str) -> Iterator[Case]:
    """Read the driver's lines; what else its client prints is no JSON, or has no case."""
    for line in output.splitlines():
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict) and "case" in said:
            yield Case(str(said["case"]), " ".join(str(said.get("error", "")).split())[:_LAST])


@contextmanager
def staged(backend: Server, certs: Certs, folder: Path, lanes: tuple[Lane, ...] = LANES) -> Iterator[Stage]:
    """Fill the listing once, and write what drivers are given into `folder`."""
    # Of 1200 TLS connections from eight threads one may break while it is made.
    admin, keys = backend.client(Config(retries={"total_max_attempts": 5})), keys_to_list()
    admin.create_bucket(Bucket=LISTING)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: admin.put_object(Bucket=LISTING, Key=key, Body=b""), keys))
    (folder / KEY_FILE).write_text(KEY, encoding="ascii")
    large = folder / "20MB"
    with large.open("wb") as file:
        for number in range(SIZE // 32):  # each block is another: a lost or doubled one shows
            file.write(hashlib.sha256(b"%d" % number).digest())
    environment = {
        "S3_REGION": backend.region,
        "S3_LISTING": LISTING,
        "S3_LISTED": hashlib.sha256("\n".join(keys).encode()).hexdigest(),
        "S3_FILE": str(large),
    }
    try:
        yield Stage(backend, certs, folder, environment, lanes)
    finally:
        _empty(admin, LISTING)


@contextmanager
def _buckets(admin: "S3Client", names: Sequence[str]) -> Iterator[None]:
    for bucket in names:
        admin.create_bucket(Bucket=bucket)
    try:
        yield
    finally:
        for bucket in names:
            _empty(admin, bucket)


def _empty(admin: "S3Client", bucket: str) -> None:
    for page in admin.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        objects: list[ObjectIdentifierTypeDef] = [{"Key": one["Key"]} for one in page.get("Contents", [])]
        if objects:
            admin.delete_objects(Bucket=bucket, Delete={"Objects": objects})
    for upload in admin.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
        admin.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    admin.delete_bucket(Bucket=bucket)
