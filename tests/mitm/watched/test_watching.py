"""Who watches, and what they see: flows and hooks where somebody looks, none elsewhere; the same answers in both."""

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lab.certs import Certs
from lab.gateway import gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from lab.wire import RecordedRequest
from tests.conftest import GatewayFactory
from tests.mitm.conftest import Nobody
from tests.mitm.pushing import keeps
from tests.mitm.web import Web
from tests.real.rawhttp import Answer, Raw
from tests.real.sdkv1 import CHUNK, Key, Target, put_chunked, put_plain, sign
from tests.real.waiting import eventually, whole_lines
from tests.watched import WatchedGateway

MADE = """
import asyncio, os
from mitmproxy import http

made = set()
_init = http.HTTPFlow.__init__

def counting(self, *args, **kwargs):
    made.add(id(self))
    _init(self, *args, **kwargs)
    with open({path!r}, "a") as file:
        file.write("x")

http.HTTPFlow.__init__ = counting
"""
"""A script without a hook: it writes a letter for each flow that anybody makes."""

NOTES = """
import json

class Notes:
    def _note(self, name, flow):
        if {kills!r} == name and "killed" in flow.request.path:
            flow.kill()
        if {answers!r} == name and "answered" in flow.request.path:
            from mitmproxy import http
            flow.response = http.Response.make(418, b"of an addon", {{"X-By": "addon"}})
        with open({path!r}, "a") as file:
            print(json.dumps([flow.request.path, name, flow.response.status_code if flow.response else 0]), file=file)

    def requestheaders(self, flow): self._note("requestheaders", flow)
    def request(self, flow): self._note("request", flow)
    def responseheaders(self, flow): self._note("responseheaders", flow)
    def response(self, flow): self._note("response", flow)
    def error(self, flow): self._note("error", flow)

addons = [Notes()]
"""
"""A script that notes each hook, and may answer or kill in one of them."""


def _flows_made(gateway: GatewayFactory, certs: Certs, folder: Path, **options: Any) -> int:
    """Have three requests answered, and count the flows that were made."""
    made = folder / "made"
    made.touch()
    (folder / "made.py").write_text(MADE.format(path=str(made)))
    arguments = [*options.pop("arguments", []), "-s", str(folder / "made.py")]
    running = gateway(gateway_config(Nobody(certs), log={"explain": False}), arguments=arguments, **options)
    with Raw(running.port) as raw:
        assert [raw.ask(keeps()).status for _ in range(2)] == [403] * 2
        assert raw.ask(sign("GET", Target("bucket", "k")).head).status == 503
    eventually(lambda: running.log().count('"status"') == 3 or options.get("program"), running.log())
    return len(made.read_text())


def test_plain_mitmdump_makes_no_flow(gateway: GatewayFactory, certs: Certs, tmp_path: Path) -> None:
    """And so fires no hook: there is nothing that one could be called with."""
    assert _flows_made(gateway, certs, tmp_path, watched=False) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["-w", "{folder}/flows"],
        ["--set", "hardump={folder}/har"],
        ["--set", "flow_detail=2"],
        ["--set", "s3_flows=always"],
        ["-s", "{folder}/hook.py"],
        ["-s", "{folder}/nested.py"],
        ["-s", "{folder}/later.py"],
        ["--set", "anticache=true"],
    ],
    ids=lambda arguments: arguments[-1],
)
def test_who_watches(gateway: GatewayFactory, certs: Certs, tmp_path: Path, arguments: list[str]) -> None:
    """A flow file, a detail, the option, another script: each exchange has a flow."""
    hook = "def response(self, flow): pass"
    (tmp_path / "hook.py").write_text(hook.replace("self, ", ""))
    (tmp_path / "nested.py").write_text(
        f"class Inner:\n    {hook}\n\nclass Outer:\n    addons = [Inner()]\n\naddons = [Outer()]\n"
    )
    (tmp_path / "later.py").write_text(
        f"from mitmproxy import ctx\n\nclass Late:\n    {hook}\n\ndef running():\n    ctx.master.addons.add(Late())\n"
    )
    arguments = [part.format(folder=tmp_path) for part in arguments]
    assert _flows_made(gateway, certs, tmp_path, watched=False, arguments=arguments) == 3


def test_mitmweb_watches(gateway: GatewayFactory, certs: Certs, tmp_path: Path) -> None:
    """All of it, always."""
    assert _flows_made(gateway, certs, tmp_path, watched=False, program="mitmweb") == 3


def test_a_script_that_begins_to_listen(gateway: GatewayFactory, certs: Certs, tmp_path: Path) -> None:
    """It is loaded anew while requests are served, and sees the next ones."""
    script, told = tmp_path / "late.py", tmp_path / "told"
    script.write_text("listens = False\n")
    running = gateway(gateway_config(Nobody(certs)), watched=False, arguments=["-s", str(script)])

    def is_seen() -> bool:
        with Raw(running.port) as raw:
            assert raw.ask(keeps()).status == 403
        return told.exists()

    assert not is_seen()
    part = script.with_suffix(".part")
    part.write_text(f"def response(flow):\n    open({str(told)!r}, 'w').close()\n")
    part.replace(script)
    eventually(is_seen)


class Noted:
    """A gateway with a script that notes its hooks."""

    def __init__(self, gateway: GatewayFactory, config: dict[str, Any], folder: Path, **options: Any) -> None:
        self._path = folder / "notes"
        script = NOTES.format(path=str(self._path), kills=options.pop("kills", ""), answers=options.pop("answers", ""))
        (folder / "notes.py").write_text(script)
        arguments = ["-s", str(folder / "notes.py"), *options.pop("arguments", [])]
        self.running: WatchedGateway = gateway(config, arguments=arguments, **options)

    def hooks(self, target: Target, last: str) -> list[str]:
        """Give the names of the hooks for this target, when the last one has come."""

        def told() -> list[str]:
            notes = map(json.loads, whole_lines(self._path).splitlines()) if self._path.exists() else ()
            names = [name for path, name, _ in notes if path == target.uri]
            return names if last in names else []

        return eventually(told, self.running.log())


@pytest.fixture
def bucket(minio: Minio) -> str:
    name = f"watching-{os.urandom(4).hex()}"
    minio.client().create_bucket(Bucket=name)
    minio.client().put_object(Bucket=name, Key="there", Body=b"data")
    return name


ALL = ["requestheaders", "request", "responseheaders", "response"]


def test_the_hooks_of_what_is_served(gateway: GatewayFactory, minio: Minio, bucket: str, tmp_path: Path) -> None:
    """In mitmproxy's order, each once: a download, an upload that streams, one without a body."""
    noted = Noted(gateway, gateway_config(minio), tmp_path)
    there, chunks, plain, empty = (Target(bucket, key) for key in ("there", "chunks", "plain", "empty"))
    for target, wire in (
        (there, sign("GET", there).head),
        (chunks, put_chunked(chunks, b"x" * 3 * CHUNK).wire),
        (plain, put_plain(plain, b"x" * CHUNK).wire),
        (empty, sign("PUT", empty, headers=[("Content-Length", "0")]).head),
    ):
        with Raw(noted.running.port) as raw:
            assert raw.ask(wire).status == 200
        assert noted.hooks(target, "response") == ALL


def test_the_hooks_of_a_held_upload(gateway: GatewayFactory, minio: Minio, bucket: str, tmp_path: Path) -> None:
    """The same: `request` comes when all of the body is there, and before anything leaves."""
    noted = Noted(gateway, gateway_config(minio), tmp_path, arguments=["--set", "s3_buffer_bodies=1m"])
    with Raw(noted.running.port) as raw:
        assert raw.ask(put_chunked(Target(bucket, "held"), b"x" * CHUNK).wire).status == 200
    assert noted.hooks(Target(bucket, "held"), "response") == ALL


def test_the_hooks_of_what_fails(gateway: GatewayFactory, recorder: Recorder, bucket: str, tmp_path: Path) -> None:
    """Refused by its head, by its body, left by its client: `response` where there is an answer, else `error`."""
    noted = Noted(gateway, gateway_config(recorder), tmp_path)
    with Raw(noted.running.port) as raw:
        assert raw.ask(sign("GET", Target(bucket, "refused"), key=Key(secret="wrong")).head).status == 403
    assert noted.hooks(Target(bucket, "refused"), "response") == ["requestheaders", "response"]
    with Raw(noted.running.port) as raw, contextlib.suppress(ConnectionError):
        raw.ask(put_chunked(Target(bucket, "tampered"), b"x" * CHUNK).tampered(0, -50).wire)
    assert noted.hooks(Target(bucket, "tampered"), "error") == ["requestheaders", "error"]
    with Raw(noted.running.port) as raw:
        raw.send(put_chunked(Target(bucket, "left"), b"x" * CHUNK).wire[:-100])
        eventually(lambda: any(request.target.endswith(b"/left") for request in recorder.requests()))
    assert noted.hooks(Target(bucket, "left"), "error") == ["requestheaders", "error"]


def test_the_hooks_of_a_backend_that_is_down(gateway: GatewayFactory, certs: Certs, tmp_path: Path) -> None:
    """`error`, once; the client has its 503."""
    noted = Noted(gateway, gateway_config(Nobody(certs)), tmp_path)
    with Raw(noted.running.port) as raw:
        assert raw.ask(sign("GET", Target("bucket", "down")).head).status == 503
    assert noted.hooks(Target("bucket", "down"), "error") == ["requestheaders", "request", "error"]


@pytest.mark.parametrize("hook", ["requestheaders", "request"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_another_addon_answers(
    gateway: GatewayFactory, unreached: Recorder, tmp_path: Path, hook: str, method: str
) -> None:
    """Its answer is what the client gets, and the backend is not asked. An upload that streams has left by then."""
    noted = Noted(
        gateway, gateway_config(unreached), tmp_path, answers=hook, arguments=["--set", "s3_buffer_bodies=1m"]
    )
    target = Target("bucket", "answered")
    request = put_chunked(target, b"x" * 1000).wire if method == "PUT" else sign(method, target).head
    with Raw(noted.running.port) as raw:
        answer = raw.ask(request, method)
    assert (answer.status, answer.header("X-By")) == (418, "addon")
    assert answer.body == (b"" if method == "HEAD" else b"of an addon")
    assert unreached.connections() == []
    eventually(lambda: '"status": 418' in noted.running.log(), noted.running.log())


def test_an_addons_answer_may_be_refused(gateway: GatewayFactory, unreached: Recorder, tmp_path: Path) -> None:
    """What is refused stays refused: an addon that answers it gives nobody in."""
    noted = Noted(gateway, gateway_config(unreached), tmp_path, answers="requestheaders")
    with Raw(noted.running.port) as raw:
        assert raw.ask(sign("GET", Target("bucket", "answered"), key=Key(secret="wrong")).head).status in {403, 418}
    assert unreached.connections() == []


@pytest.mark.parametrize("hook", ["requestheaders", "request", "responseheaders"])
def test_another_addon_kills(gateway: GatewayFactory, minio: Minio, bucket: str, tmp_path: Path, hook: str) -> None:
    """The client is cut off, and reads no part of an answer as the whole."""
    minio.client().put_object(Bucket=bucket, Key="killed", Body=b"data")
    noted = Noted(gateway, gateway_config(minio), tmp_path, kills=hook)
    with Raw(noted.running.port) as raw, pytest.raises(ConnectionError):
        raw.ask(sign("GET", Target(bucket, "killed")).head)
    eventually(lambda: '"fault": "Connection killed."' in noted.running.log(), noted.running.log())
    with Raw(noted.running.port) as raw:
        assert raw.ask(sign("GET", Target(bucket, "there")).head).body == b"data"


class Seen(NamedTuple):
    """What both ends saw of one request."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    sent: list[tuple[str, bytes, list[tuple[bytes, bytes]], int, bool]]
    line: dict[str, Any]


WORK: dict[str, Callable[[str], tuple[bytes, str]]] = {
    "get": lambda bucket: (sign("GET", Target(bucket, "there")).head, "GET"),
    "head": lambda bucket: (sign("HEAD", Target(bucket, "there")).head, "HEAD"),
    "absent": lambda bucket: (sign("GET", Target(bucket, "absent")).head, "GET"),
    "chunks": lambda bucket: (put_chunked(Target(bucket, "chunks"), b"x" * 3 * CHUNK).wire, "PUT"),
    "plain": lambda bucket: (put_plain(Target(bucket, "plain"), b"x" * CHUNK).wire, "PUT"),
    "empty": lambda bucket: (sign("PUT", Target(bucket, "empty"), headers=[("Content-Length", "0")]).head, "PUT"),
    "list": lambda bucket: (sign("GET", Target(bucket, "", (("list-type", "2"),))).head, "GET"),
    "delete": lambda bucket: (sign("DELETE", Target(bucket, "empty")).head, "DELETE"),
    "wrong key": lambda bucket: (sign("GET", Target(bucket, "there"), key=Key(secret="wrong")).head, "GET"),
    "a stranger": lambda bucket: (sign("GET", Target(bucket, "there"), key=Key("WHO")).head, "GET"),
    "refused early": lambda bucket: (put_chunked(Target(bucket, "k"), b"x", key=Key(secret="wrong")).wire, "PUT"),
    "no request of S3": lambda _: (b"GET /minio/admin HTTP/1.1\r\nHost: h\r\n\r\n", "GET"),
}
_OF_ITS_TIME = re.compile(rb"<(RequestId|HostId|LastModified|StringToSign[A-Za-z]*|CanonicalRequest[A-Za-z]*|"
                          rb"SignatureProvided)>[^<]*<")  # fmt: skip
_VARY = {"date", "x-amz-request-id", "x-amz-id-2", "last-modified"}


def _seen(running: WatchedGateway, recorder: Recorder, bucket: str, *, is_logged: bool) -> Iterator[Seen]:
    for work in WORK.values():
        wire, method = work(bucket)
        before = len(recorder.requests())
        before_it = running.log().count('"status"')
        with Raw(running.port) as raw:
            answer = raw.ask(wire, method)
        if is_logged:
            eventually(partial(_lines, running, before_it), running.log())
        yield _without_time(answer, recorder.requests()[before:], running)


def _lines(running: WatchedGateway, before: int) -> bool:
    return running.log().count('"status"') > before


def _without_time(answer: Answer, sent: list[RecordedRequest], running: WatchedGateway) -> Seen:
    lines = [json.loads(line) for line in running.log().splitlines() if '"status"' in line]
    line = lines[-1] if lines else {}
    kept = {name: value for name, value in line.items() if name not in {"time", "duration", "address", "reason"}}
    return Seen(
        answer.status,
        [(name, "" if name.lower() in _VARY | {"content-length"} else value) for name, value in answer.headers],
        _OF_ITS_TIME.sub(rb"<\1><", answer.body),
        [
            (
                request.method,
                request.target,
                [
                    (name, b"" if name.lower() in {b"x-amz-date", b"authorization", b"host"} else value)
                    for name, value in request.headers
                ],
                request.body_length,
                request.complete,
            )
            for request in sent
        ],
        {name: value for name, value in kept.items() if not name.endswith("request_id")},
    )


def test_watched_and_not_give_the_same(
    gateway: GatewayFactory, recorder: Recorder, minio: Minio, tmp_path: Path
) -> None:
    """Same answer, same bytes for the backend, same line, for whatever is asked."""
    seen: list[list[Seen]] = []
    for options in ({"watched": False}, {"watched": True}, {"watched": False, "program": "mitmweb"}):
        name = "watched-or-not"
        client = minio.client()
        with contextlib.suppress(client.exceptions.BucketAlreadyOwnedByYou):
            client.create_bucket(Bucket=name)
        for key in ("chunks", "plain", "empty"):
            client.delete_object(Bucket=name, Key=key)
        client.put_object(Bucket=name, Key="there", Body=b"data")
        running = gateway(gateway_config(recorder, log={"format": "json", "explain": False}), **options)
        seen.append(list(_seen(running, recorder, name, is_logged="program" not in options)))
        running.stop()
    for name, *found in zip(WORK, *seen, strict=True):
        assert found[0] == found[1], name
        assert found[0][:4] == found[2][:4], name  # its lines are in mitmweb's event log


def test_a_finished_upload_leaves_its_heads_alone(
    gateway: GatewayFactory, minio: Minio, bucket: str, tmp_path: Path
) -> None:
    """In mitmweb it is listed with both heads, without a signature, and its body is nowhere."""
    running = gateway(gateway_config(minio), program="mitmweb")
    web = Web(running)
    data = os.urandom(64).hex().encode() * 4096
    upload = put_chunked(Target(bucket, "k"), data)
    with Raw(running.port) as raw:
        assert raw.ask(upload.wire).status == 200
    (flow,) = eventually(
        lambda: [one for one in web.call("GET", "/flows") if (one.get("response") or {}).get("headers")]
    )
    assert flow["request"]["contentLength"] is None
    exchange = eventually(lambda: _ended(web, tmp_path / "dump"))
    assert exchange.outgoing is not None
    dump = web.dump()
    assert f"/{bucket}/k" in dump
    assert data[:64].decode() not in dump
    assert upload.request.signature not in dump
    assert len(dump) < 64 * 1024


def _ended(web: Web, path: Path) -> Any:
    exchange = web.exchange(path)
    return exchange if "ended" in exchange.timings else None
