"""The command that ``s3.curl`` writes: a shell and curl run it, and gateway and MinIO answer as they did."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.config import Config

from lab.certs import Certs
from lab.gateway import SPARK_CLIENT, Gateway, gateway_config
from lab.minio import Minio
from s3gateway.observed import capture, curl
from s3gateway.observed.capture import Exchange, Head
from tests.conftest import GatewayFactory
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import Target, put_chunked, sign
from tests.real.waiting import eventually, whole_lines

README = Path(__file__).parent.parent.parent / "README.md"


@pytest.fixture
def captured(tmp_path: Path) -> Path:
    return tmp_path / "captured.jsonl"


@pytest.fixture
def running(gateway: GatewayFactory, minio: Minio, captured: Path) -> Gateway:
    return gateway(gateway_config(minio, log={"capture": str(captured)}))


def _curl() -> None:
    if shutil.which("curl"):
        return
    remedy = "no curl: apt-get install curl"
    if os.environ.get("CI") == "true":
        pytest.fail(remedy, pytrace=False)
    pytest.skip(remedy)


def _last(captured: Path, count: int) -> Exchange:
    def look() -> Exchange | None:
        text = whole_lines(captured)
        found = capture.load(text) if text else ()
        return found[-1] if len(found) == count else None

    found = eventually(look)
    assert found
    return found


def _run(command: str, tmp_path: Path, **more: str) -> subprocess.CompletedProcess[bytes]:
    keys = {
        "AWS_ACCESS_KEY_ID": SPARK_CLIENT["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": SPARK_CLIENT["secret_access_key"],
    }
    env = {"PATH": os.environ["PATH"], **keys, **more}
    line = command.rstrip() + f" --silent --write-out '%{{http_code}}' --output {tmp_path}/out\n"
    return subprocess.run(["sh", "-c", line], env=env, capture_output=True, timeout=300, check=False)


@pytest.mark.parametrize("key", ["plain.txt", "dir x+y=1/é'!.txt"])
def test_a_read_and_a_streamed_upload(
    running: Gateway, minio: Minio, bucket: str, captured: Path, tmp_path: Path, key: str
) -> None:
    """What Spark did, curl does: same object, same headers, a body of the caller's."""
    _curl()
    host = f"127.0.0.1:{running.port}"
    with Raw(running.port) as raw:
        assert (
            raw.ask(put_chunked(Target(bucket, key), b"by Spark", [("x-amz-meta-a", "b  c")], host=host).wire).status
            == 200
        )
    command = curl.command(_last(captured, 1))
    (tmp_path / "body").write_bytes(b"by curl")
    done = _run(command, tmp_path, BODY_FILE=str(tmp_path / "body"))
    assert done.stdout == b"200", (command, done)
    stored = minio.client().get_object(Bucket=bucket, Key=key)
    assert (stored["Body"].read(), stored["Metadata"]) == (b"by curl", {"a": "b  c"})
    with Raw(running.port) as raw:
        target = Target(bucket, key, [("response-content-type", "a/b c")])
        assert raw.ask(sign("GET", target, headers=[("Range", "bytes=3-")], host=host).head).status == 206
    command = curl.command(_last(captured, 3))
    assert _run(command, tmp_path).stdout == b"206", command
    assert (tmp_path / "out").read_bytes() == b"curl"


def _recipe(running: Gateway, certs: Certs, bucket: str) -> str:
    """The README's command, with this gateway in the place of its own."""
    blocks = re.findall(r"```console\n(.*?)```", README.read_text(), re.DOTALL)
    (block,) = [each for each in blocks if "report.csv" in each]
    named = {
        "SPARKKEY:change-me": f"{SPARK_CLIENT['access_key_id']}:{SPARK_CLIENT['secret_access_key']}",
        "certs/ca.crt": str(certs.ca),
        "https://127.0.0.1:8000/reports/": f"{running.tls_url}/{bucket}/",
    }
    command: str = block.removeprefix("$ ").strip()
    for theirs, ours in named.items():
        assert theirs in command
        command = command.replace(theirs, ours)
    return command


def test_the_readmes_recipe(minio: Minio, certs: Certs, gateway: GatewayFactory, bucket: str, tmp_path: Path) -> None:
    """It uploads; without its header curl 7 is refused, with words that say what to add."""
    _curl()
    running = gateway(gateway_config(minio, certificate=certs.gateway))
    (tmp_path / "report.csv").write_bytes(b"a,b")
    command = _recipe(running, certs, bucket).replace("report.csv ", f"{tmp_path}/report.csv ")
    done = _run(command, tmp_path)
    assert done.stdout == b"200", (command, done, (tmp_path / "out").read_bytes())
    assert minio.client().get_object(Bucket=bucket, Key="2026/report.csv")["Body"].read() == b"a,b"
    header = "--header 'x-amz-content-sha256: UNSIGNED-PAYLOAD'"
    bare = command.replace(header, "--header 'User-Agent: curl/7.88.1' --header 'x-amz-content-sha256:'")
    assert bare != command
    assert _run(bare, tmp_path).stdout == b"400"
    told = (tmp_path / "out").read_text(encoding="utf-8")
    assert "Missing required header for this request: x-amz-content-sha256" in told
    assert header in told


def test_an_empty_object_is_one(running: Gateway, minio: Minio, bucket: str, captured: Path, tmp_path: Path) -> None:
    """A directory marker: no body to bring, and curl of itself sends no length then."""
    _curl()
    with Raw(running.port) as raw:
        marker = sign(
            "PUT", Target(bucket, "dir/"), headers=[("Content-Length", "0")], host=f"127.0.0.1:{running.port}"
        )
        assert raw.ask(marker.head).status == 200
    command = curl.command(_last(captured, 1))
    minio.client().delete_object(Bucket=bucket, Key="dir/")
    assert _run(command, tmp_path).stdout == b"200", (command, (tmp_path / "out").read_bytes())
    assert minio.client().head_object(Bucket=bucket, Key="dir/")["ContentLength"] == 0


def test_a_checksum_that_was_in_the_trailer_is_not_announced() -> None:
    """AWS refuses one that is named and does not come."""
    names = ("Host", "x-amz-trailer", "x-amz-sdk-checksum-algorithm", "Content-Length")
    head = Head("PUT", "/b/k", tuple((name, "1") for name in names))
    exchange = Exchange("", "", tls=True, incoming=head)
    assert "checksum" not in curl.command(replace(exchange, payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER"))
    assert "x-amz-sdk-checksum-algorithm: 1" in curl.command(exchange)


def test_what_is_secret_is_a_placeholder(running: Gateway, bucket: str, captured: Path) -> None:
    """Neither a presigned URL's signature nor a key is in the command; its place is the caller's to fill."""
    s3 = running.client(config=Config(signature_version="s3v4"))
    url = s3.generate_presigned_url("head_object", {"Bucket": bucket, "Key": "k"}, HttpMethod="HEAD")
    with Raw(running.port) as raw:
        head = f"HEAD {url.removeprefix(running.url)} HTTP/1.1\r\nHost: 127.0.0.1:{running.port}\r\n\r\n"
        assert raw.ask(head.encode(), "HEAD").status == 404
    exchange = _last(captured, 1)
    command = curl.command(exchange)
    assert "X-Amz-" not in command
    assert "--head" in command
    line = json.loads(captured.read_text())
    line["incoming"]["headers"].append(["x-amz-server-side-encryption-customer-key", "<redacted>"])
    command = curl.command(capture.from_document(line))
    assert """'x-amz-server-side-encryption-customer-key: '"$SSE_CUSTOMER_KEY\"""" in command
