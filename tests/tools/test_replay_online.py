"""``scripts/replay_flows --gateway`` with real MinIO: what was captured is done again, and its answers compared."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from lab import CHECKOUT
from lab.certs import Certs
from lab.gateway import SPARK_CLIENT, Gateway, gateway_config
from lab.minio import Minio
from s3gateway.observed.capture import dump
from tests.conftest import GatewayFactory
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import CHUNK, Key, Target, put_chunked, sign
from tests.real.waiting import eventually
from tests.tools.test_replay_flows import run

PART = 5 << 20
DATA = os.urandom(2 * CHUNK + 5)


@pytest.fixture
def bucket() -> str:
    return f"online-{os.urandom(4).hex()}"


@pytest.fixture
def clients(tmp_path: Path) -> Path:
    """The test credentials, and nothing else of a configuration."""
    path = tmp_path / "clients.yaml"
    path.write_text(yaml.safe_dump({"clients": [dict(SPARK_CLIENT)]}))
    return path


def use(gateway: Gateway, bucket: str, folder: Path) -> None:
    """Each way of sending a body, a copy, an upload in parts and its copy in parts, reads, and what is not there."""
    client = gateway.client(config=Config(signature_version="s3v4"))
    client.put_object(Bucket=bucket, Key="é ~*'()", Body=DATA, Metadata={"kept": "a  b"}, ContentType="text/plain")
    with Raw(gateway.port) as raw:
        raw.send(put_chunked(Target(bucket, "chunked"), DATA).wire)
        assert raw.read().status == 200
    gateway.client(tls=True).put_object(Bucket=bucket, Key="trailer", Body=DATA)
    client.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "é ~*'()"})
    (folder / "large").write_bytes(bytes(PART + 7))
    parts = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=1)
    client.upload_file(str(folder / "large"), bucket, "large", Config=parts)
    client.copy({"Bucket": bucket, "Key": "large"}, bucket, "large copy", Config=parts)
    etag = client.head_object(Bucket=bucket, Key="large copy")["ETag"]
    client.get_object(Bucket=bucket, Key="large copy", IfMatch=etag, Range=f"bytes={PART}-")["Body"].read()
    client.get_object(Bucket=bucket, Key="chunked")["Body"].read()
    client.list_objects_v2(Bucket=bucket)
    client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "trailer"}]})
    with pytest.raises(client.exceptions.ClientError):
        client.head_object(Bucket=bucket, Key="trailer")
    with Raw(gateway.port) as raw:
        assert raw.ask(sign("GET", Target(bucket, "k"), key=Key(secret="wrong")).head).status == 403


@pytest.fixture
def flows(gateway: GatewayFactory, minio: Minio, certs: Certs, bucket: str, tmp_path: Path) -> Callable[[], Path]:
    """Capture :func:`use`, and leave nothing of it at the backend."""

    def capture() -> Path:
        direct = minio.client()
        direct.create_bucket(Bucket=bucket)
        path = tmp_path / "flows"
        arguments = ["-w", str(path), "--set", "store_streamed_bodies=true"]
        running = gateway(_config(minio, bucket, certs), arguments=arguments)
        use(running, bucket, tmp_path)
        running.stop()
        _remove(minio, bucket)
        return path

    return capture


def _config(minio: Minio, bucket: str, certs: Certs, **more: Any) -> dict[str, Any]:
    rules = [{"bucket": bucket, "sse-kms": "my-key"}]
    return gateway_config(minio, certificate=certs.gateway, **({"encryption": rules} | more))


def _remove(minio: Minio, bucket: str) -> None:
    direct = minio.client()
    for known in direct.list_objects_v2(Bucket=bucket)["Contents"]:
        direct.delete_object(Bucket=bucket, Key=known["Key"])
    direct.delete_bucket(Bucket=bucket)


def _told(ended: subprocess.CompletedProcess[str]) -> str:
    """Its output; no secret and no signature is in it."""
    said = ended.stdout + ended.stderr
    assert str(SPARK_CLIENT["secret_access_key"]) not in said
    assert not re.search(r"Signature=[0-9a-f]{64}", said)
    return said


def test_a_capture_is_done_again(
    flows: Callable[[], Path],
    gateway: GatewayFactory,
    minio: Minio,
    certs: Certs,
    bucket: str,
    clients: Path,
    tmp_path: Path,
) -> None:
    """With the bodies of the flow file, and without them with bodies like them."""
    path = flows()
    running = gateway(_config(minio, bucket, certs))
    again = run(path, "--gateway", running.url, "--config", clients, "--make-buckets", "--junit", tmp_path / "j.xml")
    assert again.returncode == 0, _told(again)
    assert _told(again).endswith(" replayed, 0 differ, 1 not replayed\n")
    direct = minio.client()
    for key, data in {"é ~*'()": DATA, "chunked": DATA, "copy": DATA, "large copy": bytes(PART + 7)}.items():
        found = direct.get_object(Bucket=bucket, Key=key)
        assert (found["Body"].read(), found["SSEKMSKeyId"]) == (data, "arn:aws:kms:my-key"), key
    assert direct.head_object(Bucket=bucket, Key="copy")["Metadata"] == {"kept": "a  b"}
    assert {known["Key"] for known in direct.list_objects_v2(Bucket=bucket)["Contents"]} == {
        "é ~*'()", "chunked", "copy", "large", "large copy",
    }  # fmt: skip

    _remove(minio, bucket)
    written = run_capture(path, tmp_path / "heads.json")
    made_up = run(written, "--gateway", running.url, "--config", clients, "--make-buckets")
    # A made-up list of keys to delete names one that is not there.
    assert re.findall(r"^    (?!not replayed).*", _told(made_up), re.MULTILINE) == ["    status: expected 404, is 200"]
    assert made_up.returncode == 1
    assert direct.head_object(Bucket=bucket, Key="large copy")["ContentLength"] == PART + 7
    assert direct.head_object(Bucket=bucket, Key="chunked")["ContentLength"] == len(DATA)


def test_answers_that_differ_are_named(
    flows: Callable[[], Path], gateway: GatewayFactory, minio: Minio, certs: Certs, bucket: str, clients: Path
) -> None:
    """Other encryption; what a HEAD tells over TLS and not over HTTP; a client that is not let in."""
    path = flows()
    running = gateway(_config(minio, bucket, certs))
    over_tls: list[str | Path] = [
        "--gateway",
        running.tls_url,
        "--ca-file",
        certs.ca,
        "--config",
        clients,
        "--make-buckets",
    ]
    ended = run(path, *over_tls)
    assert ended.returncode == 1
    told = set(re.findall(r"^    (?!not replayed).*", _told(ended), re.MULTILINE))
    assert told == {"    header: x-amz-server-side-encryption-aws-kms-key-id: (none) -> arn:aws:kms:my-key"}
    _remove(minio, bucket)
    running.write_config(_config(minio, bucket, certs, encryption=[], port=running.port))
    eventually(lambda: "configuration reloaded" in running.log())
    ended = run(path, *over_tls)
    assert ended.returncode == 1
    assert "    header: x-amz-server-side-encryption: aws:kms -> (none)\n" in _told(ended)
    narrow = gateway(_config(minio, bucket, certs, clients=[dict(SPARK_CLIENT) | {"buckets": ["others"]}]))
    ended = run(path, "--gateway", narrow.url, "--config", clients)
    assert ended.returncode == 1
    assert "    status: expected 200, is 403 (AccessDenied)\n" in _told(ended)


def test_a_gateway_that_is_not_there_is_said(bucket: str, clients: Path, tmp_path: Path) -> None:
    """Each request has no answer: a difference, not a crash; a bucket that cannot be made is a matter of usage."""
    capture = tmp_path / "empty.json"
    capture.write_text(dump(()))
    assert run(capture, "--gateway", "http://127.0.0.1:9", "--config", clients).returncode == 0
    spark = Path(__file__).parents[1] / "captures" / "spark-3.5.json"
    ended = run(spark, "--gateway", "http://127.0.0.1:9", "--config", clients)
    assert ended.returncode == 1
    assert "no answer: ConnectionRefusedError" in _told(ended)
    assert run(spark, "--gateway", "http://127.0.0.1:9", "--config", clients, "--make-buckets").returncode == 2
    assert run(spark, "--gateway", "http://127.0.0.1:9").returncode == 2


def run_capture(flows: Path, to: Path) -> Path:
    """The exchanges of a flow file as a capture, as scripts/capture_headers writes them: heads alone."""
    program = (
        "import sys, pathlib; from capturing.sources import read; from s3gateway.observed.capture import dump;"
        "pathlib.Path(sys.argv[2]).write_text(dump(read(pathlib.Path(sys.argv[1]))))"
    )
    env = dict(os.environ) | {"PYTHONPATH": f"{CHECKOUT}/addons:{CHECKOUT}/scripts", "PYTHONWARNINGS": "ignore"}
    subprocess.run([sys.executable, "-c", program, str(flows), str(to)], env=env, check=True)
    return to
