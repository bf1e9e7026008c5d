"""``lookup:``, as it is read and refused."""

from pathlib import Path

import pytest

from s3gateway.config.check import ConfigError
from s3gateway.config.gateway_yaml import parse
from s3gateway.config.model import LookupProvider
from s3gateway.identity.remote_keys import Terms

CANARY = "c4n4ry-s3cr3t"
OK = "backend: {endpoint: 'https://h', credentials: {access_key_id: a, secret_access_key: b}}\n"
URL = "url: https://portal.example:8443/v1/keys/"


def read(text: str, folder: Path) -> LookupProvider:
    found = parse(OK + "lookup: {" + text + "}\n", folder).lookup
    assert found is not None
    return found


def test_clients_may_be_missing(tmp_path: Path) -> None:
    """And encryption rules may name anybody."""
    (tmp_path / "headers").write_text(f"Authorization: Bearer {CANARY}\n\nX-Tenant:  a b \r\n")
    config = parse(
        OK + "lookup: {" + URL + ", headers_file: headers, rights: [{groups: [g], buckets: [b], read_only: true}]}\n"
        "encryption: [{client: 'etl-*', sse-s3: true}]\n", tmp_path,
    )  # fmt: skip
    found = config.lookup
    assert found is not None
    assert (found.place.url, found.path) == ("https://portal.example:8443", "/v1/keys/")
    assert [(name, value.reveal().decode()) for name, value in found.headers] == [
        (b"Authorization", f"Bearer {CANARY}"),
        (b"X-Tenant", "a b"),
    ]
    assert found.terms == Terms(120, 30, 3600, 20)
    assert (found.rights[0].groups, found.rights[0].access.read_only) == (("g",), True)
    assert tmp_path / "headers" in config.files
    assert CANARY not in repr(config)


def test_the_same_settings_are_the_same_provider(tmp_path: Path) -> None:
    """So a reload of something else forgets no answer."""
    headers = tmp_path / "headers"
    headers.write_text(f"Authorization: {CANARY}")
    text = URL + ", headers_file: headers"
    assert read(text, tmp_path) == (before := read(text, tmp_path))
    assert read(text, tmp_path) != read(text + ", per_second: 1", tmp_path)
    headers.write_text("Authorization: another")
    assert read(text, tmp_path) != before


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("url: http://portal.example/keys", "lookup.url: 'http://portal.example/keys' is not encrypted; use https://"),
        ("url: https://a:b@portal.example", "lookup.url: holds a user name or password; put an Authorization header"),
        ("url: 'https://portal.example/?key='", "lookup.url: 'https://portal.example/?key=' holds more than a host"),
        ("url: portal.example", "lookup.url: 'portal.example' holds more than"),
        ("url: ftp://portal.example", "lookup.url: 'ftp://portal.example' is not an http(s) address"),
        ("ca_file: x", "lookup.url: is missing; set it, or take lookup.ca_file out"),
        (URL + ", ca_file: none.crt", "lookup.ca_file: file "),
        (URL + ", ca_file: headers", "lookup.ca_file: "),
        (URL + ", headers_file: none", "lookup.headers_file: file "),
        (
            URL + ", headers_file: headers",
            "lookup.headers_file: line 1 of 'headers' is no header; write it like",
        ),
        (URL + ", headers_file: own", "lookup.headers_file: line 1 of 'own' is a header of the gateway's own; take it"),
        (URL + ", per_second: 0", "lookup.per_second: 0 is not a number a second > 0"),
        (URL + ", cache: never", "lookup.cache: 'never' is not a number of seconds > 0"),
        (URL + ", rights: [{bukets: []}]", "lookup.rights[0].bukets: unknown key; did you mean buckets?"),
        (URL + ", rights: [{operations: [GetObjekt]}]", "lookup.rights[0].operations: 'GetObjekt' is no S3 operation"),
        ("nothing: 1", "lookup.nothing: unknown key"),
    ],
)
def test_refused(tmp_path: Path, text: str, told: str) -> None:
    """By the key's path, with the remedy, and without what a file holds."""
    (tmp_path / "headers").write_text(f"Bearer {CANARY}\n")
    (tmp_path / "own").write_text("Host: elsewhere\n")
    with pytest.raises(ConfigError) as refused:
        read(text, tmp_path)
    assert str(refused.value).startswith(told), str(refused.value)
    assert CANARY not in str(refused.value)


def test_without_either(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^clients: is missing or empty"):
        parse(OK, tmp_path)
