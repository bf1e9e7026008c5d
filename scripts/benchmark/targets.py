"""What is measured: the backend itself, a bare mitmdump, this gateway, another checkout's, and peers, side by side."""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import boto3
from botocore.config import Config

from benchmark.cases import BUCKET, LARGE, LARGE_KEY, SMALL_KEY
from benchmark.load import Endpoint
from benchmark.processes import family
from benchmark.signed import KIB, Keys
from lab import CHECKOUT, MissingPartError
from lab.backends import REGION
from lab.certs import Certs, make_certs
from lab.fixed import Fixed
from lab.gateway import Gateway, gateway_config
from lab.minio import Minio
from lab.peers import PEERS
from lab.ports import accepts, free_port
from lab.process import Command, ProcessError, start

DIRECT: Final = "direct"
BARE: Final = "mitmdump"
THIS: Final = "gateway"
OTHER: Final = "other"
SEVERAL: Final = "several"
WATCHED: Final = " -w"
METRICS: Final = " metrics"
AUDIT: Final = " audit"
SESSION: Final = " session"
_LONGEST_SESSION: Final = 43_200  # seconds
_NO_LIMIT: Final = 1_000_000  # requests a second: the limit is checked, and never reached


@dataclass(frozen=True, slots=True)
class Target:
    """Where to send: a name for the table, an endpoint, the key pair it knows, and the server's process group.

    `log` is where it writes a line for each request, if it does.
    """

    name: str
    endpoint: str
    access_key: str
    secret_key: str
    ca_file: Path | None
    group: int
    log: Path | None = None
    token: str = ""

    @property
    def pids(self) -> list[int]:
        """The processes whose CPU and memory count: a server may start workers at any time."""
        return family(self.group)

    @property
    def server(self) -> Endpoint:
        """For the load generator."""
        return Endpoint(self.endpoint, self.ca_file)

    @property
    def keys(self) -> Keys:
        """What signs its requests."""
        return Keys(self.access_key, self.secret_key, self.server.host, self.token)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run is to measure."""

    against: Path | None = None
    watched: bool = False
    observed: bool = False
    sessions: bool = False
    tls: bool = False
    bare: bool = True
    fixed_backend: bool = False
    endpoints: int = 0
    peers: Sequence[str] = ()


@dataclass(slots=True)
class Field:
    """All targets of a run, and what is to be said of them."""

    backend: str
    targets: list[Target] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@contextmanager
def running(wanted: Wanted) -> Iterator[Field]:
    """Start everything; a peer that cannot be had becomes a note."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="s3gw-bench-")))
        certs, _ = make_certs(folder / "certs")
        backend = _backend(stack, certs, wanted)
        told = "a fixed answer over TLS (scripts/lab/fixed.py)" if wanted.fixed_backend else "MinIO over TLS"
        ready = Field(told)
        keys = backend.access_key, backend.secret_key
        if wanted.bare:
            ready.targets.append(Target(DIRECT, backend.endpoint, *keys, certs.ca, backend.pid))
            ready.targets.append(_bare_mitmdump(stack, folder, backend, certs, wanted))
        for watching in (False, True) if wanted.watched else (False,):
            ours = [(THIS, CHECKOUT), *([(OTHER, wanted.against)] if wanted.against else [])]
            for name, checkout in ours:
                named = name + (WATCHED if watching else "")
                gives = wanted.sessions and named == THIS
                ready.targets.append(_gateway(stack, backend, certs, (named, checkout), tls=wanted.tls, gives=gives))
                if gives:
                    ready.targets.append(_with_session(ready.targets[-1]))
        if wanted.endpoints and isinstance(backend, Fixed):
            several = {"endpoint": None, "endpoints": backend.endpoints}
            ready.targets.append(_gateway(stack, backend, certs, (SEVERAL, CHECKOUT), several, tls=wanted.tls))
        for seen in (METRICS, AUDIT) if wanted.observed else ():
            ready.targets.append(_gateway(stack, backend, certs, (THIS + seen, CHECKOUT), tls=wanted.tls))
        for name in wanted.peers:
            _add_peer(stack, ready, name, backend, certs, wanted)
        yield ready


def _backend(stack: ExitStack, certs: Certs, wanted: Wanted) -> Minio | Fixed:
    if wanted.fixed_backend:
        return stack.enter_context(Fixed(certs, max(1, wanted.endpoints)))
    minio = stack.enter_context(Minio(certs))
    objects = minio.client()
    objects.create_bucket(Bucket=BUCKET)
    objects.put_object(Bucket=BUCKET, Key=SMALL_KEY, Body=os.urandom(KIB))
    objects.put_object(Bucket=BUCKET, Key=LARGE_KEY, Body=os.urandom(LARGE))
    return minio


def _bare_mitmdump(stack: ExitStack, folder: Path, backend: Minio | Fixed, certs: Certs, wanted: Wanted) -> Target:
    port = free_port()
    arguments = [
        str(Path(sys.executable).with_name("mitmdump")), "--mode", f"reverse:{backend.endpoint}",
        "--listen-host", "127.0.0.1", "--listen-port", str(port), "--set", "keep_host_header=true",
        "--set", "connection_strategy=lazy", "--set", "http2=false", "--set", "stream_large_bodies=1",
        "--set", f"ssl_verify_upstream_trusted_ca={certs.ca}", "--set", "flow_detail=0",
        "--set", "termlog_verbosity=warn", "--set", f"confdir={folder / 'confdir'}",
    ]  # fmt: skip
    arguments += ["--certs", f"*={certs.gateway}"] if wanted.tls else []
    bare = start(Command(BARE, arguments, folder / "mitmdump.log"), ready=lambda: accepts(port))
    stack.callback(bare.stop)
    scheme, trusted = ("https", certs.ca) if wanted.tls else ("http", None)
    url = f"{scheme}://127.0.0.1:{port}"
    return Target(BARE, url, backend.access_key, backend.secret_key, trusted, bare.pid)


def _gateway(
    stack: ExitStack,
    backend: Minio | Fixed,
    certs: Certs,
    which: tuple[str, Path],
    behind: Mapping[str, Any] = MappingProxyType({}),
    *,
    tls: bool,
    gives: bool = False,
) -> Target:
    """Start one; `behind` replaces keys of its `backend`, and None takes one out. It `gives` sessions, or not."""
    name, checkout = which
    config: dict[str, Any] = gateway_config(
        backend,
        certificate=certs.gateway if tls else None,
        log={"format": "json"},
        limits={"request_rate": _NO_LIMIT},
    )
    config["backend"] = {key: value for key, value in (config["backend"] | behind).items() if value is not None}
    files = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="s3gw-files-")))
    if gives:
        config["sts"] = {}
    if name.endswith((METRICS, AUDIT)):
        config["admin"] = {"port": free_port()}
    if name.endswith(AUDIT):
        config["audit"] = {"file": str(files / "audit.jsonl")}
    gateway = stack.enter_context(
        Gateway(
            config,
            arguments=["-w", str(files / "flows")] if name.endswith(WATCHED) else [],
            env={"PYTHONPATH": ""},  # ours names this checkout's addons, which the other must not find
            checkout=checkout,
        )
    )
    client = config["clients"][0]
    url, trusted = (gateway.tls_url, certs.ca) if tls else (gateway.url, None)
    keys = client["access_key_id"], client["secret_access_key"]
    return Target(name, url, *keys, trusted, gateway.pid, gateway.log_path)


def _with_session(target: Target) -> Target:
    """The same gateway, asked with the keys of a session that it has given."""
    sts = boto3.client(
        "sts",
        endpoint_url=target.endpoint,
        region_name=REGION,
        aws_access_key_id=target.access_key,
        aws_secret_access_key=target.secret_key,
        verify=str(target.ca_file) if target.ca_file else None,
        config=Config(proxies={}),
    )
    asked = {"RoleArn": "arn:aws:iam::000000000000:role/bench", "RoleSessionName": "bench"}
    found = sts.assume_role(**asked, DurationSeconds=_LONGEST_SESSION)["Credentials"]
    keys = found["AccessKeyId"], found["SecretAccessKey"]
    return replace(target, name=THIS + SESSION, access_key=keys[0], secret_key=keys[1], token=found["SessionToken"])


def _add_peer(stack: ExitStack, ready: Field, name: str, backend: Minio | Fixed, certs: Certs, wanted: Wanted) -> None:
    try:
        peer = stack.enter_context(PEERS[name](backend, certs if wanted.tls else None))
    except (MissingPartError, ProcessError) as error:
        ready.notes.append(f"{name}: not measured: {error}")
        return
    does = "verifies and signs" if peer.verifies else "verifies nothing"
    ready.notes.append(f"{name} {peer.version}: {does}")
    ready.targets.append(Target(name, peer.url, *peer.keys, certs.ca if wanted.tls else None, peer.pid))
