"""Uploads that are refused while the client is still writing: real clients report the refusal, not a broken pipe."""

import http.client
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError

from lab import MissingPartError
from lab.certs import Certs
from lab.gateway import Gateway, gateway_config
from lab.java import java_home
from lab.spark import Spark
from tests.conftest import GatewayFactory, _have
from tests.mitm.conftest import Nobody
from tests.mitm.pushing import MAY_GROW, keeps
from tests.real import memory
from tests.real.memory import MIB
from tests.real.rawhttp import Raw

CLIENTS = Path(__file__).parent / "clients"
SIZES = [64, 1024]
"""In MiB: neither fits into any socket's buffers, so the client is still writing when the answer comes."""


@pytest.fixture(scope="module")
def gateway_alone(certs: Certs, session_gateway: GatewayFactory) -> Gateway:
    """A gateway with nothing behind it, warmed up; a client may take its time to write a gibibyte."""
    config = gateway_config(Nobody(certs), certificate=certs.gateway, limits={"refusal_linger": 600})
    running = session_gateway(config)
    for ca_file in (None, certs.ca):
        with Raw(running.port, ca_file) as warm:
            assert warm.ask(keeps()).status == 403
    return running


@pytest.fixture
def refusing(gateway_alone: Gateway) -> Iterator[Gateway]:
    """That gateway; whatever a test sends to it, its memory stays flat, and it has spoken to no backend."""
    before = memory.reset_peak(gateway_alone.pid)
    yield gateway_alone
    assert memory.peak(gateway_alone.pid) - before < MAY_GROW
    assert "failed" not in gateway_alone.log()


class Zeros:
    """A file of zeros that is made as it is read."""

    def __init__(self, mebibytes: int) -> None:
        self.size = self._left = mebibytes * MIB

    def read(self, size: int = -1) -> bytes:
        given = self._left if size < 0 else min(size, self._left)
        self._left -= given
        return bytes(given)


def _run(*command: str | Path) -> list[str]:
    ended = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


@pytest.mark.parametrize("mebibytes", SIZES)
@pytest.mark.parametrize("expect", [False, True], ids=["", "expect"])
def test_nothing_comes_before_the_refusal(refusing: Gateway, mebibytes: int, *, expect: bool) -> None:
    """The first bytes on the wire are the 403's, and its end is the connection's: no ``100 Continue`` at any time."""
    more = b"Expect: 100-continue\r\n" if expect else b""
    with Raw(refusing.port) as raw:
        raw.send(b"PUT /bucket/k HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n%b\r\n" % (mebibytes * MIB, more))
        if not expect:
            for _ in range(mebibytes):
                raw.send(bytes(MIB))
        answer = raw.read()
        assert (answer.status, answer.code, answer.header("Connection")) == (403, "AccessDenied", "close")
        assert raw.is_closed()


@pytest.mark.parametrize("mebibytes", SIZES)
@pytest.mark.parametrize("name", ["SPARKKEY", "NOBODY"])
def test_boto3(refusing: Gateway, mebibytes: int, name: str) -> None:
    """Over HTTP it hashes all of it to sign; then it expects 100 Continue, and sends nothing as that does not come."""
    client = boto3.client(
        "s3",
        endpoint_url=refusing.url,
        region_name="us-east-1",
        aws_access_key_id=name,
        aws_secret_access_key="wrong",
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )
    with pytest.raises(ClientError) as raised:
        client.put_object(Bucket="bucket", Key="k", Body=_Seekable(mebibytes))  # type: ignore[arg-type]
    error = raised.value.response
    expected = "SignatureDoesNotMatch" if name == "SPARKKEY" else "InvalidAccessKeyId"
    assert (error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"]) == (403, expected)


class _Seekable(Zeros):
    """As boto3 wants it: it looks for the length, and may begin anew."""

    def tell(self) -> int:
        return self.size - self._left

    def seek(self, at: int, whence: int = os.SEEK_SET) -> int:
        self._left = self.size - (at + {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self.size}[whence])
        return self.tell()


@pytest.mark.parametrize("mebibytes", SIZES)
def test_http_client(refusing: Gateway, mebibytes: int) -> None:
    """Python's own client writes all of it before it reads."""
    connection = http.client.HTTPConnection("127.0.0.1", refusing.port, timeout=600)
    connection.request("PUT", "/bucket/k", Zeros(mebibytes), {"Content-Length": str(mebibytes * MIB)})
    answer = connection.getresponse()
    assert (answer.status, b"<Code>AccessDenied</Code>" in answer.read()) == (403, True)
    connection.close()


@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
def test_urllib3(refusing: Gateway, certs: Certs, *, tls: bool) -> None:
    """What requests and boto3 stand on."""
    with urllib3.PoolManager(ca_certs=str(certs.ca), retries=False) as pool:
        url = (refusing.tls_url if tls else refusing.url) + "/bucket/k"
        headers = {"Content-Length": str(64 * MIB)}
        answer = pool.request("PUT", url, body=Zeros(64), headers=headers)  # type: ignore[arg-type]  # it has read()
    assert (answer.status, b"<Code>AccessDenied</Code>" in answer.data) == (403, True)


def _jdk() -> Path:
    java = java_home() / "bin" / "java"
    if not (java.parent / "javac").exists():
        raise MissingPartError("these tests compile Java: apt-get install openjdk-17-jdk-headless")
    return java


@pytest.mark.parametrize("mebibytes", SIZES)
def test_java(refusing: Gateway, mebibytes: int) -> None:
    """The JDK's HttpClient; its HttpURLConnection, which writes all of it before it reads; and that with Expect."""
    lines = _run(_have(_jdk), CLIENTS / "JdkPut.java", f"{refusing.url}/bucket/k", str(mebibytes))
    assert lines == ["403 AccessDenied", "403 AccessDenied", "403 (Server rejected operation)"]


@pytest.mark.spark
@pytest.mark.xdist_group("spark")
def test_aws_sdk_for_java(refusing: Gateway) -> None:
    """SDK v1, which is Spark 3's, with and without Expect."""
    spark = _have(Spark.v35)
    (jar,) = spark._jars.glob("*aws-java-sdk-bundle*.jar")
    arguments = [refusing.url, "SPARKKEY", "wrong", "bucket", "256"]
    assert _run(_have(_jdk), "-cp", jar, CLIENTS / "SdkPut.java", *arguments) == ["403 SignatureDoesNotMatch"] * 2


@pytest.fixture(scope="module")
def go_put(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Go program, built."""

    def build() -> Path:
        go = shutil.which("go")
        if go is None:
            raise MissingPartError("no go on PATH")
        program = tmp_path_factory.mktemp("go") / "put"
        subprocess.run([go, "build", "-o", program, CLIENTS / "put.go"], check=True, env=os.environ | {"GOFLAGS": ""})
        return program

    return _have(build)


@pytest.mark.parametrize("mebibytes", SIZES)
@pytest.mark.parametrize("expect", [[], ["expect"]], ids=["", "expect"])
def test_go(refusing: Gateway, go_put: Path, mebibytes: int, expect: list[str]) -> None:
    """net/http reads while it writes, and stops writing."""
    assert _run(go_put, f"{refusing.url}/bucket/k", str(mebibytes), *expect) == ["403 AccessDenied"]


def test_mc(refusing: Gateway, mc: Path, tmp_path: Path) -> None:
    """MinIO's client, with a file that it sends in one piece."""
    file = tmp_path / "file"
    with file.open("wb") as sparse:
        sparse.truncate(256 * MIB)
    alias = refusing.url.replace("//", "//SPARKKEY:wrong-secret@")
    env = os.environ | {"MC_CONFIG_DIR": str(tmp_path / "mc"), "MC_HOST_gw": alias}
    command: list[str | Path] = [mc, "--json", "put", "--part-size", "512MiB", file, "gw/bucket/k"]
    ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode != 0
    assert "SignatureDoesNotMatch" in ended.stdout + ended.stderr, ended.stdout + ended.stderr
