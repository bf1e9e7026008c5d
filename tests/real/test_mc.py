"""MinIO's own client through the gateway: over HTTP with its signed trailers, over TLS with its unsigned ones."""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.certs import Certs
from lab.gateway import SPARK_CLIENT, Gateway
from lab.minio import Minio
from lab.recorder import Recorder
from lab.wire import RecordedRequest
from tests.real import invariant
from tests.real.sdkv1 import STREAMING_TRAILER, UNSIGNED_TRAILER
from tests.real.tap import Tap

LARGE = 70 << 20


class Mc:
    """``mc`` with a configuration folder of its own."""

    def __init__(
        self,
        program: Path,
        folder: Path,
        url: str,
        ca_file: Path,
        access_key: str = SPARK_CLIENT["access_key_id"],
        secret_key: str = SPARK_CLIENT["secret_access_key"],
    ) -> None:
        authorities = folder / "certs" / "CAs"
        authorities.mkdir(parents=True)
        shutil.copy(ca_file, authorities / "ca.crt")
        self._base = [str(program), "--config-dir", str(folder), "--json", "--quiet"]
        self.url = url
        self.run("alias", "set", "gw", url, access_key, secret_key)

    def run(self, *arguments: str | Path, ok: bool = True) -> list[dict[str, Any]]:
        """Run to the end; its lines of JSON."""
        ended = self.raw(*arguments)
        assert (ended.returncode == 0) is ok, ended.stdout.decode() + ended.stderr.decode()
        return [json.loads(line) for line in ended.stdout.splitlines()]

    def raw(self, *arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
        env = {"PATH": os.environ["PATH"], "HOME": self._base[2]}
        return subprocess.run(
            [*self._base, *map(str, arguments)], capture_output=True, timeout=300, check=False, env=env
        )


@pytest.fixture
def tap(usual_gateway: Gateway) -> Iterator[Tap]:
    with Tap(usual_gateway.port) as relay:
        yield relay


@pytest.fixture(params=["http", "tls"])
def client(
    request: pytest.FixtureRequest,
    mc: Path,
    usual_gateway: Gateway,
    certs: Certs,
    wire: Recorder,
    tap: Tap,
    tmp_path: Path,
) -> Iterator[Mc]:
    url = usual_gateway.tls_url if request.param == "tls" else tap.url
    yield Mc(mc, tmp_path / "mc", url, certs.ca)
    if request.param == "http":
        _check_all_headers(tap.requests(), wire.requests())


def _check_all_headers(sent: list[RecordedRequest], got: list[RecordedRequest]) -> None:
    """Each request on the client's wire is on the backend's with every header, found by all that does not change."""
    left = list(got)
    for request in sent:
        match = next((known for known in left if _same(known, request)), None)
        assert match is not None, request
        left.remove(match)
        invariant.check_headers_kept(request.headers, match)
    assert left == []


def _same(one: RecordedRequest, other: RecordedRequest) -> bool:
    names = ("content-length", "content-md5", "x-amz-trailer", "x-amz-content-sha256", "range", "x-amz-meta-mc-attrs")
    return (one.method, one.target, [one.values(name) for name in names]) == (
        other.method,
        other.target,
        [other.values(name) for name in names],
    )


def test_the_life_of_objects(client: Mc, minio: Minio, bucket: str, tmp_path: Path) -> None:
    """mb, cp (multipart, small, empty, odd names), stat, ls, cat, mirror, cp between objects, rm and rb."""
    made = f"gw/{bucket}-made"
    client.run("mb", made)
    tree = tmp_path / "tree"
    (tree / "dir x+y=1").mkdir(parents=True)
    (tree / "dir x+y=1" / "é ~*'().txt").write_bytes(b"odd")
    (tree / "empty").write_bytes(b"")
    large = os.urandom(LARGE)
    (tmp_path / "large").write_bytes(large)
    client.run("cp", tmp_path / "large", f"{made}/large")
    client.run("cp", tree / "empty", f"{made}/empty")
    client.run("cp", tree / "dir x+y=1" / "é ~*'().txt", f"{made}/é ~*'().txt")
    direct = minio.client()
    stored = direct.get_object(Bucket=f"{bucket}-made", Key="large")
    assert "-" in stored["ETag"]
    assert hashlib.sha256(stored["Body"].read()).digest() == hashlib.sha256(large).digest()
    assert direct.head_object(Bucket=f"{bucket}-made", Key="empty")["ContentLength"] == 0
    (stat,) = client.run("stat", f"{made}/large")
    assert stat["size"] == LARGE
    assert client.raw("cat", f"{made}/large").stdout == large
    assert client.raw("cat", f"{made}/empty").stdout == b""
    client.run("mirror", tree, f"{made}/mirrored")
    listed = {line["key"] for line in client.run("ls", "--recursive", made)}
    assert listed == {"large", "empty", "é ~*'().txt", "mirrored/empty", "mirrored/dir x+y=1/é ~*'().txt"}
    client.run("mirror", f"{made}/mirrored", tmp_path / "back")
    assert (tmp_path / "back" / "dir x+y=1" / "é ~*'().txt").read_bytes() == b"odd"
    client.run("cp", f"{made}/large", f"{made}/copied")
    assert direct.head_object(Bucket=f"{bucket}-made", Key="copied")["ContentLength"] == LARGE
    client.run("rm", f"{made}/empty")
    client.run("rm", "--recursive", "--force", f"{made}/mirrored/")
    left = direct.list_objects_v2(Bucket=f"{bucket}-made")["Contents"]
    assert [known["Key"] for known in left] == ["copied", "large", "é ~*'().txt"]
    client.run("rb", "--force", made)
    assert client.run("stat", made, ok=False)[0]["status"] == "error"


def test_an_upload_with_a_checksum(client: Mc, wire: Recorder, minio: Minio, bucket: str, tmp_path: Path) -> None:
    """minio-go's trailers, signed over HTTP and not over TLS, with its own line ends, are verified and sent on."""
    data = os.urandom(20 << 20)
    (tmp_path / "file").write_bytes(data)
    for number, more in enumerate(([], ["--disable-multipart"])):
        client.run("cp", "--checksum", "CRC32C", *more, tmp_path / "file", f"gw/{bucket}/file{number}")
        assert minio.client().get_object(Bucket=bucket, Key=f"file{number}")["Body"].read() == data
    puts = [request for request in wire.requests() if request.method == "PUT"]
    mode = {"http": STREAMING_TRAILER, "https": UNSIGNED_TRAILER}[client.url.partition(":")[0]]
    assert {put.header("x-amz-content-sha256") for put in puts} == {mode.encode()}
    assert len(puts) == 3


def test_a_pipe(client: Mc, minio: Minio, bucket: str) -> None:
    """An upload of unknown length is stored as it was piped."""
    program = [*client._base, "pipe", f"gw/{bucket}/piped"]
    subprocess.run(program, input=b"p" * 100_000, capture_output=True, timeout=300, check=True)
    assert minio.client().get_object(Bucket=bucket, Key="piped")["Body"].read() == b"p" * 100_000


def test_a_shared_upload(
    mc: Path, usual_gateway: Gateway, certs: Certs, minio: Minio, bucket: str, tmp_path: Path
) -> None:
    """``mc share upload`` makes a form, and the curl command that it tells works."""
    client = Mc(mc, tmp_path / "mc", usual_gateway.tls_url, certs.ca)
    (shared,) = client.run("share", "upload", f"gw/{bucket}/shared/é +1")
    file = tmp_path / "file"
    file.write_bytes(b"by a form")
    command = str(shared["share"]).replace("<FILE>", str(file))
    assert " -F file=@" in command
    line = [*shlex.split(command), "--silent", "--cacert", str(certs.ca), "--write-out", "%{http_code}"]
    done = subprocess.run(line, capture_output=True, timeout=120, check=True)
    assert done.stdout == b"204", (command, done)
    assert minio.client().get_object(Bucket=bucket, Key="shared/é +1")["Body"].read() == b"by a form"
