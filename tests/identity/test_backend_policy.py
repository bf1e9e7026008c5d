"""A client's rules as a policy. What MinIO makes of it is in tests/real/test_backend_identity.py."""

import json
from typing import Any

import pytest

from s3gateway.identity.backend_policy import MOST_BYTES, PolicyError, policy_of
from s3gateway.rules.access import Access
from s3gateway.rules.operations import NAMES


def statements(access: Access) -> list[Any]:
    found: list[Any] = json.loads(policy_of(access))["Statement"]
    return found


def test_a_bucket() -> None:
    assert statements(Access(("lake", "team-*"))) == [
        {
            "Effect": "Allow",
            "Action": ["s3:*"],
            "Resource": [
                "arn:aws:s3:::lake",
                "arn:aws:s3:::team-*",
                "arn:aws:s3:::lake/*",
                "arn:aws:s3:::team-*/*",
            ],
        }
    ]


def test_all_buckets_read_only() -> None:
    assert statements(Access(("*",), read_only=True, list_buckets=True)) == [
        {"Effect": "Allow", "Action": ["s3:ListAllMyBuckets"], "Resource": ["arn:aws:s3:::*"]},
        {"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": ["arn:aws:s3:::*"]},
    ]


def test_prefixes_narrow_listings_too() -> None:
    below, lists, _ = statements(Access(("lake",), ("a/", "b/"), read_only=True))
    assert below["Resource"] == ["arn:aws:s3:::lake/a/*", "arn:aws:s3:::lake/b/*"]
    assert lists["Condition"] == {"StringLike": {"s3:prefix": ["a/*", "b/*"]}}
    assert lists["Resource"] == ["arn:aws:s3:::lake"]


def test_operations() -> None:
    (only,) = statements(Access(("lake",), operations=("GetObject", "ListObjectsV2", "UploadPart")))
    assert only["Action"] == ["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:PutObject"]


def test_nothing() -> None:
    """A policy must say something."""
    assert statements(Access(()))[0]["Effect"] == "Deny"


@pytest.mark.parametrize("name", NAMES)
def test_each_operation_has_an_action(name: str) -> None:
    (only,) = statements(Access(("lake",), operations=(name,), list_buckets=False))
    assert all(action.startswith("s3:") for action in only["Action"])


@pytest.mark.parametrize(
    ("access", "told"),
    [
        (Access(("team-[ab]",)), "hold the pattern 'team-[ab]', and a policy knows * and ? only; write it with these"),
        (Access(("lake",), ("${aws:username}/",)), "hold the prefix '${aws:username}/', and a policy would fill in"),
    ],
)
def test_what_no_policy_can_say(access: Access, told: str) -> None:
    with pytest.raises(PolicyError) as refused:
        policy_of(access)
    assert str(refused.value).startswith(told)


def test_what_is_too_long() -> None:
    """Is refused, never shortened."""
    buckets = tuple(f"bucket-number-{number}" for number in range(31))
    assert len(policy_of(Access(buckets[:30]))) == MOST_BYTES
    with pytest.raises(PolicyError, match=f" of 2114 bytes, and the backend takes {MOST_BYTES}; name fewer, or "):
        policy_of(Access(buckets))
