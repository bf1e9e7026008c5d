"""Clients whose keys somebody else knows: what they may do."""

import pytest

from s3gateway import remote_client
from s3gateway.config.model import Client, Config
from s3gateway.identity.login import LDAP, LOOKUP, Login
from s3gateway.identity.remote_keys import FoundKey
from s3gateway.rules.operations import read_operation
from s3gateway.sigv4.model import RequestHead, Secret
from tests.admission import configured

ROLES = [
    {"name": "staff", "ldap_groups": ["cn=staff,dc=x"], "buckets": ["lake"], "prefixes": ["home/{user}/"]},
    {"name": "ops", "ldap_groups": ["cn=ops,dc=x"], "buckets": ["lake"], "prefixes": ["{department}/"]},
    {"name": "own", "ldap_groups": ["cn=own,dc=x"], "buckets": ["lake"], "backend_identity": "as_user"},
    {"name": "seen", "ldap_groups": ["cn=seen,dc=x"], "buckets": ["lake"], "backend_identity": "session"},
]


def client(source: str, *groups: str, config: Config | None = None) -> Client:
    login = Login(source, "robot", "uid=robot,dc=x", groups)
    return remote_client.of_key("KEY", FoundKey(Secret("secret"), login), config or configured(sts={}, roles=ROLES))


def refusal(client: Client, key: str) -> str:
    return client.access.refusal(read_operation(RequestHead(b"GET", f"/lake/{key}".encode(), ()), ()))


def test_it_is_a_client_of_the_configuration_then() -> None:
    """Of the one that is given, beside the others."""
    config = configured()
    found = client(LOOKUP)
    more = config.with_client(found)
    assert more.clients["KEY"] is found
    assert set(more.clients) == {*config.clients, "KEY"}
    assert len(more.clients) == len(config.clients) + 1
    assert {name: more.clients[name] for name in config.clients} == config.clients
    assert "KEY" not in config.clients


def test_a_directorys_user_may_do_what_the_groups_open() -> None:
    """Nothing without one; a role whose template has no value opens nothing."""
    found = client(LDAP, "cn=staff,dc=x", "cn=ops,dc=x")
    assert (found.name, found.roles, found.keys.secret.reveal()) == ("robot", ("staff", "ops"), b"secret")
    assert refusal(found, "home/robot/a") == ""
    assert refusal(found, "home/other/a") != ""
    assert refusal(client(LDAP, "cn=nobody,dc=x"), "home/robot/a") != ""
    assert refusal(client(LDAP), "home/robot/a") != ""


def test_whose_hand_it_has_at_the_backend() -> None:
    """Under a session where its role says so; nothing where it would have to be a login of its own there."""
    assert '"arn:aws:s3:::lake' in client(LDAP, "cn=seen,dc=x").backend_policy
    assert refusal(client(LDAP, "cn=seen,dc=x"), "a") == ""
    assert refusal(client(LDAP, "cn=own,dc=x"), "a") != ""


@pytest.mark.parametrize(("source", "may"), [(LOOKUP, True), (LDAP, False)])
def test_rights_of_look_ups_are_for_their_users(source: str, may: bool) -> None:
    """And for no one else: each source has rules of its own."""
    lookup = {"url": "https://portal.example/keys", "rights": [{"users": ["robot"], "buckets": ["lake"]}]}
    assert (refusal(client(source, config=configured(lookup=lookup)), "a") == "") == may
    staff = configured(lookup={"url": "https://portal.example/keys"}, sts={}, roles=ROLES)
    assert refusal(client(LOOKUP, "cn=staff,dc=x", config=staff), "home/robot/a") != ""
