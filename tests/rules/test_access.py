"""Who reaches which bucket."""

import pytest

from s3gateway.errors import S3Error
from s3gateway.rules.access import check_access
from s3gateway.rules.operations import Operation


def operation(bucket: str, source: str = "") -> Operation:
    return Operation("any", bucket, "key" if bucket else "", b"/", (source, "key") if source else None)


@pytest.mark.parametrize(
    ("patterns", "bucket", "source"),
    [
        (("*",), "", ""),
        (("*",), "any", "other"),
        (("team-*",), "team-a", ""),
        (("team-?",), "team-a", "team-b"),
        (("a", "b"), "a", "b"),
    ],
)
def test_allowed(patterns: tuple[str, ...], bucket: str, source: str) -> None:
    """A pattern opens the buckets it matches, as targets and as copy sources; ``*`` also opens the list of them."""
    check_access(patterns, operation(bucket, source))


@pytest.mark.parametrize(
    ("patterns", "bucket", "source"),
    [
        ((), "any", ""),
        ((), "", ""),
        (("team-*",), "", ""),
        (("team-*",), "other", ""),
        (("team-*",), "xteam-a", ""),
        (("team-*",), "Team-a", ""),
        (("team-?",), "team-ab", ""),
        (("a",), "a", "b"),
        (("b",), "a", "b"),
        (("a.c",), "abc", ""),
    ],
)
def test_denied(patterns: tuple[str, ...], bucket: str, source: str) -> None:
    """What no pattern opens is AccessDenied; with no patterns that is everything."""
    with pytest.raises(S3Error) as raised:
        check_access(patterns, operation(bucket, source))
    assert (raised.value.status, raised.value.code) == (403, "AccessDenied")
