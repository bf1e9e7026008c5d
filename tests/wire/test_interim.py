"""A backend's interim answers (1xx) are no answers: what counts is the final one behind them (RFC 9110 §15.2)."""

import json
from functools import partial

import pytest

from lab.certs import Certs
from lab.gateway import gateway_config
from tests.conftest import GatewayFactory
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import CHUNK, Target, put_chunked, sign
from tests.real.waiting import eventually
from tests.wire.scripted import Exchange, Scripted

FINAL = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfinal"


def _request(method: str) -> bytes:
    """Sign it now: a run of all tests takes longer than a signature lasts."""
    target = Target("bucket", "k")
    return put_chunked(target, b"x" * CHUNK).wire if method == "PUT" else sign(method, target).head


def _early(interim: bytes, exchange: Exchange) -> None:
    """Say it as soon as there is a head, and the final answer when all has been read; twice."""
    for _ in range(2):
        exchange.received.clear()
        exchange.read_head()
        exchange.send(interim)
        exchange.read_request()
        exchange.send(FINAL)
    exchange.end()


def _bytewise(interim: bytes, exchange: Exchange) -> None:
    exchange.read_request()
    for byte in interim + FINAL:
        exchange.send(bytes((byte,)))
    exchange.end()


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize(
    "interim",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\n" * 3,
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nContent-Length: 9\r\n\r\nHTTP/1.1 100\n\n",
    ],
    ids=["100", "102", "103 and 100"],
)
def test_the_final_answer_is_the_answer(gateway: GatewayFactory, certs: Certs, method: str, interim: bytes) -> None:
    """For a download and an upload, at once and byte by byte, and the connection serves on."""
    with Scripted(certs) as backend:
        running = gateway(gateway_config(backend, log={"format": "json"}))
        backend.play(partial(_early, interim))
        with Raw(running.port) as raw:
            for _ in range(2):
                answer = raw.ask(_request(method), method)
                assert (answer.status, answer.body) == (200, b"final")
        backend.play(partial(_bytewise, interim))
        with Raw(running.port) as raw:
            assert raw.ask(_request(method), method).body == b"final"
        eventually(lambda: running.log().count('"operation"') == 3, running.log())
        told = [json.loads(line) for line in running.log().splitlines() if '"operation"' in line]
        assert [(line["status"], line["bytes_out"]) for line in told] == [(200, 5)] * 3


def test_nobody_switches_protocols(gateway: GatewayFactory, certs: Certs) -> None:
    """101 is not interim: what follows it is no HTTP, and would reach the backend unverified."""
    sent = b"GET /unverified HTTP/1.1\r\n\r\n"
    with Scripted(certs) as backend:

        def script(exchange: Exchange) -> None:
            exchange.read_request()
            exchange.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
            exchange.read_until(lambda data: b"/unverified" in data)

        backend.play(script)
        running = gateway(gateway_config(backend))
        with Raw(running.port) as raw:
            assert raw.ask(_request("GET")).status == 503
            raw.send(sent)
            assert raw.is_closed()
        assert sent not in bytes(backend.exchanges[0].received)
