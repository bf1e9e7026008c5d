"""Answers that are read whole before the client gets them, also where mitmproxy is told to stream what is large."""

from hashlib import sha256

import pytest

from lab.certs import Certs
from lab.gateway import Gateway, gateway_config
from tests.conftest import GatewayFactory
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import Target, sign
from tests.real.waiting import eventually
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
    body = b"<CompleteMultipartUpload></CompleteMultipartUpload>"
    with Scripted(certs) as backend:
        document = b"<CompleteMultipartUploadResult><Location>https://127.0.0.1:%d/bucket/k</Location></...>"
        document %= backend.port
        backend.play(lambda exchange: _answering(exchange, b"HTTP/1.1 200 OK", document))
        running = _running(gateway, backend, arguments)
        target = Target("bucket", "k", (("uploadId", "u"),))
        request = sign("POST", target, sha256(body).hexdigest(), [("Content-Length", str(len(body)))])
        with Raw(running.port) as raw:
            answer = raw.ask(request.head + body)
        assert b"<Location>http://127.0.0.1/bucket/k</Location>" in answer.body
        eventually(lambda: f'"bytes_out": {len(answer.body)}' in running.log(), running.log())
