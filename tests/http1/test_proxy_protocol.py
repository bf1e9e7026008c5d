"""The PROXY protocol's headers: who they name, what is no header, and how many bytes belong to it."""

from contextlib import suppress
from hashlib import sha256

import pytest

from s3gateway.http1.proxy_protocol import MOST, Header, ProxyProtocolError, begins, read
from tests.http1.proxied import INVALID, NAMED, UNNAMED

BEHIND = b"GET / HTTP/1.1\r\n\r\n"


def fed(data: bytes) -> Header | None:
    """Read it byte by byte; a header is whole with its last byte, and not before."""
    for size in range(len(data)):
        if (early := read(data[:size])) is not None:
            return early
    return read(data)


@pytest.mark.parametrize("name", NAMED)
def test_a_header_that_names_a_client(name: str) -> None:
    data, source = NAMED[name]
    assert len(data) <= MOST
    assert fed(data) == read(data + BEHIND) == Header(source, len(data))


@pytest.mark.parametrize("name", UNNAMED)
def test_a_header_that_names_nobody(name: str) -> None:
    data = UNNAMED[name]
    assert fed(data) == read(data + BEHIND) == Header(None, len(data))


@pytest.mark.parametrize("name", INVALID)
def test_what_is_no_header(name: str) -> None:
    """Refused whole and byte by byte, with the same words; these quote nothing of what came."""
    data = INVALID[name]
    said = []
    for give in (read, fed):
        with pytest.raises(ProxyProtocolError) as raised:
            give(data)
        said.append(str(raised.value))
    assert said[0] == said[1]
    assert said[0].isprintable()
    assert not any(word in said[0] for word in ("203.0.113", "localhost", "HTTP/1.1", "db8"))


@pytest.mark.parametrize("name", [*NAMED, *UNNAMED])
def test_what_begins_as_one(name: str) -> None:
    """It is told by its signature: six bytes of a line, twelve of the binary one."""
    data = UNNAMED[name] if name in UNNAMED else NAMED[name][0]
    signature = 6 if name.startswith("line") else 12
    assert [begins(data[:size]) for size in range(signature)] == [None] * signature
    assert begins(data[:signature]) is begins(data) is True


@pytest.mark.parametrize("data", [b"PUT / HTTP/1.1", b"POST /", b"PROXYING", b"PR\r", b"GET", b"\x16\x03\x01", b"\n"])
def test_what_does_not(data: bytes) -> None:
    assert begins(data) is False


@pytest.mark.parametrize("data", [b"\r\n\r\nGET / HTTP/1.1", b"\r\nPUT"])
def test_empty_lines_before_a_request(data: bytes) -> None:
    """They may be the begin of a binary header for as long as they last (RFC 9112 section 2.2 allows them)."""
    assert begins(b"\r\n") is None
    assert begins(data) is False


def test_a_reader_is_never_asked_to_hold_more() -> None:
    """Whatever comes is decided with the largest header's bytes at the latest."""
    for signature in (b"PROXY ", bytes.fromhex("0d0a0d0a000d0a515549540a")):
        for number in range(64):
            junk = b"".join(sha256(bytes((number, part))).digest() for part in range(129))
            data = (signature + junk)[:MOST]
            with suppress(ProxyProtocolError):
                assert read(data) is not None
