"""One line per request, as text and as JSON."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gateway.errors import S3Error, access_denied, invalid_uri, sigv2_refused
from s3gateway.observed.log_line import Record, size

TIME = 1709208000.25


def test_json() -> None:
    """Empty fields are left out, times are RFC 3339 in UTC."""
    record = Record(TIME, "id", client="spark", operation="PutObject", bucket="b", key="é\n", status=200, bytes_in=5)
    record.duration = 0.0123456789
    assert json.loads(record.to_json()) == {
        "time": "2024-02-29T12:00:00.250+00:00",
        "request_id": "id",
        "client": "spark",
        "operation": "PutObject",
        "bucket": "b",
        "key": "é\n",
        "status": 200,
        "bytes_in": 5,
        "duration": 0.012346,
    }


def test_text() -> None:
    """What a person wants to see comes first, and only what there is."""
    record = Record(TIME, "id", "spark", "PutObject", "bucket", "dir/key", 403, 1536, 0, 0.012, 3, "SSE-KMS")
    record.refuse(access_denied(reason="b is\nnot"))
    record.backend_error, record.fault = "AccessDenied", "gone\naway"
    clock, _, rest = record.to_text().partition(" ")
    assert re.fullmatch(r"\d\d:\d\d:\d\d", clock)
    assert rest == (
        "403 PutObject bucket/dir/key spark in=1.5KiB out=0B 12ms chunks=3 SSE-KMS refused=AccessDenied (b is\\nnot) "
        "backend=AccessDenied fault=gone\\naway"
    )


def test_a_refusal_says_why() -> None:
    """What the client is told, where the operator need not know more, and nothing where a line of its own follows."""
    record = Record(TIME, "id")
    record.refuse(invalid_uri())
    assert json.loads(record.to_json())["reason"] == invalid_uri().message
    record.refuse(sigv2_refused())
    assert json.loads(record.to_json())["reason"].startswith("SigV2: set the client's signature version to 4 ")
    record.refuse(S3Error(403, "SignatureDoesNotMatch", "The request signature we calculated does not match."))
    assert "reason" not in json.loads(record.to_json())


def test_text_of_nothing() -> None:
    """A request that was never understood has dashes."""
    assert Record(TIME, "id").to_text().partition(" ")[2] == "--- - - - in=0B out=0B 0ms"


@given(st.text(alphabet=st.characters(), max_size=30))
def test_a_line_is_a_line(key: str) -> None:
    """Invariant: whatever a key holds, a record is one printable line that can be written as UTF-8."""
    record = Record(TIME, "id", bucket="b", key=key, client=key, reason=key, fault=key)
    for line in (record.to_text(), record.to_json()):
        assert line.isprintable()
        assert line.encode()


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "0B"), (1023, "1023B"), (1024, "1KiB"), (1536, "1.5KiB"), (1 << 20, "1MiB"), (1 << 40, "1024GiB")],
)
def test_sizes(count: int, expected: str) -> None:
    """Sizes are short."""
    assert size(count) == expected
