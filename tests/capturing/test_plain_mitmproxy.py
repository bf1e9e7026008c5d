"""Captures of a mitmproxy without the addon: how another gateway is looked at, from its front and from behind it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from capturing import sources
from lab.minio import Minio
from lab.ports import accepts, free_port
from lab.process import Command, Process, start
from lab.recorder import Recorder
from s3gateway.observed.capture import Exchange
from tests.capturing.wireview import check_signature, masked, only
from tests.real.rawhttp import Answer, Raw
from tests.real.sdkv1 import CHUNK, Key, Signed, Target, Upload, put_chunked, sign
from tests.sent import WatchedRecorder


class Plain:
    """A bare mitmdump before the recorder before MinIO, started as ``capture_headers --help`` tells."""

    def __init__(self, backend: Recorder, folder: Path) -> None:
        self.port = free_port()
        self.flows, self.har = folder / "front.flows", folder / "front.har"
        arguments = [
            str(Path(sys.executable).with_name("mitmdump")),
            *("--mode", f"reverse:{backend.endpoint}", "--listen-port", str(self.port)),
            *("--set", "keep_host_header=true", "--set", "stream_large_bodies=1", "--set", "http2=false"),
            *("--set", f"ssl_verify_upstream_trusted_ca={backend.ca_file}", "-w", str(self.flows)),
            *("--listen-host", "127.0.0.1", "--set", f"confdir={folder}", "--set", f"hardump={self.har}"),
        ]
        command = Command("mitmdump", arguments, folder / "mitmdump.log")
        self.process: Process = start(command, lambda: accepts(self.port))

    def ask(self, request: Signed | Upload) -> Answer:
        with Raw(self.port) as raw:
            return raw.ask(request.wire if isinstance(request, Upload) else request.head)


@pytest.fixture
def plain(recorder: WatchedRecorder, tmp_path: Path) -> Iterator[Plain]:
    running = Plain(recorder, tmp_path)
    yield running
    running.process.stop()
    recorder.forget()  # no gateway's


def test_what_a_plain_mitmproxy_saw(plain: Plain, recorder: Recorder, minio: Minio) -> None:
    """Heads as on the wire, what was signed and asked for, the backend's answer; nothing judged, nothing secret."""
    bucket = f"plain-{uuid4().hex[:12]}"
    minio.client().create_bucket(Bucket=bucket)
    key = Key(recorder.access_key, recorder.secret_key)
    put = put_chunked(Target(bucket, "a b+c"), b"x" * (CHUNK + 1), [("X-Dup", "1"), ("x-dup", "2  3")], key=key)
    wrong = sign("GET", Target(bucket, "a b+c"), key=Key(recorder.access_key, "wrong"), connection="close")
    token = sign("GET", Target(bucket, "t"), headers=[("x-amz-security-token", "T0K3N")], key=key)
    answers = [plain.ask(put), plain.ask(wrong), plain.ask(token)]
    plain.process.stop()
    exchanges = sources.read(plain.flows)
    found = only(exchanges, "PutObject", "a b+c")
    assert (found.verdict, found.outgoing, found.bucket) == ("unknown", None, bucket)
    assert (found.identity, found.payload) == (f"{recorder.access_key}?", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
    check_signature(found.incoming, recorder.secret_key, put.request.signature)
    refused, tokened = only(exchanges, "GetObject", "a b+c"), only(exchanges, "GetObject", "t")
    for exchange, request, answer in zip((found, refused, tokened), (put.request, wrong, token), answers, strict=True):
        assert exchange.incoming.headers == masked(request.headers)
        assert exchange.incoming.target == request.target.decode()
        assert exchange.response is not None
        assert (exchange.response.status, list(exchange.response.headers)) == (answer.status, answer.headers)
    assert [answer.status for answer in answers] == [200, 403, 403]
    assert "T0K3N" not in str(exchanges)
    assert "<redacted>" in tokened.incoming.canonical_request
    _check_har(sources.read(plain.har), exchanges)


def _check_har(from_har: tuple[Exchange, ...], from_flows: tuple[Exchange, ...]) -> None:
    """mitmproxy's own HAR file of the same requests tells the same heads."""
    assert [each.incoming for each in from_har] == [each.incoming for each in from_flows]
    assert [each.response and each.response.status for each in from_har] == [200, 403, 403]
    assert [each.operation for each in from_har] == [each.operation for each in from_flows]
