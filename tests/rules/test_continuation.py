"""What is left of a GetObject that broke off, and which answer brings it."""

import pytest

from s3gateway.rules.answer_head import AnswerHead
from s3gateway.rules.continuation import Rest, rest
from s3gateway.rules.operations import Operation
from s3gateway.sigv4.model import Headers, RequestHead

ETAG = (b"ETag", b'"abc"')
GET = Operation("GetObject", "b", "k", b"/b/k")
HEAD = RequestHead(
    b"GET",
    b"/b/k?versionId=1",
    ((b"Host", b"h"), (b"range", b"bytes=5-"), (b"If-None-Match", b'"x"'), (b"X-Amz-Date", b"d")),
)


def answer(status: int, size: int, *more: tuple[bytes, bytes], etag: tuple[bytes, bytes] = ETAG) -> AnswerHead:
    return AnswerHead(status, ((b"Content-Length", b"%d" % size), etag, *more))


def of(value: bytes) -> tuple[bytes, bytes]:
    return b"Content-Range", value


@pytest.mark.parametrize(
    ("given", "found", "left"),
    [
        (3, answer(200, 10), Rest(3, 9, 10, b'"abc"')),
        (0, answer(200, 10), Rest(0, 9, 10, b'"abc"')),
        (3, answer(206, 10, of(b"bytes 5-14/20")), Rest(8, 14, 20, b'"abc"')),
        (10, answer(200, 10), None),
        (3, answer(206, 10), None),
        (3, answer(206, 9, of(b"bytes 5-14/20")), None),
        (3, answer(206, 10, of(b"bytes 5-14/*")), None),
        (3, answer(206, 10, of(b"bytes 5-14/20"), of(b"bytes 5-14/20")), None),
        (3, answer(404, 10), None),
        (3, answer(200, 10, etag=(b"ETag", b'W/"abc"')), None),
        (3, answer(200, 10, (b"ETag", b'"b"')), None),
        (3, AnswerHead(200, (ETAG, (b"Transfer-Encoding", b"chunked"))), None),
    ],
)
def test_what_is_left(given: int, found: AnswerHead, left: Rest | None) -> None:
    """Of the client's own range; where length, range and ETag do not fit together, nothing is sure."""
    assert rest(HEAD, GET, found, given) == left


@pytest.mark.parametrize("target", [b"/b/k?partNumber=2", b"/b/k?versionId=1&partNumber=1"])
def test_no_part_is_continued(target: bytes) -> None:
    """S3 takes no range with it."""
    assert rest(RequestHead(b"GET", target, ()), GET, answer(200, 10), 3) is None


@pytest.mark.parametrize("name", ["HeadObject", "ListObjectsV2", "GetObjectTagging", "SelectObjectContent"])
def test_only_objects_are_continued(name: str) -> None:
    """Documents are made anew by each server."""
    assert rest(HEAD, Operation(name, "b", "k", b"/b/k"), answer(200, 10), 3) is None


def test_the_request() -> None:
    """The same object and version, in place of the client's own conditions."""
    asked = Rest(8, 14, 20, b'"abc"').request(HEAD)
    assert (asked.method, asked.target) == (HEAD.method, HEAD.target)
    assert asked.headers == (
        (b"Host", b"h"),
        (b"X-Amz-Date", b"d"),
        (b"Range", b"bytes=8-14"),
        (b"If-Match", b'"abc"'),
    )


GOOD = (of(b"bytes 8-14/20"), ETAG, (b"Content-Length", b"7"))


@pytest.mark.parametrize(
    ("status", "headers", "fits"),
    [
        (206, GOOD, True),
        (200, GOOD, False),
        (412, GOOD, False),
        (206, GOOD[:2], False),
        (206, GOOD[1:], False),
        (206, (GOOD[0], GOOD[2]), False),
        (206, (*GOOD[:2], (b"Content-Length", b"8")), False),
        (206, (of(b"bytes 8-14/21"), *GOOD[1:]), False),
        (206, (of(b"bytes 7-13/20"), *GOOD[1:]), False),
        (206, (*GOOD, of(b"bytes 8-14/20")), False),
        (206, (GOOD[0], (b"ETag", b'"abd"'), GOOD[2]), False),
    ],
)
def test_the_answer(status: int, headers: Headers, fits: bool) -> None:
    """One more byte, another total, another ETag: not the rest."""
    assert Rest(8, 14, 20, b'"abc"').is_in(AnswerHead(status, headers)) is fits
