"""Reasons in sentences become one of a few words."""

import pytest

from s3gateway import errors
from s3gateway.observed.log_line import Record
from s3gateway.observed.refusal_reasons import REASONS, reason_of
from s3gateway.rules.access import Access, check_access
from s3gateway.rules.operations import Operation

RECORD = Record(0.0, "1")


@pytest.mark.parametrize(
    ("access", "operation", "word"),
    [
        (Access(("*",), read_only=True), "PutObject", "read-only"),
        (Access(("*",), operations=("Get*",)), "PutObject", "operation"),
        (Access(("other",)), "PutObject", "bucket"),
        (Access(("*",), prefixes=("a/",)), "PutObject", "prefix"),
        (Access(("*",), prefixes=("a/",)), "DeleteBucket", "prefix"),
        (Access(("*",), prefixes=("a/",)), "ListObjectsV2", "prefix"),
    ],
)
def test_a_rule_that_refuses_has_its_word(access: Access, operation: str, word: str) -> None:
    """The sentence is the rule's own."""
    key = "key" if operation.endswith("Object") else ""
    with pytest.raises(errors.S3Error) as refused:
        check_access(access, Operation(operation, "bucket", key, b"/bucket/" + key.encode()))
    assert reason_of(RECORD, refused.value.reason) == word


def test_whatever_a_client_writes_it_chooses_no_word() -> None:
    """A bucket or a key may be called anything, line feeds included."""
    told = {reason_of(RECORD, f"{name} is not one of the client's buckets") for name in ("a", "x\ny", "anonymous: ")}
    assert told <= set(REASONS)
    assert reason_of(RECORD, "something new") == "other"
    assert reason_of(RECORD, "") == ""


def test_a_backend_that_fails_is_the_reason() -> None:
    """Its client is told ServiceUnavailable, and why is for the log."""
    assert reason_of(Record(0.0, "1", fault="Connect call failed"), "") == "backend"
