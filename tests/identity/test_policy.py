"""Session policies narrow, and what is not understood is refused by name. Policies are AWS's, Polaris' and S3A's."""

import json
from pathlib import Path
from typing import Any

import pytest

from s3gateway.identity import iam_actions
from s3gateway.identity.policy import Policy, read_policy
from s3gateway.identity.sts import StsError
from s3gateway.rules import operations
from s3gateway.rules.operations import read_operation
from s3gateway.sigv4.model import RequestHead

Headers = tuple[tuple[bytes, bytes], ...]
V = "2012-10-17"
NESSIE = Path(__file__).with_name("policies") / "nessie-0.99.0.json"


def statement(action: Any, resource: Any, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def policy(*statements: dict[str, Any]) -> Policy:
    return read_policy(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


def allows(one: Policy, method: str, target: str, headers: Headers = ()) -> bool:
    operation = read_operation(RequestHead(method.encode(), target.encode(), headers), ())
    return not one.refusal(operation, target.partition("?")[2].encode())


# As a catalogue writes it for one table (Apache Polaris, AwsCredentialsStorageIntegration).
TABLE = policy(
    statement(["s3:GetObject", "s3:GetObjectVersion"], "arn:aws:s3:::lake/db/table/*"),
    statement(["s3:PutObject", "s3:DeleteObject"], ["arn:aws:s3:::lake/db/table/*"]),
    statement("s3:ListBucket", "arn:aws:s3:::lake", Condition={"StringLike": {"s3:prefix": ["db/table/*"]}}),
    statement("s3:GetBucketLocation", "arn:aws:s3:::lake"),
    statement(["kms:GenerateDataKey", "kms:Decrypt"], "arn:aws:kms:us-east-1:1:key/k"),
)
COPY = ((b"x-amz-copy-source", b"lake/db/table/a"),)


@pytest.mark.parametrize(
    ("method", "target", "headers", "expected"),
    [
        ("GET", "/lake/db/table/a", (), True),
        ("HEAD", "/lake/db/table/a", (), True),
        ("GET", "/lake/db/table/a?versionId=v", (), True),
        ("GET", "/lake/db/other/a", (), False),
        ("GET", "/lake/db/table", (), False),
        ("GET", "/other/db/table/a", (), False),
        ("PUT", "/lake/db/table/a", (), True),
        ("PUT", "/lake/db/table/a", COPY, True),
        ("PUT", "/lake/db/other/a", COPY, False),
        ("PUT", "/lake/db/table/b", ((b"x-amz-copy-source", b"lake/db/other/a"),), False),
        ("PUT", "/lake/db/table/b", ((b"x-amz-copy-source", b"lake/db/table/a?versionId=v"),), True),
        ("PUT", "/lake/db/table/a", ((b"x-amz-tagging", b"a=b"),), False),
        ("POST", "/lake/db/table/a?uploads", (), True),
        ("DELETE", "/lake/db/table/a", (), True),
        ("DELETE", "/lake/db/table/a?versionId=v", (), False),
        ("DELETE", "/lake/db/table/a?uploadId=u", (), False),
        ("GET", "/lake?list-type=2&prefix=db/table/", (), True),
        ("GET", "/lake?list-type=2&prefix=db/", (), False),
        ("GET", "/lake?list-type=2", (), False),
        ("GET", "/lake?versions&prefix=db/table/", (), False),
        ("GET", "/lake?location", (), True),
        ("HEAD", "/lake", (), False),
        ("GET", "/", (), False),
        ("PUT", "/lake", (), False),
    ],
)
def test_the_credentials_of_a_table(method: str, target: str, headers: Headers, expected: bool) -> None:
    assert allows(TABLE, method, target, headers) is expected


def test_a_denial_counts_more() -> None:
    found = policy(statement("s3:*", "*"), statement("s3:Delete*", "arn:aws:s3:::lake/keep/*", "Deny"))
    assert allows(found, "DELETE", "/lake/other")
    assert not allows(found, "DELETE", "/lake/keep/a")
    assert allows(found, "GET", "/lake/keep/a")
    assert allows(found, "GET", "/")


def test_a_denial_of_all_prefixes_but_one() -> None:
    """AWS's own example ("Deny ... StringNotLike s3:prefix"); without a prefix a negated operator holds."""
    found = policy(
        statement("s3:*", "*"),
        statement("s3:ListBucket", "*", "Deny", Condition={"StringNotLike": {"s3:prefix": "home/*"}}),
    )
    assert allows(found, "GET", "/lake?prefix=home/a")
    assert not allows(found, "GET", "/lake?prefix=other/")
    assert not allows(found, "GET", "/lake")


def test_a_condition_for_the_top() -> None:
    """``StringEquals`` with empty text is the listing that asks for an empty prefix, not the one without."""
    found = policy(statement("s3:ListBucket", "*", Condition={"StringEquals": {"s3:prefix": ["", "a*"]}}))
    assert allows(found, "GET", "/lake?prefix=")
    assert allows(found, "GET", "/lake?prefix=a*")
    assert not allows(found, "GET", "/lake?prefix=ab")
    assert not allows(found, "GET", "/lake")


@pytest.mark.parametrize(
    ("pattern", "key", "expected"),
    [("a[b]/*", "a[b]/x", True), ("a[b]/*", "ab/x", False), ("a?c", "abc", True), ("*", "x/y", True)],
)
def test_only_star_and_question_mark_are_special(pattern: str, key: str, expected: bool) -> None:
    found = policy(statement("s3:GetObject", f"arn:aws:s3:::lake/{pattern}"))
    operation = read_operation(RequestHead(b"GET", f"/lake/{key}".encode(), ()), ())
    assert (not found.refusal(operation, b"")) is expected


@pytest.mark.parametrize(
    ("pattern", "key", "expected"),
    [
        ("a${*}b/*", "a*b/x", True),
        ("a${*}b/*", "axb/x", False),
        ("a${*}b/*", "a${*}b/x", False),
        ("a${?}/*", "a%3F/x", True),
        ("a${?}/*", "ab/x", False),
        ("a${$}b", "a$b", True),
        ("${$}{aws:username}", "${aws:username}", True),
        ("a[${*}]?", "a[*]x", True),
        ("a[${*}]?", "a*x", False),
    ],
)
def test_escaped_characters_are_themselves(pattern: str, key: str, expected: bool) -> None:
    """As Unity Catalog and Nessie write locations (AWS: ``${*}``, ``${?}`` and ``${$}`` have fixed values)."""
    found = policy(
        statement("s3:GetObject", f"arn:aws:s3:::lake/{pattern}"),
        statement("s3:ListBucket", "arn:aws:s3:::lake", Condition={"StringLike": {"s3:prefix": pattern}}),
    )
    assert allows(found, "GET", f"/lake/{key}") is expected
    assert allows(found, "GET", f"/lake?prefix={key}") is expected


@pytest.mark.parametrize(("table", "other"), [("numbers", "others"), ("odd*$x", "oddly$x")])
def test_what_a_catalogue_sends(table: str, other: str) -> None:
    """Recorded with Nessie by tests/real/test_catalogue.py, for each of two tables."""
    found = read_policy(json.dumps(json.loads(NESSIE.read_text(encoding="utf-8"))[table]))
    assert allows(found, "PUT", f"/lake/warehouse/db/{table}_1/data/a.parquet")
    assert allows(found, "GET", f"/lake?list-type=2&prefix=warehouse/db/{table}_1/")
    assert not allows(found, "PUT", f"/lake/warehouse/db/{other}_1/data/a.parquet")
    assert not allows(found, "GET", f"/lake?list-type=2&prefix=warehouse/db/{other}_1/")
    assert not allows(found, "GET", "/lake?list-type=2&prefix=warehouse/")


def test_escaped_characters_without_patterns() -> None:
    found = policy(statement("s3:ListBucket", "*", Condition={"StringEquals": {"s3:prefix": "a${*}"}}))
    assert allows(found, "GET", "/lake?prefix=a*")
    assert not allows(found, "GET", "/lake?prefix=a${*}")
    assert not allows(found, "GET", "/lake?prefix=ab")


def test_many_stars_are_no_work() -> None:
    """A pattern that a backtracking matcher would be busy with for years."""
    found = policy(statement("s3:GetObject", "arn:aws:s3:::lake/" + "*a" * 900))
    assert not allows(found, "GET", "/lake/" + "a" * 800 + "b")


def test_keys_of_a_multi_object_delete() -> None:
    found = policy(statement(["s3:DeleteObject"], "arn:aws:s3:::lake/a/*"))
    assert allows(found, "POST", "/lake?delete")  # its keys are in its body
    assert found.allows_deletion("lake", "a/1", of_version=False)
    assert not found.allows_deletion("lake", "a/1", of_version=True)
    assert not found.allows_deletion("lake", "b/1", of_version=False)
    assert not found.allows_deletion("lake", "a/../b/1", of_version=False)


def test_restore_can_be_allowed_by_none() -> None:
    """Its body may name any bucket to write to."""
    assert not allows(policy(statement("s3:*", "*")), "POST", "/lake/a?restore")


def test_every_operation_has_its_actions() -> None:
    assert set(operations.NAMES) - iam_actions.OPERATIONS == {"RestoreObject"}


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ("{", "JSON"),
        ("[]", "JSON object"),
        ("[" * 1000, "JSON"),
        ({"Statement": []}, "Statement"),
        ({}, "Statement"),
        ({"Version": "2020-01-01", "Statement": []}, "Version"),
        ({"Statement": ["x"]}, "Statement"),
        ({"Principal": "*", "Statement": [statement("s3:*", "*")]}, "Principal"),
        ({"Statement": [statement("s3:*", "*", Principal="*")]}, "Principal"),
        ({"Statement": [{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}]}, "NotAction"),
        ({"Statement": [{"Effect": "Allow", "Action": "s3:*", "NotResource": "*"}]}, "NotResource"),
        ({"Statement": [statement("s3:*", "*", effect="allow")]}, "Effect"),
        ({"Statement": [{"Effect": "Allow", "Resource": "*"}]}, "Action"),
        ({"Statement": [{"Effect": "Allow", "Action": "s3:*"}]}, "Resource"),
        ({"Statement": [statement([], "*")]}, "Action"),
        ({"Statement": [statement("s3:GetObjekt", "*")]}, "s3:GetObjekt"),
        ({"Statement": [statement("iam:PassRole", "*")]}, "iam:PassRole"),
        ({"Statement": [statement("kms:Decrypt", "*", "Deny")]}, "kms:Decrypt"),
        ({"Statement": [statement("s3:*", "lake/*")]}, "lake/"),
        ({"Statement": [statement("s3:*", "arn:aws:s3:::")]}, "Resource"),
        ({"Statement": [statement("s3:*", "arn:aws:s3:us-east-1:1:accesspoint/a")]}, "accesspoint"),
        ({"Statement": [statement("s3:*", "arn:aws:s3:::lake/${aws:username}/*")]}, "aws:username"),
        ({"Version": V, "Statement": [statement("s3:*", "arn:aws:s3:::lake/${aws:username}/*")]}, "aws:username"),
        ({"Version": V, "Statement": [statement("s3:*", "arn:aws:s3:::lake/$${*}{aws:username}")]}, "aws:username"),
        ({"Version": V, "Statement": [statement("s3:*", "arn:aws:s3:::la${*}/*")]}, "Resource"),
        ({"Statement": [statement("s3:*", "arn:aws:s3:::lake/${*}")]}, "Resource"),
        ({"Version": "2008-10-17", "Statement": [statement("s3:*", "arn:aws:s3:::lake/${*}")]}, "Resource"),
        ({"Statement": [statement("s3:*", "*", Condition={"StringLike": {"s3:prefix": "${*}"}})]}, "variables"),
        ({"Statement": [statement("s3:*", "*", Condition=[])]}, "Condition"),
        ({"Statement": [statement("s3:*", "*", Condition={"IpAddress": {"aws:SourceIp": "::"}})]}, "IpAddress"),
        ({"Statement": [statement("s3:*", "*", Condition={"StringLike": {"s3:delimiter": "/"}})]}, "s3:delimiter"),
        ({"Statement": [statement("s3:*", "*", Condition={"StringLike": {"s3:prefix": 1}})]}, "Condition"),
        ('{"Statement": [], "Statement": []}', "Statement is there twice"),
    ],
)
def test_what_is_not_understood_is_named(document: Any, named: str) -> None:
    with pytest.raises(StsError) as caught:
        read_policy(document if isinstance(document, str) else json.dumps(document))
    assert (caught.value.status, caught.value.code) == (400, "MalformedPolicyDocument")
    assert named in caught.value.message


def test_a_long_one() -> None:
    with pytest.raises(StsError) as caught:
        read_policy(" " * 3072)
    assert (caught.value.status, caught.value.code) == (400, "PackedPolicyTooLarge")
