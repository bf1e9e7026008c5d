"""Whatever breaks in the gateway itself, nothing goes out: hooks, body transformers, the script's own reload.

Each test runs a copy of the code with one deliberate fault in it.
"""

import contextlib
import json
import os
import threading
from pathlib import Path

import pytest

from lab.certs import Certs
from lab.gateway import gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from tests.mitm.conftest import ENTRY, CopiedGateway, Copies
from tests.real.rawhttp import Answer, Raw
from tests.real.sdkv1 import CHUNK, Target, put_chunked, put_plain, sign
from tests.real.waiting import LIMIT, eventually
from tests.wire.scripted import Exchange, Scripted

SECRET = "a-secret-in-the-exception"
BOOM = f"""

def _boom(*_args, **_more):
    raise KeyError({SECRET!r})

"""


@pytest.mark.parametrize(
    ("module", "patch"),
    [
        ("gateway.py", "admit = _boom"),
        ("gateway.py", "forward = _boom"),
        ("signer.py", "Signer.sign = _boom"),
        ("rules/encryption.py", "apply = _boom"),
        ("rules/operations.py", "check_target = _boom"),
        ("sigv4/canonical.py", "canonical_headers = _boom"),
        ("http1/head.py", "find_end = _boom"),
        ("http1/head.py", "read_request = _boom"),
        ("http1/head.py", "check_host = _boom"),
        ("http1/head.py", "write_request = _boom"),
        ("wire/exchange.py", "Exchange._admit = _boom"),
        ("wire/exchange.py", "Exchange._forward = _boom"),
        ("wire/sending.py", "Sending._sign = _boom"),
        ("wire/sending.py", "Sending._connect = _boom"),
        ("wire/service.py", "Service.pool = _boom"),
        ("wire/backends.py", "Pool.take = _boom"),
        ("wire/backends.py", "Pool.connect = _boom"),
        ("observed/log_line.py", "Record.describe = _boom"),
        ("mitm/books.py", "Books.watch = _boom"),
        ("mitm/internals.py", "take_transport = _boom"),
        ("mitm/handover.py", "Front = _boom"),
    ],
    ids=lambda value: value.partition(" ")[0],
)
def test_an_exception_on_the_way_in_refuses(
    unreached: Recorder, certs: Certs, copied_gateway: Copies, module: str, patch: str
) -> None:
    """500 in S3's words, or a cut; no byte for the backend; and a line that does not quote the exception."""
    running = copied_gateway(gateway_config(unreached), module, BOOM + patch)
    _nothing_goes_out(running, unreached)


@pytest.mark.parametrize(
    ("module", "patch"),
    [
        ("mitm/watched/desk.py", "Desk.watch = _boom"),
        ("mitm/watched/flows.py", "new_flow = _boom"),
        ("mitm/watched/flows.py", "read_head = _boom"),
        ("mitm/watched/flows.py", "write_head = _boom"),
        ("mitm/watched/flow_watch.py", "FlowWatch.head_came = _boom"),
        ("mitm/watched/flow_watch.py", "FlowWatch.sent = _boom"),
        ("mitm/watched/flow_watch.py", "FlowWatch.request_now = _boom"),
        ("mitm/watched/flow_watch.py", "FlowWatch._fire = _boom"),
    ],
    ids=lambda value: value.partition(" ")[0],
)
def test_an_exception_while_somebody_watches_refuses(
    unreached: Recorder, certs: Certs, copied_gateway: Copies, module: str, patch: str
) -> None:
    """The same where a flow is made."""
    running = copied_gateway(gateway_config(unreached), module, BOOM + patch, watched=True)
    _nothing_goes_out(running, unreached)


def _nothing_goes_out(running: CopiedGateway, unreached: Recorder) -> None:
    for request, method in (
        (sign("GET", Target("bucket", "k")).head, "GET"),
        (sign("HEAD", Target("bucket", "k")).head, "HEAD"),
        (put_chunked(Target("bucket", "k"), b"x" * 1000).wire, "PUT"),
    ):
        with Raw(running.port) as raw:
            answer = _answer(raw, request, method)
            assert answer is None or answer.status == 500
    assert unreached.connections() == []
    eventually(lambda: "KeyError at " in running.log(), running.log())
    assert SECRET not in running.log()


def _answer(raw: Raw, request: bytes, method: str) -> Answer | None:
    with contextlib.suppress(ConnectionError):
        raw.send(request)
        return raw.read(method)
    return None


HASHED = "from s3gateway.bodies.whole import HashedBody"


@pytest.mark.parametrize(
    ("module", "patch"),
    [
        ("bodies/chunked.py", f"{HASHED}; ChunkedBody.feed = HashedBody.feed = _boom"),
        ("bodies/chunked.py", f"{HASHED}; ChunkedBody.finish = HashedBody.finish = _boom"),
        ("bodies/chunked.py", f"{HASHED}; ChunkedBody._on_chunk_end = HashedBody.finish = _boom"),
        ("sigv4/chunk_signatures.py", "ChunkChain.chunk = _boom"),
        ("sigv4/chunk_reader.py", "ChunkReader.feed = _boom"),
        ("http1/framing.py", "LengthReader.feed = _boom"),
        ("wire/uploading.py", "Uploading._transform = _boom"),
        ("wire/outbox.py", "Outbox.put = _boom"),
        ("wire/outbox.py", "Outbox._add = _boom"),
        ("wire/sending.py", "Sending._drain = _boom"),
        ("wire/backends.py", "BackendConnection.write = _boom"),
    ],
)
def test_an_exception_in_a_body_transformer_aborts(
    recorder: Recorder, minio: Minio, copied_gateway: Copies, module: str, patch: str
) -> None:
    """The client is told 500 or cut off, never left hanging, and the backend has no object."""
    bucket = f"closed-{abs(hash((module, patch, os.getpid())))}"
    minio.client().create_bucket(Bucket=bucket)
    running = copied_gateway(gateway_config(recorder), module, BOOM + patch)
    uploads = [put_chunked(Target(bucket, "k"), os.urandom(3 * CHUNK))]
    if module == "bodies/chunked.py":
        uploads.append(put_plain(Target(bucket, "k"), b"x" * 200_000))
    for upload in uploads:
        with Raw(running.port) as raw:
            answer = _answer(raw, upload.wire, "PUT")  # None: the end of the connection has overtaken it
            assert answer is None or (answer.status, answer.code) == (500, "InternalError")
    assert minio.client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert all(not request.complete for request in recorder.requests())
    eventually(lambda: "KeyError at " in running.log())
    assert SECRET not in running.log()


@pytest.mark.parametrize(
    ("module", "patch"),
    [
        ("answer.py", "returned = _boom"),
        ("rules/encryption.py", "hide_kms_key_id = _boom"),
        ("http1/head.py", "read_answer = _boom"),
        ("http1/head.py", "answer_length = _boom"),
        ("answer_watch.py", "AnswerWatch.feed = _boom"),
        ("answer_watch.py", "AnswerWatch.finish = _boom"),
        ("wire/answering.py", "Answering.backend_data = _boom"),
        ("wire/answering.py", "Answering._read_head = _boom"),
        ("wire/answering.py", "Answering._pass_on = _boom"),
        ("wire/answering.py", "Answering._give = _boom"),
        ("wire/reply.py", "Reply.head_for_client = _boom"),
        ("wire/reply.py", "Reply.read_head = _boom"),
        ("wire/reply.py", "Reply.read_body = _boom"),
        ("mitm/watched/desk.py", "Desk.ended = _boom"),
        ("mitm/watched/flows.py", "new_answer = _boom"),
        ("mitm/watched/flow_watch.py", "FlowWatch.answer_came = _boom"),
        ("mitm/watched/flow_watch.py", "FlowWatch.answered = _boom"),
    ],
)
def test_an_exception_on_the_way_back_gives_no_answer_of_the_backends(
    recorder: Recorder, minio: Minio, copied_gateway: Copies, module: str, patch: str
) -> None:
    """An answer that could not be made the client's is not passed on as it is."""
    watched = True if module.startswith("mitm/watched") else None
    running = copied_gateway(gateway_config(recorder), module, BOOM + patch, watched=watched)
    with Raw(running.port) as raw:
        answer = _answer(raw, sign("GET", Target("", "")).head, "GET")
        assert answer is None or answer.status >= 500
        assert answer is None or b"ListAllMyBuckets" not in answer.body


LOOKING = """
_before = AnswerWatch.feed
AnswerWatch.feed = lambda self, data: _boom() if self.has_begun else _before(self, data)
"""


def test_an_exception_in_a_download_breaks_it_off(scripted: Scripted, copied_gateway: Copies) -> None:
    """At once: a part is not taken for the whole, and nobody waits for the rest."""
    seen = threading.Event()

    def script(exchange: Exchange) -> None:
        exchange.read_request()
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n12\r\n<ListBucketResult>\r\n")
        assert seen.wait(LIMIT)
        exchange.send(b"13\r\n</ListBucketResult>\r\n")
        exchange.stall()

    scripted.play(script)
    running = copied_gateway(gateway_config(scripted), "answer_watch.py", BOOM + LOOKING)
    with Raw(running.port) as raw:
        raw.socket.settimeout(30)
        raw.send(sign("GET", Target("bucket")).head)
        assert raw.read_head().status == 200
        seen.set()
        with pytest.raises(ConnectionError):
            raw.read_exactly(1000)
    eventually(lambda: "refused: KeyError at " in running.log())
    assert SECRET not in running.log()


EARLY = """
_before = Listeners.running

async def _running(self):
    await _before(self)
    logging.getLogger(__name__).error("a request failed before the start was over")

Listeners.running = _running
"""


def test_a_request_that_fails_while_the_gateway_starts_does_not_end_it(
    unreached: Recorder, copied_gateway: Copies
) -> None:
    """mitmproxy takes every error before its start is over for a failed start; the listener is open by then."""
    running = copied_gateway(gateway_config(unreached), "mitm/start/listeners.py", EARLY)
    eventually(lambda: "before the start was over" in running.log())
    for _ in range(3):
        with Raw(running.port) as raw:
            assert raw.ask(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").status == 403
    assert "exiting" not in running.log()


@pytest.mark.parametrize("how", ["removed", "broken", "emptied"])
def test_a_script_that_is_lost_while_running(
    unreached: Recorder, minio: Minio, recorder: Recorder, copied_gateway: Copies, how: str
) -> None:
    """mitmproxy unloads it and would forward; every request is refused instead, also on open connections."""
    running = copied_gateway(gateway_config(recorder))
    script = running.addons / ENTRY.name
    text = script.read_text()
    with Raw(running.port) as open_before:
        assert open_before.ask(sign("GET", Target("", "")).head).status == 200
        if how == "removed":
            script.unlink()
        else:
            _replace(script, "1 / 0\n" if how == "broken" else "")
        eventually(lambda: _status(running) == 500, running.log())
        assert open_before.ask(sign("GET", Target("", "")).head).status == 500
    with Raw(running.port) as raw:
        answer = _answer(raw, put_chunked(Target("bucket", "k"), b"x" * 1000).wire, "PUT")
        assert answer is not None
        assert (answer.status, answer.code) == (500, "InternalError")
    before = len(recorder.requests())
    with Raw(running.port) as raw:
        raw.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert raw.read().status == 500
    assert len(recorder.requests()) == before
    if how == "removed":
        return  # mitmproxy has given up on the file: a restart is needed
    _replace(script, text)
    eventually(lambda: _status(running) == 200, running.log())
    with Raw(running.port) as raw:
        assert _status(running) == 200


def _replace(script: Path, text: str) -> None:
    """In one step: half a script has the time of the whole one, and mitmproxy would look no more."""
    part = script.with_suffix(".part")
    part.write_text(text)
    part.replace(script)


def _status(running: CopiedGateway) -> int:
    """Ask; 0 where the connection ends: a request that is under way when the script goes is cut."""
    with Raw(running.port) as raw, contextlib.suppress(ConnectionError):
        return raw.ask(sign("GET", Target("", "")).head).status
    return 0


def test_a_script_that_is_touched_goes_on(minio: Minio, recorder: Recorder, copied_gateway: Copies) -> None:
    """A reload of the same script, with an upload running: requests go on, and one line is written for each."""
    minio.client().create_bucket(Bucket=f"touched-{os.getpid()}")
    running = copied_gateway(gateway_config(recorder))
    script = running.addons / ENTRY.name
    put = put_chunked(Target(f"touched-{os.getpid()}", "k"), b"x" * (4 * CHUNK))
    with Raw(running.port) as raw:
        raw.send(put.wire[: len(put.wire) // 2])
        _replace(script, script.read_text() + '\nimport logging\nlogging.getLogger("x").warning("loaded anew")\n')
        eventually(lambda: "loaded anew" in running.log())
        raw.send(put.wire[len(put.wire) // 2 :])
        with contextlib.suppress(ConnectionError):
            raw.read()
    eventually(lambda: _status(running) == 200)
    lines = [json.loads(line) for line in running.log().splitlines() if line.startswith("{")]
    identities = [line["request_id"] for line in lines]
    assert len(set(identities)) == len(identities)


def test_an_exception_while_capturing_decides_nothing(
    recorder: Recorder, copied_gateway: Copies, tmp_path: Path
) -> None:
    """The request is served, the flow file written without it and without secrets, and a line says where."""
    flow_file = tmp_path / "flows"
    config = gateway_config(recorder, log={"capture": str(tmp_path / "live")})
    running = copied_gateway(
        config, "observed/redaction.py", BOOM + "captured_head = _boom", arguments=["-w", str(flow_file)]
    )
    request = sign("GET", Target("bucket", "k"))
    with Raw(running.port) as raw:
        assert raw.ask(request.head).status == 404
    eventually(lambda: "not captured: KeyError at redaction.py" in running.log())
    running.stop()
    assert SECRET not in running.log()
    written = flow_file.read_bytes()
    assert b"/bucket/k" in written
    assert request.signature.encode() not in written
    assert (tmp_path / "live").read_text() == ""
