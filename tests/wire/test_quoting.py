"""A backend that answers as AWS does, quoting the gateway's own request: at the client, in flow files and in the log.

The table of tests/test_answer.py again, on sockets. One gateway for all of it; its flow file has all bodies.
"""

import gzip
import re
import threading
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from mitmproxy import http
from mitmproxy.io import FlowReader

from lab.gateway import gateway_config
from s3gateway.answer_watch import MAX_DOCUMENT
from s3gateway.sigv4.model import RequestHead
from tests.awsanswers import DECLARATION, assert_nothing_quoted, chunked, document, quoting
from tests.conftest import GatewayFactory
from tests.real.rawhttp import Answer, Raw
from tests.real.sdkv1 import CHUNK, Target, put_chunked, put_plain, sign
from tests.real.waiting import LIMIT, eventually
from tests.watched import WatchedGateway
from tests.wire.scripted import Exchange, Script, Scripted

TOKEN = "a-session-token-of-the-gateway's"
KEY = b"a-key-of-a-rule-with-32-bytes..."
CODES = {403: "SignatureDoesNotMatch", 400: "ExpiredToken", 200: "InternalError"}
FRAMINGS = ("length", "long", "chunked", "gzip", "half an upload")
ROWS = [
    row
    for row in product(("GET", "PUT", "HEAD", "DELETE"), ("plain", "odd"), FRAMINGS, CODES, ("token", "ruled"))
    if row[0] == "PUT" or row[2] != "half an upload"
]

SENT: list[RequestHead] = []
"""Every request that the backend has seen."""


@pytest.fixture(scope="module")
def running(
    scripted: Scripted, session_gateway: GatewayFactory, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WatchedGateway]:
    key = tmp_path_factory.mktemp("rule") / "key"
    key.write_bytes(KEY)
    config = gateway_config(
        scripted, encryption=[{"prefix": "ruled/", "sse-c": str(key)}], limits={"refusal_linger": 1}
    )
    config["backend"]["credentials"]["session_token"] = TOKEN
    gateway = session_gateway(config, watched=True, arguments=["--set", "store_streamed_bodies=true"])
    yield gateway
    gateway.stop()
    assert SENT
    bodies = [body for flow in _flows(gateway.flow_file) for body in _bodies(flow)]
    assert len(bodies) > len(SENT)
    assert_nothing_quoted(b"\n".join(bodies), *SENT)


def _flows(path: Path) -> Iterator[http.HTTPFlow]:
    with path.open("rb") as file:
        for flow in FlowReader(file).stream():
            assert isinstance(flow, http.HTTPFlow)
            yield flow


def _bodies(flow: http.HTTPFlow) -> Iterator[bytes]:
    if flow.response:
        yield b"\n".join(value for _, value in flow.response.headers.fields)
        yield flow.response.raw_content or b""
        yield flow.response.get_content(strict=False) or b""


def received(exchange: Exchange) -> RequestHead:
    """Give the head that the gateway has sent."""
    lines = bytes(exchange.received).partition(b"\r\n\r\n")[0].split(b"\r\n")
    method, target, _ = lines[0].split(b" ")
    fields = tuple((name, value.strip()) for name, _, value in (line.partition(b":") for line in lines[1:]))
    SENT.append(RequestHead(method, target, fields))
    return SENT[-1]


def quotes(framing: str, status: int) -> Script:
    """Answer so."""

    def script(exchange: Exchange) -> None:
        exchange.read_head() if framing == "half an upload" else exchange.read_request()
        sent = received(exchange)
        body = quoting(CODES[status], sent)
        if framing == "long":
            body = body.replace(b"</Error>", b"<x>" + b"x" * MAX_DOCUMENT + b"</x></Error>")
        if framing == "gzip":
            body = gzip.compress(body)
        head = b"HTTP/1.1 %d Status\r\nContent-Type: application/xml\r\n" % status
        head += b"Content-Encoding: gzip\r\n" if framing == "gzip" else b""
        if framing == "chunked":
            head += b"Transfer-Encoding: chunked\r\n\r\n"
            body = chunked(body[:100], body[100:])
        else:
            head += b"Content-Length: %d\r\n\r\n" % len(body)
        exchange.send(head + (b"" if sent.method == b"HEAD" else body))
        exchange.end()

    return script


def ask(port: int, method: str, key: str, *, odd: bool, half: bool) -> Answer:
    """Ask for a key, or for the listing where there is none; ``half`` stops in the middle of the body."""
    target, more = Target("bucket", key), [("x-odd", "é")] if odd else []
    with Raw(port) as raw:
        if method == "PUT":
            upload = put_chunked(target, b"x" * CHUNK * 2) if half else put_plain(target, b"x")
            head = upload.request.with_headers(*more).head
            raw.send(head + (upload.body[:CHUNK] if half else upload.body))
        else:
            raw.send(sign(method, target).with_headers(*more).head)
        return raw.read(method)


@pytest.mark.parametrize(("method", "head", "framing", "status", "rule"), ROWS)
def test_what_a_backend_quotes_stays_here(
    scripted: Scripted, running: WatchedGateway, method: str, head: str, framing: str, status: int, rule: str
) -> None:
    """The client gets the code that is its own affair, and 503 where it is not."""
    scripted.play(quotes(framing, status))
    key = "" if (method, status) == ("GET", 200) else "ruled/k" if rule == "ruled" else "k"
    answer = ask(running.port, method, key, odd=head == "odd", half=framing == "half an upload")
    assert_nothing_quoted(answer.body, SENT[-1])
    assert_nothing_quoted(repr(answer.headers).encode(), SENT[-1])
    assert bool(SENT[-1].first(b"x-amz-server-side-encryption-customer-key")) == (
        key == "ruled/k" and method != "DELETE"
    )
    if method == "HEAD":
        assert answer.status == status
    elif framing == "long" or status == 400 or (status == 403 and head == "plain"):
        assert (answer.status, answer.code) == (503, "ServiceUnavailable")
    else:
        assert (answer.status, answer.code) == (status, CODES[status])


@pytest.mark.parametrize("code", ["ExpiredToken", "RequestTimeTooSkewed", "AuthorizationHeaderMalformed"])
def test_one_line_says_that_the_gateways_own_key_is_refused(
    scripted: Scripted, running: WatchedGateway, code: str
) -> None:
    """In chunks as well, and with a 200."""
    for status in (b"400 Bad Request", b"200 OK"):

        def script(exchange: Exchange, status: bytes = status) -> None:
            exchange.read_request()
            exchange.send(b"HTTP/1.1 " + status + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(document(code)))
            exchange.end()

        scripted.play(script)
        before = len(running.log())
        answer = ask(running.port, "PUT", "k", odd=False, half=False)
        assert (answer.status, answer.code) == (503, "ServiceUnavailable")
        complaint = (
            f"own key is refused at backend {scripted.endpoint}: the backend answered {status[:3].decode()} {code}"
        )
        eventually(lambda: f'"{code}"' in running.log()[before:] or complaint in running.log()[before:])  # noqa: B023
        assert running.log()[before:].count(complaint) == 1


@pytest.mark.parametrize("status", [400, 200])
def test_an_error_document_without_end_is_cut_off(scripted: Scripted, running: WatchedGateway, status: int) -> None:
    """The client has its 503 while the backend still writes, and the backend's connection ends."""
    ended = threading.Event()

    def script(exchange: Exchange) -> None:
        exchange.read_request()
        exchange.send(b"HTTP/1.1 %d Status\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n<Error>\r\n" % status)
        try:
            while True:
                exchange.send(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        finally:
            ended.set()

    scripted.play(script)
    answer = ask(running.port, "PUT", "k", odd=False, half=False)
    assert (answer.status, answer.code) == (503, "ServiceUnavailable")
    assert ended.wait(LIMIT)


def test_blanks_pass_at_once_and_an_error_behind_them_is_read(scripted: Scripted, running: WatchedGateway) -> None:
    """As AWS keeps a client waiting that copies: 200, the declaration, blanks; the error is the gateway's own."""
    seen = threading.Event()

    def script(exchange: Exchange) -> None:
        exchange.read_request()
        body = quoting("InternalError", received(exchange)).removeprefix(DECLARATION)
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(DECLARATION + b" ")[:-5])
        assert seen.wait(LIMIT)
        exchange.send(chunked(body[:9], body[9:]))
        exchange.end()

    scripted.play(script)
    with Raw(running.port) as raw:
        raw.send(sign("PUT", Target("bucket", "copy"), headers=[("x-amz-copy-source", "bucket/k")]).head)
        assert raw.read_head().status == 200
        first = chunked(DECLARATION + b" ")[:-5]
        assert raw.read_exactly(len(first)) == first
        seen.set()
        rest = b"".join(iter(raw._chunk, b""))
    assert re.match(
        rb"<Error><Code>InternalError</Code><Message>[^<]*</Message><Resource>/bucket/copy</Resource>", rest
    )
    assert_nothing_quoted(rest, SENT[-1])


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_an_error_behind_blanks_that_cannot_be_replaced_breaks_the_answer_off(
    scripted: Scripted, running: WatchedGateway, framing: str
) -> None:
    """Its length is told, or it has no end in sight: the client sees a cut, and nothing of it."""

    def script(exchange: Exchange) -> None:
        exchange.read_request()
        body = quoting("InternalError", received(exchange)).replace(b"</Error>", b"x" * MAX_DOCUMENT + b"</Error>")
        if framing == "length":
            exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n " % (len(body) + 1))
        else:
            exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n \r\n")
        assert seen.wait(LIMIT)
        exchange.send(body if framing == "length" else chunked(body))
        exchange.end()

    seen = threading.Event()
    scripted.play(script)
    with Raw(running.port) as raw:
        raw.send(put_plain(Target("bucket", "k"), b"x").wire)
        assert raw.read_head().status == 200
        assert raw.read_exactly(1 if framing == "length" else 6)
        seen.set()
        with pytest.raises(ConnectionError):
            raw.read_exactly(1)


def test_a_long_listing_streams(scripted: Scripted, running: WatchedGateway) -> None:
    """It is no error document: its beginning is there before its end has been written."""
    seen, listing = threading.Event(), b"<ListBucketResult>" + b"<Contents/>" * 20_000

    def script(exchange: Exchange) -> None:
        exchange.read_request()
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(listing)[:-5])
        assert seen.wait(LIMIT)
        exchange.send(chunked(b"</ListBucketResult>"))
        exchange.end()

    scripted.play(script)
    with Raw(running.port) as raw:
        raw.send(sign("GET", Target("bucket")).head)
        assert raw.read_head().status == 200
        body = b""
        while len(body) < len(listing):
            body += raw._chunk()
        seen.set()
        assert body + b"".join(iter(raw._chunk, b"")) == listing + b"</ListBucketResult>"
