"""Hosts in a configuration: what cannot be one is refused, and what is accepted mitmproxy accepts as well."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy.proxy.mode_specs import ProxyMode, ReverseMode

from s3gateway.config.addresses import is_here, is_host, listens_at, split_endpoint
from s3gateway.config.check import ConfigError
from s3gateway.config.gateway_yaml import parse
from s3gateway.config.model import Backend

CLIENT = "clients: [{name: a, access_key_id: K, secret_access_key: s}]\n"
OK = "backend: {endpoint: 'https://h'}\n" + CLIENT


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as raised:
        parse(text, Path())
    return str(raised.value)


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://my host:9000",
        "https://a..b:9000",
        "https://.a:9000",
        "https://a,b:9000",
        "https://a%20b",
        "https://münchen.example",
        "https://xn--a.example",
        "https://10.0.0.256:9000",
        "https://10.1:9000",
        "https://a\tb:9000",
        "https://a\\b:9000",
        "https://*:9000",
        f"https://{'a' * 64}:9000",
        "https://" + ".".join(["a" * 60] * 5),
    ],
)
def test_an_endpoint_without_a_host(endpoint: str) -> None:
    """Nothing else than names and addresses; mitmproxy would say so in a traceback, or with a 503 for each request."""
    with pytest.raises(ConfigError) as raised:
        split_endpoint("backend.endpoint", endpoint)
    said = str(raised.value)
    assert said.startswith("backend.endpoint: 'https://"), said
    assert said.endswith("does not name a host; write it like https://minio.example.com:9000"), said


def test_variables_are_not_filled_in() -> None:
    """A shell's or Compose's notation is told apart."""
    assert refusal(OK.replace("https://h", "https://${MINIO_HOST}:9000")) == (
        "backend.endpoint: 'https://${MINIO_HOST}:9000' does not name a host; "
        "write it like https://minio.example.com:9000; variables are not filled in"
    )


@pytest.mark.parametrize(
    "host",
    [
        "h",
        "h.",
        "minio_1",
        "a-b.example.com",
        "xn--mnchen-3ya.example",
        "10.0.0.1",
        "1and1.example",
        "::1",
        "fe80::1%eth0",
    ],
)
def test_hosts(host: str) -> None:
    """Names as DNS, Docker and IDNA have them, and addresses."""
    written = f"[{host}]" if ":" in host else host
    assert split_endpoint("k", f"https://{written}:9000") == ("https", host, 9000)


@given(st.one_of(st.text("ab-_.1:% xn", max_size=12), st.ip_addresses().map(str), st.text(max_size=5)))
def test_mitmproxy_accepts_what_is_accepted(host: str) -> None:
    """Invariant: no host passes here that its mode would refuse."""
    if is_host(host):
        mode = ProxyMode.parse(f"reverse:{Backend('https', host, 9000, None, '').url}")
        assert isinstance(mode, ReverseMode)
        assert mode.address[:2] == (host, 9000)


@pytest.mark.parametrize("host", ["http://0.0.0.0", "0.0.0.0:8000", "[::1]", "*", "my host", "0.0.0.256", "a..b", "~"])
def test_listen_host(host: str) -> None:
    """An address alone."""
    assert refusal(OK + f"listen: {{host: '{host}'}}") == (
        f"listen.host: '{host}' is no host name or IP address; write it like 127.0.0.1 or ::, without port or scheme"
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "::1", "localhost", "gateway_1"])
def test_hosts_to_listen_on(host: str) -> None:
    """Addresses of either family, and names."""
    assert parse(OK + f"listen: {{host: '{host}'}}", Path()).listen.host == host


@pytest.mark.parametrize(
    ("domain", "remedy"),
    [
        ("http://s3.local", "write 's3.local'"),
        ("https://s3.local:8000/", "write 's3.local'"),
        ("*.s3.local", "write 's3.local'"),
        ("s3.local:8000", "write 's3.local'"),
        ("http://*.s3.local:8000", "write 's3.local'"),
        (".", "write it like s3.example.com"),
        ("s3..local", "write it like s3.example.com"),
        ("127.0.0.1", "write it like s3.example.com"),
    ],
)
def test_domains(domain: str, remedy: str) -> None:
    """A Host header would never end with them, so every request would be read as path-style."""
    assert refusal(OK + f"addressing: {{domains: [s3.test, '{domain}']}}") == (
        f"addressing.domains[1]: '{domain}' is no domain name; {remedy}"
    )


@pytest.mark.parametrize(
    ("host", "is_it"), [("127.0.0.1", True), ("::1", None), ("192.0.2.1", False), ("2001:db8::1", False), ("a", False)]
)
def test_whether_an_address_is_this_machines(host: str, is_it: bool | None) -> None:
    """Documentation addresses are nobody's; ``::1`` is where IPv6 is switched on."""
    assert is_here(host) is is_it or is_it is None
    assert listens_at("0.0.0.0", host) is is_it or is_it is None
    assert listens_at(host, host)
    assert not listens_at("192.0.2.7", host)
