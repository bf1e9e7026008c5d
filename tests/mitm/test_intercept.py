"""Requests held in mitmweb: what an operator edits before resuming goes out validly signed, or not at all."""

import os
import re
import time
from base64 import b64encode
from pathlib import Path

import pytest

from lab.certs import Certs
from lab.gateway import Gateway, gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from tests.capturing.wireview import masked
from tests.conftest import GatewayFactory
from tests.mitm.web import Web, ask
from tests.real import invariant
from tests.real.rawhttp import Answer, Raw
from tests.real.sdkv1 import Key, Target, put_chunked, sign
from tests.real.waiting import eventually
from tests.sent import SENT
from tests.wire.scripted import Exchange, Scripted


@pytest.fixture
def running(gateway: GatewayFactory, recorder: Recorder) -> Gateway:
    return gateway(gateway_config(recorder), program="mitmweb", arguments=["--set", "intercept=~q & ~u /held$"])


@pytest.fixture
def bucket(minio: Minio) -> str:
    name = f"held-{os.urandom(4).hex()}"
    minio.client().create_bucket(Bucket=name)
    return name


def test_an_edited_request_goes_out_validly_signed(
    running: Gateway, recorder: Recorder, minio: Minio, bucket: str
) -> None:
    """Header, key and query changed in mitmweb: MinIO takes the signature, and each is what it answers to."""
    minio.client().put_object(Bucket=bucket, Key="edited é", Body=b"0123456789")
    web, answers = Web(running), list[Answer]()
    thread = ask(running, sign("GET", Target(bucket, "held")).head, answers)
    flow = eventually(web.held)[0]
    assert recorder.requests() == []
    edited = [[name, value] for name, value in flow["request"]["headers"]] + [["Range", "bytes=2-4"]]
    path = f"/{bucket}/edited%20%C3%A9?response-content-type=a%2Fb"
    web.call("PUT", f"/flows/{flow['id']}", {"request": {"headers": edited, "path": path}})
    web.call("POST", f"/flows/{flow['id']}/resume", {})
    thread.join()
    (answer,) = answers
    assert (answer.status, answer.body, answer.header("Content-Type")) == (206, b"234", "a/b")
    (request,) = recorder.requests()
    assert (request.target, request.header("range")) == (path.encode(), b"bytes=2-4")
    invariant.check_signed_names(request)


def test_what_was_edited_keeps_no_secret(running: Gateway, bucket: str) -> None:
    """The client's signature is in no flow file: not in flow or copy, nor in what mitmproxy keeps to revert to.

    Nor while the flow is held, and what is sent on is what came in all the same.
    """
    web, answers = Web(running), list[Answer]()
    request = sign("GET", Target(bucket, "held"))
    thread = ask(running, request.head, answers)
    flow = eventually(web.held)[0]
    assert f"/{bucket}/held" in web.dump()
    assert request.signature not in web.dump()
    web.duplicate(flow["id"])
    web.call("PUT", f"/flows/{flow['id']}", {"request": {"path": f"/{bucket}/edited"}})
    web.call("POST", f"/flows/{flow['id']}/resume", {})
    thread.join()
    eventually(lambda: f"/{bucket}/edited" in web.dump() and request.signature not in web.dump())
    web.call("POST", f"/flows/{flow['id']}/revert", {})
    assert request.signature not in web.dump()


def test_an_upload_that_is_under_way_is_saved_without_secrets(
    gateway: GatewayFactory, minio: Minio, bucket: str, tmp_path: Path
) -> None:
    """Its head is on the wire with the gateway's signature and its key for SSE-C, and more of the body is to come."""
    key = os.urandom(32)
    (tmp_path / "sse-c.key").write_bytes(key)
    config = gateway_config(minio, encryption=[{"sse-c": str(tmp_path / "sse-c.key")}])
    running = gateway(config, program="mitmweb", arguments=["--set", "store_streamed_bodies=true"])
    web = Web(running)
    upload = put_chunked(Target(bucket, "key"), b"data" * 8192, chunk=16384)
    with Raw(running.port) as raw:
        raw.send(upload.head + upload.frames[0])
        eventually(lambda: f"/{bucket}/key" in web.dump() and "customer-key" in web.dump())
        dump = web.dump()
        assert "SignedHeaders=" in dump  # the gateway's own
        assert not [part for part in (b64encode(key).decode(), upload.request.signature) if part in dump]
        assert not re.search(r"[Ss]ignature=[0-9a-f]{64}", dump)
        raw.send(b"".join(upload.frames[1:]))
        assert raw.read().status == 200


def test_a_held_request_carries_what_came_in(running: Gateway, bucket: str, tmp_path: Path) -> None:
    """Its incoming side and the verdict are there to be shown while it waits; edits then are on the outgoing side."""
    web, answers, request = Web(running), list[Answer](), sign("GET", Target(bucket, "held"))
    thread = ask(running, request.head, answers)
    flow = eventually(web.held)[0]
    held = web.exchange(tmp_path / "held")
    assert (held.verdict, held.operation, held.outgoing, held.response) == ("admitted", "GetObject", None, None)
    assert held.incoming.headers == masked(request.headers)
    edited = [[name, value] for name, value in flow["request"]["headers"]] + [["X-Added", "by hand"]]
    SENT.clear()  # what goes out is an operator's
    web.call("PUT", f"/flows/{flow['id']}", {"request": {"headers": edited}})
    web.call("POST", f"/flows/{flow['id']}/resume", {})
    thread.join()
    eventually(lambda: "ended" in web.exchange(tmp_path / "ended").timings)
    ended = web.exchange(tmp_path / "ended")
    assert (ended.id, ended.incoming) == (held.id, held.incoming)
    assert ended.outgoing is not None
    assert ("X-Added", "by hand") in ended.outgoing.headers
    assert ended.response is not None
    assert ended.response.status == answers[0].status == 404


def test_a_held_answer_that_is_replaced_is_given_once(gateway: GatewayFactory, certs: Certs) -> None:
    """While it waits the backend goes away, in the middle of an upload: that is no reason to answer again."""

    def script(exchange: Exchange) -> None:
        exchange.read_until(lambda data: b"x" * 1000 in data)
        document = b"<Error><Code>InvalidAccessKeyId</Code></Error>"
        exchange.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n" % len(document) + document)
        exchange.end()

    with Scripted(certs) as backend:
        running = gateway(gateway_config(backend), program="mitmweb", arguments=["--set", "intercept=~s"])
        web, answers = Web(running), list[Answer]()
        backend.play(script)
        thread = ask(running, put_chunked(Target("bucket", "k"), b"x" * 300_000).wire[:-100_000], answers)
        flow = eventually(web.held)[0]
        time.sleep(0.5)  # for the backend's end to come
        web.call("POST", f"/flows/{flow['id']}/resume", {})
        thread.join(30)
        assert [(answer.status, answer.code) for answer in answers] == [(503, "ServiceUnavailable")]
        time.sleep(0.5)
        assert "crashed" not in running.log()


def test_an_edit_into_what_is_no_s3_request_is_refused(running: Gateway, recorder: Recorder, bucket: str) -> None:
    """An operator's slip into the backend's own API is not signed with the gateway's rights."""
    web, answers = Web(running), list[Answer]()
    thread = ask(running, sign("GET", Target(bucket, "held")).head, answers)
    flow = eventually(web.held)[0]
    web.call("PUT", f"/flows/{flow['id']}", {"request": {"path": "/minio/admin/v3/info"}})
    web.call("POST", f"/flows/{flow['id']}/resume", {})
    thread.join()
    assert answers[0].status == 403
    assert recorder.requests() == []


def test_a_request_that_is_killed_goes_nowhere(running: Gateway, recorder: Recorder, bucket: str) -> None:
    """Its connection ends and its line says why; others are served, and the backend neither hears of it nor is blamed.

    mitmproxy by itself would leave the client waiting.
    """
    web = Web(running)
    with Raw(running.port) as held, Raw(running.port) as raw:
        held.send(sign("GET", Target(bucket, "held")).head)
        flow = eventually(web.held)[0]
        web.call("POST", f"/flows/{flow['id']}/kill", {})
        assert raw.ask(sign("GET", Target(bucket, "other")).head).status == 404
        assert held.is_closed()
    assert [request.target for request in recorder.requests()] == [f"/{bucket}/other".encode()]
    eventually(lambda: '"fault": "Connection killed."' in running.log(), running.log())
    assert f"backend {recorder.endpoint} failed" not in running.log()


def test_a_refused_request_cannot_be_sent_on(running: Gateway, recorder: Recorder, bucket: str) -> None:
    """Neither held nor replayed: what was not admitted has no way out."""
    web = Web(running)
    with Raw(running.port) as raw:
        assert raw.ask(sign("GET", Target(bucket, "held"), key=Key(secret="wrong")).head).status == 403
    flow = eventually(lambda: web.call("GET", "/flows"))[-1]
    web.replay(flow["id"])
    with Raw(running.port) as raw:
        assert raw.ask(sign("GET", Target(bucket, "other")).head).status == 404
    assert [request.target for request in recorder.requests()] == [f"/{bucket}/other".encode()]
