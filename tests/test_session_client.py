"""Clients that a directory knows: for how long they count, and what they may do."""

from datetime import UTC, datetime, timedelta

from s3gateway import session_client
from s3gateway.config.model import Client, Config
from s3gateway.identity.login import LDAP, Login
from s3gateway.rules.operations import read_operation
from s3gateway.sigv4.model import RequestHead, Secret
from tests.admission import configured

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
ROLES = [
    {"name": "staff", "ldap_groups": ["cn=staff,dc=x"], "buckets": ["lake"], "prefixes": ["home/{user}/"]},
    {"name": "ops", "ldap_groups": ["cn=ops,dc=x"], "buckets": ["lake"], "prefixes": ["{department}/"]},
]


def config() -> Config:
    return configured(sts={}, roles=ROLES)


def keep(config: Config, *groups: str) -> Client:
    login = Login(LDAP, "robot", "uid=robot,dc=x", groups)
    session_client.keep("KEY", (Secret("secret"), login), config, NOW, 120)
    client = session_client.known("KEY", config, NOW)
    assert client is not None
    return client


def refusal(client: Client, key: str) -> str:
    return client.access.refusal(read_operation(RequestHead(b"GET", f"/lake/{key}".encode(), ()), ()))


def test_it_counts_for_a_while() -> None:
    """And no longer, nor where it was asked for again and is gone, nor under another configuration."""
    first = config()
    keep(first, "cn=staff,dc=x")
    assert session_client.known("KEY", first, NOW + timedelta(seconds=119)) is not None
    assert session_client.known("KEY", first, NOW + timedelta(seconds=120)) is None
    assert session_client.known("KEY", config(), NOW) is None
    session_client.keep("KEY", None, first, NOW, 120)
    assert session_client.known("KEY", first, NOW) is None


def test_what_it_may_do_is_what_its_groups_open() -> None:
    """Nothing without one; a role whose template has no value opens nothing."""
    client = keep(config(), "cn=staff,dc=x", "cn=ops,dc=x")
    assert (client.name, client.roles, client.keys.secret.reveal()) == ("robot", ("staff", "ops"), b"secret")
    assert refusal(client, "home/robot/a") == ""
    assert refusal(client, "home/other/a") != ""
    assert refusal(keep(config(), "cn=nobody,dc=x"), "home/robot/a") != ""
    assert refusal(keep(config()), "home/robot/a") != ""
