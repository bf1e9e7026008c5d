"""What all traffic of the suite is held against finds a header that was lost, changed or doubled, or not signed."""

import pytest

from lab.wire import RecordedRequest
from tests.sent import Sent

TARGET = b"/b/k?a=1"
LINES = "Host: gw", "Connection: x-c", "X-A: 1", "x-a:  2", "X-F: a\r\n b", "x-c: 3", "Authorization: a"
HEAD = b"GET %b HTTP/1.1\r\n%b\r\n\r\n" % (TARGET, "\r\n".join(LINES).encode())
FIELDS = [(b"Host", b"backend"), (b"X-A", b"1"), (b"x-a", b"2"), (b"X-F", b"a b")]
ID = (b"amz-sdk-invocation-id", b"one")


def request(*headers: tuple[bytes, bytes], signed: bytes = b"host") -> RecordedRequest:
    own = [*headers, (b"Authorization", b"AWS4-HMAC-SHA256 SignedHeaders=" + signed), (b"X-Amz-Date", b"now")]
    signing = [(name, value.replace(b"host", b"host;x-amz-date", 1)) for name, value in own]
    return RecordedRequest(1, "GET", TARGET, signing, b"", 0, "", complete=True)


@pytest.fixture
def sent() -> Sent:
    found = Sent()
    found.note(HEAD)
    return found


def test_what_is_kept_passes(sent: Sent) -> None:
    """In its order, unfolded; what ``Connection`` names may go, and another request of the same line is another."""
    sent.check([request(*FIELDS), request(*FIELDS, (b"x-c", b"3"))])
    sent.note(b"GET %b HTTP/1.1\r\nHost: gw\r\nX-B: 1\r\nAuthorization: a\r\n\r\n" % TARGET)
    sent.check([request(*FIELDS), request((b"Host", b"backend"), (b"X-B", b"1"))])


def test_what_was_presigned_is_known_without_what_presigned_it() -> None:
    """And has an Authorization of the gateway's own."""
    for target in (b"/b/k?X-Amz-Date=now&a=1&X-Amz-Signature=x", b"/b/k?a=1&X-Amz-Signature=x"):
        sent = Sent()
        sent.note(b"GET %b HTTP/1.1\r\nHost: gw\r\nX-A: 1\r\n\r\n" % target)
        sent.check([request(*FIELDS[:2])])
        with pytest.raises(AssertionError):
            sent.check([request(FIELDS[0])])


@pytest.mark.parametrize(
    "headers",
    [
        FIELDS[:3],
        FIELDS[1:],
        [FIELDS[0], FIELDS[2], FIELDS[1], FIELDS[3]],
        [*FIELDS[:3], (b"X-F", b"ab")],
        [*FIELDS[:3], (b"x-f", b"a b")],
        [*FIELDS, FIELDS[3]],
        [*FIELDS, (b"X-Added", b"1")],
    ],
)
def test_what_is_not_kept_is_found(sent: Sent, headers: list[tuple[bytes, bytes]]) -> None:
    """Lost, reordered, changed, spelled otherwise, doubled, added; of boto3's known by their id, too."""
    with pytest.raises(AssertionError):
        sent.check([request(*headers)])
    sent.clear()
    own = (b"Authorization", b"a")
    sent.note_headers([*FIELDS, ID, own])
    sent.note_headers([*FIELDS, (b"X-Retry", b"1"), ID, own])
    sent.check([request(*FIELDS, ID), request(*FIELDS, (b"X-Retry", b"1"), ID)])
    with pytest.raises(AssertionError):
        sent.check([request(*headers, ID)])


def test_signed_and_not_sent(sent: Sent) -> None:
    """Whoever the request is from."""
    sent.clear()
    sent.check([request((b"Host", b"backend"))])
    with pytest.raises(AssertionError):
        sent.check([request((b"Host", b"backend"), signed=b"connection;host")])
    with pytest.raises(AssertionError):
        sent.check([request((b"Host", b"backend"), (b"x-amz-acl", b"private"))])
