"""Which roles are open to whom."""

import pytest

from s3gateway.identity.login import Login
from s3gateway.identity.model import Role, WebIdentities
from s3gateway.identity.roles import arn_of, meant_by, opened_by, values_for
from s3gateway.rules.access import Access

GITHUB = "https://token.actions.githubusercontent.com"
ETL = Role("etl", Access(("lake",)), clients=("spark-*",))
STAFF = Role("staff", Access(("home",), ("{user}/",)), ldap_groups=("CN=Staff,OU=Groups,DC=example,DC=com",))
CI = Role(
    "ci",
    Access(("ci",), ("{repository}/",)),
    arn="arn:aws:iam::123456789012:role/deploy/ci",
    web_identities=(WebIdentities(GITHUB, ("sts.example.com",), ("repo:org/*:ref:refs/heads/main",)),),
)
ROLES = (ETL, STAFF, CI)


def github(subject: str = "repo:org/app:ref:refs/heads/main", audience: str = "sts.example.com") -> Login:
    return Login(GITHUB, subject, subject, claims={"aud": audience, "repository": "org", "actor": "x"})


@pytest.mark.parametrize(
    ("login", "expected"),
    [
        (Login("client", "spark-1", "spark-1"), ["etl"]),
        (Login("client", "boto3", "boto3"), []),
        (Login("ldap", "spark-1", "uid=a"), []),
        (Login("ldap", "alice", "uid=a", ("cn=staff, ou=groups,dc=example,dc=com",)), ["staff"]),
        (Login("ldap", "alice", "uid=a", ("cn=staffers,ou=groups,dc=example,dc=com",)), []),
        (Login("client", "alice", "alice", ("cn=staff,ou=groups,dc=example,dc=com",)), []),
        (github(), ["ci"]),
        (github(audience="other\nsts.example.com"), ["ci"]),
        (github(audience="other"), []),
        (github("repo:other/app:ref:refs/heads/main"), []),
        (github("repo:org/app:ref:refs/heads/mainx"), []),
        (Login(GITHUB + "/", "x", "repo:org/app:ref:refs/heads/main", claims={"aud": "sts.example.com"}), []),
    ],
)
def test_who_may_take_it(login: Login, expected: list[str]) -> None:
    assert [role.name for role in opened_by(login, ROLES)] == expected


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        ("etl", "etl"),
        ("arn:aws:iam::000000000000:role/etl", "etl"),
        ("arn:aws:iam::123456789012:role/any/path/etl", "etl"),
        ("arn:aws-cn:iam::1:role/etl", "etl"),
        ("arn:aws:iam::123456789012:role/deploy/ci", "ci"),
        ("arn:aws:iam::999999999999:role/ci", None),  # it has an ARN of its own
        ("ci", "ci"),
        ("arn:aws:iam::000000000000:user/etl", None),
        ("arn:aws:s3:::etl", None),
        ("ETL", None),
        ("", None),
    ],
)
def test_which_one_is_meant(arn: str, expected: str | None) -> None:
    found = meant_by(arn, ROLES)
    assert (found.name if found else None) == expected


def test_an_empty_arn_means_none() -> None:
    assert meant_by("", (ETL,)) is None


def test_arns() -> None:
    assert [arn_of(role) for role in (ETL, CI)] == ["arn:aws:iam::000000000000:role/etl", CI.arn]


def test_only_what_templates_need_goes_into_a_session() -> None:
    assert values_for(github(), (CI,)) == {"repository": "org"}
    assert values_for(Login("ldap", "alice", "uid=a", claims={"user": "root"}), (STAFF,)) == {"user": "alice"}
