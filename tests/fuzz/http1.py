"""HTTP/1 messages under fuzzing: what one input means, and what must hold. `tests/fuzz/__main__.py` makes inputs.

Invariant: however a byte stream is cut into reads, the readers give the same heads, bodies and rest, or the same
refusal; and h11 agrees on every message that both accept.

The first byte of an input says whether the rest are requests or an answer, and gives the size of the reads.
"""

from dataclasses import dataclass, field
from pathlib import Path

import h11

from s3gateway.errors import S3Error
from s3gateway.http1 import framing
from s3gateway.http1.head import (
    CHUNKED,
    NO_LENGTH,
    ProtocolError,
    answer_length,
    find_end,
    read_answer,
    read_request,
)

REFUSALS = {"400 BadRequest", "400 InvalidRequest", "400 InvalidURI", "405 MethodNotAllowed", "protocol"}
MOST = 1 << 16
"""Bytes of a head; what has no end by then is no input."""

TOKENS = (
    *(b"GET / HTTP/1.1\r\n", b"PUT /a/b?c HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
    *(b"Host: h\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n"),
    *(b"\r\n\r\n", b"\r\n", b"\n", b"\n\n", b"\r", b" ", b"\t", b"5\r\nhello\r\n", b"0\r\n\r\n", b"a;b=c\r\n", b"\x0b"),
    *(b"HTTP/1.0", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"X-Trailer: 1\r\n", b"204", b"304", b"ffffffffffffffff\r\n"),
)


@dataclass
class Message:
    """One message. ``body`` is what has come of it."""

    line: tuple[bytes, ...]
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
    is_whole: bool = False


@dataclass
class Read:
    """What was read of a stream: the messages, what is behind them, and the refusal if there was one."""

    messages: list[Message] = field(default_factory=list)
    rest: bytes = b""
    refusal: str = ""

    @property
    def certain(self) -> tuple[list[Message], bytes, str]:
        """What cannot depend on the reads: of a body that is refused, how much came before does."""
        if self.refusal:
            return [message for message in self.messages if message.is_whole], b"", self.refusal
        return self.messages, self.rest, ""


def run(data: bytes) -> None:
    """Read one input in two ways, and with h11; AssertionError, or whatever a reader raised, is a finding."""
    if not data:
        return
    mode, stream = data[0], data[1:]
    is_answer = bool(mode & 1)
    whole = read(stream, len(stream) or 1, is_answer=is_answer)
    cut = read(stream, (mode >> 1) + 1, is_answer=is_answer)
    assert whole.certain == cut.certain, "the size of the reads shows"
    assert not whole.refusal or whole.refusal in REFUSALS, whole.refusal
    compare(whole, (of_answer if is_answer else of_requests)(stream))


def compare(ours: Read, theirs: Read) -> None:
    """Check that every message is one message, which both read alike, and which ends in the same place."""
    for mine, other in zip(ours.messages, theirs.messages, strict=False):
        assert mine.line == other.line
        assert _comparable(mine.headers) == _comparable(other.headers)
        if mine.is_whole and other.is_whole:
            assert mine.body == other.body
        elif mine.is_whole is not other.is_whole:
            assert (ours if other.is_whole else theirs).refusal, "one waits for more of it"


def _comparable(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Headers without the letter case of names and of codings, and with white space as one space."""
    pairs = [(name.lower(), b" ".join(value.split())) for name, value in headers]
    return [(name, value.lower() if name == b"transfer-encoding" else value) for name, value in pairs]


def read(stream: bytes, size: int, *, is_answer: bool = False) -> Read:
    """Read a stream as the gateway does, in reads of ``size`` bytes. An answer is one to ``GET``."""
    reader = _Reader(is_answer=is_answer)
    try:
        for at in range(0, len(stream), size):
            reader.feed(stream[at : at + size])
    except S3Error as error:
        reader.found.refusal = f"{error.status} {error.code}"
    except ProtocolError:
        reader.found.refusal = "protocol"
    reader.found.rest = bytes(reader.buffer)
    return reader.found


class _Reader:
    """Heads and bodies, one after the other, as the wire reads them."""

    def __init__(self, *, is_answer: bool) -> None:
        self.found = Read()
        self.buffer = bytearray()
        self._is_answer = is_answer
        self._searched = 0
        self._body: framing.Reader | None = None
        self._is_over = False

    def feed(self, data: bytes) -> None:
        self.buffer += data
        while self.buffer and not self._is_over:
            if not (self._read_body() if self._body is not None else self._read_head()):
                return

    def _read_head(self) -> bool:
        """Read the next head; False where it has not come whole."""
        if not self._is_answer and self.buffer[0] in b"\r\n":
            del self.buffer[0]  # RFC 9112 section 2.2
            self._searched = 0
            return True
        end = find_end(self.buffer, self._searched)
        self._searched = len(self.buffer)
        if end < 0:
            return False
        raw = bytes(self.buffer[:end])
        del self.buffer[:end]
        self._searched = 0
        message, length = _answer(raw) if self._is_answer else _request(raw)
        self.found.messages.append(message)
        if self._is_answer and message.line[1].startswith(b"1"):
            self._is_over = message.line[1] == b"101"
            return True
        self._is_over = length == NO_LENGTH
        if not self._is_over:
            self._body = framing.reader(length)
            return self._read_body()
        return False

    def _read_body(self) -> bool:
        """Read on in the body; False where it has not come whole."""
        body, message = self._body, self.found.messages[-1]
        assert body is not None
        pieces = body.feed(bytes(self.buffer))
        assert all(pieces), "a piece has nothing in it"
        message.body += b"".join(pieces)
        self.buffer.clear()
        if isinstance(body, framing.ChunkedReader):
            assert len(body._line) <= framing.MAX_LINE
        if not body.done:
            return False
        message.is_whole = True
        self.buffer += body.rest
        self._body = None
        self._is_over = self._is_answer
        return True


def _request(raw: bytes) -> tuple[Message, int]:
    request = read_request(raw)
    assert request.length >= CHUNKED
    line = (request.head.method, request.head.target, request.version.removeprefix(b"HTTP/"))
    return Message(line, list(request.head.headers)), request.length


def _answer(raw: bytes) -> tuple[Message, int]:
    answer = read_answer(raw)
    line = (answer.version.removeprefix(b"HTTP/"), b"%d" % answer.status)
    if 100 <= answer.status < 200:
        return Message(line, list(answer.headers), is_whole=True), 0
    return Message(line, list(answer.headers)), answer_length(answer, b"GET")


def of_requests(stream: bytes) -> Read:
    """What h11 reads as a server, up to where it refuses or ends the connection."""
    return _events(h11.Connection(h11.SERVER, max_incomplete_event_size=MOST), stream)


def of_answer(stream: bytes) -> Read:
    """What h11 reads as a client that has asked with ``GET``."""
    client = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
    client.send(h11.EndOfMessage())
    return _events(client, stream)


def _events(connection: h11.Connection, stream: bytes) -> Read:
    result = Read()
    found = result.messages
    try:
        connection.receive_data(stream)
        while True:
            match connection.next_event():
                case h11.Request() as event:
                    found.append(Message((event.method, event.target, event.http_version), event.headers.raw_items()))
                case h11.Response() | h11.InformationalResponse() as event:
                    line = event.http_version, b"%d" % event.status_code
                    interim = isinstance(event, h11.InformationalResponse)
                    found.append(Message(line, event.headers.raw_items(), is_whole=interim))
                case h11.Data() as event:
                    found[-1].body += event.data
                case h11.EndOfMessage():
                    found[-1].is_whole = True
                    if connection.our_role is h11.CLIENT:
                        return result
                    connection.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
                    connection.send(h11.EndOfMessage())
                    connection.start_next_cycle()
                case _:
                    return result
    except h11.ProtocolError:
        result.refusal = "protocol"
        return result


SEEDS = {
    "get": b"\x3cGET /bucket/key?a=b HTTP/1.1\r\nHost: h\r\nX-Folded: a\r\n b\r\n\r\n",
    "put": b"\x04PUT /bucket/key HTTP/1.1\nhost: h\nContent-Length: 5\n\nhelloGET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "chunked": b"\x02PUT /k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;a=b\r\nhello\r\n00a\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\nGET / HTTP/1.0\r\n\r\n",
    "connect": b"\x00CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n",
    "http2": b"\x00PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "absolute": b"\x00GET http://h/bucket/key HTTP/1.1\r\nHost: h\r\n\r\n",
    "answer": b"\x01HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1",
    "chunked answer": b"\x0dHTTP/1.1 404 \r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "no content": b"\x01HTTP/1.1 204 No Content\r\n\r\n",
    "until the end": b"\x01HTTP/1.0 200 OK\r\n\r\nabc",
}
"""One input of each kind: the mode, then what is on the wire."""


def write_corpus(folder: Path) -> None:
    """Write the seeds."""
    for name, data in SEEDS.items():
        (folder / f"http1-{name}").write_bytes(data)
