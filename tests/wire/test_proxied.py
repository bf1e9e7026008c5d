"""PROXY headers on the gateway's own wire: who must send one, who may not, and whose connection it is then."""

from collections.abc import Callable, Iterator

import pytest

from lab.certs import Certs
from tests.http1.proxied import INVALID, IPV4, NAMED, UNNAMED, V2_IPV4
from tests.real.rawhttp import Raw
from tests.real.waiting import eventually
from tests.wire.front import now, on_wire
from tests.wire.inprocess import GET, Keeping, Wire, ok

REQUEST = b"GET /bucket/key HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.fixture
def wire(keeping: Keeping, certs: Certs) -> Iterator[Wire]:
    """A gateway that takes this machine for a load balancer."""
    keeping.begin(ok)
    with Wire(keeping, certs, proxy_protocol=["127.0.0.0/8"], head_timeout=30) as running:
        yield running


@pytest.fixture
def without(keeping: Keeping, certs: Certs) -> Iterator[Wire]:
    """One whose load balancers are elsewhere."""
    with Wire(keeping, certs, proxy_protocol=["10.0.0.0/8"]) as running:
        yield running


def addresses(wire: Wire) -> list[str]:
    """Of whom the log tells, when all has ended."""
    eventually(lambda: all(client._exchange is None for client in wire.clients.copy()))
    return [ended.record.address for ended in wire.books.ended]


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


@pytest.mark.parametrize("cut", [lambda data: [data], bytewise], ids=["whole", "bytewise"])
@pytest.mark.parametrize("name", [*NAMED, *UNNAMED])
def test_a_request_behind_a_header(wire: Wire, name: str, cut: Callable[[bytes], list[bytes]]) -> None:
    """Served, as the client's that the header names, or else as the load balancer's own; each of its connection."""
    header, source = NAMED[name] if name in NAMED else (UNNAMED[name], ("127.0.0.1", 0))
    if len(header) > 300 and cut is bytewise:
        header, source = NAMED["binary, with TLVs"]
    with wire.connect() as raw:
        for piece in cut(header):
            raw.send(piece)
        assert raw.ask(on_wire(GET(now()))).status == 200
        assert raw.ask(on_wire(GET(now()))).status == 200
    assert addresses(wire) == [source[0]] * 2
    assert wire.refused == []


@pytest.mark.parametrize("header", [IPV4, V2_IPV4], ids=["line", "binary"])
def test_tls_behind_a_header(wire: Wire, certs: Certs, header: bytes) -> None:
    """The header is outside of TLS."""
    with Raw(wire.port, certs.ca, before=header) as raw:
        assert raw.ask(on_wire(GET(now()))).status == 200
    assert addresses(wire) == ["203.0.113.7"]


@pytest.mark.parametrize("name", INVALID)
def test_a_load_balancer_without_a_header_is_cut(wire: Wire, keeping: Keeping, name: str) -> None:
    """Before anything of it is read as HTTP or TLS, and without an answer."""
    with wire.connect() as raw:
        raw.send(INVALID[name] + REQUEST)
        assert raw.is_closed()
    assert len(wire.refused) == 1
    assert addresses(wire) == []
    assert keeping.requests() == []


@pytest.mark.parametrize("name", [*NAMED, *UNNAMED])
def test_a_header_from_anybody_else_is_cut(without: Wire, name: str) -> None:
    """Nobody names himself."""
    header = UNNAMED[name] if name in UNNAMED else NAMED[name][0]
    with without.connect() as raw:
        raw.send(header + REQUEST)
        assert raw.is_closed()
    assert without.refused == ["a PROXY header from an address that is not in listen.proxy_protocol"]
    assert addresses(without) == []


@pytest.mark.parametrize("before", [b"", b"\r\n", b"\r\n\r\n"], ids=["none", "one", "two"])
def test_anybody_else_is_served_without(without: Wire, keeping: Keeping, before: bytes) -> None:
    """Empty lines before a request look like a header's begin, for as long as they last."""
    keeping.begin(ok)
    with without.connect() as raw:
        for piece in bytewise(before + on_wire(GET(now()))):
            raw.send(piece)
        assert raw.read().status == 200
    assert addresses(without) == ["the test"]


@pytest.mark.parametrize("begun", [b"", IPV4[:-1], V2_IPV4[:-1]], ids=["nothing", "line", "binary"])
def test_a_header_that_does_not_come_whole(wire: Wire, begun: bytes) -> None:
    """It has the time of a request head."""
    with wire.connect() as raw:
        if begun:
            raw.send(begun)
        eventually(lambda: bool(wire.clients), "nobody is connected")
        wire.later(29)
        assert not wire.refused
        wire.later(2)
        assert raw.is_closed()


def test_who_may_not_come_in_is_cut(wire: Wire, keeping: Keeping) -> None:
    """Where the named address has as many connections as it may."""
    wire.on_source = lambda *_: "limits.connections_per_address"
    with wire.connect() as raw:
        raw.send(IPV4 + REQUEST)
        assert raw.is_closed()
    assert addresses(wire) == []


def test_one_header_is_all(wire: Wire) -> None:
    """A second one is read as what it is then: no HTTP."""
    with wire.connect() as raw:
        assert raw.ask(IPV4 + IPV4 + REQUEST).status == 400
    assert addresses(wire) == ["203.0.113.7"]


def test_what_is_behind_the_header_is_not_lost(wire: Wire) -> None:
    """However much there is of it."""
    request = on_wire(GET(now()))
    with wire.connect() as raw:
        raw.send(IPV4 + request * 40)
        assert [raw.read().status for _ in range(40)] == [200] * 40
