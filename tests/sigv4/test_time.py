"""Clock skew and expiry. Every time is a parameter, so these run in 2024 for ever."""

import time
from datetime import timedelta

import pytest

from s3gateway.errors import S3Error
from s3gateway.sigv4.model import RequestHead
from tests.admission import admitted
from tests.sigv4 import aws
from tests.sigv4.aws import CLIENT, authorized, presigned

GOOD = authorized("GET", "/bucket/key")
PRESIGNED = presigned("GET", "/bucket/key")


@pytest.mark.parametrize("seconds", [-900, -899, 0, 899, 900])
def test_skew_within(seconds: int) -> None:
    """A request may be 15 minutes old or early."""
    assert admitted(GOOD, now=CLIENT.now + timedelta(seconds=seconds)).operation.name == "GetObject"


@pytest.mark.parametrize("seconds", [-86400, -901, 901, 86400])
@pytest.mark.parametrize(
    "payload", [aws.EMPTY, aws.UNSIGNED, aws.STREAMING, aws.STREAMING_TRAILER, aws.STREAMING_UNSIGNED_TRAILER]
)
def test_skew_beyond(payload: str, seconds: int) -> None:
    """A second more is refused in every payload mode, with both times."""
    with pytest.raises(S3Error) as raised:
        admitted(authorized("PUT", "/bucket/key", payload=payload), now=CLIENT.now + timedelta(seconds=seconds))
    assert (raised.value.status, raised.value.code) == (403, "RequestTimeTooSkewed")
    fields = dict(raised.value.fields)
    assert (fields["RequestTime"], fields["MaxAllowedSkewMilliseconds"]) == ("20240229T120000Z", "900000")
    assert fields["ServerTime"] == f"{CLIENT.now + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize(("seconds", "message"), [(-901, "Request is not valid yet"), (601, "Request has expired.")])
def test_presigned_beyond(seconds: int, message: str) -> None:
    """A presigned URL is refused after it expired, and more than 15 minutes before its date."""
    with pytest.raises(S3Error) as raised:
        admitted(PRESIGNED, now=CLIENT.now + timedelta(seconds=seconds))
    assert (raised.value.status, raised.value.code, raised.value.message) == (403, "AccessDenied", message)
    times = (("X-Amz-Expires", "600"), ("Expires", "2024-02-29T12:10:00Z"), ("ServerTime", "2024-02-29T12:10:01Z"))
    assert raised.value.fields == (times if seconds > 0 else ())


@pytest.mark.parametrize("seconds", [-900, 0, 600])
def test_presigned_within(seconds: int) -> None:
    """A presigned URL is good until its last second."""
    assert admitted(PRESIGNED, now=CLIENT.now + timedelta(seconds=seconds)).presigned


def test_a_presigned_url_may_live_a_week() -> None:
    """604800 seconds is the most, and zero is allowed."""
    week = presigned("GET", "/bucket/key", expires="604800")
    assert admitted(week, now=CLIENT.now + timedelta(days=7)).presigned
    assert admitted(presigned("GET", "/bucket/key", expires="0")).presigned


@pytest.mark.parametrize(
    "date",
    [
        "Thu, 29 Feb 2024 12:00:00 GMT",
        "Thu, 29 Feb 2024 12:00:00 -0000",
        "Thu, 29 Feb 2024 14:00:00 +0200",
        "20240229T120000Z",
    ],
)
def test_a_date_header_will_do(date: str) -> None:
    """Without X-Amz-Date, Date is the time of signing, whatever the zone it is written in."""
    pairs = [(b"Host", b"h"), (b"Date", date.encode()), (b"x-amz-content-sha256", aws.EMPTY.encode())]
    names = [b"date", b"host", b"x-amz-content-sha256"]
    text = aws.canonical_request(b"GET", b"/bucket/key", b"", pairs, names, aws.EMPTY.encode())
    value = (
        f"AWS4-HMAC-SHA256 Credential=SPARKKEY/{CLIENT.scope_text},SignedHeaders={b';'.join(names).decode()},"
        f"Signature={CLIENT.sign(aws.string_to_sign(CLIENT, text))}"
    )
    head = RequestHead(b"GET", b"/bucket/key", (*pairs, (b"Authorization", value.encode())))
    assert admitted(head).verified.timestamp == "20240229T120000Z"


def test_the_local_time_zone_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Date with an unknown zone (``-0000``) is UTC wherever the gateway runs."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        test_a_date_header_will_do("Thu, 29 Feb 2024 12:00:00 -0000")
    finally:
        monkeypatch.undo()
        time.tzset()
