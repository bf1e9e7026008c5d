"""Several backends: who serves, who is asked next, what is never tried twice, and what is told of it."""

import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lab.certs import Certs
from s3gateway.config.model import Backend
from s3gateway.observed.log_line import Record
from s3gateway.observed.transaction import Transaction
from s3gateway.rules.balance import Need
from s3gateway.rules.health import Ask, Checked, Reach, Unreachable
from s3gateway.rules.health import Event as Heard
from s3gateway.sigv4.model import Headers, RequestHead
from tests.real.rawhttp import Answer
from tests.real.waiting import LIMIT, eventually
from tests.refusing import Made, auth
from tests.wire.front import body_bytes, head_bytes, now, on_wire
from tests.wire.inprocess import GET, PUT, Keeping, Wire
from tests.wire.scripted import Exchange
from tests.wire.test_own_wire import EXPECT, added

LOOPBACK = "127.0.0.1"
HEALTH = b"/minio/health/"
SELDOM = {"interval": 3600}
OFTEN = {"interval": 0.05}
CREATE = auth("POST", "/bucket/key?uploads=", body=b"")
DELETE = auth("DELETE", "/bucket/key")
DELETE_VERSION = auth("DELETE", "/bucket/key?versionId=3")
COPY_PART = auth(
    "PUT", "/bucket/key?partNumber=1&uploadId=u", headers=[("x-amz-copy-source", "/bucket/other")], body=b""
)


class Server(Keeping):
    """A backend with MinIO's health paths. ``says`` has a status, or bytes, for each; ``serve`` answers the rest."""

    def __init__(self, certs: Certs, name: bytes) -> None:
        super().__init__(certs)
        self.name = name
        self.says: dict[bytes, int | bytes | Callable[[Exchange], None]] = {}
        self.serve: Callable[[Exchange], None] = self.well
        self.begin(self._either)

    def well(self, exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(self.name), self.name))

    @property
    def asked(self) -> list[bytes]:
        """The requests that are no checks."""
        return [request for request in self.requests() if HEALTH not in request]

    @property
    def checked(self) -> int:
        return len(self.requests()) - len(self.asked)

    def _either(self, exchange: Exchange, request: bytes) -> None:
        path = request.split(b" ")[1]
        if not path.startswith(HEALTH):
            self.serve(exchange)
            return
        says = self.says.get(path.removeprefix(HEALTH), 200)
        if callable(says):
            says(exchange)
        elif isinstance(says, bytes):
            exchange.send(says)
        else:
            exchange.send(b"HTTP/1.1 %d -\r\nContent-Length: 0\r\n\r\n" % says)


Farm = Callable[..., tuple[Wire, list[Server]]]


@pytest.fixture
def farm(certs: Certs) -> Iterator[Farm]:
    """Makes a gateway in front of so many servers; ``sites`` says how many stand in each."""
    with ExitStack() as stack:

        def make(
            count: int = 2, *, sites: tuple[int, ...] = (), host: str = "127.0.0.1", health: Any = SELDOM, **more: Any
        ) -> Any:
            servers = [stack.enter_context(Server(certs, b"server %d" % i)) for i in range(count)]
            left = [server.endpoint.replace(LOOPBACK, host) for server in servers]
            several: dict[str, Any] = {"endpoints": left, "dns_ttl": 0.05, **more.pop("backend", {})}
            if sites:
                groups = [[left.pop(0) for _ in range(size)] for size in sites]
                several = {"sites": [{"endpoints": group, "read_only": i > 0} for i, group in enumerate(groups)]}
            wire = stack.enter_context(Wire(servers[0], certs, several=several, health=health, **more))
            return wire, servers

        yield make


def ask(wire: Wire, made: Made) -> Answer:
    """Ask on a connection of its own, and wait for the log line."""
    data, ended = on_wire(made(now())), len(wire.books.ended)
    with wire.connect() as raw:
        answer = raw.ask(data, data.partition(b" ")[0].decode())
    eventually(lambda: len(wire.books.ended) > ended, "no log line")
    return answer


def last(wire: Wire) -> Record:
    """The log line of what ended last."""
    return wire.books.ended[-1].record


def ready(wire: Wire, servers: list[Server], checks: int = 3) -> None:
    """Wait until each server has had its first checks."""
    eventually(lambda: all(server.checked >= checks for server in servers), "not all are asked for their health")
    eventually(lambda: not any(member.users for member in wire.cluster))
    eventually(lambda: all(len(member._asked._idle) >= checks for member in wire.cluster), "answers were not read")


def reach(wire: Wire) -> list[Reach]:
    return [member.health.reach for member in wire.cluster]


def drop(exchange: Exchange) -> None:
    exchange.reset()


def slow_down(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nRetry-After: 60\r\n\r\n")


# Who serves.


def test_all_serve_under_their_own_names(farm: Farm) -> None:
    """Each request is signed for the server that it goes to."""
    wire, servers = farm(3)
    ready(wire, servers)
    with wire.connect() as raw:
        for i in range(60):
            assert raw.ask(on_wire((PUT if i % 2 else GET)(now()))).status == 200
    for server in servers:
        heads = [request for _, request in server.seen if HEALTH not in request]
        assert len(heads) > 5
        assert all(b"\r\nHost: 127.0.0.1:%d\r\n" % server.port in head for head in heads)
        assert all(b"SignedHeaders=host;" in head for head in heads)
    assert wire.books.ended[0].record.endpoint in {server.endpoint for server in servers}


def test_sites_serve_in_order(farm: Farm, caplog: pytest.LogCaptureFixture) -> None:
    """The second one only while the first has none up; it takes no writes, and gives way again."""
    wire, servers = farm(3, sites=(2, 1), health=OFTEN)
    ready(wire, servers)
    assert {ask(wire, GET).body for _ in range(10)} <= {b"server 0", b"server 1"}
    for server in servers[:2]:
        server.says[b"live"] = 503
    eventually(lambda: reach(wire)[:2] == [Reach.DOWN] * 2)
    assert ask(wire, GET).body == b"server 2"
    refused = ask(wire, PUT)
    assert (refused.status, refused.code, refused.header("Retry-After")) == (503, "SlowDown", "1")
    assert "no backend can be written to" in last(wire).fault
    for server in servers[:2]:
        server.says.clear()
    eventually(lambda: reach(wire) == [Reach.UP] * 3)
    assert ask(wire, PUT).status == 200
    assert servers[2].asked == [b"GET /bucket/key"]
    down = [record.message for record in caplog.records if "is down" in record.message]
    assert sorted(down) == sorted(
        f"backend {server.endpoint} is down: /minio/health/live answered 503: more requests wait than it can take"
        for server in servers[:2]
    )


def test_without_write_quorum_there_are_reads(farm: Farm) -> None:
    """A write that would hang is refused at once; one without read quorum is given nothing."""
    wire, servers = farm(2, health=OFTEN)
    ready(wire, servers)
    for server in servers:
        server.says[b"cluster"] = 503
    servers[0].says[b"cluster/read"] = 503
    eventually(lambda: all(member.health.no_write for member in wire.cluster))
    eventually(lambda: next(iter(wire.cluster)).health.no_read)
    assert ask(wire, PUT).code == "SlowDown"
    assert "no write quorum" in last(wire).fault
    assert {ask(wire, GET).body for _ in range(5)} == {b"server 1"}


def test_all_down_is_told_at_once(farm: Farm) -> None:
    """503 SlowDown with Retry-After, its reasons in the log line, and not a connection is tried."""
    wire, servers = farm(2)
    ready(wire, servers)
    for server in servers:
        server.__exit__(None, None, None)
        for exchange in server.exchanges:
            server.end(exchange)
    assert ask(wire, GET).code == "SlowDown"  # finds out
    assert reach(wire) == [Reach.DOWN] * 2
    before = [member.served for member in wire.cluster]
    answer = ask(wire, GET)
    assert (answer.status, answer.code, answer.header("Retry-After")) == (503, "SlowDown", "1")
    assert [member.served for member in wire.cluster] == before
    assert all(server.endpoint in last(wire).fault for server in servers)
    assert answer.header("Connection") is None
    assert all(wire.cluster.why_not().values())


# What is tried again.


@pytest.fixture
def broken(farm: Farm) -> tuple[Wire, Server]:
    """A server that serves, and one that has just died and is chosen first."""
    wire, (server, dead) = farm(2)
    ready(wire, [server, dead])
    dead.__exit__(None, None, None)
    for exchange in dead.exchanges:
        dead.end(exchange)
    _prefer_other(wire, server)
    return wire, server


def _prefer_other(wire: Wire, server: Server) -> None:
    """Make the named server the more loaded one, so that another is chosen."""
    for member in wire.cluster:
        if member.backend.url == server.endpoint:
            member.load = 50.0


@pytest.mark.parametrize("made", [GET, PUT, CREATE, DELETE, COPY_PART])
def test_rule_1_not_connected(broken: tuple[Wire, Server], made: Made) -> None:
    """Any request goes to the next one, whose name is signed; the one that is dead is asked once."""
    wire, server = broken
    assert ask(wire, made).status == 200
    record = last(wire)
    assert record.endpoint == server.endpoint
    assert "not connected" in record.retried
    assert wire.books.ended[-1].retries == ("connect",)
    assert sorted(known.value for known in reach(wire)) == sorted((Reach.UP.value, Reach.DOWN.value))
    assert ask(wire, made).status == 200
    assert last(wire).retried == ""


def test_rule_1_before_the_client_sends(broken: tuple[Wire, Server]) -> None:
    """Nobody is told to go on before there is a backend; the next one gets head and body whole."""
    wire, server = broken
    request = added(PUT, EXPECT)
    with wire.connect() as raw:
        raw.send(head_bytes(request))
        assert raw.read().status == 100
        assert raw.ask(body_bytes(request)).status == 200
    assert server.seen[-1][1].endswith(b"x" * 100)


@pytest.mark.parametrize("made", [GET, DELETE_VERSION, COPY_PART])
def test_rule_2_lost_before_an_answer(farm: Farm, made: Made) -> None:
    """What may run twice goes to another server, once."""
    wire, servers = farm(3)
    ready(wire, servers)
    for server in servers:
        server.serve = drop
    servers[2].serve = servers[2].well
    seen = set()
    for _ in range(20):
        answer = ask(wire, made)
        seen.add(answer.status)
        assert (len(last(wire).retried.split("; ")), answer.status) in {(1, 200), (1, 503)}
    assert 200 in seen


@pytest.mark.parametrize("made", [PUT, CREATE, DELETE])
def test_rule_2_not_what_may_have_run(farm: Farm, made: Made) -> None:
    """The client is told, and tries again itself."""
    wire, servers = farm(2)
    ready(wire, servers)
    for server in servers:
        server.serve = drop
        for exchange in server.exchanges:
            server.end(exchange)  # on a fresh connection: a kept one may just have ended
    eventually(lambda: not any(member.pool._idle for member in wire.cluster))
    assert ask(wire, made).status == 503
    assert len(servers[0].asked) + len(servers[1].asked) == 1


@pytest.mark.parametrize(("made", "tries"), [(GET, 2), (CREATE, 2), (DELETE, 2), (PUT, 1)])
def test_rule_3_refused_for_the_moment(farm: Farm, made: Made, tries: int) -> None:
    """503 to a request without a body: once, elsewhere; the second 503 is the client's, with its Retry-After."""
    wire, servers = farm(3)
    ready(wire, servers)
    for server in servers:
        server.serve = slow_down
    answer = ask(wire, made)
    assert (answer.status, answer.header("Retry-After")) == (503, "60")
    assert sorted(len(server.asked) for server in servers) == [0] * (3 - tries) + [1] * tries
    servers[0].serve = servers[0].well
    servers[1].serve = servers[1].well
    if tries > 1:
        assert {ask(wire, made).status for _ in range(10)} == {200}


def test_rule_4_not_once_a_byte_was_taken(farm: Farm) -> None:
    """The body is the client's to send again."""
    wire, servers = farm(2)
    ready(wire, servers)
    for server in servers:
        server.serve = slow_down
    request = PUT(now())
    with wire.connect() as raw:
        raw.send(head_bytes(request) + body_bytes(request)[:50])
        eventually(lambda: any(member.users for member in wire.cluster))
        raw.send(body_bytes(request)[50:])
        assert raw.read().status == 503
    assert sum(len(server.asked) for server in servers) == 1


def no_quorum(exchange: Exchange) -> None:
    body = b"<Error><Code>SlowDownWrite</Code><Message>-</Message></Error>"
    head = b"HTTP/1.1 503 -\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n" % len(body)
    exchange.send(head + body)


def test_who_refused_a_write_for_want_of_quorum_is_passed_over(farm: Farm) -> None:
    """The client has its 503, the next write goes elsewhere; where all refuse, they are asked all the same."""
    wire, servers = farm(2)
    ready(wire, servers)
    servers[0].serve = no_quorum
    _prefer_other(wire, servers[1])
    assert (ask(wire, PUT).status, last(wire).backend_error) == (503, "SlowDownWrite")
    assert {ask(wire, PUT).body for _ in range(5)} == {b"server 1"}
    assert reach(wire) == [Reach.UP] * 2
    servers[1].serve = no_quorum
    assert {ask(wire, PUT).status for _ in range(5)} == {503}
    assert last(wire).backend_error == "SlowDownWrite"


OBJECT = bytes(range(256)) * 2000


def breaking_off(at: int, *, etag: bytes = b'"e"') -> Callable[[Exchange], None]:
    """A server that has the object, and breaks off at this byte of it; with a range it gives all of that."""

    def serve(exchange: Exchange) -> None:
        asked = re.search(rb"\r\nRange: bytes=(\d+)-(\d+)\r\n", bytes(exchange.received))
        fields = b"ETag: %b\r\n" % etag
        if asked:
            first, last = map(int, asked.groups())
            body, status = OBJECT[first : last + 1], b"206 Partial Content"
            fields += b"Content-Range: bytes %d-%d/%d\r\n" % (first, last, len(OBJECT))
        else:
            body, status = OBJECT, b"200 OK"
        exchange.send(b"HTTP/1.1 %b\r\n%bContent-Length: %d\r\n\r\n" % (status, fields, len(body)))
        exchange.send(body if asked else body[:at])
        if not asked:
            exchange.end()

    return serve


@pytest.mark.parametrize("at", [0, 1, 100_000, len(OBJECT) - 1])
def test_rule_7_the_rest_comes_from_another(farm: Farm, at: int) -> None:
    """The client reads the whole object and notices nothing; what was asked for is just the rest."""
    wire, servers = farm(2)
    ready(wire, servers)
    for server in servers:
        server.serve = breaking_off(at)
    answer = ask(wire, GET)
    assert (answer.status, answer.header("Content-Range"), answer.body) == (200, None, OBJECT)
    requests = [request for server in servers for _, request in server.seen if HEALTH not in request]
    rest = next(request for request in requests if b"\r\nRange: " in request)
    first = int(re.search(rb"bytes=(\d+)-511999\r\n", rest)[1])  # type: ignore[index]
    assert first <= at
    assert b'\r\nIf-Match: "e"\r\n' in rest
    assert len(requests) == 2
    assert f"after {first} bytes" in last(wire).retried
    assert (last(wire).status, last(wire).bytes_out, last(wire).fault) == (200, len(OBJECT), "")
    assert wire.books.ended[-1].retries == ("broken",)


class Edits:
    """Watches one exchange, and has it ask for another key; ``mitm.watched.flow_watch`` does so with a flow."""

    is_held_open = False

    def __init__(self, transaction: Transaction) -> None:
        head = transaction.head
        self._head = RequestHead(head.method, b"/bucket/edited", head.headers)
        self.received = b""

    def holds(self, length: int) -> bool:
        return False

    def request_now(self) -> tuple[RequestHead, bytes]:
        return self._head, b""

    def sent(self, head: RequestHead, backend: Backend) -> None:
        self._head = head

    def downloaded(self, data: bytes) -> None:
        self.received += data

    async def answer_came(self, status: int, reason: bytes, headers: Headers) -> Headers:
        return headers

    async def _nothing(self, *_: object) -> None:
        pass

    head_came = request_came = answered = refused = failed = _nothing

    def uploaded(self, data: bytes) -> None:
        raise AssertionError("a GET has no body")


def test_rule_7_for_who_watches(farm: Farm) -> None:
    """What was edited is what the rest is asked of, and who watches sees all of the object."""
    wire, servers = farm(2)
    ready(wire, servers)
    for server in servers:
        server.serve = breaking_off(100_000)
    watching: list[Edits] = []

    def watch(transaction: Transaction, client: object) -> Edits:
        watching.append(Edits(transaction))
        return watching[-1]

    wire.books.watch = watch  # type: ignore[method-assign]
    assert ask(wire, GET).body == OBJECT
    asked = [request for server in servers for request in server.asked]
    assert [request.split(b" ")[1] for request in asked] == [b"/bucket/edited"] * 2
    assert [one.received for one in watching] == [OBJECT]


def other_object(exchange: Exchange) -> None:
    breaking_off(9, etag=b'"other"')(exchange)


def whole_again(exchange: Exchange) -> None:
    exchange.send(b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: %d\r\n\r\n%b' % (len(OBJECT), OBJECT))


def gone(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 412 -\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("second", [other_object, whole_again, gone, slow_down, drop])
def test_rule_7_what_is_not_the_rest_cuts_the_client(farm: Farm, second: Callable[[Exchange], None]) -> None:
    """Another object, the whole again, a refusal: none of its bytes reaches the client."""
    wire, servers = farm(3)
    ready(wire, servers)

    def serve(exchange: Exchange) -> None:
        (second if b"\r\nRange: " in exchange.received else breaking_off(100_000))(exchange)

    for server in servers:
        server.serve = serve
    with wire.connect() as raw:
        raw.send(on_wire(GET(now())))
        assert raw.read_head().status == 200
        got = b""
        with suppress(OSError):
            while data := raw._file.read1():
                got += data
    assert OBJECT[:100_000].startswith(got)
    assert sum(len(server.asked) for server in servers) == 2


# What is heard.


def test_one_that_stands_still(farm: Farm) -> None:
    """Within a check it is given nothing more, and the read that waits for it is moved."""
    wire, servers = farm(2, health={"interval": 0.05, "timeout": 0.5})
    ready(wire, servers)
    still = servers[0]
    still.serve = still.says[b"live"] = lambda exchange: exchange.stall()
    for name in (b"cluster", b"cluster/read"):
        for server in servers:
            server.says[name] = lambda exchange: exchange.stall()
    _prefer_other(wire, servers[1])
    assert ask(wire, GET).body == b"server 1"
    assert reach(wire)[0] is not Reach.UP
    assert wire.cluster.why_not()[servers[1].endpoint] == ""
    retried = last(wire).retried
    assert "no answer to /minio/health/live within 0.5 s" in retried
    assert ask(wire, PUT).body == b"server 1"


def test_what_was_moved_has_all_the_time_again(farm: Farm) -> None:
    """The fall of the first backend says nothing of the second, which may be slow."""
    wire, servers = farm(2, health={"interval": 0.05, "timeout": 0.5})
    ready(wire, servers)
    goes_on = Event()
    servers[0].serve = servers[0].says[b"live"] = lambda exchange: exchange.stall()

    def slowly(exchange: Exchange) -> None:
        goes_on.wait(LIMIT)
        servers[1].well(exchange)

    servers[1].serve = slowly
    _prefer_other(wire, servers[1])
    first, second = wire.cluster
    with wire.connect() as raw:
        raw.send(on_wire(GET(now())))
        try:
            eventually(lambda: second.users, "it is not moved")
            (exchange,) = second.users
            assert not first.users
            assert exchange._fell_at is None  # type: ignore[attr-defined]
        finally:
            goes_on.set()
        assert raw.read().body == b"server 1"


def tell(wire: Wire, server: Server, *events: Heard) -> None:
    """Have the gateway hear of a server, at once."""

    async def note() -> None:
        for member in wire.cluster:
            if member.backend.url == server.endpoint:
                for event in events:
                    wire.cluster.note(member, event)

    wire.do(note())


AWAY = Unreachable("away")
BACK = Checked(Ask.LIVE)


def test_who_waits_for_one_that_fell(farm: Farm) -> None:
    """What may not run twice is refused after ten seconds, and not after minutes."""
    wire, servers = farm(2)
    ready(wire, servers)
    servers[0].serve = lambda exchange: exchange.stall()
    _prefer_other(wire, servers[1])
    with wire.connect() as raw:
        raw.send(on_wire(PUT(now())))
        eventually(lambda: servers[0].asked)
        tell(wire, servers[0], AWAY)
        wire.later(9)
        assert not wire.books.ended
        wire.later(2)
        assert raw.read().code == "SlowDown"
    assert f"{servers[0].endpoint} fell" in last(wire).fault
    assert not servers[1].asked


def test_one_that_comes_back_goes_on_with_what_it_had(farm: Farm) -> None:
    """Its fall is forgotten: a write that was under way may take its time again."""
    wire, servers = farm(2)
    ready(wire, servers)
    goes_on = Event()

    def late(exchange: Exchange) -> None:
        goes_on.wait(LIMIT)
        servers[0].well(exchange)

    servers[0].serve = late
    _prefer_other(wire, servers[1])
    with wire.connect() as raw:
        try:
            raw.send(on_wire(PUT(now())))
            eventually(lambda: servers[0].asked)
            tell(wire, servers[0], AWAY)
            wire.later(9)
            tell(wire, servers[0], BACK)
            wire.later(9)
        finally:
            goes_on.set()
        assert raw.read().body == b"server 0"


def test_an_object_that_stands_still_has_its_rest_elsewhere(farm: Farm) -> None:
    """A server that fell in the middle of an object is left after ten seconds in which nothing came."""
    wire, servers = farm(2)
    ready(wire, servers)
    whole = breaking_off(100_000)

    def stands_still(exchange: Exchange) -> None:
        exchange.send(b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: %d\r\n\r\n' % len(OBJECT))
        exchange.send(OBJECT[:100_000])
        exchange.stall()

    servers[0].serve, servers[1].serve = stands_still, whole
    _prefer_other(wire, servers[1])
    with wire.connect() as raw:
        raw.send(on_wire(GET(now())))
        assert raw.read_head().status == 200
        got = raw._file.read(100_000)
        tell(wire, servers[0], AWAY)
        wire.later(11)
        got += raw._file.read(len(OBJECT) - len(got))
    assert got == OBJECT


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "answered with what is no HTTP: is that the S3 server itself?"),
        (b"HTTP/1.1 301 -\r\nLocation: https://x/\r\nContent-Length: 0\r\n\r\n", "answered 301: is that the S3 server"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<ht>",
            "answered a web page: is that the S3 server itself?",
        ),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, "answered with what is no HTTP"),
        (
            b"HTTP/1.1 200 OK\r\nX-Minio-Server-Status: offline\r\nContent-Length: 0\r\n\r\n",
            "answered 200: it is still starting",
        ),
        (403, "answered 403: is that a gateway, or this one? Name the S3 servers"),
        (404, "answered 404: is that MinIO? For another S3 server set health.bucket"),
        (drop, "connection broke: Connection reset by peer at /minio/health/live"),
    ],
)
def test_odd_answers_to_checks(farm: Farm, caplog: pytest.LogCaptureFixture, says: Any, told: str) -> None:
    """It is down, the reason is told once, and the other one serves."""
    wire, servers = farm(2, health=OFTEN)
    ready(wire, servers)
    servers[0].says[b"live"] = says
    eventually(lambda: reach(wire)[0] is Reach.DOWN)
    before = servers[0].checked
    eventually(lambda: servers[0].checked > before + 2)
    lines = [record.message for record in caplog.records if servers[0].endpoint in record.message]
    assert len(lines) == 1, lines
    assert told in lines[0]
    assert ask(wire, PUT).body == b"server 1"


def test_a_lost_quorum_check_says_nothing(farm: Farm) -> None:
    """Whether a server can be reached says the check of that alone; an answer that is none counts."""
    wire, servers = farm(1, health=OFTEN)
    ready(wire, servers)
    servers[0].says[b"cluster"] = drop
    before = servers[0].requests().count(b"GET /minio/health/cluster")
    eventually(lambda: servers[0].requests().count(b"GET /minio/health/cluster") > before + 3)
    (member,) = wire.cluster
    assert (member.health.reach, member.health.no_write) == (Reach.UP, "")
    servers[0].says[b"cluster"] = b"SSH-2.0-OpenSSH_9.2\r\n\r\n"
    eventually(lambda: "no HTTP" in member.health.no_write)


def test_who_comes_back_is_asked_for_its_quorum_first(farm: Farm) -> None:
    """What a server had before it fell says nothing of what it has when it comes back."""
    wire, servers = farm(2, health=OFTEN)
    ready(wire, servers)
    back = servers[0]
    back.says[b"live"] = 503
    eventually(lambda: reach(wire)[0] is Reach.DOWN)
    asked = back.checked

    def first(exchange: Exchange) -> None:
        """As a server that has just begun; the checks that it has from now on are those of one that comes back."""
        back.says = {b"cluster": 503}
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    back.says = {b"cluster": lambda exchange: exchange.stall(), b"live": first}
    eventually(lambda: reach(wire)[0] is Reach.UP)
    assert back.checked > asked
    assert "no write quorum" in next(iter(wire.cluster)).health.no_write


def test_a_bucket_is_asked_for_instead(farm: Farm) -> None:
    """By a signed HEAD, with the gateway's key and each server's name."""
    wire, servers = farm(2, health={"interval": 0.05, "bucket": "canary"})
    eventually(lambda: all(server.requests().count(b"HEAD /canary") > 2 for server in servers))
    for server in servers:
        head = next(request for _, request in server.seen)
        assert b"\r\nHost: 127.0.0.1:%d\r\n" % server.port in head
        assert b"Credential=" + server.access_key.encode() + b"/" in head
        assert server.secret_key.encode() not in head
    assert servers[0].checked == 0
    assert reach(wire) == [Reach.UP] * 2


def test_health_has_a_port_of_its_own(farm: Farm, certs: Certs) -> None:
    """A server that listens elsewhere for it; requests go where they went."""
    with Server(certs, b"health") as health:
        wire, servers = farm(1, health={"interval": 0.05, "port": health.port})
        ready(wire, [health])
        assert ask(wire, GET).body == b"server 0"
        assert servers[0].checked == 0


@pytest.fixture
def shown(tmp_path: Path) -> Path:
    """A certificate that signs itself, for a client."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gateway")])
    now_utc = datetime.now(UTC)
    certificate = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    certificate = certificate.not_valid_before(now_utc - timedelta(1)).not_valid_after(now_utc + timedelta(1))
    pem = serialization.Encoding.PEM
    file = tmp_path / "shown.pem"
    file.write_bytes(
        certificate.sign(key, hashes.SHA256()).public_bytes(pem)
        + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file


@pytest.mark.parametrize("shows", [True, False])
def test_a_backend_that_asks_for_a_certificate(farm: Farm, shown: Path, shows: bool) -> None:
    """It is shown the one that is configured; without, it is down."""
    wire, (server,) = farm(1, health=OFTEN, backend={"certificate": str(shown)} if shows else {})
    server._context.verify_mode = ssl.CERT_REQUIRED
    server._context.load_verify_locations(shown)

    def ended() -> bool:
        """End what was open before it asked for one; what follows are connections that were asked."""
        for exchange in server.exchanges:
            server.end(exchange)
        return reach(wire) == [Reach.DOWN]

    if shows:
        before = len(server.exchanges)
        ended()
        eventually(lambda: len(server.exchanges) > before and reach(wire) == [Reach.UP])
        eventually(lambda: ask(wire, PUT).status == 200)
        assert server.exchanges[-1]._tls.getpeercert()
    else:
        eventually(ended)
        before = len(server.exchanges)
        eventually(lambda: not any(member.pool._idle for member in wire.cluster))
        assert ask(wire, GET).code == "SlowDown"
        assert len(server.exchanges) == before


def test_a_late_one_is_the_last_resort(farm: Farm) -> None:
    """While another is up it is given nothing, but what the other could not do."""
    wire, servers = farm(2)
    ready(wire, servers)

    async def late() -> None:
        second = tuple(wire.cluster)[1]
        wire.cluster.note(second, Checked(Ask.LIVE, "no answer", is_silent=True))

    wire.do(late())
    first, second = wire.cluster
    for need in Need:
        assert {wire.cluster.choose(need) for _ in range(20)} == {first}
        assert wire.cluster.choose(need, {first}) is second
        assert wire.cluster.choose(need, {first, second}) is None
    servers[0].serve = breaking_off(1000)
    servers[1].serve = breaking_off(1000)
    assert ask(wire, GET).body == OBJECT


# Names.


def test_a_name_that_is_the_gateways_own(farm: Farm, caplog: pytest.LogCaptureFixture) -> None:
    """Its own address is left out; a name that has no other is no backend, which is told once."""
    known = [["127.0.0.1", "127.0.0.9"]]

    async def resolve(host: str, port: int) -> list[str]:
        return known[0]

    wire, (server,) = farm(1, host="localhost", resolve=resolve)
    eventually(lambda: len(reach(wire)) == 2)
    wire.cluster._listen = replace(wire.cluster._listen, host="127.0.0.9", port=server.port)
    eventually(lambda: [member.backend.address for member in wire.cluster] == ["127.0.0.1"])
    assert ask(wire, GET).status == 200
    known[0] = ["127.0.0.9"]
    eventually(lambda: not reach(wire))
    assert ask(wire, GET).code == "SlowDown"
    told = f"backend https://localhost:{server.port}: its name is this gateway's own; name the S3 server"
    assert [record.message for record in caplog.records].count(told) == 1


def test_a_name_that_gives_several_addresses(farm: Farm, caplog: pytest.LogCaptureFixture) -> None:
    """Each is a backend under the one name. It gives none at first; later others; an outage of DNS changes nothing."""
    known: list[list[str]] = [[]]

    async def resolve(host: str, port: int) -> list[str]:
        if not known[0]:
            raise socket.gaierror(-2, "Name or service not known")
        return known[0]

    def addresses() -> list[str]:
        return [member.backend.address for member in wire.cluster]

    wire, (server,) = farm(1, host="localhost", resolve=resolve)
    url = f"https://localhost:{server.port}"
    told = f"backend {url}: its name gives no address (Name or service not known)"
    eventually(lambda: told in [record.message for record in caplog.records])
    known[0] = ["127.0.0.1", "127.0.0.9"]
    eventually(lambda: addresses() == known[0])
    eventually(lambda: Reach.DOWN in reach(wire))
    assert [member.health.reach for member in wire.cluster] == [Reach.UP, Reach.DOWN]  # nobody listens at the other
    assert ask(wire, PUT).status == 200
    assert last(wire).endpoint == f"{url} at 127.0.0.1"
    assert b"\r\nHost: localhost:%d\r\n" % server.port in server.seen[-1][1]
    known[0] = []
    eventually(lambda: [record.message for record in caplog.records].count(told) == 2)
    assert addresses() == ["127.0.0.1", "127.0.0.9"]
    known[0] = ["127.0.0.1"]
    eventually(lambda: addresses() == [""])
    assert ask(wire, GET).status == 200
