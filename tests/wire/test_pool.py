"""Backend connections: shared, kept for a while, closed when something is left on them; and what their end means."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import pytest

from lab.certs import Certs
from s3gateway.http1.exchange import Link
from s3gateway.wire.backends import Opening
from s3gateway.wire.client import ClientConnection
from tests.real.rawhttp import Answer
from tests.real.waiting import eventually
from tests.refusing import Made, auth, stream
from tests.sigv4 import aws
from tests.wire.front import body_bytes, head_bytes, now, on_wire
from tests.wire.inprocess import GET, PUT, Answering, Keeping, Wire, early, ok
from tests.wire.scripted import Exchange

LARGE = auth("PUT", "/bucket/key", payload=aws.UNSIGNED, body=b"x" * 4_000_000)


@pytest.fixture
def wire(keeping: Keeping, certs: Certs) -> Iterator[Wire]:
    keeping.begin(ok)
    with Wire(keeping, certs) as running:
        yield running


def ask(wire: Wire, made: Made, *, tls: bool = False) -> Answer:
    """Ask on a connection of its own."""
    data = on_wire(made(now()))
    with wire.connect(tls=tls) as raw:
        return raw.ask(data, data.partition(b" ")[0].decode())


def test_a_connection_serves_whatever_client_comes_next(wire: Wire, keeping: Keeping) -> None:
    """Another client with another key, and over TLS; uploads too."""
    for made, tls in (
        (GET, False),
        (auth("GET", "/bucket/pii/a", who={"access_key_id": "PIIKEY", "secret": "pii"}), True),
        (PUT, False),
        (auth("HEAD", "/bucket/key"), True),
    ):
        assert ask(wire, made, tls=tls).status == 200
        wire.settle(1)
    assert [number for number, _ in keeping.seen] == [0, 0, 0, 0]


def test_one_is_opened_where_none_is_free(wire: Wire, keeping: Keeping) -> None:
    """Two exchanges at a time have one each; both are kept."""
    with wire.connect() as one, wire.connect() as other:
        request = PUT(now())
        for raw in (one, other):
            raw.send(head_bytes(request) + body_bytes(request)[:50])
        eventually(lambda: len(keeping.exchanges) == 2, "only one connection")
        for raw in (one, other):
            raw.send(body_bytes(request)[50:])
            assert raw.read().status == 200
    wire.settle(2)


def test_a_kept_connection_is_used_for_20_seconds(wire: Wire, keeping: Keeping) -> None:
    """MinIO ends idle ones after 30."""
    assert ask(wire, GET).status == 200
    wire.settle(1)
    wire.later(19)
    wire.settle(1)
    assert ask(wire, GET).status == 200
    wire.settle(1)
    wire.later(20.5)
    assert wire.idle() == []
    assert ask(wire, GET).status == 200
    assert [number for number, _ in keeping.seen] == [0, 0, 1]


def test_one_that_has_waited_for_too_long_is_not_taken(wire: Wire, keeping: Keeping) -> None:
    """Also where the clock has not asked yet."""
    assert ask(wire, GET).status == 200
    wire.settle(1)
    wire._ahead += 20.5
    assert ask(wire, GET).status == 200
    assert [number for number, _ in keeping.seen] == [0, 1]


def test_one_that_the_backend_has_ended_is_not_taken(wire: Wire, keeping: Keeping) -> None:
    """Not even for a request that could be sent again."""
    assert ask(wire, GET).status == 200
    wire.settle(1)
    keeping.end(keeping.exchanges[0])
    assert ask(wire, PUT).status == 200
    assert [number for number, _ in keeping.seen] == [0, 1]


def test_one_whose_last_client_was_slow_is_read_again(wire: Wire, keeping: Keeping) -> None:
    """The last of an answer fills the client's buffer, and the backend is asked to wait: its next answer is read."""
    with wire.connect() as slow:
        assert slow.ask(on_wire(GET(now())), "GET").status == 200
        wire.settle(1)
        wire.do(_full_after_each_write(*wire.clients))
        assert slow.ask(on_wire(GET(now())), "GET").status == 200
        wire.settle(1)
        assert ask(wire, GET).status == 200
    assert [number for number, _ in keeping.seen] == [0, 0, 0]


async def _full_after_each_write(client: ClientConnection) -> None:
    """What asyncio does where the peer takes less than is written."""
    transport = client.transport
    assert transport is not None
    write = transport.write

    def full(data: bytes) -> None:
        write(data)
        client.pause_writing()

    transport.write = full  # type: ignore[method-assign, assignment]


@pytest.mark.parametrize("more", [b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad"])
def test_more_than_was_asked_for_ends_the_connection(wire: Wire, keeping: Keeping, more: bytes) -> None:
    """With the answer or after it: nobody gets it."""

    def with_it(exchange: Exchange, request: bytes) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" + more)

    keeping.begin(with_it)
    assert ask(wire, GET).body == b"hello"
    wire.settle(0)
    keeping.begin(ok)
    assert ask(wire, GET).body == b"hello"
    wire.settle(1)
    keeping.exchanges[0].send(more)
    wire.settle(0)
    assert ask(wire, GET).body == b"hello"
    assert [number for number, _ in keeping.seen] == [0, 1]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: x, Close\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    ],
)
def test_a_backend_that_says_close_is_closed(wire: Wire, keeping: Keeping, answer: bytes) -> None:
    keeping.begin(lambda exchange, _: exchange.send(answer))
    assert ask(wire, GET).body == b"hello"
    wire.settle(0)


# What an exchange leaves half done.


def half(exchange: Exchange, _: bytes) -> None:
    """Say half of an answer."""
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhello")


def refusing(exchange: Exchange, _: bytes) -> None:
    """Refuse an upload by its head."""
    exchange.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")


def _ended(keeping: Keeping, number: int = 0) -> None:
    """Wait for the end of a connection, as the backend sees it."""
    eventually(lambda: keeping.exchanges[number]._tls.fileno() == -1, "the connection is open")


def test_a_cut_download_is_not_left_to_others(wire: Wire, keeping: Keeping) -> None:
    """The client goes away while the answer comes."""
    keeping.begin(half)
    with wire.connect() as raw:
        raw.send(on_wire(GET(now())))
        raw.read_head()
    _ended(keeping)
    wire.settle(0)


def test_a_cut_upload_is_not_left_to_others(wire: Wire, keeping: Keeping) -> None:
    """The client goes away before all of it was there; the backend never has it whole."""
    with wire.connect() as raw:
        request = LARGE(now())
        raw.send(head_bytes(request) + body_bytes(request)[:100_000])
        eventually(lambda: len(keeping.exchanges) == 1)
    _ended(keeping)
    wire.settle(0)
    assert keeping.seen == [] or len(keeping.seen[0][1]) < 4_000_000


def test_an_early_refusal_ends_the_connection(wire: Wire, keeping: Keeping) -> None:
    """The backend answers before it has the body: what the client still sends goes nowhere."""
    keeping.begin(early(refusing))
    request = LARGE(now())
    with wire.connect() as raw:
        raw.send(head_bytes(request) + body_bytes(request)[:1000])
        answer = raw.read()
        assert (answer.status, answer.header("Connection")) == (403, "close")
        with suppress(ConnectionError):
            raw.send(body_bytes(request)[1000:])
    wire.settle(0)


def test_an_upload_that_is_at_fault_in_its_first_read_says_nothing_to_the_backend(wire: Wire, keeping: Keeping) -> None:
    """Its head has not left yet, so nothing spoils it: the bytes that would are no request."""
    for edit in (lambda body: body.replace(b"a\r\n", b"b\r\n", 1), lambda body: body[:-5] + b"x\r\n\r\n"):
        keeping.begin(ok)
        assert ask(wire, GET).status == 200
        wire.settle(1)
        answer = ask(wire, stream(aws.STREAMING, (b"a" * 300,), edit=edit))
        assert (answer.status, answer.code) in {(403, "SignatureDoesNotMatch"), (400, "IncompleteBody")}
        wire.settle(0)
        _ended(keeping)
        assert keeping.requests() == [b"GET /bucket/key"]
        assert not keeping.exchanges[0].received


def test_a_refusal_of_a_whole_upload_ends_the_connection(wire: Wire, keeping: Keeping) -> None:
    """All of it was written, and it may be that the backend has read none: the next request would wait behind it."""
    keeping.begin(early(refusing))
    answer = ask(wire, PUT)
    assert answer.status == 403
    wire.settle(0)
    keeping.begin(refusing)
    assert ask(wire, GET).status == 403
    wire.settle(1)


def test_an_upload_that_is_at_fault_ends_the_connection(wire: Wire, keeping: Keeping) -> None:
    """The gateway refuses it at its end."""
    bad = auth("PUT", "/bucket/key", payload="0" * 64, body=b"x" * 100_000)(now())
    with wire.connect() as raw:
        raw.send(head_bytes(bad) + body_bytes(bad)[:1000])
        eventually(lambda: keeping.exchanges and keeping.exchanges[0].received, "the head does not come")
        answer = raw.ask(body_bytes(bad)[1000:])
    assert (answer.status, answer.code) == (400, "XAmzContentSHA256Mismatch")
    _ended(keeping)
    wire.settle(0)
    assert ask(wire, GET).status == 200


def _states(wire: Wire) -> list[Link]:
    """How the exchanges under way stand with the backend."""
    exchanges = [client._exchange for client in wire.clients.copy()]
    return [one.progress.link for one in exchanges if one is not None]


# A connection that ends just as a request is written to it.

AGAIN: dict[str, Made] = {
    "GetObject": GET,
    "HeadObject": auth("HEAD", "/bucket/key"),
    "ListObjectsV2": auth("GET", "/bucket?list-type=2"),
    "ListBuckets": auth("GET", "/"),
    "DELETE of a version": auth("DELETE", "/bucket/key?versionId=v"),
    "UploadPartCopy": auth(
        "PUT", "/bucket/key?partNumber=1&uploadId=u", [("x-amz-copy-source", "/bucket/other")], body=b""
    ),
}
ONCE: dict[str, Made] = {
    "PutObject": PUT,
    "PutObject without data": auth("PUT", "/bucket/key", payload=aws.UNSIGNED, body=b""),
    "DeleteObject": auth("DELETE", "/bucket/key"),
    "DeleteObjects": auth("POST", "/bucket?delete", payload=aws.UNSIGNED, body=b"<Delete/>"),
    "CreateMultipartUpload": auth("POST", "/bucket/key?uploads", payload=aws.UNSIGNED, body=b""),
    "CompleteMultipartUpload": auth("POST", "/bucket/key?uploadId=u", payload=aws.UNSIGNED, body=b"<C/>"),
    "CopyObject": auth("PUT", "/bucket/key", [("x-amz-copy-source", "/bucket/other")], body=b""),
}


def _ending(keeping: Keeping, *numbers: int) -> Answering:
    """Answer, but end these connections at their second request, without a byte of an answer."""

    def answer(exchange: Exchange, request: bytes) -> None:
        number = keeping.exchanges.index(exchange)
        before = sum(seen == number for seen, _ in keeping.seen)
        if number in numbers and before == 2:
            exchange.reset()
        else:
            ok(exchange, request)

    return answer


@pytest.mark.parametrize("name", AGAIN)
def test_what_reads_is_sent_again_once(wire: Wire, keeping: Keeping, name: str) -> None:
    """On a fresh connection; its client sees nothing of it."""
    keeping.begin(_ending(keeping, 0))
    assert ask(wire, GET).status == 200
    wire.settle(1)
    assert ask(wire, AGAIN[name]).status == 200
    assert [number for number, _ in keeping.seen] == [0, 0, 1]
    assert keeping.seen[1][1] == keeping.seen[2][1]
    wire.settle(1)


@pytest.mark.parametrize("name", ONCE)
def test_what_may_have_run_is_not_sent_again(wire: Wire, keeping: Keeping, name: str) -> None:
    """Its client is asked to: 503 SlowDown with Retry-After."""
    keeping.begin(_ending(keeping, 0))
    assert ask(wire, GET).status == 200
    wire.settle(1)
    answer = ask(wire, ONCE[name])
    assert (answer.status, answer.code) == (503, "SlowDown")
    assert (answer.header("Retry-After") or "").isdigit()
    wire.settle(0)
    assert [number for number, _ in keeping.seen] == [0, 0]


def test_nothing_is_sent_a_third_time(wire: Wire, keeping: Keeping) -> None:
    """The fresh connection ends as well: that is told, as any failure of the backend."""

    def answer(exchange: Exchange, request: bytes) -> None:
        if len(keeping.seen) == 1:
            ok(exchange, request)
        else:
            exchange.reset()

    keeping.begin(answer)
    assert ask(wire, GET).status == 200
    wire.settle(1)
    told = ask(wire, GET)
    assert told.status == 503
    assert [number for number, _ in keeping.seen] == [0, 0, 1]


def test_a_fresh_connection_that_ends_is_a_failure(wire: Wire, keeping: Keeping) -> None:
    """No client of it may think that it was idle for too long."""
    keeping.begin(lambda exchange, _: exchange.reset())
    told = ask(wire, GET)
    assert (told.status, told.code, told.header("Retry-After")) == (503, "ServiceUnavailable", None)
    assert len(keeping.seen) == 1


def test_half_an_answer_is_not_asked_for_again(wire: Wire, keeping: Keeping) -> None:
    """One byte of its head is enough: the backend has begun to answer."""

    def answer(exchange: Exchange, request: bytes) -> None:
        if len(keeping.seen) == 1:
            ok(exchange, request)
            return
        exchange.send(b"H")
        exchange.end()

    keeping.begin(answer)
    assert ask(wire, GET).status == 200
    wire.settle(1)
    assert ask(wire, GET).status == 503
    assert len(keeping.seen) == 2


def test_a_body_that_is_still_to_come_follows_the_second_head(
    wire: Wire, keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that may run twice has its connection end before a byte of its body has come; then the body comes."""
    opening = asyncio.Event()
    open_one = Opening._open

    async def when_told(self: Opening) -> None:
        await opening.wait()
        await open_one(self)

    async def go_on() -> None:
        opening.set()

    def answer(exchange: Exchange, request: bytes) -> None:
        if keeping.exchanges.index(exchange) == 0 and len(keeping.seen) == 2:
            exchange.reset()
            return
        exchange.read_request()
        keeping.seen[-1] = keeping.seen[-1][0], bytes(exchange.received)
        ok(exchange, request)

    keeping.begin(early(answer))
    assert ask(wire, GET).status == 200
    wire.settle(1)
    copy = [("x-amz-copy-source", "/bucket/other"), ("Content-Length", "5")]
    made = auth("PUT", "/bucket/key?partNumber=1&uploadId=u", copy, payload=aws.UNSIGNED, body=b"hello")
    request = made(now())
    monkeypatch.setattr(Opening, "_open", when_told)
    with wire.connect() as raw:
        raw.socket.settimeout(20)
        raw.send(head_bytes(request))
        eventually(lambda: _states(wire) == [Link.CONNECTING], "it is not sent again")
        raw.send(body_bytes(request))
        wire.do(asyncio.sleep(0.1))  # it may be read meanwhile
        wire.do(go_on())
        assert raw.read().status == 200
    assert [number for number, _ in keeping.seen] == [0, 0, 1]
    assert keeping.seen[2][1].endswith(b"\r\n\r\nhello")
