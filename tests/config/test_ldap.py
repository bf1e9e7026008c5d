"""``ldap:`` and MinIO's variables -> how a directory is asked; what could not work is refused with the remedy."""

from pathlib import Path
from typing import Any

import pytest

from s3gateway.config.check import ConfigError
from s3gateway.config.gateway_yaml import build, parse
from s3gateway.config.ldap import from_environment
from s3gateway.identity.ldap import INSECURE, LDAPS, STARTTLS, LdapSettings, Server
from s3gateway.identity.remote_keys import Terms

CANARY = "c4n4ry-p4ssw0rd"
USERS = {"user_dn_search_base_dn": "ou=people,dc=x", "user_dn_search_filter": "(uid=%s)"}
LEAST = {"server_addr": "ldap.example.com", **USERS}
KEYS = {"key_search_filter": "(s3AccessKey=%s)", "secret_key_attribute": "s3SecretKey"}


def load(folder: Path = Path(), **section: Any) -> LdapSettings | None:
    given = {name: value for name, value in section.items() if value is not None}
    return build({"backend": {"endpoint": "https://h"}, "ldap": given}, folder).ldap


def settings(folder: Path = Path(), **section: Any) -> LdapSettings:
    loaded = load(folder, **{**LEAST, **section})
    assert loaded is not None
    return loaded


def refusal(**section: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        load(**section)
    assert CANARY not in str(caught.value)
    return str(caught.value)


def test_without_a_directory() -> None:
    assert load() is None
    assert build({"backend": {"endpoint": "https://h"}, "ldap": None}, Path()).ldap is None


def test_everything(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f"{CANARY}\n")
    loaded = settings(
        tmp_path,
        server_addr="a.example.com:1636, 192.0.2.7, [::1]:636, ::1",
        lookup_bind_dn="cn=lookup,dc=x",
        lookup_bind_password_file="password",
        user_dn_search_base_dn="ou=a,dc=x; ou=b,dc=x;",
        user_dn_attributes="mail, department",
        group_search_base_dn="ou=groups,dc=x",
        group_search_filter="(member=%d)",
        timeout=2.5,
        connections=3,
        key_cache=60,
        **KEYS,
    )
    ports = (1636, 636, 636, 636)
    hosts = ("a.example.com", "192.0.2.7", "::1", "::1")
    assert loaded.servers == tuple(map(Server, hosts, ports))
    assert (loaded.bind_dn, loaded.bind_password and loaded.bind_password.reveal()) == (
        "cn=lookup,dc=x",
        CANARY.encode(),
    )
    assert (loaded.user_bases, loaded.group_bases) == (("ou=a,dc=x", "ou=b,dc=x"), ("ou=groups,dc=x",))
    assert (loaded.user_attribute, loaded.attributes) == ("uid", ("mail", "department"))
    assert (loaded.timeout, loaded.connections, loaded.security, loaded.verifies) == (2.5, 3, LDAPS, True)
    keys = loaded.keys
    assert keys is not None
    assert (keys.bases, keys.access_key_attribute) == (loaded.user_bases, "s3AccessKey")
    assert keys.terms == Terms(60, 30, 3600, 20)
    assert CANARY not in repr(loaded)


@pytest.mark.parametrize(
    ("section", "security", "port"),
    [
        ({}, LDAPS, 636),
        ({"server_starttls": True}, STARTTLS, 389),
        ({"server_insecure": True}, INSECURE, 389),
    ],
)
def test_transports(section: dict[str, Any], security: str, port: int) -> None:
    loaded = settings(**section)
    assert (loaded.security, loaded.servers[0].port) == (security, port)


@pytest.mark.parametrize(
    ("mode", "record"),
    [("ldap", "_ldap._tcp.example.com"), ("ldaps", "_ldaps._tcp.example.com"), ("on", "example.com")],
)
def test_servers_from_dns(mode: str, record: str) -> None:
    """As MinIO names the records."""
    loaded = settings(server_addr="example.com", srv_record_name=mode)
    assert (loaded.servers, loaded.srv_record) == ((), record)


@pytest.mark.parametrize(
    ("section", "told"),
    [
        (USERS, "ldap.server_addr: is missing; write host:port of the directory"),
        ({"timeout": 5}, "ldap.server_addr: is missing; write host:port of the directory"),
        ({"server_addr": "h"}, "ldap.user_dn_search_filter: is missing; write it like (uid=%s)"),
        (
            {**LEAST, "server_addr": "ldaps://h"},
            "ldap.server_addr: 'ldaps://h' is no host:port; it is no URL;",
        ),
        ({**LEAST, "server_addr": "h:0"}, "ldap.server_addr: 'h:0' is no host:port; write it like"),
        ({**LEAST, "server_addr": "h,"}, "ldap.server_addr: '' is no host:port; write it like"),
        ({**LEAST, "srv_record_name": "off"}, "ldap.srv_record_name: 'off' is none; write ldap, ldaps or on"),
        (
            {**LEAST, "srv_record_name": "on", "server_addr": "h:1"},
            "ldap.server_addr: 'h:1' is no domain, as ldap.srv_record_name wants; write it without a port",
        ),
        (
            {**LEAST, "server_insecure": True, "server_starttls": True},
            "ldap.server_insecure: is set besides ldap.server_starttls; leave one of them out",
        ),
        (
            {**LEAST, "lookup_bind_dn": "cn=l,dc=x"},
            "ldap.lookup_bind_password: is missing; set ldap.lookup_bind_dn and its password together",
        ),
        (
            {**LEAST, "lookup_bind_password": CANARY},
            "ldap.lookup_bind_dn: is missing; set ldap.lookup_bind_dn and its password together",
        ),
        (
            {**LEAST, "lookup_bind_dn": "lookup@x", "lookup_bind_password": CANARY},
            "ldap.lookup_bind_dn: 'lookup@x' is no distinguished name; write it like ou=people,dc=example,dc=com",
        ),
        (
            {**LEAST, "lookup_bind_dn": "cn=l", "lookup_bind_password": f"{CANARY}\n"},
            "ldap.lookup_bind_password: the value holds '\\n'; take it out:",
        ),
        (
            {**LEAST, "user_dn_search_base_dn": None},
            "ldap.user_dn_search_base_dn: is missing; write it like ou=people,dc=example,dc=com",
        ),
        (
            {**LEAST, "user_dn_search_base_dn": "people"},
            "ldap.user_dn_search_base_dn: 'people' is no distinguished name; write it like",
        ),
        (
            {**LEAST, "user_dn_search_filter": "(uid=alice)"},
            "ldap.user_dn_search_filter: '(uid=alice)' holds no %s, so it finds the same for everybody; write",
        ),
        (
            {**LEAST, "user_dn_search_filter": "uid=%s"},
            "ldap.user_dn_search_filter: 'uid=%s' has no ( at character 1; write it like (uid=%s)",
        ),
        (
            {**LEAST, "user_dn_search_filter": "(|(uid=%s)(mail=%s))"},
            "ldap.user_attribute: is missing, and ldap.user_dn_search_filter does not compare one attribute with %s;",
        ),
        ({**LEAST, "user_attribute": "u d"}, "ldap.user_attribute: 'u d' is no attribute's name; write it like uid"),
        ({**LEAST, "group_search_filter": "(member=%d)"}, "ldap.group_search_base_dn: is missing; write it like"),
        (
            {**LEAST, "group_search_filter": "(member=*)", "group_search_base_dn": "ou=g"},
            "ldap.group_search_filter: '(member=*)' holds no %s, so it finds the same for everybody; write it like",
        ),
        (
            {**LEAST, "key_search_filter": "(k=%s)"},
            "ldap.secret_key_attribute: is missing; set key_search_filter and secret_key_attribute together",
        ),
        (
            {**LEAST, **KEYS, "key_search_filter": "(k=*%s)"},
            "ldap.key_search_filter: '(k=*%s)' does not compare one attribute with %s; write (attribute=%s)",
        ),
        (
            {"server_addr": "h", **KEYS},
            "ldap.key_search_base_dn: is missing; write it like ou=people,dc=example,dc=com",
        ),
        (
            {**LEAST, "ca_file": "/nowhere"},
            "ldap.ca_file: file '/nowhere' does not exist; correct the path or create the file",
        ),
        ({**LEAST, "ca_file": "/dev/null"}, "ldap.ca_file:"),
        ({**LEAST, "tls_skip_verify": "on"}, "ldap.tls_skip_verify: 'on' is not true or false; write true or false"),
    ],
)
def test_refusals(section: dict[str, Any], told: str) -> None:
    """One line: the key, the value and the remedy. A password is never the value."""
    said = refusal(**section)
    assert said.startswith(told)
    assert "; " in said


def test_a_file_that_holds_no_certificate(tmp_path: Path) -> None:
    (tmp_path / "ca").write_text("x")
    with pytest.raises(ConfigError, match=r"holds no PEM certificate; name the CA's \.crt file"):
        settings(tmp_path, ca_file="ca")


def test_without_sts_nobody_logs_in() -> None:
    """Which is told at the start. Keys of entries need none."""
    base = "backend: {endpoint: 'https://h'}\n"
    for section in (
        "ldap: {server_addr: h, user_dn_search_base_dn: 'dc=x', user_dn_search_filter: '(uid=%s)'}\n",
        "web_identity: [{issuer: 'https://i', audiences: [a], subjects: ['*']}]\n",
    ):
        with pytest.raises(ConfigError, match=r"^\w+: is there, and nobody can log in without sts; add 'sts: {}'$"):
            parse(base + section, Path())
        parse(base + section + "sts: {}\n", Path())
    keys = "ldap: {server_addr: h, key_search_base_dn: 'dc=x', key_search_filter: '(k=%s)', secret_key_attribute: s}\n"
    roles = "roles: [{name: a, ldap_groups: ['cn=a,dc=x'], buckets: [b]}]\n"
    assert parse(base + keys + roles, Path()).sts is None
    with pytest.raises(ConfigError, match=r"^roles\[0\].ldap_groups\[0\]: 'staff' is no distinguished name; write it"):
        parse(base + keys + roles.replace("cn=a,dc=x", "staff"), Path())


def test_minios_variables() -> None:
    """They are the same keys; switches are on and off."""
    environ = {
        "MINIO_IDENTITY_LDAP_SERVER_ADDR": "ldap.example.com:389",
        "MINIO_IDENTITY_LDAP_SERVER_STARTTLS": "on",
        "MINIO_IDENTITY_LDAP_TLS_SKIP_VERIFY": "OFF",
        "MINIO_IDENTITY_LDAP_SRV_RECORD_NAME": "",
        "MINIO_IDENTITY_LDAP_USER_DN_SEARCH_FILTER": "(uid=%s)",
        "MINIO_IDENTITY_LDAP_LOOKUP_BIND_PASSWORD": f" {CANARY}",
    }
    assert from_environment(environ) == {
        "server_addr": "ldap.example.com:389",
        "server_starttls": True,
        "tls_skip_verify": False,
        "user_dn_search_filter": "(uid=%s)",
        "lookup_bind_password": f" {CANARY}",
    }
    assert from_environment(environ | {"MINIO_IDENTITY_LDAP_ENABLE": "off"}) is None
    assert from_environment({"MINIO_IDENTITY_LDAP_USER_DN_SEARCH_FILTER": "(uid=%s)"}) is None
    with pytest.raises(ConfigError, match="MINIO_IDENTITY_LDAP_SERVER_STARTTLS: 'yes' is neither on nor off"):
        from_environment(environ | {"MINIO_IDENTITY_LDAP_SERVER_STARTTLS": "yes"})
