"""``sts:`` and ``roles:`` of the configuration."""

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from s3gateway.config.check import ConfigError
from s3gateway.config.gateway_yaml import parse
from s3gateway.config.model import Config
from s3gateway.identity.model import Revocation, Role, WebIdentities
from s3gateway.rules.access import Access

BASE = """
backend: {endpoint: "https://minio.example"}
clients: [{name: spark, access_key_id: K, secret_access_key: s, buckets: ["*"]}]
"""
KEY = base64.b64encode(b"k" * 32).decode()
OTHER = base64.b64encode(b"o" * 32).decode()


def load(text: str, folder: Path = Path()) -> Config:
    return parse(BASE + text, folder)


def refusal(text: str, folder: Path = Path()) -> str:
    with pytest.raises(ConfigError) as caught:
        load(text, folder)
    return str(caught.value)


def test_it_is_off_until_it_is_there() -> None:
    assert load("").sts is None
    for text in ("sts: {}", "sts:"):
        sts = load(text).sts
        assert sts is not None
        assert (sts.is_shared, sts.allow_plain_http, sts.longest_session) == (False, False, 43200)


def test_without_a_file_a_process_has_one_ring() -> None:
    """A reload ends no session."""
    one, other = load("sts: {}").sts, load("sts: {longest_session: 900}").sts
    assert one is not None
    assert other is not None
    assert one.ring == other.ring
    assert one.opened is not other.opened


def test_a_ring(tmp_path: Path) -> None:
    (tmp_path / "ring").write_text(f"keys:\n- {{key: {KEY}, since: 2026-11-29T12:00:00Z}}\n- {{key: {OTHER}}}\n")
    config = load("sts: {ring: ring}", tmp_path)
    assert config.sts is not None
    assert [each.key for each in config.sts.ring.keys] == [b"k" * 32, b"o" * 32]
    assert config.sts.ring.keys[0].since == datetime(2026, 11, 29, 12, tzinfo=UTC)
    assert config.files == (tmp_path / "ring",)


@pytest.mark.parametrize(
    ("ring", "message"),
    [
        ("keys: [", "sts.ring: 'ring' is not valid YAML"),
        ("", "sts.ring: 'ring' has no list 'keys'"),
        ("keys: []", "sts.ring: 'ring' has no list 'keys'"),
        ("keys: [x]", "sts.ring: keys[0]: is not a mapping of key and since"),
        ("keys: [{key: c2hvcnQ=}]", "sts.ring: keys[0]: is not the base64 of 32 bytes"),
        ("keys: [{key: not base64}]", "sts.ring: keys[0]: is not the base64 of 32 bytes"),
        (f"keys: [{{key: {KEY}, since: soon}}]", "sts.ring: keys[0]: since is no moment"),
        (f"keys: [{{key: {KEY}}}, {{key: {KEY}}}]", "sts.ring: 'ring' has a key twice"),
    ],
)
def test_a_broken_ring(tmp_path: Path, ring: str, message: str) -> None:
    """In one line with the remedy, and without any key."""
    (tmp_path / "ring").write_text(ring)
    told = refusal("sts: {ring: ring}", tmp_path)
    assert told.startswith(message + "; ")
    assert KEY not in told


def test_revocations() -> None:
    config = load('sts: {revoked: [{subject: "uid=*", before: 2026-11-29T12:00:00+01:00}]}')
    assert config.sts is not None
    assert config.sts.revoked == (Revocation("uid=*", datetime(2026, 11, 29, 11, tzinfo=UTC)),)


def test_roles() -> None:
    config = load("""
sts: {}
roles:
  - name: etl
    clients: ["sp*"]
    buckets: [lake, "team-{team}"]
    prefixes: ["home/{user}/"]
    operations: [GetObject, List*]
    longest_session: 1800
    backend_identity: session
  - name: ci
    arn: arn:aws:iam::123456789012:role/ci
    ldap_groups: ["cn=ci,dc=example"]
    web_identities: [{issuer: "https://issuer", audiences: [a], subjects: ["repo:*"]}]
    buckets: ["*"]
encryption: [{role: e*, sse-s3: true}, {client: anybody, sse-s3: true}]
""")
    operations = ("GetObject", "List*")
    assert config.roles == (
        Role("etl", Access(("lake", "team-{team}"), ("home/{user}/",), operations), clients=("sp*",),
             longest_session=1800, backend_identity="session"),
        Role("ci", Access(("*",), list_buckets=True), "arn:aws:iam::123456789012:role/ci", (), ("cn=ci,dc=example",),
             (WebIdentities("https://issuer", ("a",), ("repo:*",)),)),
    )  # fmt: skip
    assert [(rule.client, rule.role) for rule in config.encryption] == [("*", "e*"), ("anybody", "*")]


def role(**values: Any) -> str:
    entry = {"name": "r", "clients": ["spark"], "buckets": ["b"], **values}
    return f"sts: {{}}\nroles: [{entry!r}]\n".replace("True", "true")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sts: {longest_session: 899}", "sts.longest_session: 899 is no length of a session"),
        ("sts: {longest_session: 43201}", "sts.longest_session: 43201 is no length of a session"),
        ("sts: {ring: absent}", "sts.ring: file 'absent' does not exist"),
        ("sts: {rings: x}", "sts.rings: unknown key; did you mean ring?"),
        ("sts: {revoked: [{subject: x}]}", "sts.revoked[0].before: is missing"),
        ("sts: {revoked: [{subject: x, before: soon}]}", "sts.revoked[0].before: 'soon' is not a date and time"),
        ("sts: {revoked: {subject: x}}", "sts.revoked: a mapping is not a list"),
        ("roles: [{name: r, clients: [spark]}]", "roles: are there, and nobody can take one without sts"),
        (role(clients=[]), "roles[0]: nobody may take it"),
        (role(clients=["sprak"]), "roles[0].clients[0]: 'sprak' matches no client's name; did you mean spark?"),
        (role(name="a b"), "roles[0].name: 'a b' is no role's name"),
        (role(arn="etl"), "roles[0].arn: 'etl' is no ARN"),
        (role(longest_session=1), "roles[0].longest_session: 1 is no length of a session"),
        (role(buckets=["a/b"]), "roles[0].buckets[0]: 'a/b' is no bucket's name"),
        (role(prefixes=["{us er}/"]), "roles[0].prefixes[0]: '{us er}/' holds a brace that is no template"),
        (role(prefixes=["/{user}/"]), "roles[0].prefixes[0]: '/x/' begins with a slash"),
        (role(operations=["GetObjekt"]), "roles[0].operations: 'GetObjekt' is no S3 operation"),
        (role(backend_identity="own"), "roles[0].backend_identity: 'own' is not shared, session or as_user"),
        (
            role(web_identities=[{"issuer": "https://i", "subjects": []}]),
            "roles[0].web_identities[0].subjects: is empty",
        ),
        (role(web_identities=[{"issuer": "https://i"}]), "roles[0].web_identities[0].subjects: is missing"),
        (role() + "encryption: [{role: other, sse-s3: true}]", "encryption[0].role: 'other' matches no role's name"),
        (role() + "encryption: [{client: other, sse-s3: true}]", "encryption[0].client: 'other' matches no client's"),
        ("encryption: [{role: r, sse-s3: true}]", "encryption[0].role: 'r' matches no role's name; known here: none"),
    ],
)
def test_refusals(text: str, message: str) -> None:
    assert refusal(text).startswith(message)


def test_two_roles_of_one_name() -> None:
    text = "sts: {}\nroles: [{name: r, clients: [spark]}, {name: r, clients: [spark]}]"
    assert refusal(text).startswith("roles[1].name: 'r' is used twice")
    arn = "arn: arn:aws:iam::123456789012:role/r"
    text = f"sts: {{}}\nroles: [{{name: r, clients: [spark], {arn}}}, {{name: s, clients: [spark], {arn}}}]"
    assert refusal(text).startswith("roles[1].arn: 'arn:aws:iam::123456789012:role/r' is used twice")


def test_clients_may_be_missing_where_sessions_are_given() -> None:
    config = parse('backend: {endpoint: "https://minio.example"}\nsts: {}\n', Path())
    assert config.clients == {}
