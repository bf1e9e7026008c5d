"""lab.wire: the strict reader behind the recorder."""

import hashlib

import pytest

from lab.wire import RequestReader, WireError

_PAIR = (
    b"PUT /bucket/a%2Fb?x=1&x=1 HTTP/1.1\r\nHost: minio:9000\r\nX-Twice: 1\r\nx-twice:  2 \r\n"
    b"Content-Length: 5\r\n\r\nhello"
    b"GET / HTTP/1.1\r\nhost: minio:9000\r\n\r\n"
)
_CHUNKED = (
    b"PUT /b/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;name=value\r\nhello\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
)


@pytest.mark.parametrize("size", [1, 2, 3, 4096])
def test_a_keep_alive_pair_is_two_requests_in_raw_order_and_case(size: int) -> None:
    reader = RequestReader()
    for at in range(0, len(_PAIR), size):
        reader.feed(_PAIR[at : at + size])
    put, get = reader.requests()
    assert (put.method, put.target, put.body, put.complete) == ("PUT", b"/bucket/a%2Fb?x=1&x=1", b"hello", True)
    assert put.headers == [(b"Host", b"minio:9000"), (b"X-Twice", b"1"), (b"x-twice", b"2"), (b"Content-Length", b"5")]
    assert put.values("x-TWICE") == [b"1", b"2"]
    assert (get.method, get.body, get.complete) == ("GET", b"", True)


@pytest.mark.parametrize("size", [1, 2, 3, 4096])
def test_http_chunks_are_joined(size: int) -> None:
    reader = RequestReader()
    for at in range(0, len(_CHUNKED), size):
        reader.feed(_CHUNKED[at : at + size])
    (request,) = reader.requests()
    assert (request.body, request.body_length, request.complete) == (b"hello0123456789", 15, True)


def test_a_cut_body_is_incomplete() -> None:
    reader = RequestReader()
    reader.feed(_CHUNKED[:-1])
    assert [request.complete for request in reader.requests()] == [False]


def test_a_long_body_is_kept_as_length_and_hash() -> None:
    reader = RequestReader(max_body=4)
    reader.feed(_PAIR)
    put, _ = reader.requests()
    assert (put.body, put.body_length, put.body_sha256) == (b"", 5, hashlib.sha256(b"hello").hexdigest())


def test_signed_headers_are_read_from_the_authorization() -> None:
    reader = RequestReader()
    authorization = b"AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host;x-amz-date, Signature=0"
    reader.feed(b"GET / HTTP/1.1\r\nAuthorization: " + authorization + b"\r\n\r\n")
    (request,) = reader.requests()
    assert request.signed_headers() == ["host", "x-amz-date"]


@pytest.mark.parametrize(
    "wire",
    [
        b"GET  / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET /\r\n\r\n",
        b"\r\nGET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nfolded: a\r\n b\r\n\r\n",
        b"GET / HTTP/1.1\r\nspace : a\r\n\r\n",
        b"GET / HTTP/1.1\r\nbare: a\nb\r\n\r\n",
        b"GET / HTTP/1.1\r\nno-colon\r\n\r\n",
        b"PUT / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        b"PUT / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"PUT / HTTP/1.1\r\nContent-Length: +1\r\n\r\nx",
        b"PUT / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n",
        b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
    ],
)
def test_what_no_careful_sender_writes_is_a_fault(wire: bytes) -> None:
    with pytest.raises(WireError):
        RequestReader().feed(wire)
