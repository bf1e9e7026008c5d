"""What the gateway does on its own wire: whom it answers when, in how many writes, and what goes no further."""

import re
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from lab.certs import Certs
from lab.ports import free_port
from s3gateway.http1.exchange import Link
from s3gateway.wire.client import ClientConnection
from s3gateway.wire.reads import READ, received
from tests.admission import edited
from tests.real.rawhttp import Raw
from tests.real.waiting import eventually
from tests.refusing import Made, Request, auth
from tests.sigv4 import aws
from tests.wire.front import body_bytes, head_bytes, now, on_wire
from tests.wire.inprocess import GET, PUT, Keeping, Wire, ok
from tests.wire.scripted import Exchange

WRONG = auth("GET", "/bucket/key", who={"secret": "wrong"})


@pytest.fixture
def wire(keeping: Keeping, certs: Certs) -> Iterator[Wire]:
    keeping.begin(ok)
    with Wire(keeping, certs, body_timeout=60) as running:
        yield running


def added(made: Made, *pairs: tuple[bytes, bytes]) -> Request:
    """A signed request, to which a hop adds fields that nobody has signed."""
    request = made(now())
    return replace(request, head=edited(request.head, headers=(*request.head.headers, *pairs)))


def to_the_end(raw: Raw) -> bytes:
    """All that comes until the end of the connection."""
    return raw.socket.makefile("rb").read()


EXPECT = (b"Expect", b"100-continue")


# 100 Continue.


def has_head(keeping: Keeping) -> bool:
    return bool(keeping.exchanges) and b"\r\n\r\n" in keeping.exchanges[0].received


def test_100_continue_says_that_the_backend_has_the_head(wire: Wire, keeping: Keeping) -> None:
    """The head is on its way before the client hears it, whether a byte of its body comes or not."""
    for _ in range(2):  # on a fresh connection, and on a kept one
        request = added(PUT, EXPECT)
        before = len(keeping.seen)
        with wire.connect() as raw:
            raw.send(head_bytes(request))
            assert raw.read().status == 100
            eventually(lambda: has_head(keeping), "the head does not come")
            assert len(keeping.seen) == before
            assert raw.ask(body_bytes(request)).status == 200
        wire.settle(1)
    assert len(keeping.exchanges) == 1


def test_without_a_backend_nobody_is_told_to_go_on(keeping: Keeping, certs: Certs) -> None:
    """Nobody listens there: the first answer is 503, and the body is never asked for."""
    with Wire(keeping, certs, endpoint=f"https://127.0.0.1:{free_port()}") as wire, wire.connect() as raw:
        answer = raw.ask(head_bytes(added(PUT, EXPECT)))
        assert (answer.status, answer.code, answer.header("Connection")) == (503, "ServiceUnavailable", "close")


def test_a_backend_that_does_not_shake_hands_is_none(keeping: Keeping, certs: Certs) -> None:
    """It takes the connection, and no TLS: nothing is said until there is an end to that."""
    with (
        socket.create_server(("127.0.0.1", 0)) as deaf,
        Wire(keeping, certs, endpoint=f"https://127.0.0.1:{deaf.getsockname()[1]}", connect_timeout=5) as wire,
        wire.connect() as raw,
    ):
        raw.send(head_bytes(added(PUT, EXPECT)))

        def connecting() -> bool:
            exchanges = [client._exchange for client in wire.clients.copy()]
            return any(one is not None and one.progress.link is Link.CONNECTING for one in exchanges)

        eventually(connecting, "nobody connects")
        wire.later(6)
        answer = raw.read()
        assert (answer.status, answer.code) == (503, "ServiceUnavailable")


def test_what_is_refused_is_not_asked_for(wire: Wire, keeping: Keeping) -> None:
    """A client that waits hears the refusal, and no 100 before it."""
    with wire.connect() as raw:
        wrong = auth("PUT", "/bucket/key", who={"secret": "wrong"}, payload=aws.UNSIGNED, body=b"x")
        assert raw.ask(head_bytes(added(wrong, EXPECT))).status == 403
        assert raw.is_closed()
    assert keeping.exchanges == []


# Nothing of the client's connection goes further.

HOP = (
    *((b"Connection", b"keep-alive, X-Hop, TE"), (b"Keep-Alive", b"timeout=5"), (b"TE", b"trailers")),
    *((b"Upgrade", b"h2c"), (b"X-Hop", b"1"), (b"Proxy-Connection", b"keep-alive"), (b"Trailer", b"x")),
)


@pytest.mark.parametrize("version", [b"HTTP/1.1", b"HTTP/1.0"])
@pytest.mark.parametrize("made", [GET, PUT], ids=["GET", "PUT"])
def test_nothing_of_the_clients_connection_reaches_the_backend(
    wire: Wire, keeping: Keeping, version: bytes, made: Made
) -> None:
    """Neither its version nor what its connection can do; the backend's own connection is kept."""
    request = added(made, *HOP, EXPECT)
    with wire.connect() as raw:
        raw.send(head_bytes(request, version=version))
        if request.body and version == b"HTTP/1.1":
            assert raw.read().status == 100
        assert raw.ask(body_bytes(request)).body == b"hello"
    ((_, seen),) = keeping.seen
    line, *fields = seen.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert line == b"%b /bucket/key HTTP/1.1" % request.head.method
    names = {field.partition(b":")[0].lower() for field in fields}
    hop = {b"connection", b"keep-alive", b"te", b"upgrade", b"expect", b"x-hop", b"proxy-connection", b"trailer"}
    assert not names & hop
    wire.settle(1)


def test_the_clients_http_chunks_are_not_the_backends(wire: Wire, keeping: Keeping) -> None:
    """Odd sizes, extensions and trailers end here; the data goes on."""
    request = auth("PUT", "/bucket/key", [("Transfer-Encoding", "chunked")], payload=aws.UNSIGNED, body=b"")(now())
    data = b"".join(b"%x;a=b\r\n%b\r\n" % (size, b"x" * size) for size in (1, 2, 3, 5, 7, 11, 13))
    with wire.connect() as raw:
        assert raw.ask(head_bytes(request) + data + b"0\r\nX-Trailer: 1\r\n\r\n").status == 200
    ((_, seen),) = keeping.seen
    head, _, body = seen.partition(b"\r\n\r\n")
    assert b"a=b" not in body
    assert b"X-Trailer" not in body
    sizes = re.findall(rb"([0-9a-f]+)\r\n(x+)\r\n", body)
    assert b"".join(piece for _, piece in sizes) == b"x" * 42
    assert len(sizes) == 1
    assert b"transfer-encoding: chunked" in head.lower()


# HTTP/1.0.


def chunked_answer(exchange: Exchange, _: bytes) -> None:
    """Answer as MinIO does what has no length, in odd pieces."""
    exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n")
    for piece in (b"<List>", b" " * 100, b"</List>"):
        exchange.send(b"%x\r\n%b\r\n" % (len(piece), piece))
    exchange.send(b"0\r\n\r\n")


def missing(exchange: Exchange, _: bytes) -> None:
    document = b"<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>"
    exchange.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n%b" % (len(document), document))


def blanks_first(exchange: Exchange, _: bytes) -> None:
    """Keep a CompleteMultipartUpload alive, and complete it."""
    exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for piece in (b'<?xml version="1.0" encoding="UTF-8"?>\n', b" ", b" ", COMPLETED):
        exchange.send(b"%x\r\n%b\r\n" % (len(piece), piece))
    exchange.send(b"0\r\n\r\n")


COMPLETED = b"<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>"
COMPLETE = auth("POST", "/bucket/key?uploadId=u", payload=aws.UNSIGNED, body=b"<CompleteMultipartUpload/>")


@pytest.mark.parametrize("keep_alive", [False, True])
def test_a_client_of_http_1_0_gets_every_answer(wire: Wire, keeping: Keeping, keep_alive: bool) -> None:
    """Each is ended by closing, whatever frames it at the backend, and none is chunked."""
    no_content = b"HTTP/1.1 204 No Content\r\n\r\n"
    rows = (
        (GET, ok, 200, b"hello"),
        (auth("HEAD", "/bucket/key"), ok, 200, b""),
        (GET, missing, 404, b"NoSuchKey"),
        (auth("HEAD", "/bucket/key"), lambda exchange, _: exchange.send(b"HTTP/1.1 404 No\r\n\r\n"), 404, b""),
        (WRONG, ok, 403, b"SignatureDoesNotMatch"),
        (auth("GET", "/bucket?list-type=2"), chunked_answer, 200, b"<List>" + b" " * 100 + b"</List>"),
        (GET, chunked_answer, 200, b"<List>" + b" " * 100 + b"</List>"),
        (PUT, ok, 200, b"hello"),
        (auth("DELETE", "/bucket/key"), lambda exchange, _: exchange.send(no_content), 204, b""),
        (COMPLETE, blanks_first, 200, COMPLETED),
    )
    for made, answer, status, body in rows:
        keeping.begin(answer)
        request = added(made, (b"Connection", b"keep-alive")) if keep_alive else made(now())
        with wire.connect() as raw:
            raw.send(head_bytes(request, version=b"HTTP/1.0") + body_bytes(request))
            head, _, got = to_the_end(raw).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % status)
        assert b"\r\nconnection: close" in head.lower()
        assert b"transfer-encoding" not in head.lower()
        assert body in got
        assert bool(body) is bool(got)


def test_an_answer_that_breaks_off_is_not_ended_well(wire: Wire, keeping: Keeping) -> None:
    """For a client of HTTP/1.0 the end of the connection is the end of the answer: a cut one must be a reset."""

    def broken(exchange: Exchange, _: bytes) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        go.append(True)
        eventually(lambda: len(go) == 2)
        keeping.end(exchange)

    go: list[bool] = []
    keeping.begin(broken)
    with wire.connect() as raw:
        raw.send(head_bytes(GET(now()), version=b"HTTP/1.0"))
        read = b""
        while b"hello" not in read:
            read += raw.socket.recv(1 << 16)
        go.append(True)
        with pytest.raises(ConnectionResetError):
            raw.socket.recv(1)


# One write.


@pytest.mark.parametrize("tls", [False, True])
def test_head_and_body_leave_in_one_write(wire: Wire, monkeypatch: pytest.MonkeyPatch, tls: bool) -> None:
    """Some clients stop reading after the first: refusals, what is no request, and a backend that is not there."""
    writes: list[bytes] = []
    write = ClientConnection.write

    def noted(self: ClientConnection, data: bytes) -> None:
        writes.append(bytes(data))
        write(self, data)

    monkeypatch.setattr(ClientConnection, "write", noted)
    for data in (on_wire(WRONG(now())), b"GET /x\r\n\r\n", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", on_wire(GET(now()))):
        writes.clear()
        with wire.connect(tls=tls) as raw:
            raw.send(data)
            first = raw.socket.recv(1 << 16)
        head, _, body = first.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: ([0-9]+)", head.lower())
        assert length
        assert len(body) == int(length[1]) > 0
        assert writes == [first]


# What is no request of S3's.


ENDED = {
    "CONNECT": (b"CONNECT 127.0.0.1:443 HTTP/1.1\r\nHost: 127.0.0.1:443\r\n\r\n", 405, "MethodNotAllowed"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9), 400, "InvalidRequest"),
    "no colon": (b"GET /bucket/key HTTP/1.1\r\nno colon\r\n\r\n", 400, "BadRequest"),
    "no TLS": (b"\x16\x03\x09 what is this\r\n\r\n", 400, "BadRequest"),
    "endless head": (b"GET /X HTTP/1.1\r\nHost: h\r\nx-a: " + b"a" * 100_000, 400, "RequestHeaderSectionTooLarge"),
}


@pytest.mark.parametrize("name", ENDED)
def test_one_answer_and_the_end_of_the_connection(wire: Wire, keeping: Keeping, name: str) -> None:
    """What follows is not looked at, and the backend hears nothing."""
    data, status, code = ENDED[name]
    with wire.connect() as raw:
        raw.send(data + on_wire(GET(now())))
        answer = raw.read()
        assert (answer.status, answer.code, answer.header("Connection")) == (status, code, "close")
        assert to_the_end(raw) == b""
    assert keeping.exchanges == []


@pytest.mark.parametrize("host", [b"a b", b"http://h/", b"h:80:80", b"[", b"a@b"])
def test_a_host_that_is_none(wire: Wire, keeping: Keeping, host: bytes) -> None:
    """400, whoever signed it; the connection is good for another request."""
    request = auth("GET", "/bucket/key")(replace(now(), host=host.decode()))
    with wire.connect() as raw:
        answer = raw.ask(head_bytes(request))
        assert (answer.status, answer.code) == (400, "InvalidRequest")
        assert keeping.exchanges == []
        assert raw.ask(on_wire(GET(now()))).status == 200


@pytest.mark.parametrize("target", ["/X", "/a..b", "/bucket/key"])
def test_a_large_head_is_told_before_its_bucket_is_looked_at(wire: Wire, keeping: Keeping, target: str) -> None:
    """Whatever is in it: the sum of its fields is above the limit of 16 KiB."""
    request = auth("GET", target, [("x-amz-meta-a", "a" * 16384)])(now())
    with wire.connect() as raw:
        answer = raw.ask(head_bytes(request))
        assert (answer.status, answer.code) == (400, "RequestHeaderSectionTooLarge")
    assert keeping.exchanges == []


@pytest.mark.parametrize("size", [b"g\r\n", b"-1\r\n", b"1\n", b"fffffffffffffffff\r\n", b"1;" + b"a" * 5000])
def test_a_broken_chunk_size_gets_its_answer(wire: Wire, keeping: Keeping, size: bytes) -> None:
    """400, then the end; the backend never has the upload whole."""
    request = auth("PUT", "/bucket/key", [("Transfer-Encoding", "chunked")], payload=aws.UNSIGNED, body=b"")(now())
    with wire.connect() as raw:
        raw.send(head_bytes(request) + b"1\r\nx\r\n" + size)
        answer = raw.read()
        assert (answer.status, answer.code, answer.header("Connection")) == (400, "BadRequest", "close")
        assert to_the_end(raw) == b""
    assert keeping.seen == []


# Pauses, pipelines.


@pytest.mark.parametrize(("pause", "status", "code"), [(25, 400, "RequestTimeout"), (5, 503, "ServiceUnavailable")])
def test_who_paused_for_too_long_is_told_so(wire: Wire, keeping: Keeping, pause: int, status: int, code: str) -> None:
    """The backend ends an upload that stands still: because of its client, or for itself."""
    request = PUT(now())
    with wire.connect() as raw:
        raw.send(head_bytes(request) + body_bytes(request)[:50])
        eventually(lambda: keeping.exchanges and keeping.exchanges[0].received.endswith(b"x" * 50), "no upload comes")
        wire.later(pause)
        keeping.end(keeping.exchanges[0])
        answer = raw.read()
        assert (answer.status, answer.code) == (status, code)
        assert to_the_end(raw) == b""


def test_pipelined_requests_are_answered_in_order(wire: Wire, keeping: Keeping) -> None:
    """Many in one write: uploads, downloads and refusals, each with its own answer."""

    def by_name(exchange: Exchange, request: bytes) -> None:
        target = request.split(b" ")[1]
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(target), target))

    keeping.begin(by_name)
    made = [
        request
        for number in range(20)
        for request in (
            auth("GET", f"/bucket/{number}"),
            auth("PUT", f"/bucket/put{number}", payload=aws.UNSIGNED, body=b"y" * number),
            WRONG,
        )
    ]
    with wire.connect() as raw:
        raw.send(b"".join(on_wire(one(now())) for one in made))
        answers = [raw.read() for _ in made]
    assert [answer.status for answer in answers] == [200, 200, 403] * 20
    bodies = [answer.body.decode() for answer in answers if answer.status == 200]
    assert bodies == [f"/bucket/{text}{number}" for number in range(20) for text in ("", "put")]
    assert len({number for number, _ in keeping.seen}) == 1


# Sizes of reads.


def test_reads_are_shorter_while_many_connections_are_busy(wire: Wire) -> None:
    """What one read brings is held for each connection: many together must not hold more than the memory allows."""
    uploads = []
    sizes = []
    for _ in range(5):
        raw = wire.connect()
        raw.send(head_bytes(PUT(now())))
        uploads.append(raw)
        eventually(lambda: sum(client.is_busy for client in wire.clients.copy()) == len(uploads), "it has not begun")
        sizes.append(len(received.view))
    for raw in uploads:
        raw.close()
    wire.settle(idle=0)
    assert sizes == [256 * 1024] * 2 + [READ] * 3
    assert len(received.view) == 256 * 1024
