"""How exchanges end that do not end well: early refusals, cut uploads, replaced answers; and what other addons see.

Uploads that are refused while real clients write are in tests/real/test_refusal_before_body.py.
"""

import contextlib
import json
import os
from pathlib import Path

import pytest

from lab.certs import Certs
from lab.gateway import Gateway, gateway_config
from lab.recorder import Recorder
from tests.conftest import GatewayFactory
from tests.mitm import stuck
from tests.mitm.conftest import Nobody
from tests.mitm.pushing import keeps, push
from tests.real import memory
from tests.real.memory import MIB
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import CHUNK, Key, Target, put_chunked, sign
from tests.real.waiting import eventually, whole_lines

_PROBE = """
import json, pathlib
from mitmproxy import http

class Probe:
    def _note(self, name, flow):
        said = flow.response.text if flow.response else None
        with pathlib.Path("%s").open("a") as file:
            print(json.dumps([flow.request.path, name, said]), file=file)

    def requestheaders(self, flow): self._note("requestheaders", flow)
    def request(self, flow): self._note("request", flow)
    def responseheaders(self, flow): self._note("responseheaders", flow)
    def response(self, flow): self._note("response", flow)
    def error(self, flow): self._note("error", flow)

addons = [Probe()]
"""


class Probed:
    """A gateway with another addon behind it, which notes what it is told."""

    def __init__(self, gateway: GatewayFactory, certs: Certs, folder: Path) -> None:
        self._notes = folder / "notes"
        (folder / "probe.py").write_text(_PROBE % self._notes)
        config = gateway_config(Nobody(certs), certificate=certs.gateway, limits={"refusal_linger": 1})
        self.gateway = gateway(config, arguments=["-s", str(folder / "probe.py")])

    def hooks(self, path: str) -> list[tuple[str, str | None]]:
        """Give the hooks of the flow with this target, each with the response that the flow had in it."""
        notes = [json.loads(line) for line in whole_lines(self._notes).splitlines()]
        return [(name, said) for target, name, said in notes if target == path]


@pytest.fixture
def probed(gateway: GatewayFactory, certs: Certs, tmp_path: Path) -> Probed:
    return Probed(gateway, certs, tmp_path)


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_other_addons_see_a_refusal_with_stars(probed: Probed, method: str) -> None:
    """`requestheaders`, then `response`, once each; the client was told its signature, the flow has as many stars."""
    target = Target("bucket", f"{method}-seen")
    headers = [("Content-Length", "1000")] if method == "PUT" else []
    request = sign(method, target, headers=headers, key=Key(secret="wrong"))
    with Raw(probed.gateway.port) as raw:
        answer = raw.ask(request.head)
    assert answer.error["SignatureProvided"] == request.signature
    eventually(lambda: len(probed.hooks(target.uri)) > 1)
    first, last = probed.hooks(target.uri)
    assert first == ("requestheaders", None)
    assert last == ("response", answer.body.decode().replace(request.signature, "*" * 64))


def test_a_refusal_for_the_backend_is_seen_once(probed: Probed) -> None:
    """`error` and no `response`; the client gets S3's words and not mitmproxy's page."""
    target = Target("bucket", "nobody")
    with Raw(probed.gateway.port) as raw:
        answer = raw.ask(sign("GET", target).head)
    assert (answer.status, answer.code) == (503, "ServiceUnavailable")
    eventually(lambda: len(probed.hooks(target.uri)) > 2)
    assert [name for name, _ in probed.hooks(target.uri)] == ["requestheaders", "request", "error"]


@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
def test_a_refusal_without_a_body_keeps_the_connection(probed: Probed, certs: Certs, *, tls: bool) -> None:
    """For as many requests as the client likes, sent one by one or all at once."""
    with Raw(probed.gateway.port, certs.ca if tls else None) as raw:
        assert [raw.ask(keeps()).status for _ in range(3)] == [403] * 3
        raw.send(keeps() * 3)
        assert [raw.read().status for _ in range(3)] == [403] * 3


@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
def test_a_refused_upload_ends_within_its_linger(probed: Probed, certs: Certs, *, tls: bool) -> None:
    """The answer and the end come at once; whoever goes on writing and never ends is cut."""
    with Raw(probed.gateway.port, certs.ca if tls else None) as raw:
        answer = raw.ask(b"PUT /bucket/k HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000000\r\n\r\n")
        assert (answer.status, answer.header("Connection"), raw.is_closed()) == (403, "close", True)
        writer = push(raw, b"x", 1 << 62)  # a byte at a time
        writer.join(60)
        assert not writer.is_alive()


def test_refused_uploads_that_have_ended_are_forgotten(certs: Certs, gateway: GatewayFactory) -> None:
    """Their clients see the end at once; each would be some 14 KiB if it were kept until its linger is over."""
    running = gateway(gateway_config(Nobody(certs), limits={"refusal_linger": 600}))

    def refused(times: int) -> None:
        for _ in range(times):
            with Raw(running.port) as raw:
                assert raw.ask(b"PUT /bucket/k HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n").status == 403
                assert raw.is_closed()  # at once: the rest of the linger is the client's to write

    refused(100)
    before = memory.reset_peak(running.pid)
    refused(500)
    assert memory.peak(running.pid) - before < 4 * MIB


def test_an_answer_that_may_not_pass_is_replaced(certs: Certs, gateway: GatewayFactory) -> None:
    """One without a length: the client gets S3's words, and the backend's connection ends."""
    with stuck.Stuck(certs, stuck.unsized) as backend:
        running = gateway(gateway_config(backend))
        for request in (sign("GET", Target("bucket", "k")).head, put_chunked(Target("bucket", "k"), b"x" * CHUNK).wire):
            with Raw(running.port) as raw:
                assert raw.ask(request).code == "ServiceUnavailable"
        eventually(lambda: backend.ended == 2, "a connection to the backend stays open")


def test_an_upload_is_cut_at_the_backend(usual: Gateway, recorder: Recorder) -> None:
    """At its first bad chunk, while its client still writes: that one reads why, the backend sees no whole upload."""
    put = put_chunked(Target("bucket", "k"), os.urandom(16 * CHUNK)).tampered(2, -50)
    with Raw(usual.port) as raw:
        raw.send(put.head + b"".join(put.frames[:2]))
        eventually(recorder.requests)  # so that there is a connection to be cut
        raw.send(put.frames[2])
        writer = push(raw, put.frames[3], 1000)
        with contextlib.suppress(ConnectionError):  # MinIO's own answer may have come first: there is no such bucket
            assert raw.read().code in {"SignatureDoesNotMatch", "NoSuchBucket"}
    writer.join(30)
    requests = eventually(recorder.requests)
    assert not any(request.complete for request in requests)
    eventually(lambda: requests[0].connection not in recorder._open_numbers())


@pytest.fixture(scope="module")
def usual(_recorder: Recorder, session_gateway: GatewayFactory) -> Gateway:
    return session_gateway(gateway_config(_recorder, limits={"refusal_linger": 1}))


def _lines(running: Gateway) -> str:
    return "\n".join(line for line in running.log().splitlines() if line.startswith("{"))


def test_a_replayed_flow_is_refused_too(certs: Certs, gateway: GatewayFactory, tmp_path: Path) -> None:
    """It has no client connection to answer on; nothing of it leaves."""
    first = gateway(gateway_config(Nobody(certs)), arguments=["-w", str(tmp_path / "flows")])
    with Raw(first.port) as raw:
        assert raw.ask(keeps()).status == 403
    first.stop()
    with stuck.Stuck(certs, stuck.unanswering) as backend:
        again = gateway(gateway_config(backend), arguments=["-C", str(tmp_path / "flows"), "--set", "keepserving=true"])
        assert '"status": 403' in eventually(lambda: _lines(again))
        assert backend.connections == 0
