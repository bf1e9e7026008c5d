"""Which operations may run twice: what reads, and what has the same effect the second time."""

import pytest

from s3gateway.rules.operations import read_operation
from s3gateway.rules.repeatable import is_repeatable
from s3gateway.sigv4.model import RequestHead

REPEATABLE = [
    *("GET /", "HEAD /bucket", "GET /bucket?list-type=2&prefix=a", "GET /bucket?versions", "GET /bucket/key"),
    *("HEAD /bucket/key", "GET /bucket/key?uploadId=u", "GET /bucket/key?partNumber=1", "GET /bucket?uploads"),
    *("DELETE /bucket/key?versionId=v", "DELETE /bucket/key?versionId=null"),
]
ONCE = [
    *("PUT /bucket/key", "PUT /bucket", "DELETE /bucket/key", "DELETE /bucket", "POST /bucket?delete"),
    *("POST /bucket/key?uploads", "POST /bucket/key?uploadId=u", "DELETE /bucket/key?uploadId=u"),
    *("PUT /bucket/key?partNumber=1&uploadId=u", "POST /bucket/key?select&select-type=2"),
]
COPY = ((b"Host", b"h"), (b"x-amz-copy-source", b"/bucket/other"))


def repeatable(line: str, headers: tuple[tuple[bytes, bytes], ...] = ((b"Host", b"h"),)) -> bool:
    method, target = line.encode().split(b" ")
    head = RequestHead(method, target, headers)
    return is_repeatable(read_operation(head, ()), head)


@pytest.mark.parametrize("line", REPEATABLE)
def test_what_may_run_twice(line: str) -> None:
    assert repeatable(line)


@pytest.mark.parametrize("line", ONCE)
def test_what_may_not(line: str) -> None:
    """A versioned bucket would get a second version, or the second answer would be another one."""
    assert not repeatable(line)


def test_copies() -> None:
    """A part is the same part when it is copied again; an object is a new version."""
    assert repeatable("PUT /bucket/key?partNumber=1&uploadId=u", COPY)
    assert not repeatable("PUT /bucket/key", COPY)
