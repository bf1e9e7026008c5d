"""Faults in the middle of an upload, from the client, its network and the backend: nothing half-way is kept anywhere.

In each case no object appears or changes, the client gets the error that HTTP still allows, nothing hangs, nothing is
tried a second time, and the next request works.
"""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from itertools import batched

import pytest

from lab.certs import Certs
from lab.gateway import Gateway, gateway_config
from lab.minio import Minio
from tests.conftest import GatewayFactory
from tests.real import memory
from tests.real.memory import MIB
from tests.real.rawhttp import Raw
from tests.real.waiting import eventually
from tests.refusing import CLIENTS, CRC32C, UPLOADS, Made, auth, stream
from tests.sigv4 import aws, streams
from tests.wire.front import BUCKET, Front, body_bytes, head_bytes, now, on_wire
from tests.wire.scripted import OK, Exchange, Script, Scripted, obliging

OLD = b"what was there before"
MODES = (aws.STREAMING, aws.STREAMING_TRAILER, aws.STREAMING_UNSIGNED_TRAILER)
DATA = (b"a" * 65536, b"b" * 65536, b"c" * 65536)
SUM = streams.crc32c(b"".join(DATA))
GROWS = 1024 * MIB
"""MinIO's trailer reader, once caught, takes 100 MiB more each second, for ever; caches and garbage stay below 200."""

RESTS = 0.1
"""Processor seconds a second: MinIO takes next to none when it has nothing to do, that reader all it can get."""

get_key = auth("GET", "/bucket/key")


@pytest.fixture(scope="module", autouse=True)
def _memory_stays_flat(minio: Minio) -> Iterator[None]:
    """After everything that happens here MinIO serves others, and comes to rest."""
    before = memory.reset_peak(minio.pid)
    yield
    s3 = minio.client()
    for _ in range(200):
        s3.list_buckets()

    def rests() -> bool:
        assert memory.peak(minio.pid) - before < GROWS
        taken, at = memory.processor_seconds(minio.pid), time.monotonic()
        time.sleep(1)
        return memory.processor_seconds(minio.pid) - taken < RESTS * (time.monotonic() - at)

    eventually(rests, "MinIO goes on with what nobody waits for")
    assert memory.peak(minio.pid) - before < GROWS


@pytest.fixture(autouse=True)
def _old_object(front: Front) -> Iterator[None]:
    """There is an object under the key, and it is the same one after the test."""
    s3 = front.s3
    s3.put_object(Bucket=BUCKET, Key="key", Body=OLD)
    before = {name: etag for name, (etag, _) in front.stored().items()}
    front.forget()
    yield
    assert {name: etag for name, (etag, _) in front.stored().items()} == before
    assert front.ask(get_key(now())).body == OLD
    s3.delete_object(Bucket=BUCKET, Key="key")


def middle(body: bytes) -> bytes:
    return body.replace(b"b" * 65536, b"b" * 65535 + b"B")


def signature(number: int, mark: bytes = b"chunk-signature=") -> Callable[[bytes], bytes]:
    """Give an edit that changes the first digit behind the mark's ``number``-th place."""
    return lambda body: _other_digit(body, _nth(body, mark, number) + len(mark))


EDITS: dict[str, Callable[[bytes], bytes]] = {
    "framing": lambda b: b.replace(b"a\r\n1", b"a\r\ng"),
    "line end": lambda b: b.replace(b"b\r\n", b"b\n\r"),
    "no final chunk": lambda b: b[: b.index(b"c\r\n") + 3],
    "junk after it": lambda b: b + b"\r\n",
    "a second upload after it": lambda b: b + b,
}
"""Framing faults: 400 IncompleteBody in each mode."""


def faults() -> Iterator[tuple[str, Made, int, str]]:
    """Give uploads of three chunks that are good up to somewhere."""
    for mode in MODES:
        name = mode.removeprefix("STREAMING-")
        if mode != aws.STREAMING_UNSIGNED_TRAILER:
            for what, edit in (("data", middle), *((f"signature {n}", signature(n)) for n in range(4))):
                yield f"{what} {name}", stream(mode, DATA, edit=edit), 403, "SignatureDoesNotMatch"
        for what, edit in EDITS.items():
            yield f"{what} {name}", stream(mode, DATA, edit=edit), 400, "IncompleteBody"
        for by in (-1, 1, 65536):
            decoded = str(3 * 65536 + by)
            yield f"decoded length {by} {name}", stream(mode, DATA, decoded=decoded), 400, "IncompleteBody"
        if mode != aws.STREAMING:
            other = stream(mode, DATA, trailer=(SUM,), announced="x-amz-checksum-sha256")
            yield f"another trailer announced {name}", other, 400, "MalformedTrailerError"
            more = stream(mode, DATA, trailer=(SUM, (b"x-amz-meta-a", b"1")), announced=CRC32C)
            yield f"a trailer not announced {name}", more, 400, "MalformedTrailerError"
            sums = stream(mode, DATA, trailer=((SUM[0], b"AAAAAA=="),))
            yield f"another checksum {name}", sums, 400, "BadDigest"
    signed = stream(aws.STREAMING_TRAILER, DATA, edit=signature(0, b"x-amz-trailer-signature:"))
    yield "trailer signature", signed, 403, "SignatureDoesNotMatch"


def _nth(body: bytes, mark: bytes, number: int) -> int:
    at = body.index(mark)
    for _ in range(number):
        at = body.index(mark, at + 1)
    return at


def _other_digit(body: bytes, at: int) -> bytes:
    return body[:at] + (b"1" if body[at : at + 1] == b"0" else b"0") + body[at + 1 :]


FAULTS = list(faults())


@pytest.mark.parametrize(("made", "status", "code"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
def test_a_faulty_body(front: Front, made: Made, status: int, code: str, *, tls: bool) -> None:
    """The client is told what is wrong, the backend has had one request and never a whole good one."""
    request = made(now())
    with front.connect(tls=tls) as raw:
        raw.send(head_bytes(request))
        eventually(front.recorder.requests, "the head leaves before the body comes")
        with contextlib.suppress(ConnectionError):
            raw.send(body_bytes(request))
        told = raw.read()
        assert (told.status, told.code, told.header("Connection")) == (status, code, "close")
        assert raw.is_closed()
    front.settle()
    (sent,) = front.recorder.requests()
    assert not sent.complete or b"chunk-signature=" + b"0" * 64 in sent.body
    assert b"\r\nx-amz-checksum" not in sent.body


def short(mode: str) -> Made:
    """Give the shortest upload in a mode with a trailer."""
    return stream(mode, (b"hello",))


def cut(raw: Raw, how: str) -> None:
    """Go away: by FIN, with the socket closed, or by RST."""
    if how == "RST":
        raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif how == "FIN, half-closed":
        raw.socket.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            assert raw.is_closed()
    raw.close()


@pytest.mark.parametrize("how", ["FIN", "RST"])
@pytest.mark.parametrize("mode", MODES[1:])
def test_a_client_that_is_cut_at_any_byte_of_the_body(front: Front, mode: str, how: str) -> None:
    """MinIO never begins a trailer, and never has all the data; a trailer that is cut would make it grow for ever."""
    body = body_bytes(short(mode)(now()))
    for positions in batched(range(len(body)), 32):
        front.forget()
        connections = [front.connect() for _ in positions]
        for raw, at in zip(connections, positions, strict=True):
            request = short(mode)(now())
            raw.send(head_bytes(request) + body_bytes(request)[:at])
        eventually(lambda: len(front.recorder.requests()) == len(positions))  # noqa: B023 - called at once
        for raw in connections:
            cut(raw, how)
        front.settle()
        sent = front.recorder.requests()
        assert len(sent) == len(positions)
        assert {(request.complete, request.body) for request in sent} == {(False, b"")}


@pytest.mark.parametrize("how", ["FIN", "RST"])
def test_a_client_that_is_cut_at_any_byte_of_the_head(front: Front, how: str) -> None:
    """A head that is not whole is nothing: nobody at the backend hears of it."""
    head = head_bytes(short(aws.STREAMING_TRAILER)(now()))
    for positions in batched(range(len(head)), 64):
        connections = [front.connect() for _ in positions]
        for raw, at in zip(connections, positions, strict=True):
            raw.send(head[:at])
        for raw in connections:
            cut(raw, how)
    assert front.ask(get_key(now())).status == 200
    assert len(front.recorder.requests()) == 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("how", ["FIN", "FIN, half-closed", "RST"])
def test_a_client_that_is_cut_between_large_chunks(front: Front, mode: str, how: str) -> None:
    """The chunks that were verified have left, the upload ends with the client, and is not made whole."""
    request = stream(mode, DATA)(now())
    wire = on_wire(request)
    for at in (wire.index(b"a" * 65536) + 70_000, wire.index(b"c" * 65536) + 65536 + 2):
        front.forget()
        with front.connect() as raw:
            raw.send(wire[:at])
            eventually(lambda: [sent for sent in front.recorder.requests() if b"a" * 65536 in sent.body])
            cut(raw, how)
        front.settle()
        (sent,) = front.recorder.requests()
        assert (sent.complete, b"c" * 100 in sent.body) == (False, False)


@pytest.mark.parametrize("mode", [*MODES, "SHA256", aws.UNSIGNED])
def test_the_same_key_after_a_cut(front: Front, mode: str) -> None:
    """What was cut leaves nothing behind that stands in the way of the same upload, done again by the client."""
    made = UPLOADS[mode]
    request = made(now())
    with front.connect() as raw:
        raw.send(on_wire(request)[:-1])
        eventually(front.recorder.requests)
        cut(raw, "RST")
    front.settle()
    assert front.ask(get_key(now())).body == OLD
    assert front.ask(made(now())).status == 200
    assert front.ask(get_key(now())).body == (b"a" * 300 if mode in MODES else b"x")
    _restore(front)


def _restore(front: Front) -> None:
    """Bring the old object back, as old as it looks: a version of the test's own."""
    front.s3.put_object(Bucket=BUCKET, Key="key", Body=OLD)


# What the backend does.


@pytest.fixture(scope="module")
def before_scripted(scripted: Scripted, certs: Certs, session_gateway: GatewayFactory) -> int:
    config = gateway_config(scripted, clients=CLIENTS, certificate=certs.gateway, limits={"refusal_linger": 1})
    return session_gateway(config).port


@pytest.fixture(scope="module")
def impatient(scripted: Scripted, session_gateway: GatewayFactory) -> Gateway:
    return session_gateway(
        gateway_config(scripted, clients=CLIENTS, limits={"refusal_linger": 1, "backend_timeout": 1})
    )


def answer(status: str, body: bytes, *headers: bytes) -> bytes:
    fields = b"".join(header + b"\r\n" for header in (*headers, b"Content-Length: %d" % len(body)))
    return b"HTTP/1.1 " + status.encode() + b"\r\n" + fields + b"\r\n" + body


DENIED = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
UNKNOWN = b"<Error><Code>InvalidAccessKeyId</Code><Message>no</Message></Error>"
SLOW = b"<Error><Code>SlowDown</Code><Message>later</Message></Error>"


def resets_after_the_head(exchange: Exchange) -> None:
    exchange.read_head()
    exchange.reset()


def resets_in_the_body(exchange: Exchange) -> None:
    exchange.read_until(lambda data: b"a" * 1000 in data)
    exchange.reset()


def resets_after_all(exchange: Exchange) -> None:
    exchange.read_request()
    exchange.reset()


def closes_in_the_body(exchange: Exchange) -> None:
    exchange.read_until(lambda data: b"a" * 1000 in data)
    exchange.end()


def closes_at_once(exchange: Exchange) -> None:
    pass


def talks_nonsense(exchange: Exchange) -> None:
    exchange.read_head()
    exchange.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


def answers_with_two_lengths(exchange: Exchange) -> None:
    exchange.read_request()
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")


def answers_without_end(exchange: Exchange) -> None:
    exchange.read_request()
    exchange.send(b"HTTP/1.1 200 OK\r\n\r\n<xml>")


BREAKS = [
    resets_after_the_head,
    resets_in_the_body,
    resets_after_all,
    closes_in_the_body,
    closes_at_once,
    talks_nonsense,
    answers_with_two_lengths,
    answers_without_end,
]


@pytest.mark.parametrize("mode", [*MODES, aws.UNSIGNED])
@pytest.mark.parametrize("script", BREAKS, ids=lambda script: str(script.__name__))
def test_a_backend_that_breaks(scripted: Scripted, before_scripted: int, script: Script, mode: str) -> None:
    """503 ServiceUnavailable in S3's words on a connection that ends; it was asked once, and the next time works."""
    made = auth("PUT", "/bucket/key", payload=mode, body=b"a" * 200_000) if mode == aws.UNSIGNED else stream(mode, DATA)
    scripted.play(script)
    with Raw(before_scripted) as raw:
        with contextlib.suppress(ConnectionError):
            raw.send(on_wire(made(now())))
        got = raw.read()
        assert (got.status, got.code, got.header("Connection")) == (503, "ServiceUnavailable", "close")
        assert f":{scripted.port}" not in repr(got)
        assert raw.is_closed()
    assert len(scripted.exchanges) == 1
    _works(scripted, before_scripted)


def _works(scripted: Scripted, port: int) -> None:
    scripted.play(obliging)
    with Raw(port) as raw:
        assert raw.ask(on_wire(stream(aws.STREAMING_TRAILER, DATA)(now()))).status == 200
    assert len(scripted.exchanges) == 1


@pytest.mark.parametrize("then", ["closes", "reads on", "stalls"])
@pytest.mark.parametrize(("status", "body"), [("403 Forbidden", DENIED), ("503 Slow Down", SLOW)])
@pytest.mark.parametrize("mode", [*MODES, aws.UNSIGNED])
@pytest.mark.parametrize("whole", [False, True], ids=["client waits", "client writes on"])
def test_a_backend_that_refuses_early(
    scripted: Scripted, before_scripted: int, status: str, body: bytes, then: str, mode: str, *, whole: bool
) -> None:
    """Its answer comes through at once, the connection ends, and it is not asked again."""

    def script(exchange: Exchange) -> None:
        exchange.read_until(lambda data: b"a" * 1000 in data)
        exchange.send(answer(status, body, b"Content-Type: application/xml", b"x-amz-request-id: 1"))
        if then == "reads on":
            exchange.read_request()
        elif then == "stalls":
            exchange.stall()
        else:
            exchange.end()

    made = auth("PUT", "/bucket/key", payload=mode, body=b"a" * 200_000) if mode == aws.UNSIGNED else stream(mode, DATA)
    wire = on_wire(made(now()))
    scripted.play(script)
    with Raw(before_scripted) as raw:
        with contextlib.suppress(ConnectionError):
            raw.send(wire if whole else wire[: wire.index(b"a" * 1000) + 100_000])
        got = raw.read()
        assert (got.status, got.body) == (int(status[:3]), body)
        # A client that has written all by then has its whole request answered, and may go on.
        assert got.header("Connection") in ({"close", None} if whole else {"close"})
    assert len(scripted.exchanges) == 1
    _works(scripted, before_scripted)


HALF_DENIED = answer("403 Forbidden", DENIED)[:-10]


def ends_in_its_refusal(exchange: Exchange) -> None:
    exchange.read_head()
    exchange.send(HALF_DENIED)
    exchange.end()


def resets_in_its_refusal(exchange: Exchange) -> None:
    exchange.read_head()
    exchange.send(HALF_DENIED)
    exchange.reset()


def stalls_in_its_refusal(exchange: Exchange) -> None:
    exchange.read_request()
    exchange.send(HALF_DENIED)
    exchange.stall()


@pytest.mark.parametrize("script", [ends_in_its_refusal, resets_in_its_refusal, stalls_in_its_refusal])
@pytest.mark.parametrize("made", [get_key, stream(aws.STREAMING, DATA)], ids=["GET", "PUT"])
def test_a_backend_that_breaks_off_its_refusal(
    scripted: Scripted, impatient: Gateway, script: Script, made: Made
) -> None:
    """The document is held to its end, so the client can still be told in S3's words; the log tells the same."""
    scripted.play(script)
    before = len(impatient.log())
    with Raw(impatient.port) as raw:
        with contextlib.suppress(ConnectionError):
            raw.send(on_wire(made(now())))
        got = raw.read()
        assert (got.status, got.code, got.header("Connection")) == (503, "ServiceUnavailable", "close")
        assert raw.is_closed()
    eventually(lambda: '"status": 503' in impatient.log()[before:], impatient.log()[before:])
    assert len(scripted.exchanges) == 1
    _works(scripted, impatient.port)


@pytest.mark.parametrize("late", [True, False], ids=["whole", "cut"])
def test_a_fault_found_while_a_refusal_is_held(scripted: Scripted, impatient: Gateway, *, late: bool) -> None:
    """The client reads what is wrong with its upload, whether the backend's document becomes whole or not."""
    go_on = threading.Event()

    def script(exchange: Exchange) -> None:
        exchange.read_until(lambda data: b"a" * 1000 in data)
        exchange.send(HALF_DENIED)
        go_on.wait(10)
        if late:
            exchange.send(DENIED[-10:])
        exchange.end()

    scripted.play(script)
    wire = on_wire(stream(aws.STREAMING, DATA, edit=middle)(now()))
    at = wire.index(b"c" * 1000)
    with Raw(impatient.port) as raw:
        raw.send(wire[: wire.index(b"b" * 1000) + 1000])
        eventually(lambda: scripted.exchanges and b"a" * 1000 in scripted.exchanges[0].received)
        with contextlib.suppress(ConnectionError):
            raw.send(wire[wire.index(b"b" * 1000) + 1000 : at])
        go_on.set()
        got = raw.read()
        assert (got.status, got.code, got.header("Connection")) == (403, "SignatureDoesNotMatch", "close")
    assert len(scripted.exchanges) == 1
    assert b"c" * 1000 not in scripted.exchanges[0].received
    _works(scripted, impatient.port)


@pytest.mark.parametrize("mode", [*MODES, aws.UNSIGNED])
@pytest.mark.parametrize(
    ("document", "status", "said"),
    [(UNKNOWN, 503, b"own credentials"), (DENIED, 403, b"<Code>AccessDenied</Code>")],
    ids=["the gateway's key", "the client"],
)
def test_a_large_upload_that_the_backend_refuses(
    scripted: Scripted, before_scripted: int, mode: str, document: bytes, status: int, said: bytes
) -> None:
    """The client can write to its end, and then reads why; the backend gets no more of it."""

    def script(exchange: Exchange) -> None:
        exchange.read_head()
        exchange.send(answer("403 Forbidden", document))
        exchange.end()

    scripted.play(script)
    chunks = (b"a" * MIB,) * 16
    trailer = None if mode == aws.STREAMING else ((SUM[0], b"AAAAAA=="),)  # it is not come to
    body = b"".join(chunks)
    made = (
        auth("PUT", "/bucket/key", payload=mode, body=body)
        if mode == aws.UNSIGNED
        else stream(mode, chunks, trailer=trailer)
    )
    with Raw(before_scripted) as raw:
        raw.send(on_wire(made(now())))
        got = raw.read()
        assert (got.status, said in got.body, got.header("Connection")) == (status, True, "close")
        assert raw.is_closed()
    (sent,) = scripted.exchanges
    assert len(sent.received) < len(body)
    _works(scripted, before_scripted)


def test_a_backend_that_answers_in_part(scripted: Scripted, before_scripted: int) -> None:
    """What was promised and does not come is a broken transfer, not a short success."""

    def script(exchange: Exchange) -> None:
        exchange.read_request()
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 10)

    scripted.play(script)
    with Raw(before_scripted) as raw:
        raw.send(on_wire(get_key(now())))
        assert raw.read_head().status == 200
        with pytest.raises(ConnectionError):
            raw.read_exactly(1000)
    _works(scripted, before_scripted)


def test_a_backend_that_answers_in_parts_of_http(scripted: Scripted, before_scripted: int) -> None:
    """An HTTP trailer behind a chunked answer is left out; the answer is whole."""

    def script(exchange: Exchange) -> None:
        exchange.read_request()
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ndata\r\n0\r\nX-Trailer: 1\r\n\r\n")

    scripted.play(script)
    with Raw(before_scripted) as raw:
        assert raw.ask(on_wire(get_key(now()))).body == b"data"
    _works(scripted, before_scripted)


def test_a_backend_that_stalls(scripted: Scripted, before_scripted: int, front: Front) -> None:
    """It holds back its own client and no other; what the client cannot send waits at the client."""

    def script(exchange: Exchange) -> None:
        exchange.read_head()
        exchange.stall()

    scripted.play(script)
    piece = b"a" * 65536
    request = stream(aws.STREAMING_UNSIGNED_TRAILER, (piece,) * 4, decoded=str(1 << 30))(now())
    with Raw(before_scripted) as raw:
        raw.socket.settimeout(1)
        length = b"Content-Length: %d\r\n" % len(request.body or b"")
        raw.send(head_bytes(request).replace(length, b"Content-Length: 1073741824\r\n"))
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 128 * MIB:
                raw.send(b"10000\r\n" + piece + b"\r\n")
                sent += len(piece)
        assert sent < 64 * MIB
        eventually(lambda: scripted.exchanges, "the stalled upload has not come to the backend")
        scripted.next(obliging)
        with Raw(before_scripted) as second:
            assert second.ask(on_wire(stream(aws.STREAMING, DATA)(now()))).status == 200
        assert len(scripted.exchanges) == 2
    _works(scripted, before_scripted)


def right(exchange: Exchange) -> None:
    exchange.read_request()
    exchange.send(answer("200 OK", b"right"))


def test_an_answer_to_one_upload_is_no_answer_to_the_next(scripted: Scripted, before_scripted: int) -> None:
    """A backend that sends more than was asked for is cut off: its extra answer reaches nobody."""

    def script(exchange: Exchange) -> None:
        exchange.read_request()
        exchange.send(OK + answer("200 OK", b"smuggled"))
        exchange.end()

    scripted.play(script)
    with Raw(before_scripted) as raw:
        assert raw.ask(on_wire(UPLOADS[aws.STREAMING](now()))).body == b""
        scripted.next(right)
        assert raw.ask(on_wire(get_key(now()))).body == b"right"
