"""Answers that are read whole before the client gets them, also where mitmproxy is told to stream what is large."""

import threading
import zlib
from hashlib import sha256

import pytest

from lab.certs import Certs
from lab.gateway import Gateway, gateway_config
from tests.conftest import GatewayFactory
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import Target, sign
from tests.real.waiting import LIMIT, eventually
from tests.wire.scripted import Exchange, Scripted

STREAMED = ["--set", "stream_large_bodies=1"]
"""What mitmproxy's users write to have every body streamed."""

options = pytest.mark.parametrize("arguments", [[], STREAMED], ids=["as always", "stream_large_bodies"])


def _answering(exchange: Exchange, head: bytes, document: bytes) -> None:
    """Give one byte first: mitmproxy looks at the size that was announced, and at what it has read since."""
    exchange.read_request()
    exchange.send(head + b"\r\nContent-Length: %d\r\n\r\n" % len(document) + document[:1])
    exchange.send(document[1:-1])
    exchange.send(document[-1:])
    exchange.end()


def _running(gateway: GatewayFactory, backend: Scripted, arguments: list[str]) -> Gateway:
    return gateway(gateway_config(backend, log={"format": "json"}), arguments=arguments)


def _completing(*headers: tuple[str, str]) -> bytes:
    body = b"<CompleteMultipartUpload></CompleteMultipartUpload>"
    target = Target("bucket", "k", (("uploadId", "u"),))
    fields = [*headers, ("Content-Length", str(len(body)))]
    return sign("POST", target, sha256(body).hexdigest(), fields).head + body


@options
def test_the_gateways_own_key_is_shown_to_nobody(gateway: GatewayFactory, certs: Certs, arguments: list[str]) -> None:
    """The backend names it where it refuses it: the client gets 503, and the operator the reason."""
    document = b"<Error><Code>InvalidAccessKeyId</Code><AWSAccessKeyId>backend-key</AWSAccessKeyId></Error>"
    with Scripted(certs) as backend:
        backend.play(lambda exchange: _answering(exchange, b"HTTP/1.1 403 Forbidden", document))
        running = _running(gateway, backend, arguments)
        with Raw(running.port) as raw:
            answer = raw.ask(sign("GET", Target("bucket", "k")).head)
        assert (answer.status, answer.code) == (503, "ServiceUnavailable")
        eventually(lambda: '"backend_error": "InvalidAccessKeyId"' in running.log(), running.log())


@options
def test_a_completed_upload_names_the_clients_address(
    gateway: GatewayFactory, certs: Certs, arguments: list[str]
) -> None:
    """Its Location is rewritten, its length with it, and the log tells its bytes."""
    with Scripted(certs) as backend:
        document = b"<CompleteMultipartUploadResult><Location>https://127.0.0.1:%d/bucket/k</Location></...>"
        document %= backend.port
        backend.play(lambda exchange: _answering(exchange, b"HTTP/1.1 200 OK", document))
        running = _running(gateway, backend, arguments)
        with Raw(running.port) as raw:
            answer = raw.ask(_completing())
        assert b"<Location>http://127.0.0.1/bucket/k</Location>" in answer.body
        eventually(lambda: f'"bytes_out": {len(answer.body)}' in running.log(), running.log())


def test_white_space_that_is_compressed_passes_at_once(gateway: GatewayFactory, certs: Certs) -> None:
    """A backend that works for long keeps its client waiting by it; the document behind it is rewritten as always."""
    seen = threading.Event()

    def script(exchange: Exchange) -> None:
        packed = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
        document = b"<CompleteMultipartUploadResult><Location>https://127.0.0.1:%d/bucket/k</Location></...>"

        def send(data: bytes) -> None:
            exchange.send(b"%x\r\n%b\r\n" % (len(data), data))

        exchange.read_request()
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n")
        send(packed.compress(b" ") + packed.flush(zlib.Z_SYNC_FLUSH))
        assert seen.wait(LIMIT)
        send(packed.compress(document % backend.port) + packed.flush())
        exchange.send(b"0\r\n\r\n")
        exchange.end()

    with Scripted(certs) as backend:
        backend.play(script)
        running = _running(gateway, backend, [])
        with Raw(running.port) as raw:
            raw.send(_completing(("Accept-Encoding", "gzip")))
            head = raw.read_head()
            assert (head.status, head.header("Content-Encoding")) == (200, None)
            assert raw.read_exactly(6) == b"1\r\n \r\n"
            seen.set()
            rest = b"<CompleteMultipartUploadResult><Location>http://127.0.0.1/bucket/k</Location></...>"
            framed = b"%x\r\n%b\r\n0\r\n\r\n" % (len(rest), rest)
            assert raw.read_exactly(len(framed)) == framed
