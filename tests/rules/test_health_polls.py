"""What a health poll is, and what it is answered."""

import pytest

from s3gateway.errors import S3Error
from s3gateway.gateway import Arrival, admit
from s3gateway.rules.health_polls import is_poll
from s3gateway.sigv4.model import RequestHead
from tests.admission import CONFIG, configured
from tests.sigv4.aws import CLIENT, authorized

LIVE = RequestHead(b"GET", b"/minio/health/live", ((b"Host", b"h"),))


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        (b"GET", b"/minio/health/live", True),
        (b"HEAD", b"/minio/health/ready", True),
        (b"GET", b"/minio/health/cluster?maintenance=true", True),
        (b"GET", b"/minio/health/cluster/read", True),
        (b"PUT", b"/minio/health/live", False),
        (b"GET", b"/minio/health/live/", False),
        (b"GET", b"/minio/health/%6cive", False),
        (b"GET", b"/minio/admin/v3/info", False),
        (b"GET", b"/minio/health/live?X-Amz-Signature=a", False),
    ],
)
def test_polls(method: bytes, target: bytes, *, expected: bool) -> None:
    """One of MinIO's four paths, to the letter, and nothing that could be a signature."""
    assert is_poll(RequestHead(method, target, ())) == expected


@pytest.mark.parametrize(("status", "code"), [(403, "AccessDenied"), (200, "")])
def test_answers(status: int, code: str) -> None:
    """As configured; one with a body, or with a signature, is refused as before."""
    config = configured(listen={"health_polls": status})
    with pytest.raises(S3Error) as raised:
        admit(LIVE, Arrival(tls=False, has_body=False), config, CLIENT.now)
    assert (raised.value.status, raised.value.code) == (status, code)
    for head, has_body in ((LIVE, True), (authorized("GET", "/minio/health/live"), False)):
        with pytest.raises(S3Error, match="AccessDenied"):
            admit(head, Arrival(tls=False, has_body=has_body), config, CLIENT.now)


def test_they_are_refused_by_default() -> None:
    """Nobody is told anything who is not known."""
    assert CONFIG.listen.health_polls == 403
