"""Requests held in mitmweb: what an operator edits before resuming goes out validly signed, or not at all."""

import json
import os
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from capturing import sources
from lab.gateway import WEB_PASSWORD, Gateway, gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from s3gateway.capture import Exchange
from tests.capturing.wireview import masked
from tests.conftest import GatewayFactory
from tests.real import invariant
from tests.real.rawhttp import Answer, Raw
from tests.real.sdkv1 import Key, Target, sign
from tests.real.waiting import eventually


class Web:
    """mitmweb's own HTTP interface, as its page uses it."""

    def __init__(self, running: Gateway) -> None:
        self._base = f"http://127.0.0.1:{running.web_port}"
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call(self, method: str, path: str, body: object = None) -> Any:
        token = "00" * 16  # tornado's guard wants the same in cookie and header
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {WEB_PASSWORD}",
            "Cookie": f"_mitmproxy_xsrf={token}",
            "X-XSRFToken": token,
        }
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data=data, method=method, headers=headers)
        with self._opener.open(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def exchange(self, path: Path) -> Exchange:
        """Save the one flow, as its page does, and read the exchange that it carries."""
        request = urllib.request.Request(
            self._base + "/flows/dump", headers={"Authorization": f"Bearer {WEB_PASSWORD}"}
        )
        with self._opener.open(request, timeout=30) as answer:
            path.write_bytes(answer.read())
        (exchange,) = sources.read(path)
        return exchange

    def held(self) -> list[dict[str, Any]]:
        return [flow for flow in self.call("GET", "/flows") if flow["intercepted"]]


@pytest.fixture
def running(gateway: GatewayFactory, recorder: Recorder) -> Gateway:
    return gateway(gateway_config(recorder), program="mitmweb", arguments=["--set", "intercept=~q & ~u /held$"])


@pytest.fixture
def bucket(minio: Minio) -> str:
    name = f"held-{os.urandom(4).hex()}"
    minio.client().create_bucket(Bucket=name)
    return name


def _ask(running: Gateway, request: bytes, answers: list[Answer]) -> threading.Thread:
    def ask() -> None:
        with Raw(running.port) as raw:
            answers.append(raw.ask(request))

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


def test_an_edited_request_goes_out_validly_signed(
    running: Gateway, recorder: Recorder, minio: Minio, bucket: str
) -> None:
    """Header, key and query changed in mitmweb: MinIO takes the signature, and each is what it answers to."""
    minio.client().put_object(Bucket=bucket, Key="edited é", Body=b"0123456789")
    web, answers = Web(running), list[Answer]()
    thread = _ask(running, sign("GET", Target(bucket, "held")).head, answers)
    flow = eventually(web.held)[0]
    assert recorder.requests() == []
    edited = [[name, value] for name, value in flow["request"]["headers"]] + [["Range", "bytes=2-4"]]
    path = f"/{bucket}/edited%20%C3%A9?response-content-type=a%2Fb"
    web.call("PUT", f"/flows/{flow['id']}", {"request": {"headers": edited, "path": path}})
    web.call("POST", f"/flows/{flow['id']}/resume", {})
    thread.join(30)
    (answer,) = answers
    assert (answer.status, answer.body, answer.header("Content-Type")) == (206, b"234", "a/b")
    (request,) = recorder.requests()
    assert (request.target, request.header("range")) == (path.encode(), b"bytes=2-4")
    invariant.check_signed_names(request)


def test_a_held_request_carries_what_came_in(running: Gateway, bucket: str, tmp_path: Path) -> None:
    """Its incoming side and the verdict are there to be shown while it waits; edits then are on the outgoing side."""
    web, answers, request = Web(running), list[Answer](), sign("GET", Target(bucket, "held"))
    thread = _ask(running, request.head, answers)
    flow = eventually(web.held)[0]
    held = web.exchange(tmp_path / "held")
    assert (held.verdict, held.operation, held.outgoing, held.response) == ("admitted", "GetObject", None, None)
    assert held.incoming.headers == masked(request.headers)
    edited = [[name, value] for name, value in flow["request"]["headers"]] + [["X-Added", "by hand"]]
    web.call("PUT", f"/flows/{flow['id']}", {"request": {"headers": edited}})
    web.call("POST", f"/flows/{flow['id']}/resume", {})
    thread.join(30)
    eventually(lambda: "ended" in web.exchange(tmp_path / "ended").timings)
    ended = web.exchange(tmp_path / "ended")
    assert (ended.id, ended.incoming) == (held.id, held.incoming)
    assert ended.outgoing is not None
    assert ("X-Added", "by hand") in ended.outgoing.headers
    assert ended.response is not None
    assert ended.response.status == answers[0].status == 404


def test_an_edit_into_what_is_no_s3_request_is_refused(running: Gateway, recorder: Recorder, bucket: str) -> None:
    """An operator's slip into the backend's own API is not signed with the gateway's rights."""
    web, answers = Web(running), list[Answer]()
    thread = _ask(running, sign("GET", Target(bucket, "held")).head, answers)
    flow = eventually(web.held)[0]
    web.call("PUT", f"/flows/{flow['id']}", {"request": {"path": "/minio/admin/v3/info"}})
    web.call("POST", f"/flows/{flow['id']}/resume", {})
    thread.join(30)
    assert answers[0].status == 403
    assert recorder.requests() == []


def test_a_request_that_is_killed_goes_nowhere(running: Gateway, recorder: Recorder, bucket: str) -> None:
    """mitmproxy leaves its client waiting; others are served, and the backend hears nothing of it."""
    web = Web(running)
    with Raw(running.port) as held, Raw(running.port) as raw:
        held.send(sign("GET", Target(bucket, "held")).head)
        flow = eventually(web.held)[0]
        web.call("POST", f"/flows/{flow['id']}/kill", {})
        assert raw.ask(sign("GET", Target(bucket, "other")).head).status == 404
    assert [request.target for request in recorder.requests()] == [f"/{bucket}/other".encode()]


def test_a_refused_request_cannot_be_sent_on(running: Gateway, recorder: Recorder, bucket: str) -> None:
    """Neither held nor replayed: what was not admitted has no way out."""
    web = Web(running)
    with Raw(running.port) as raw:
        assert raw.ask(sign("GET", Target(bucket, "held"), key=Key(secret="wrong")).head).status == 403
    flow = eventually(lambda: web.call("GET", "/flows"))[-1]
    web.call("POST", f"/flows/{flow['id']}/replay", {})
    with Raw(running.port) as raw:
        assert raw.ask(sign("GET", Target(bucket, "other")).head).status == 404
    assert [request.target for request in recorder.requests()] == [f"/{bucket}/other".encode()]
