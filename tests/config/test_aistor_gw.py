"""AIStor-GW's environment variables, without any YAML."""

import re
from pathlib import Path

import pytest

from lab.certs import Certs
from s3gateway.config import aistor_gw
from s3gateway.config.check import ConfigError
from s3gateway.config.model import KeyPair
from s3gateway.rules.access import ALL

CANARY = "c4n4ry-s3cr3t"
CREDENTIALS = f"static:\n  access_key_id: AK\n  secret_access_key: {CANARY}\n"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """What AIStor-GW needs to run."""
    (tmp_path / "creds.yaml").write_text(CREDENTIALS)
    (tmp_path / "ca.crt").write_text("x")
    return {
        "LOCAL_ENDPOINT": "127.0.0.1:8001",
        "MINIO_ENDPOINT": "https://minio.example:9000",
        "MINIO_CACERT_FILE": str(tmp_path / "ca.crt"),
        "CREDS_FILE": str(tmp_path / "creds.yaml"),
    }


def refusal(environ: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as raised:
        aistor_gw.load(environ, {})
    return str(raised.value)


def test_drop_in(environ: dict[str, str], tmp_path: Path) -> None:
    """Clients use the gateway's own key pair, for all buckets."""
    config = aistor_gw.load(environ, {})
    assert (config.listen.host, config.listen.port, config.backend.url) == (
        "127.0.0.1",
        8001,
        "https://minio.example:9000",
    )
    assert config.backend.ca_file == tmp_path / "ca.crt"
    assert isinstance(config.credentials, KeyPair)
    assert config.credentials.secret.reveal() == CANARY.encode()
    assert [(key, client.keys, client.access) for key, client in config.clients.items()] == [
        ("AK", config.credentials, ALL)
    ]
    assert {path.name for path in config.files} == {"creds.yaml", "ca.crt"}


@pytest.mark.parametrize(
    ("endpoint", "host", "port"),
    [
        (":8000", "0.0.0.0", 8000),
        ("http://0.0.0.0:8000", "0.0.0.0", 8000),
        ("https://127.0.0.1:8000/", "127.0.0.1", 8000),
        ("[::1]:8000", "::1", 8000),
    ],
)
def test_local_endpoints(environ: dict[str, str], endpoint: str, host: str, port: int) -> None:
    """Every form that AIStor-GW takes."""
    config = aistor_gw.load({**environ, "LOCAL_ENDPOINT": endpoint}, {})
    assert (config.listen.host, config.listen.port) == (host, port)


def test_without_the_optional_ones(environ: dict[str, str]) -> None:
    """The listen address and the CA have defaults, and the fallback counts."""
    least = {name: environ[name] for name in ("MINIO_ENDPOINT", "CREDS_FILE")}
    config = aistor_gw.load(least, {"listen.port": 1234})
    assert (config.listen.host, config.listen.port, config.backend.ca_file) == ("127.0.0.1", 1234, None)


@pytest.mark.parametrize("endpoint", ["localhost", "localhost:", "http://localhost", ":http"])
def test_a_port_is_needed(environ: dict[str, str], endpoint: str) -> None:
    """An address without a port is refused by the variable's name."""
    assert refusal({**environ, "LOCAL_ENDPOINT": endpoint}).startswith("LOCAL_ENDPOINT: ")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "has no mapping 'static'"),
        (CANARY, "has no mapping 'static'"),
        (f"static: {CANARY}", "has no mapping 'static'"),
        (f"static: {{secret_access_key: {CANARY}}}", "lacks access_key_id or secret_access_key, or they are not text"),
        (f"static: {{access_key_id: 1, secret_access_key: {CANARY}}}", "lacks access_key_id or secret_access_key"),
        (f"static: {{access_key_id: a, secret_access_key: [{CANARY}]}}", "lacks access_key_id or secret_access_key"),
        (f"static: {{access_key_id: a, secret_access_key: *{CANARY}}}", "is not valid YAML"),
        (f"static: {{access_key_id: a, secret_access_key: !{CANARY} x}}", "is not valid YAML"),
        (f"static: {{access_key_id: {CANARY}", "is not valid YAML"),
        ("static: 2024-13-45", "is not valid YAML"),
    ],
)
def test_bad_credentials_files(environ: dict[str, str], text: str, problem: str) -> None:
    """A credentials file of another shape is refused without quoting what is in it."""
    Path(environ["CREDS_FILE"]).write_text(text)
    said = refusal(environ)
    assert (problem in said, CANARY in said) == (True, False)
    assert said.endswith("write 'static: {access_key_id: ..., secret_access_key: ...}'")


def test_what_must_be_set(environ: dict[str, str]) -> None:
    """CREDS_FILE has no default, and files must be there."""
    assert refusal({**environ, "CREDS_FILE": ""}).startswith("CREDS_FILE: is not set; ")
    assert "does not exist" in refusal({**environ, "CREDS_FILE": "/nonexistent/creds"})
    assert "does not exist" in refusal({**environ, "MINIO_CACERT_FILE": "/nonexistent/ca"})


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("MINIO_ENDPOINT", "tcp://1.2.3.4:80", "'tcp://1.2.3.4:80' is not an http(s) address"),
        ("MINIO_ENDPOINT", "https://a..b", "'https://a..b' does not name a host"),
        ("MINIO_ENDPOINT", "http://minio:9000", "'http://minio:9000' is not encrypted"),
        ("MINIO_ENDPOINT", "https://127.0.0.1:8001", "'https://127.0.0.1:8001' is the gateway's own address"),
        ("MINIO_CACERT_FILE", "/nowhere.crt", "file '/nowhere.crt' does not exist"),
        ("MINIO_CACERT_FILE", "/", "'/' is a directory"),
        ("CREDS_FILE", "/nowhere.yaml", "file '/nowhere.yaml' does not exist"),
        ("LOCAL_ENDPOINT", "tcp://1.2.3.4:80", "'tcp://1.2.3.4:80' names no host to listen on"),
        ("LOCAL_ENDPOINT", "1.2.3.4:99999", "99999 is not a port number"),
        ("LOCAL_ENDPOINT", "1.2.3.4:\u00b2", "'1.2.3.4:\u00b2' has no port"),
    ],
)
def test_refusals_name_the_variable(environ: dict[str, str], variable: str, value: str, told: str) -> None:
    """Whoever set variables knows nothing of a file's keys."""
    said = aistor_gw.in_its_words(refusal({**environ, variable: value}))
    assert said.startswith(f"{variable}: {told}; ")
    assert ("backend." in said, "listen." in said, "change listen" in said) == (False, False, False)


def test_a_password_in_the_endpoint_is_not_told(environ: dict[str, str]) -> None:
    """Nor is the file's key for credentials."""
    said = aistor_gw.in_its_words(refusal({**environ, "MINIO_ENDPOINT": f"https://u:{CANARY}@h"}))
    assert said.startswith("MINIO_ENDPOINT: holds a user name or password; ")
    assert said.endswith("; credentials go to CREDS_FILE")


def test_requested() -> None:
    """The backend's address is what asks for a gateway."""
    assert (aistor_gw.is_requested({"MINIO_ENDPOINT": "x"}), aistor_gw.is_requested({})) == (True, False)


@pytest.mark.parametrize(("value", "expected"), [("", False), ("0", False), ("No", False), ("1", True), ("yes", True)])
def test_verbose(value: str, expected: bool) -> None:
    """Any word but a no."""
    assert aistor_gw.is_verbose({"VERBOSE": value}) is expected


LDAP = {
    "MINIO_IDENTITY_LDAP_SERVER_ADDR": "ldap.example.com:389",
    "MINIO_IDENTITY_LDAP_SERVER_STARTTLS": "on",
    "MINIO_IDENTITY_LDAP_LOOKUP_BIND_DN": "cn=lookup,dc=x",
    "MINIO_IDENTITY_LDAP_LOOKUP_BIND_PASSWORD": CANARY,
    "MINIO_IDENTITY_LDAP_USER_DN_SEARCH_BASE_DN": "ou=people,dc=x",
    "MINIO_IDENTITY_LDAP_USER_DN_SEARCH_FILTER": "(uid=%s)",
    "LDAP_GROUPS": "cn=s3,dc=x; cn=ops,dc=x",
}


@pytest.fixture
def with_directory(environ: dict[str, str]) -> dict[str, str]:
    """And what MinIO has for its directory."""
    del environ["MINIO_CACERT_FILE"]
    return environ | LDAP


def test_users_of_a_directory(with_directory: dict[str, str], certs: Certs) -> None:
    """Members of the named groups get what the key pair may; the CA is that of the backend."""
    config = aistor_gw.load(with_directory | {"MINIO_CACERT_FILE": str(certs.ca)}, {})
    assert config.ldap is not None
    assert (config.ldap.servers[0].port, config.ldap.security, config.ldap.ca_file) == (389, "starttls", certs.ca)
    assert [(role.ldap_groups, role.access) for role in config.roles] == [(("cn=s3,dc=x", "cn=ops,dc=x"), ALL)]
    assert config.sts is not None
    assert not config.sts.is_shared
    assert aistor_gw.load(with_directory | {"MINIO_IDENTITY_LDAP_ENABLE": "off"}, {}).ldap is None


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("LDAP_GROUPS", " ;", "is not set; name the DNs of the groups whose members"),
        ("MINIO_IDENTITY_LDAP_SERVER_ADDR", "ldap://h", "'ldap://h' is no host:port; it is no URL;"),
        ("MINIO_IDENTITY_LDAP_SERVER_STARTTLS", "maybe", "'maybe' is neither on nor off; write on or off"),
        ("MINIO_IDENTITY_LDAP_LOOKUP_BIND_PASSWORD", "", "is missing; set MINIO_IDENTITY_LDAP_LOOKUP_BIND_DN and"),
        ("MINIO_IDENTITY_LDAP_USER_DN_SEARCH_FILTER", "uid=%s", "'uid=%s' has no ( at character 1;"),
        ("MINIO_IDENTITY_LDAP_USER_DN_SEARCH_BASE_DN", "", "is missing; write it like ou=people"),
        ("STS_RING", "/nowhere", "file '/nowhere' does not exist;"),
        ("MINIO_CACERT_FILE", "/dev/null", "file '/dev/null' does not exist;"),
    ],
)
def test_refusals_of_a_directory_name_the_variable(
    with_directory: dict[str, str], variable: str, value: str, told: str
) -> None:
    """In the words of whoever set MinIO's variables."""
    said = aistor_gw.in_its_words(refusal({**with_directory, variable: value}))
    assert said.startswith(f"{variable}: {told}")
    assert (re.search(r"\bldap\.[a-z]+_", said), CANARY in said) == (None, False)
