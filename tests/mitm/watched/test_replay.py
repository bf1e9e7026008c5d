"""mitmdump's own client replay: a captured flow is sent again as its client's request, or not at all."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.config import Config

from lab.certs import Certs
from lab.gateway import SPARK_CLIENT, Gateway, gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from tests.conftest import GatewayFactory
from tests.mitm.conftest import ENTRY
from tests.mitm.web import Web
from tests.real import invariant
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import CHUNK, Key, Target, put_chunked, sign
from tests.real.waiting import eventually

STORED = ["--set", "store_streamed_bodies=true"]
KMS = "arn:aws:kms:my-key"


@pytest.fixture
def bucket(minio: Minio) -> str:
    name = f"replay-{os.urandom(4).hex()}"
    minio.client().create_bucket(Bucket=name)
    return name


@pytest.fixture
def capturing(gateway: GatewayFactory, recorder: Recorder, certs: Certs, tmp_path: Path) -> Callable[..., Path]:
    """Let ``use`` have a gateway without encryption; its flow file."""

    def capture(use: Callable[[Gateway], None], *arguments: str) -> Path:
        running = gateway(
            gateway_config(recorder, certificate=certs.gateway),
            arguments=["-w", str(tmp_path / "flows"), *(arguments or STORED)],
        )
        use(running)
        # A client has its answer a little before the flow is written.
        eventually(lambda: running.log().count('"status"') >= len(recorder.requests()), running.log())
        running.stop()
        recorder.clear()
        return tmp_path / "flows"

    return capture


def _replay(gateway: GatewayFactory, config: dict[str, Any], flows: Path, count: int) -> list[dict[str, Any]]:
    """Run ``mitmdump -C``; its log's lines, once there are as many as flows."""
    running = gateway(config, arguments=["-C", str(flows), "--set", "keepserving=true"])

    def told() -> list[dict[str, Any]]:
        return [json.loads(line) for line in running.log().splitlines() if line.startswith("{")]

    eventually(lambda: len(told()) >= count, running.log())
    return told()


def test_what_was_captured_is_done_again_under_todays_rules(
    capturing: Callable[..., Path],
    gateway: GatewayFactory,
    minio: Minio,
    recorder: Recorder,
    bucket: str,
    certs: Certs,
) -> None:
    """Signed chunks of SDK v1, boto3's hashed bodies and unsigned trailers, a presigned GET, a copy, a delete.

    The objects come into being again, encrypted by a rule that was not there when they were captured, and the backend
    verifies every request: its signature, hash, chunks and trailer are of now.
    """
    data = os.urandom(2 * CHUNK + 5)

    def use(running: Gateway) -> None:
        with Raw(running.port) as raw:
            raw.send(put_chunked(Target(bucket, "a+b c/chunked é"), data).wire)
            assert raw.read().status == 200
        for tls in (False, True):
            client = running.client(tls=tls, config=Config(signature_version="s3v4"))
            client.put_object(Bucket=bucket, Key=f"boto3-{tls}", Body=data, Metadata={"kept": "a  b"})
        client = running.client()
        client.put_object(Bucket=bucket, Key="empty", Body=b"")
        client.head_object(Bucket=bucket, Key="empty")
        client.get_object(Bucket=bucket, Key="boto3-True", Range="bytes=1-3")["Body"].read()
        client.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "boto3-True"})
        client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "empty"}]})

    flows = capturing(use)
    direct = minio.client()
    keys = ["a+b c/chunked é", "boto3-False", "boto3-True", "copy"]
    for key in keys:
        direct.delete_object(Bucket=bucket, Key=key)
    rules = [{"bucket": bucket, "sse-kms": "my-key"}]
    told = _replay(gateway, gateway_config(recorder, encryption=rules), flows, 8)
    assert [line["status"] for line in told] == [200, 200, 200, 200, 200, 206, 200, 200]
    assert {line["client"] for line in told} == {"spark"}
    assert told[0]["chunks"] == 4
    for key in keys:
        found = direct.get_object(Bucket=bucket, Key=key)
        assert (found["Body"].read(), found["SSEKMSKeyId"]) == (data, KMS)
    assert direct.head_object(Bucket=bucket, Key="boto3-True")["Metadata"] == {"kept": "a  b"}
    assert {known["Key"] for known in direct.list_objects_v2(Bucket=bucket)["Contents"]} == set(keys)
    requests = recorder.requests()
    assert len(requests) == 8
    invariant.check_all(requests)
    assert b"Keep-Alive" not in [request.header("connection") for request in requests]


def test_rules_of_today_hold_for_a_replay(
    capturing: Callable[..., Path], gateway: GatewayFactory, recorder: Recorder, minio: Minio, bucket: str
) -> None:
    """A client that may no longer do it, or is no longer there, is refused; the backend hears nothing."""

    def use(running: Gateway) -> None:
        running.client().put_object(Bucket=bucket, Key="k", Body=b"data")
        running.client().head_object(Bucket=bucket, Key="k")

    flows = capturing(use)
    for client, status in (
        (dict(SPARK_CLIENT) | {"buckets": ["others"]}, 403),
        (dict(SPARK_CLIENT) | {"name": "somebody else"}, 403),
    ):
        told = _replay(gateway, gateway_config(recorder, clients=[client]), flows, 2)
        assert [(line["status"], line["refusal"]) for line in told] == [(status, "AccessDenied")] * 2
    assert recorder.requests() == []
    new_key = dict(SPARK_CLIENT) | {"access_key_id": "NEWKEY", "secret_access_key": "new-secret-of-the-lab"}
    told = _replay(gateway, gateway_config(recorder, clients=[new_key]), flows, 2)
    assert [line["status"] for line in told] == [200, 200]


def test_what_was_refused_or_is_not_whole_stays_unsent(
    capturing: Callable[..., Path], gateway: GatewayFactory, recorder: Recorder, bucket: str
) -> None:
    """A forgery, a tampered upload, bodies that are not the captured ones, a secret that is gone: none is made good."""

    def use(running: Gateway) -> None:
        with Raw(running.port) as raw:
            assert raw.ask(sign("GET", Target(bucket, "k"), key=Key(secret="wrong")).head).status == 403
        with Raw(running.port) as raw:
            raw.send(put_chunked(Target(bucket, "tampered"), b"x" * CHUNK).tampered(0, -50).wire)
            assert raw.read().status == 403
        for key, payload in (("short-unsigned", "UNSIGNED-PAYLOAD"), ("short-hashed", sha256(b"x" * 100).hexdigest())):
            with Raw(running.port) as raw:
                put = sign("PUT", Target(bucket, key), payload, [("Content-Length", "100")])
                raw.send(put.head + b"x" * 100)
                assert raw.read().status == 200
        with Raw(running.port) as raw:
            raw.send(put_chunked(Target(bucket, "short-chunked"), b"x" * CHUNK).wire)
            assert raw.read().status == 200
        customer = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
        running.client(tls=True).put_object(Bucket=bucket, Key="sse-c", Body=b"x", **customer)  # type: ignore[arg-type]

    flows = capturing(use)
    # Whether anything of the tampered one was stored depends on when its connection was cut.
    _rewrite(
        flows,
        "end = -1 if '/short' in flow.request.path else None",
        "content = flow.request.raw_content or b''",
        "flow.request.raw_content = content[:end]",
    )
    told = _replay(gateway, gateway_config(recorder), flows, 6)
    assert [(line["status"], line["refusal"]) for line in told] == [(403, "AccessDenied")] * 6
    assert recorder.requests() == []


def _rewrite(path: Path, *statements: str) -> None:
    """Edit a flow file by mitmproxy's own reader and writer, in a process of its own: importing them warns a lot."""
    program = f"""
from mitmproxy import io
with open({str(path)!r}, "rb") as file:
    flows = list(io.FlowReader(file).stream())
with open({str(path)!r}, "wb") as file:
    for flow in flows:
        {"; ".join(statements)}
        io.FlowWriter(file).add(flow)
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True)


def test_a_body_that_was_not_stored_is_not_sent(
    capturing: Callable[..., Path], gateway: GatewayFactory, recorder: Recorder, bucket: str
) -> None:
    """Without ``store_streamed_bodies`` there is no body to send: mitmproxy says so, or the gateway refuses."""

    def use(running: Gateway) -> None:
        running.client().put_object(Bucket=bucket, Key="k", Body=b"data")
        running.client().head_object(Bucket=bucket, Key="k")

    flows = capturing(use, "--set", "flow_detail=0")
    told = _replay(gateway, gateway_config(recorder), flows, 1)
    assert eventually(lambda: [request.method for request in recorder.requests()]) == ["HEAD"]
    assert told[-1]["operation"] == "HeadObject"


def test_it_ends_when_all_is_sent(
    capturing: Callable[..., Path], recorder: Recorder, minio: Minio, bucket: str, tmp_path: Path
) -> None:
    """As a step of CI: mitmdump's own rule, and no flow is lost to it while the gateway still starts."""

    def use(running: Gateway) -> None:
        for key in ("first", "second"):
            running.client().put_object(Bucket=bucket, Key=key, Body=b"data")

    flows = capturing(use)
    direct = minio.client()
    for key in ("first", "second"):
        direct.delete_object(Bucket=bucket, Key=key)
    (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(gateway_config(recorder)))
    command: list[str | Path] = [Path(sys.executable).with_name("mitmdump"), "-s", ENTRY, "-C", flows]
    command += ["--set", f"s3_config={tmp_path / 'gateway.yaml'}", "--set", f"confdir={tmp_path}"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert {known["Key"] for known in direct.list_objects_v2(Bucket=bucket)["Contents"]} == {"first", "second"}


def test_the_button_in_mitmweb(gateway: GatewayFactory, recorder: Recorder, minio: Minio, bucket: str) -> None:
    """A finished upload is done again, and again, also where its body was held to be edited and shows no chunks."""
    data = os.urandom(CHUNK + 5)
    running = gateway(gateway_config(recorder), program="mitmweb", arguments=["--set", "s3_buffer_bodies=1m", *STORED])
    with Raw(running.port) as raw:
        raw.send(put_chunked(Target(bucket, "k"), data).wire)
        assert raw.read().status == 200
    web, direct = Web(running), minio.client()
    for _ in range(2):
        direct.delete_object(Bucket=bucket, Key="k")
        (flow,) = web.call("GET", "/flows")
        web.replay(flow["id"])
        eventually(lambda: direct.list_objects_v2(Bucket=bucket).get("Contents"), running.log())
        assert direct.get_object(Bucket=bucket, Key="k")["Body"].read() == data
        eventually(lambda: (web.call("GET", "/flows")[0].get("response") or {}).get("timestamp_end"))
    invariant.check_all(recorder.requests())


def test_a_flow_of_a_plain_mitmproxy_is_refused(
    gateway: GatewayFactory, recorder: Recorder, minio: Minio, bucket: str, tmp_path: Path
) -> None:
    """It carries nothing that this gateway has admitted, whatever its head says."""
    flows = _plain_flow(minio, bucket, tmp_path / "plain")
    told = _replay(gateway, gateway_config(recorder), flows, 1)
    assert [(line["status"], line["refusal"]) for line in told] == [(403, "AccessDenied")]
    assert recorder.requests() == []


def _plain_flow(minio: Minio, bucket: str, path: Path) -> Path:
    program = f"""
from mitmproxy import io
from mitmproxy.test import tflow, tutils
request = tutils.treq(host="127.0.0.1", port={minio.port}, method=b"GET", path=b"/{bucket}/k", content=b"")
with open({str(path)!r}, "wb") as file:
    io.FlowWriter(file).add(tflow.tflow(req=request, resp=True))
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True)
    return path
