"""Flows that mitmproxy reads from a file are there to be looked at: nobody sends them, and they stay as stored."""

import io
import re
import time
from pathlib import Path

import pytest
from mitmproxy import http
from mitmproxy.io import FlowWriter
from mitmproxy.test import tflow

from capturing import sources
from lab.certs import Certs
from lab.gateway import gateway_config
from lab.recorder import Recorder
from tests.conftest import GatewayFactory
from tests.mitm.web import Web
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import CHUNK, Key, Target, put_chunked, sign
from tests.real.waiting import eventually
from tests.wire.scripted import Scripted


@pytest.fixture
def stored(gateway: GatewayFactory, certs: Certs, tmp_path: Path) -> Path:
    """A flow file of a download, a streamed upload, a refusal, and a request that the backend broke off."""
    path = tmp_path / "stored"
    with Scripted(certs) as backend:
        running = gateway(gateway_config(backend), arguments=["-w", str(path)])
        with Raw(running.port) as raw:
            assert raw.ask(sign("GET", Target("bucket", "k")).head).status == 200
        with Raw(running.port) as raw:
            assert raw.ask(put_chunked(Target("bucket", "k"), b"x" * CHUNK).wire, "PUT").status == 200
        with Raw(running.port) as raw:
            assert raw.ask(sign("GET", Target("bucket", "k"), key=Key(secret="wrong")).head).status == 403
        backend.play(lambda exchange: exchange.reset())
        with Raw(running.port) as raw:
            assert raw.ask(sign("GET", Target("bucket", "k")).head).status == 503
        eventually(lambda: running.log().count('"status"') == 4, running.log())
        running.stop()
    return path


def test_they_stay_as_they_were_stored(
    gateway: GatewayFactory, unreached: Recorder, stored: Path, tmp_path: Path
) -> None:
    """In mitmweb each shows its own answer and exchange; no line is logged, as no request was made."""
    captured = tmp_path / "captured.jsonl"
    config = gateway_config(unreached, log={"capture": str(captured), "format": "json"})
    running = gateway(config, program="mitmweb", arguments=["-r", str(stored)], watched=False)
    web = Web(running)
    flows = eventually(lambda: found if len(found := web.call("GET", "/flows")) == 4 else [])
    assert [(flow.get("response") or {}).get("status_code") for flow in flows] == [200, 200, 403, None]
    (tmp_path / "shown").write_bytes(web.dump().encode("latin-1"))
    assert sources.read(tmp_path / "shown") == sources.read(stored)
    running.stop()
    assert '"status"' not in running.log()
    assert captured.read_text() == ""
    assert unreached.connections() == []


def test_flows_of_somebody_elses_proxy_are_explained(
    gateway: GatewayFactory, unreached: Recorder, tmp_path: Path
) -> None:
    """The view stands on each flow of S3, with the cause where it failed, no secret; what is no S3 has none."""
    host = "storage.example:8000"
    moved = sign("GET", Target("bucket", "k"), host=host).changed("host", "storage.example")
    fine = sign("HEAD", Target("bucket", "k"), host=host)
    stranger = sign("HEAD", Target("bucket", "k"), key=Key("STRANGER", "0"), host=host)
    (path := tmp_path / "theirs").write_bytes(
        b"".join(
            _dumped(head, status, code)
            for head, status, code in (
                (moved.head, 403, "SignatureDoesNotMatch"),
                (fine.head, 200, ""),
                (stranger.head.replace(b"x-amz-date", b"x-other"), 400, "AccessDenied"),
                (b"GET /page HTTP/1.1\r\nHost: www.example\r\n\r\n", 404, ""),
            )
        )
    )
    running = gateway(gateway_config(unreached), program="mitmweb", arguments=["-r", str(path)], watched=False)
    web = Web(running)
    flows = eventually(lambda: found if len(found := web.call("GET", "/flows")) == 4 else [])
    shown = [web.call("GET", f"/flows/{flow['id']}/request/content/auto.json") for flow in flows]
    assert [one["view_name"] == "S3" for one in shown] == [True, True, True, False]
    texts = [" ".join(one["text"].split()) for one in shown]
    assert "because: the client signed Host `storage.example:8000`, the wire says `storage.example`" in texts[0]
    assert "~ host:storage.example" in texts[0]
    assert "operation: HeadObject bucket/k" in texts[1]
    assert "because" not in texts[1]
    assert "because: the server answered 400 AccessDenied" in texts[2]
    assert not re.search("Signature=[0-9a-f]", "".join(texts[:3]))
    told = web.call("POST", "/commands/s3.explain", {"arguments": ["~c 403"]})
    assert any("the client signed Host" in line for line in told["value"])


def _dumped(head: bytes, status: int, code: str) -> bytes:
    """A flow as a plain mitmproxy keeps it."""
    line, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    method, target, _ = line.split(b" ")
    kept = tflow.tflow(resp=True)
    kept.request.data.method, kept.request.data.path, kept.request.data.content = method, target, b""
    fields = (one.partition(b": ") for one in lines)
    kept.request.data.headers = http.Headers([(name, value) for name, _, value in fields])
    kept.request.data.timestamp_start = time.time()
    kept.response = http.Response.make(status, b"", {"x-minio-error-code": code} if code else {})
    file = io.BytesIO()
    FlowWriter(file).add(kept)
    return file.getvalue()
