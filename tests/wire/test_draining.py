"""The end of a gateway that serves, on its own wire: what each connection gets, and for how long."""

import asyncio
import math
import threading
from collections.abc import Iterator

import pytest

from lab.certs import Certs
from s3gateway.wire.draining import Draining
from tests.real.rawhttp import Raw
from tests.real.waiting import eventually
from tests.wire.front import now, on_wire
from tests.wire.inprocess import GET, PUT, Keeping, Wire, ok
from tests.wire.scripted import Exchange


class Ending:
    """Drains a wire in the background."""

    def __init__(self, wire: Wire, delay: float, grace: float) -> None:
        self.wire = wire
        self.listens = True
        self.draining = Draining(
            wire._service,
            self._stop_listening,
            lambda: len(wire.clients),
            lambda: sum(client.is_busy for client in wire.clients.copy()),
        )
        self._task = asyncio.run_coroutine_threadsafe(self.draining.run(delay, grace), wire._loop)

    def _stop_listening(self) -> None:
        self.listens = False

    @property
    def is_over(self) -> bool:
        return self._task.done()

    def wait(self) -> None:
        self._task.result(60)


@pytest.fixture
def wire(keeping: Keeping, certs: Certs) -> Iterator[Wire]:
    keeping.begin(ok)
    with Wire(keeping, certs) as running:
        yield running


def _ask(raw: Raw) -> tuple[int, str | None]:
    """Status of an answer, and what it says of the connection."""
    answer = raw.ask(on_wire(GET(now())))
    return answer.status, answer.header("connection")


def test_an_idle_connection_stays_until_its_next_request(wire: Wire) -> None:
    """To close it at once could meet a request on its way: that answer says that it is the last one."""
    with wire.connect() as raw, wire.connect() as other:
        assert [_ask(raw), _ask(other)] == [(200, None)] * 2
        ending = Ending(wire, 0, math.inf)
        eventually(lambda: not ending.listens)
        assert _ask(raw) == (200, "close")
        assert raw.is_closed()
        assert not ending.is_over
        assert _ask(other) == (200, "close")
    ending.wait()


def test_while_a_load_balancer_has_yet_to_see_it_nothing_changes(wire: Wire) -> None:
    """It listens, and closes no connection, but is not ready."""
    with wire.connect() as raw:
        ending = Ending(wire, 1, math.inf)
        eventually(lambda: wire._service.is_ending)
        assert (_ask(raw), ending.listens) == ((200, None), True)
        eventually(lambda: not ending.listens)
        assert _ask(raw) == (200, "close")
    ending.wait()


def test_an_answer_that_has_begun_keeps_its_promise(wire: Wire, keeping: Keeping) -> None:
    """Its head said nothing of an end, so there may be another request, and that is the last."""
    goes_on = threading.Event()

    def slowly(exchange: Exchange, _: bytes) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
        goes_on.wait(60)
        exchange.send(b"llo")

    keeping.begin(slowly)
    with wire.connect() as raw:
        raw.send(on_wire(GET(now())))
        head = raw.read_head()
        assert raw.read_exactly(2) == b"he"
        ending = Ending(wire, 0, math.inf)
        eventually(lambda: not ending.listens)
        goes_on.set()
        assert raw.read_exactly(3) == b"llo"
        assert head.header("connection") is None
        assert _ask(raw) == (200, "close")
    ending.wait()


@pytest.mark.parametrize("later", [False, True])
def test_it_is_over_when_the_grace_is(wire: Wire, later: bool) -> None:
    """Whatever still runs; one that was without a bound may get it later."""
    with wire.connect() as upload:
        request = on_wire(PUT(now()))
        upload.send(request[:-50])
        eventually(lambda: any(client.is_busy for client in wire.clients.copy()))
        ending = Ending(wire, 0, math.inf if later else 0.1)
        if later:
            eventually(lambda: not ending.listens)
            assert not ending.is_over
            wire._loop.call_soon_threadsafe(ending.draining.shorten, 0.1)
        ending.wait()
        upload.send(request[-50:])
        assert upload.read().status == 200
