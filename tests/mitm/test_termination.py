"""What the gateway leans on in mitmproxy, and what comes of it: early refusals, cut uploads, replaced answers.

The first tests name what must be there when mitmproxy changes; the others show at the wire that it still does what it
is used for. Uploads that are refused while real clients write are in tests/real/test_refusal_before_body.py.
"""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab import CHECKOUT
from lab.certs import Certs
from lab.gateway import Gateway, gateway_config
from lab.recorder import Recorder
from tests.conftest import GatewayFactory
from tests.mitm import stuck
from tests.mitm.conftest import Nobody
from tests.mitm.pushing import KEEPS, push
from tests.real import memory
from tests.real.memory import MIB
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import CHUNK, Key, Target, put_chunked, sign
from tests.real.waiting import eventually, whole_lines

_LOOK = """
import inspect, json
from mitmproxy import connection, options
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.proxy import commands, context, events, layers, mode_specs, server
from mitmproxy.proxy.layers import http as layer
from mitmproxy.proxy.layers.http import _events, _hooks, _http1
from mitmproxy.proxy.mode_servers import ProxyConnectionHandler

def parameters(function):
    return [name for name in inspect.signature(function).parameters if name != "self"]

client = connection.Client(peername=("h", 1), sockname=("h", 2), proxy_mode=mode_specs.ProxyMode.parse("regular"))
top = layer.HttpLayer(context.Context(client, options.Options()), layer.HTTPMode.transparent)
ours = _http1.Http1Server(top.context.fork())
top.connections[client] = ours
for _ in top.handle_event(events.Start()):
    pass
stream = layer.HttpStream(top.context.fork(), 1)
source = inspect.getsource
print(json.dumps({
    "connections by id": isinstance(Proxyserver().connections, dict),
    "a connection's parts": list(server.ConnectionIO.__dataclass_fields__),
    "a handler's parts": sorted({"transports", "client", "layer"} & set(server.ConnectionHandler.__annotations__)),
    "reads wait for writers": "await self.drain_writers()" in source(server.ConnectionHandler.handle_connection),
    "its drain is a coroutine": inspect.iscoroutinefunction(ProxyConnectionHandler.drain_writers),
    "a stream is asked": parameters(layer.HttpStream.check_killed),
    "after requestheaders": "check_killed" in source(layer.HttpStream.state_wait_for_request_headers),
    "after request": "check_killed" in source(layer.HttpStream.state_consume_request_body),
    "after responseheaders": "check_killed" in source(layer.HttpStream.state_wait_for_response_headers),
    "after error": "check_killed" in source(layer.HttpStream.handle_protocol_error),
    "a stream is asked for sizes": parameters(layer.HttpStream.check_body_size),
    "no more after an error": callable(stream.state_errored),
    "a stream's queue": (stream._paused, len(stream._paused_event_queue)),
    "an answer's parts": [parameters(kind) for kind in (
        _events.ResponseHeaders, _events.ResponseData, _events.ResponseEndOfMessage, layer.SendHttp, layer.DropStream,
    )],
    "the response hook": parameters(_hooks.HttpResponseHook),
    "half a close": parameters(commands.CloseTcpConnection),
    "an HTTP server that is there stays": top.connections[client] is ours,
    "it reads heads": ours.state == ours.read_headers,
    "what it has kept": len(ours.buf),
    "its place": (ours.stream_id, ours.request),
    "streams by id": top.streams,
    "layers in order": top.context.layers[:1] == [top],
}))
"""


def test_what_is_leaned_on_is_there() -> None:
    """Each internal of mitmproxy that the gateway uses has the shape that it is used in."""
    env = dict(os.environ) | {"PYTHONWARNINGS": "ignore"}  # on its own: importing mitmproxy warns a lot
    told = json.loads(subprocess.run([sys.executable, "-c", _LOOK], env=env, capture_output=True, check=True).stdout)
    assert told == {
        "connections by id": True,
        "a connection's parts": ["handler", "reader", "writer"],
        "a handler's parts": ["client", "layer", "transports"],
        "reads wait for writers": True,
        "its drain is a coroutine": True,
        "a stream is asked": ["emit_error_hook"],
        "after requestheaders": True,
        "after request": True,
        "after responseheaders": True,
        "after error": True,
        "a stream is asked for sizes": ["request"],
        "no more after an error": True,
        "a stream's queue": [None, 0],
        "an answer's parts": [
            ["stream_id", "response", "end_stream"],
            ["stream_id", "data"],
            ["stream_id"],
            ["event", "connection"],
            ["stream_id"],
        ],
        "the response hook": ["flow"],
        "half a close": ["connection", "half_close"],
        "an HTTP server that is there stays": True,
        "it reads heads": True,
        "what it has kept": 0,
        "its place": [1, None],
        "streams by id": {},
        "layers in order": True,
    }


def test_only_these_modules_lean_on_internals() -> None:
    """Names with an underscore, and what is below `mitmproxy.proxy.layers.http`, are imported there alone."""
    found = {
        path.name
        for path in (CHECKOUT / "addons").rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith(("from mitmproxy", "import mitmproxy")) and ("._" in line or "layers.http" in line)
    }
    assert found == {"termination.py", "connections.py", "framing.py"}


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
        assert [raw.ask(KEEPS).status for _ in range(3)] == [403] * 3
        raw.send(KEEPS * 3)
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
        assert raw.ask(KEEPS).status == 403
    first.stop()
    with stuck.Stuck(certs, stuck.unanswering) as backend:
        again = gateway(gateway_config(backend), arguments=["-C", str(tmp_path / "flows"), "--set", "keepserving=true"])
        assert '"status": 403' in eventually(lambda: _lines(again))
        assert backend.connections == 0
