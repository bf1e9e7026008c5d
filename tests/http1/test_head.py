"""Heads: what is read of one, what is refused with which code, and what is written."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import h11
import pytest

from s3gateway.errors import S3Error
from s3gateway.http1.head import (
    CHUNKED,
    NO_LENGTH,
    Answer,
    ProtocolError,
    Request,
    answer_length,
    check_host,
    find_end,
    read_answer,
    read_request,
    write_answer,
    write_request,
)
from s3gateway.rules.headers import check_fields, rewritten
from s3gateway.rules.operations import check_target
from s3gateway.sigv4.model import RequestHead
from tests.http1.heads import FRAMINGS, HELD, LINE, LINES

TRAILING = (b"", b"x", b"\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\0\xff")


def ends(stream: bytes, size: int) -> Iterator[int]:
    """Look for the end of a head as the wire does, after each read of ``size`` bytes."""
    buffer, searched = bytearray(), 0
    for at in range(0, len(stream), size):
        buffer += stream[at : at + size]
        end = find_end(buffer, searched)
        searched = len(buffer)
        yield end


def found(stream: bytes, size: int) -> int:
    return next((end for end in ends(stream, size) if end >= 0), -1)


def judged(raw: bytes) -> str:
    """The code of the refusal by all that looks at a head before anybody's signature is known; or how it is framed."""
    try:
        request = read_request(raw)
        check_host(request.head)
        check_target(request.head)
        check_fields(request.head)
    except S3Error as error:
        return f"{error.status} {error.code}"
    return str(request.length)


# Where a head ends.


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\nHost: h\n\n",
        b"GET / HTTP/1.1\nHost: h\r\n\n",
        b"GET / HTTP/1.1\r\nHost: h\n\r\n",
        b"GET / HTTP/1.1\r\nA: b\r\n  c\r\n\td\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\n\n",
    ],
)
def test_a_head_ends_with_its_first_blank_line(head: bytes) -> None:
    """Whole, byte by byte and in any other reads, with whatever behind it."""
    for size, garbage in product(range(1, len(head) + 3), TRAILING):
        assert found(head + garbage, size) == len(head)


@pytest.mark.parametrize(
    "text", [b"", b"GET / HTTP/1.1\r\n", b"a\r\n\r", b"a\n\r\r\n", b"a\r\r", b"a\n \n", b"a\r\n\r\r\n"]
)
def test_without_a_blank_line_there_is_no_end(text: bytes) -> None:
    assert {found(text, size) for size in range(1, len(text) + 2)} == {-1}


def test_a_blank_line_is_found_wherever_it_was_cut() -> None:
    """What was searched may end in the middle of it."""
    for before in (b"a\r\n\r\n", b"a\n\r\n", b"a\n\n"):
        assert [end for end in ends(before, 1) if end >= 0] == [len(before)]


# What a request says.


def test_a_request() -> None:
    """Method, target, version and fields as they came: order, case, number, white space inside."""
    raw = b"PUT /b/k%20?x=y HTTP/1.1\r\nhOST:h\r\nX:  a  b \t\r\nX: c\r\nE:\r\nContent-Length: 5\r\n\r\n"
    fields = ((b"hOST", b"h"), (b"X", b"a  b"), (b"X", b"c"), (b"E", b""), (b"Content-Length", b"5"))
    assert read_request(raw) == Request(RequestHead(b"PUT", b"/b/k%20?x=y", fields), b"HTTP/1.1", 5)
    assert read_request(raw.replace(b"\r\n", b"\n")) == read_request(raw)
    mixed = raw.replace(b"\r\n", b"\n", 2)
    assert read_request(mixed) == read_request(raw)


@pytest.mark.parametrize(
    ("framing", "length"),
    [
        (b"", 0),
        (b"Content-Length: 0\r\n", 0),
        (b"CONTENT-LENGTH:\t7 \r\n", 7),
        (b"Content-Length: 9223372036854775807\r\n", 2**63 - 1),
        (b"Transfer-Encoding: chunked\r\n", CHUNKED),
        (b"transfer-encoding: \t CHUNKED \r\n", CHUNKED),
        (b" Transfer-Encoding: chunked\r\n", 0),
    ],
)
def test_one_framing_or_none(framing: bytes, length: int) -> None:
    """RFC 9112 section 6.3; a line that begins with a space belongs to the field before it."""
    assert read_request(HELD % framing).length == length


def test_a_folded_line_is_one_field() -> None:
    """RFC 9112 section 5.2. It is kept until it is signed, and then one space, as for h11."""
    raw = HELD % b"A: 1\r\n 2 \t\r\n\t  3\r\nB:\r\n 4\r\nC: 5\r\n \r\n"
    head = read_request(raw).head
    assert head.headers[1:] == ((b"A", b"1\r\n 2\r\n 3"), (b"B", b"\r\n 4"), (b"C", b"5\r\n "))
    server = h11.Connection(h11.SERVER)
    server.receive_data(raw)
    event = server.next_event()
    assert isinstance(event, h11.Request)
    ours = [(name, b" ".join(value.split())) for name, value in rewritten(head, ())]
    assert ours == [(name, b" ".join(value.split())) for name, value in event.headers.raw_items()]


@pytest.mark.parametrize("lines", [b" A: 1\r\n", b"\tA: 1\r\n", b" \r\n"])
def test_the_first_field_is_not_folded(lines: bytes) -> None:
    """RFC 9112 section 2.2: white space between the request line and the first field is refused."""
    assert judged(b"GET / HTTP/1.1\r\n" + lines + b"Host: h\r\n\r\n") == "400 BadRequest"


# What is refused.


@pytest.mark.parametrize("framing", FRAMINGS)
def test_an_unclear_field_is_refused(framing: bytes) -> None:
    """Whatever ends the lines, before and behind other fields."""
    assert judged(HELD % framing) == FRAMINGS[framing]
    assert judged(HELD % (framing + b"X-After: 1\r\n")) == FRAMINGS[framing]
    if b"\r\n " not in framing and b"\r\r" not in framing:
        assert judged((HELD % framing).replace(b"\r\n", b"\n")) == FRAMINGS[framing]


@pytest.mark.parametrize("line", LINES)
def test_an_odd_request_line_is_refused(line: bytes) -> None:
    """No HTTP, or HTTP that S3 does not take: each with a code of its own."""
    assert judged(LINE % line) == LINES[line]


STRICTER = (
    *(b"Content-Length: 05", b"Content-Length: 5, 5", b"Content-Length: 5\r\nContent-Length: 5"),
    *(b"Transfer-Encoding:\r\n chunked", b"Content-Length: 99"),
)


@pytest.mark.parametrize("framing", [framing for framing in FRAMINGS if FRAMINGS[framing] == "400 BadRequest"])
def test_h11_refuses_most_of_it_too(framing: bytes) -> None:
    """Where it does not, the gateway is the stricter one: these spellings are known to be read in two ways."""
    server = h11.Connection(h11.SERVER)
    server.receive_data(HELD % framing)
    if framing.startswith(STRICTER):
        assert isinstance(server.next_event(), h11.Request)
        return
    with pytest.raises(h11.RemoteProtocolError):
        server.next_event()


@pytest.mark.parametrize("line", [line for line in LINES if LINES[line] == "400 BadRequest"])
def test_h11_knows_no_such_request_line(line: bytes) -> None:
    """But for targets, which it does not look at."""
    server = h11.Connection(h11.SERVER)
    if line.split(b" ")[1:2] and line.split(b" ")[1] in {
        b"bucket/key",
        b"?x",
        b"mailto:x",
        b"h:80",
        b"h",
        b"http://h/",
    }:
        return
    server.receive_data(LINE % line)
    with pytest.raises(h11.RemoteProtocolError):
        server.next_event()


# Versions, Expect, Host.


def test_http_1_0() -> None:
    """It has no chunks, and does not know 100 Continue (RFC 9112 section 6.1, RFC 9110 section 10.1.1)."""
    old = HELD.replace(b"HTTP/1.1", b"HTTP/1.0")
    assert read_request(old % b"Content-Length: 5\r\n") == replace(
        read_request(HELD % b"Content-Length: 5\r\n"), version=b"HTTP/1.0"
    )
    assert judged(old % b"Transfer-Encoding: chunked\r\n") == "400 BadRequest"
    assert not read_request(old % b"Content-Length: 5\r\nExpect: 100-continue\r\n").expects_continue


@pytest.mark.parametrize(
    ("fields", "expects"),
    [
        (b"Content-Length: 5\r\nExpect: 100-continue\r\n", True),
        (b"Transfer-Encoding: chunked\r\nexpect:100-Continue\r\n", True),
        (b"Expect: 100-continue\r\n", False),
        (b"Content-Length: 0\r\nExpect: 100-continue\r\n", False),
        (b"Content-Length: 5\r\nExpect: 101\r\n", False),
        (b"Content-Length: 5\r\nExpect: 100-continue\r\nExpect: x\r\n", False),
        (b"Content-Length: 5\r\n", False),
    ],
)
def test_who_waits_for_100_continue(fields: bytes, expects: bool) -> None:
    """Who says so and has a body."""
    assert read_request(HELD % fields).expects_continue is expects


@pytest.mark.parametrize(
    "host",
    [
        *(b"h", b"s3.example.com", b"s3.example.com:8000", b"127.0.0.1:80", b"[::1]", b"[::1]:9000", b"", b"h:"),
        *(b"a_b.example", b"xn--bcher-kva.example", b"%62ucket.example", b"H-1.EXAMPLE"),
    ],
)
def test_a_host(host: bytes) -> None:
    """``uri-host [":" port]`` with all that RFC 3986 allows in a name."""
    check_host(RequestHead(b"GET", b"/", ((b"Host", host),)))


@pytest.mark.parametrize(
    "host",
    [
        *(b"a b", b"a/b", b"http://a", b"a@b", b"a?b", b"a#b", b"a\\b", b"a:b", b"a:80:80", b"::1", b"[::1", b"a]"),
        *(
            b"b\xc3\xbccher.example",
            b"a\r\n b",
            b"a\x00",
            b"a\tb",
            b'"a"',
            b"<a>",
            b"{a}",
            b"a|b",
            b"a^b",
            b"a`b",
            b"[x]",
        ),
    ],
)
def test_no_host(host: bytes) -> None:
    with pytest.raises(S3Error) as raised:
        check_host(RequestHead(b"GET", b"/", ((b"Host", host),)))
    assert (raised.value.status, raised.value.code) == (400, "InvalidRequest")
    assert host.decode("latin-1") not in raised.value.message or len(host) < 2


# Answers.


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"HTTP/1.1 200 OK", (b"HTTP/1.1", 200, b"OK")),
        (b"HTTP/1.0 404 Not Found", (b"HTTP/1.0", 404, b"Not Found")),
        (b"HTTP/1.1 200", (b"HTTP/1.1", 200, b"")),
        (b"HTTP/1.1 200 ", (b"HTTP/1.1", 200, b"")),
        (b"HTTP/1.1 599 sch\xf6n  gut", (b"HTTP/1.1", 599, b"sch\xf6n  gut")),
    ],
)
def test_a_status_line(line: bytes, expected: tuple[bytes, int, bytes]) -> None:
    """The reason phrase may be empty, and so may the space before it (RFC 9112 section 4; some servers)."""
    answer = read_answer(line + b"\r\nA: b\r\n\r\n")
    assert (answer.version, answer.status, answer.reason) == expected
    assert answer.headers == ((b"A", b"b"),)
    assert read_answer(line + b"\nA: b\n\n") == answer


@pytest.mark.parametrize(
    "raw",
    [
        *(b"HTTP/2 200 OK", b"HTTP/2.0 200 OK", b"HTTP/1.2 200 OK", b"http/1.1 200 OK", b"HTTP/1.1 20 OK", b"HTTP/1.1"),
        *(b"HTTP/1.1 2000 OK", b"HTTP/1.1 200OK", b"HTTP/1.1 -20 OK", b"ICY 200 OK", b" HTTP/1.1 200 OK", b"", b"OK"),
        *(
            b"HTTP/1.1 \xb2\xb2\xb2 OK",
            b"HTTP/1.1\t200 OK",
            b"HTTP/1.1 200 O\rK",
            b"HTTP/1.1 200 O\x00K",
            b"220 ftp ready",
        ),
        *(b"HTTP/1.1 200 OK\r\nno colon", b"HTTP/1.1 200 OK\r\n folded: 1", b"HTTP/1.1 200 OK\r\nx y: 1"),
        *(b"HTTP/1.1 200 OK\r\nA: b\rSet-Cookie: c", b"HTTP/1.1 200 OK\r\nA: b\x00", b"HTTP/1.1 200 OK\r\nA : b"),
        *(b"HTTP/1.1 200 OK\r\nA: b\x0b", b"HTTP/1.1 200 OK\r\nA: \x7fb"),
    ],
)
def test_no_answer(raw: bytes) -> None:
    """What could be read in two ways behind the gateway is no answer."""
    with pytest.raises(ProtocolError):
        read_answer(raw + b"\r\n\r\n")


def test_an_answers_folded_line_is_unfolded() -> None:
    """RFC 9112 section 5.2 asks it of a gateway."""
    raw = b"HTTP/1.1 200 OK\r\nA: 1\r\n\t 2\r\n\r\n"
    assert read_answer(raw).headers == ((b"A", b"1 2"),)


TWO = (b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"Content-Length: 5\r\nContent-Length: 5")


@pytest.mark.parametrize(
    ("raw", "method", "length"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5", b"GET", 5),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5", b"GET", 5),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked", b"GET", CHUNKED),
        (b"HTTP/1.1 200 OK", b"GET", NO_LENGTH),
        (b"HTTP/1.0 200 OK", b"GET", NO_LENGTH),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5", b"HEAD", 0),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", b"HEAD", 0),
        (b"HTTP/1.1 200 OK", b"HEAD", 0),
        (b"HTTP/1.1 204 No Content", b"DELETE", 0),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 0", b"DELETE", 0),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5", b"GET", 0),
        (b"HTTP/1.1 304 Not Modified", b"GET", 0),
        (b"HTTP/1.1 100 Continue", b"PUT", 0),
        (b"HTTP/1.1 103 Early Hints\r\nContent-Length: 9", b"GET", 0),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0", b"GET", 0),
    ],
)
def test_the_length_of_an_answer(raw: bytes, method: bytes, length: int) -> None:
    """RFC 9112 section 6.3, in its order."""
    assert answer_length(read_answer(raw + b"\r\n\r\n"), method) == length


@pytest.mark.parametrize(
    "raw",
    [
        *(b"HTTP/1.1 200 OK\r\n" + two for two in TWO),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked",
        b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked",
        b"HTTP/1.1 200 OK\r\nContent-Length: x",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1",
        b"HTTP/1.1 200 OK\r\nContent-Length:",
    ],
)
@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
def test_an_answer_that_is_framed_in_two_ways(raw: bytes, method: bytes) -> None:
    """It is refused for HEAD as well: whoever frames so is not trusted with the connection."""
    with pytest.raises(ProtocolError):
        answer_length(read_answer(raw + b"\r\n\r\n"), method)


# What is written.

FIELDS = ((b"Host", b"h"), (b"x-Amz-Meta-A", b"b  c"), (b"X", b""), (b"X", b"\xff"), (b"Content-Length", b"0"))


def test_what_is_written_as_a_request_is_read_as_it_was() -> None:
    """By the gateway's own reader, and by h11; always as HTTP/1.1."""
    raw = write_request(b"PUT", b"/b/k?x=%20", FIELDS)
    assert read_request(raw) == Request(RequestHead(b"PUT", b"/b/k?x=%20", FIELDS), b"HTTP/1.1", 0)
    server = h11.Connection(h11.SERVER)
    server.receive_data(raw)
    event = server.next_event()
    assert isinstance(event, h11.Request)
    assert (event.method, event.target, event.http_version) == (b"PUT", b"/b/k?x=%20", b"1.1")
    assert event.headers.raw_items() == list(FIELDS)
    assert isinstance(server.next_event(), h11.EndOfMessage)


@pytest.mark.parametrize("reason", [b"Not Found", b""])
def test_what_is_written_as_an_answer_is_read_as_it_was(reason: bytes) -> None:
    """The same for answers, with a reason phrase and without."""
    raw = write_answer(404, reason, FIELDS)
    assert read_answer(raw) == Answer(404, FIELDS, b"HTTP/1.1", reason)
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
    client.send(h11.EndOfMessage())
    client.receive_data(raw)
    event = client.next_event()
    assert isinstance(event, h11.Response)
    assert (event.status_code, event.reason, event.headers.raw_items()) == (404, reason, list(FIELDS))


def test_fields_are_found_in_any_case() -> None:
    answer = Answer(200, ((b"ETag", b"1"), (b"etag", b"2"), (b"x", b"3")), b"HTTP/1.1", b"")
    assert (answer.all(b"etag"), answer.all(b"no")) == ([b"1", b"2"], [])
