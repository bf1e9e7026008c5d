"""What a login gets, and what it is refused."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from s3gateway.identity.calls import Call, read_call, session_name
from s3gateway.identity.granting import granted
from s3gateway.identity.login import Login
from s3gateway.identity.model import Role
from s3gateway.identity.session import ENTROPY_BYTES, Session
from s3gateway.identity.sts import StsError
from s3gateway.rules.access import Access

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
SPARK = Login("client", "spark", "spark")
ALICE = Login("ldap", "alice", "uid=alice", ("cn=staff", "cn=eng"))
STAFF = Role("staff", Access(("home",), ("{user}/",)), ldap_groups=("cn=staff",), longest_session=1800)
ENGINEERS = Role("eng", Access(("lake",)), ldap_groups=("cn=eng",), clients=("spark",))
ROLES = (STAFF, ENGINEERS)


def grant(login: Login, roles: tuple[Role, ...] = ROLES, parent: str = "", **parameters: str) -> Session:
    call = Call("AssumeRole", parameters)
    return granted(call, login, roles, 43_200, NOW, bytes(ENTROPY_BYTES), parent)


def refused(login: Login, roles: tuple[Role, ...] = ROLES, **parameters: str) -> StsError:
    with pytest.raises(StsError) as caught:
        grant(login, roles, **parameters)
    return caught.value


def test_a_role_by_its_arn() -> None:
    session = grant(ALICE, RoleArn="arn:aws:iam::000000000000:role/staff", RoleSessionName="notebook")
    assert (session.roles, session.values, session.name) == (("staff",), {"user": "alice"}, "notebook")
    assert (session.source, session.user, session.subject, session.parent) == ("ldap", "alice", "uid=alice", "")
    assert session.expires - session.issued == 1800  # less than an hour, as the role has it


def test_all_that_are_open_without_an_arn() -> None:
    assert grant(ALICE).roles == ("staff", "eng")
    assert grant(SPARK, parent="SPARKKEY").roles == ("eng",)


def test_a_clients_own_rights_where_there_are_no_roles() -> None:
    """As MinIO does: the ARN is ignored."""
    session = grant(SPARK, (), "SPARKKEY", RoleArn="arn:aws:iam::000000000000:role/anything")
    assert (session.roles, session.parent, session.expires - session.issued) == ((), "SPARKKEY", 3600)


@pytest.mark.parametrize(
    ("login", "roles", "arn", "reason"),
    [
        (ALICE, ROLES, "arn:aws:iam::000000000000:role/none", "there is no such role"),
        (SPARK, ROLES, "staff", "role staff is not open to client spark"),
        (Login("ldap", "bob", "uid=bob"), ROLES, "", "no role is open to ldap uid=bob"),
        (Login("client", "boto3", "boto3"), ROLES, "", "no role is open to client boto3"),
        (ALICE, (), "", "no roles are configured, so a login has no rights"),
        (Login("ldap", "a/b", "uid=x", ("cn=staff",)), ROLES, "", "role staff: {user} holds a character that no part"),
    ],
)
def test_what_is_not_open(login: Login, roles: tuple[Role, ...], arn: str, reason: str) -> None:
    error = refused(login, roles, RoleArn=arn)
    assert (error.status, error.code) == (403, "AccessDenied")
    assert error.reason.startswith(reason)
    assert reason not in error.message


def test_an_unknown_role_and_one_that_is_not_open_are_told_alike() -> None:
    unknown, closed = refused(SPARK, RoleArn="none"), refused(SPARK, RoleArn="staff")
    assert unknown.message.replace("none", "staff") == closed.message


@pytest.mark.parametrize(("asked", "lasts"), [("900", 900), ("43200", 43_200)])
def test_how_long(asked: str, lasts: int) -> None:
    session = grant(SPARK, (), DurationSeconds=asked)
    assert (session.issued, session.expires) == (int(NOW.timestamp()), int(NOW.timestamp()) + lasts)


@pytest.mark.parametrize("asked", ["899", "0", "-900", "43201", "1e3", "x", "9" * 30])
def test_how_long_not(asked: str) -> None:
    assert refused(SPARK, (), DurationSeconds=asked).code == "InvalidParameterValue"


def test_not_longer_than_the_role_allows() -> None:
    assert refused(ALICE, RoleArn="staff", DurationSeconds="3600").code == "InvalidParameterValue"


def test_not_longer_than_the_login() -> None:
    soon = Login("ldap", "alice", "uid=alice", ("cn=staff",), expires=NOW + timedelta(seconds=60))
    assert grant(soon, DurationSeconds="900").expires == int(NOW.timestamp()) + 60
    over = Login("ldap", "alice", "uid=alice", ("cn=staff",), expires=NOW)
    assert refused(over).code == "ExpiredTokenException"


def test_a_bad_policy() -> None:
    assert refused(SPARK, (), Policy="{").code == "MalformedPolicyDocument"
    text = json.dumps({"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}})
    assert grant(SPARK, (), Policy=text).policy == text


@pytest.mark.parametrize(("user", "name"), [("alice", "alice"), ("a b/é", "a-b--"), ("x", "x-"), ("y" * 99, "y" * 64)])
def test_a_session_without_a_name_has_the_users(user: str, name: str) -> None:
    assert session_name(Call("AssumeRole", {}), user) == name


@pytest.mark.parametrize("name", ["x", "a b", "é-é", "y" * 65, "a\nb"])
def test_bad_names(name: str) -> None:
    assert refused(SPARK, (), RoleSessionName=name).code == "InvalidParameterValue"


def read(text: str, query: str = "") -> Any:
    try:
        return read_call(query.encode(), text.encode("latin-1"))
    except StsError as error:
        return error.code


def test_parameters_of_form_and_query() -> None:
    call = read("RoleArn=a%2Fb&RoleSessionName=x+y", "Action=AssumeRole&Version=2011-06-15")
    assert (call.action, call.get("RoleArn"), call.get("RoleSessionName")) == ("AssumeRole", "a/b", "x y")


def test_a_token_is_taken_out_of_its_lines() -> None:
    """Who writes it to a file with a shell ends it with a line feed, and SDKs send the file as it is."""
    call = read("Action=AssumeRoleWithWebIdentity&Version=2011-06-15&WebIdentityToken=a.b.c%0A&LDAPPassword=x%0A")
    assert (call.get("WebIdentityToken"), call.get("LDAPPassword")) == ("a.b.c", "x\n")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Version=2011-06-15", "MissingAction"),
        ("Action=Nothing&Version=2011-06-15", "InvalidAction"),
        ("Action=AssumeRole", "InvalidAction"),
        ("Action=AssumeRole&Version=2010-01-01", "InvalidAction"),
        ("Action=GetSessionToken&Version=2011-06-15", "InvalidAction"),
        ("Action=AssumeRole&Version=2011-06-15&Action=GetCallerIdentity", "InvalidParameterValue"),
        ("Action=AssumeRole&Version=2011-06-15&RoleArn=%FF", "InvalidParameterValue"),
        ("Action=AssumeRole&Version=2011-06-15&PolicyArns.member.1.arn=a", "InvalidParameterValue"),
    ],
)
def test_bad_calls(text: str, code: str) -> None:
    assert read(text) == code


def test_a_call_does_not_show_what_it_holds() -> None:
    assert "hunter2" not in repr(Call("AssumeRoleWithLDAPIdentity", {"LDAPPassword": "hunter2"}))
