"""Who does not read costs little: a client that lets its download stand, a backend that lets an upload stand."""

import select
from collections.abc import Iterator

import pytest

from lab.certs import Certs
from lab.gateway import Gateway, gateway_config
from tests.conftest import GatewayFactory
from tests.real import memory
from tests.real.memory import MIB
from tests.real.rawhttp import Raw
from tests.real.waiting import eventually
from tests.refusing import CLIENTS, auth
from tests.sigv4 import aws
from tests.wire.front import head_bytes, now
from tests.wire.scripted import Exchange, Scripted

SIZE = 256 * MIB
BLOCK = bytes(MIB)
MOST = 16 * MIB
"""Of all that is under way: buffers of two sockets, of TLS, and a few reads."""


@pytest.fixture(scope="module")
def running(session_gateway: GatewayFactory, scripted: Scripted, certs: Certs) -> Iterator[Gateway]:
    config = gateway_config(scripted, clients=CLIENTS, certificate=certs.gateway)
    gateway = session_gateway(config, watched=False)
    yield gateway
    gateway.stop()


@pytest.mark.parametrize("tls", [False, True])
def test_a_client_that_does_not_read(running: Gateway, scripted: Scripted, certs: Certs, tls: bool) -> None:
    """The backend is asked to wait; when the client reads on, all of it comes."""
    sent: list[int] = []

    def script(exchange: Exchange) -> None:
        exchange.read_request()
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
        for _ in range(SIZE // MIB):
            exchange.send(BLOCK)
            sent.append(MIB)

    scripted.play(script)
    with Raw(running.port, certs.ca if tls else None) as raw:
        before = memory.reset_peak(running.pid)
        raw.send(head_bytes(auth("GET", "/bucket/key")(now())))
        assert raw.read_head().status == 200
        eventually(lambda: stands_still(sent), "the backend writes on")
        assert sum(sent) < SIZE
        assert memory.peak(running.pid) - before < MOST
        left = SIZE
        while left:
            left -= len(raw.read_exactly(min(left, MIB)))
        assert memory.peak(running.pid) - before < MOST


def stands_still(sent: list[int]) -> bool:
    """Whether no more comes for a while. Who is slow is taken to stand still: that finds less, and never fails."""
    before = len(sent)
    select.select([], [], [], 0.3)
    return bool(sent) and len(sent) == before


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_backend_that_does_not_read(running: Gateway, scripted: Scripted, chunked: bool) -> None:
    """The client is asked to wait; when the backend reads on, all of it goes."""
    reading: list[bool] = []

    def script(exchange: Exchange) -> None:
        exchange.read_head()
        eventually(lambda: bool(reading), "nobody says that it may be read")
        left = SIZE - len(exchange.received.partition(b"\r\n\r\n")[2])
        if chunked:
            tail = b""
            while not tail.endswith(b"0\r\n\r\n"):
                tail = tail[-8:] + exchange._tls.recv(1 << 18)
        else:
            while left:
                left -= len(exchange._tls.recv(1 << 18))
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    scripted.play(script)
    fields = [("Transfer-Encoding", "chunked")] if chunked else [("Content-Length", str(SIZE))]
    request = auth("PUT", "/bucket/key", fields, payload=aws.UNSIGNED, body=b"")(now())
    data = b"x" * MIB
    block = b"%x\r\n%b\r\n" % (MIB, data) if chunked else data
    whole = memoryview(block * (SIZE // MIB) + (b"0\r\n\r\n" if chunked else b""))
    with Raw(running.port) as raw:
        before = memory.reset_peak(running.pid)
        raw.send(head_bytes(request))
        taken = 0
        raw.socket.setblocking(False)
        while taken < len(whole) and select.select([], [raw.socket], [], 0.5)[1]:
            taken += raw.socket.send(whole[taken : taken + MIB])
        assert taken < len(whole)
        assert memory.peak(running.pid) - before < MOST
        reading.append(True)
        raw.socket.settimeout(60)
        raw.socket.sendall(whole[taken:])
        assert raw.read().status == 200
        assert memory.peak(running.pid) - before < MOST
