"""A flow file of the gateway says what was on both wires: the client's and the backend's, as others saw them."""

import re
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.config import Config

from capturing import sources
from lab.certs import Certs
from lab.gateway import SPARK_CLIENT, Gateway, gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from lab.wire import RecordedRequest
from s3gateway.observed.capture import Chunks, Exchange
from tests.capturing.wireview import check_signature, masked, masked_target, only
from tests.conftest import GatewayFactory
from tests.real.rawhttp import Answer, Raw
from tests.real.sdkv1 import CHUNK, Key, Signed, Target, Upload, put_chunked, sign
from tests.real.tap import Tap
from tests.real.waiting import eventually

SECRET = str(SPARK_CLIENT["secret_access_key"])
KEY = "k/dir x+y=1/é/k"


class Written:
    """A gateway that writes a flow file, which can be read once it has stopped."""

    def __init__(self, running: Gateway, path: Path, bucket: str) -> None:
        self.running, self.path, self.bucket = running, path, bucket

    def exchanges(self) -> Sequence[Exchange]:
        self.running.stop()
        return sources.read(self.path)

    def ask(self, request: Signed | Upload, method: str = "GET") -> Answer:
        wire = request.wire if isinstance(request, Upload) else request.head
        with Raw(self.running.port) as raw:
            raw.send(wire)
            answer = raw.read(method)
            return raw.read(method) if answer.status == 100 else answer


@pytest.fixture
def written(gateway: GatewayFactory, recorder: Recorder, minio: Minio, certs: Certs, tmp_path: Path) -> Written:
    bucket = f"capture-{uuid4().hex[:12]}"
    minio.client().create_bucket(Bucket=bucket)
    rules: list[dict[str, Any]] = [
        {"prefix": "plain/", "none": True},
        {"prefix": "k/", "sse-kms": "my-key"},
        {"sse-s3": True},
    ]
    config = gateway_config(recorder, encryption=rules, certificate=certs.gateway)
    path = tmp_path / "flows"
    return Written(gateway(config, arguments=["-w", str(path)]), path, bucket)


def _behind(recorder: Recorder, target: bytes, method: str) -> RecordedRequest:
    (found,) = (r for r in recorder.requests() if r.target == target and r.method == method)
    return found


def _check_outgoing(exchange: Exchange, request: RecordedRequest, secret: str) -> None:
    outgoing = exchange.outgoing
    assert outgoing is not None
    assert (outgoing.method, outgoing.target.encode()) == (request.method, request.target)
    assert outgoing.headers == masked(request.headers)
    assert list(outgoing.signed_headers) == request.signed_headers()
    check_signature(outgoing, secret, (request.header("authorization") or b"")[-64:].decode())


def _check_answer(exchange: Exchange, answer: Answer) -> None:
    assert exchange.response is not None
    assert (exchange.response.status, list(exchange.response.headers)) == (answer.status, answer.headers)


def test_a_chunked_upload_as_spark_sends_it(written: Written, recorder: Recorder) -> None:
    """Order, case, duplicates and double spaces on both sides, the chunk chain, the rule, and the answer."""
    more = [("X-Amz-Meta-Dup", "a  b"), ("x-AMZ-meta-Other", "ü"), ("x-amz-meta-dup", "c")]
    upload = put_chunked(Target(written.bucket, KEY), b"x" * (2 * CHUNK + 1), more)
    upload = Upload(upload.request.with_headers(("Expect", "100-continue")), upload.frames)
    answer = written.ask(upload)
    assert answer.status == 200, answer.body
    exchange = only(written.exchanges(), "PutObject", KEY)
    assert (exchange.incoming.method, exchange.incoming.target) == ("PUT", upload.request.target.decode())
    assert exchange.incoming.headers == masked(upload.request.headers)
    check_signature(exchange.incoming, SECRET, upload.request.signature)
    _check_outgoing(exchange, _behind(recorder, upload.request.target, "PUT"), recorder.secret_key)
    _check_answer(exchange, answer)
    assert (exchange.verdict, exchange.code, exchange.message) == ("admitted", "", "")
    assert (exchange.bucket, exchange.identity, exchange.tls) == (written.bucket, "spark", False)
    assert (exchange.sse, exchange.rule) == ("SSE-KMS", "encryption[1]")
    assert exchange.payload == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    assert exchange.chunks == Chunks(4, 2 * CHUNK + 1, None, ((CHUNK, 2), (1, 1), (0, 1)))
    timings = [exchange.timings[moment] for moment in ("verified", "signed", "answered", "ended")]
    assert timings == sorted(timings)


def test_a_tampered_chunk(written: Written) -> None:
    """What was verified before it, and its number; the answer is the refusal that the client got."""
    data = b"x" * (2 * CHUNK + 1)
    upload = put_chunked(Target(written.bucket, "plain/t"), data).tampered(1, -100)
    answer = written.ask(upload)
    exchange = only(written.exchanges(), "PutObject", "plain/t")
    assert (exchange.verdict, exchange.code) == ("refused", "SignatureDoesNotMatch")
    assert exchange.message.startswith("The request signature we calculated does not match")
    assert exchange.chunks == Chunks(1, CHUNK, 2, ((CHUNK, 1),))
    assert exchange.outgoing is not None
    assert (exchange.sse, exchange.rule) == ("", "encryption[0]")
    _check_answer(exchange, answer)


def test_refused_requests(written: Written, recorder: Recorder) -> None:
    """Who they claim to be from and what they ask for, why not, and that nothing went out."""
    wrong = sign("GET", Target(written.bucket, "wrong"), key=Key(secret="wrong"))
    unsigned = sign("GET", Target(written.bucket, "unsigned")).with_headers(("x-amz-acl", "public-read"))
    stranger = sign("GET", Target(written.bucket, "stranger"), key=Key(access_key_id="WHO"))
    junk = sign("GET", Target(written.bucket, "junk")).changed("Authorization", "junk")
    answers = [written.ask(request) for request in (wrong, unsigned, stranger, junk)]
    exchanges = written.exchanges()
    found = [only(exchanges, "GetObject", key) for key in ("wrong", "unsigned", "stranger", "junk")]
    assert [(e.verdict, e.code, e.identity) for e in found] == [
        ("refused", "SignatureDoesNotMatch", "spark?"),
        ("refused", "AccessDenied", "spark?"),
        ("refused", "InvalidAccessKeyId", "WHO?"),
        ("refused", "InvalidArgument", ""),
    ]
    for exchange, answer, request in zip(found, answers, (wrong, unsigned, stranger, junk), strict=True):
        assert exchange.outgoing is None
        _check_answer(exchange, answer)
        hidden = [(n, b"<redacted>" if v == b"junk" else v) for n, v in request.headers]
        assert exchange.incoming.headers == masked(hidden)
    assert found[0].incoming.signed_headers == tuple(sorted(found[0].incoming.signed_headers)) != ()
    assert (found[3].incoming.signed_headers, found[3].incoming.canonical_request) == ((), "")
    assert recorder.requests() == []


def test_boto3_and_a_presigned_url(written: Written, recorder: Recorder, certs: Certs) -> None:
    """What boto3 and a plain URL fetch sent, as a tap before the gateway saw it; the answer's head over TLS."""
    with Tap(written.running.port) as tap:
        running = written.running
        config = Config(signature_version="s3v4")
        s3 = running.client(config=config)
        s3.meta.events.register("before-call.s3", lambda **_: None)
        url = s3.generate_presigned_url("get_object", {"Bucket": written.bucket, "Key": "b"})
        s3.put_object(Bucket=written.bucket, Key="b", Body=b"x" * 10, Metadata={"Name": "value"})
        running.client(tls=True, config=config).head_object(Bucket=written.bucket, Key="b")
        request = urllib.request.Request(url.replace(str(running.port), str(tap.port), 1))
        request.add_header("Host", f"127.0.0.1:{running.port}")
        urllib.request.urlopen(request, timeout=120).close()
        (fetched,) = tap.requests()
    exchanges = written.exchanges()
    get = only(exchanges, "GetObject", "b")
    assert get.incoming.headers == masked(fetched.headers)
    assert get.incoming.target == masked_target(fetched.target)
    assert get.payload == "UNSIGNED-PAYLOAD"
    check_signature(get.incoming, SECRET, re.findall(r"X-Amz-Signature=([0-9a-f]{64})", url)[0])
    path = f"/{written.bucket}/b".encode()
    _check_outgoing(get, _behind(recorder, path, "GET"), recorder.secret_key)
    put, head = only(exchanges, "PutObject", "b"), only(exchanges, "HeadObject", "b")
    _check_outgoing(put, _behind(recorder, path, "PUT"), recorder.secret_key)
    _check_outgoing(head, _behind(recorder, path, "HEAD"), recorder.secret_key)
    assert (put.tls, head.tls, put.chunks, put.sse, put.rule) == (False, True, None, "SSE-S3", "encryption[2]")
    assert (head.sse, head.rule) == ("", "")


def test_a_client_that_leaves(written: Written) -> None:
    """An upload that was broken off has its fault and no answer."""
    put = put_chunked(Target(written.bucket, "half"), b"x" * CHUNK)
    with Raw(written.running.port) as raw:
        raw.send(put.wire[:5000])
    eventually(lambda: '"fault"' in written.running.log())
    half = only(written.exchanges(), "PutObject", "half")
    assert (half.verdict, half.code, half.response, half.chunks) == ("admitted", "", None, Chunks(0, 0))
    assert half.message
    assert half.outgoing is not None


def test_what_is_under_way_when_the_gateway_stops(written: Written, minio: Minio) -> None:
    """A download that has not ended is in the file, with both heads and that of the answer, and what ended it."""
    minio.client().put_object(Bucket=written.bucket, Key="large", Body=bytes(64 << 20))
    with Raw(written.running.port) as raw:
        raw.send(sign("GET", Target(written.bucket, "large")).head)
        answer = raw.read_head()
        exchange = only(written.exchanges(), "GetObject", "large")
    assert (exchange.verdict, exchange.message) == ("admitted", "the gateway was stopped")
    assert exchange.outgoing is not None
    _check_answer(exchange, answer)


def test_a_backend_that_is_down(gateway: GatewayFactory, unreached: Recorder, tmp_path: Path) -> None:
    """Admitted and signed; the client got our 503, and the fault says why."""
    path = tmp_path / "flows"
    running = gateway(gateway_config(unreached), arguments=["-w", str(path)])
    with Raw(running.port) as raw:
        answer = raw.ask(sign("GET", Target("bucket", "key")).head)
    running.stop()
    (exchange,) = sources.read(path)
    assert (exchange.verdict, exchange.code, answer.status) == ("admitted", "ServiceUnavailable", 503)
    assert exchange.message
    assert exchange.outgoing is not None
    _check_answer(exchange, answer)


def test_what_the_backend_refuses(written: Written) -> None:
    """The backend's own code and answer are there, and the gateway's verdict is not changed by them."""
    answer = written.ask(sign("GET", Target(written.bucket, "absent")))
    assert answer.status == 404
    exchange = only(written.exchanges(), "GetObject", "absent")
    assert (exchange.verdict, exchange.backend_error) == ("admitted", "NoSuchKey")
    _check_answer(exchange, answer)


def test_nothing_is_built_where_nobody_looks(gateway: GatewayFactory, recorder: Recorder, tmp_path: Path) -> None:
    """Without ``-w`` and the like a flow carries nothing of ours, which another script can see."""
    probe = tmp_path / "probe.py"
    probe.write_text(
        "from pathlib import Path\n"
        f"told = Path({str(tmp_path / 'told')!r})\n"
        "def response(flow):\n"
        "    told.write_text(repr(sorted(flow.metadata)))\n"
    )
    for arguments, expected in ((["--set", "flow_detail=3"], "['s3gateway']"), ([], "[]")):
        running = gateway(gateway_config(recorder), watched=False, arguments=["-s", str(probe), *arguments])
        with Raw(running.port) as raw:
            raw.ask(sign("GET", Target("bucket", "key")).head)
        told = eventually(lambda: (tmp_path / "told").exists() and (tmp_path / "told").read_text())
        assert told == expected
        (tmp_path / "told").unlink()
        running.stop()
