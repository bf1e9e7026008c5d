"""Networks of a configuration."""

from ipaddress import ip_network

import pytest

from s3gateway.config.check import ConfigError
from s3gateway.config.networks import read_networks
from tests.admission import configured


def test_networks_and_addresses() -> None:
    config = configured(listen={"proxy_protocol": ["10.0.0.0/8", "192.0.2.7", "fd00::/8", "2001:DB8::1"]})
    written = ("10.0.0.0/8", "192.0.2.7/32", "fd00::/8", "2001:db8::1/128")
    assert config.listen.proxy_protocol == tuple(map(ip_network, written))


def test_none_by_default() -> None:
    assert configured().listen.proxy_protocol == ()


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("haproxy", "k[0]: 'haproxy' is no network; write it like 10.0.0.0/8, fd00::/8 or 10.0.0.5"),
        ("10.0.0.0/33", "k[0]: '10.0.0.0/33' is no network; write it like"),
        ("10.0.0.0/", "k[0]: '10.0.0.0/' is no network; write it like"),
        ("10.0.0.5/8", "k[0]: '10.0.0.5/8' is an address in a network; write 10.0.0.0/8, or the address alone"),
        ("fd00::1/8", "k[0]: 'fd00::1/8' is an address in a network; write fd00::/8, or the address alone"),
        ("::ffff:10.0.0.0/104", "k[0]: '::ffff:10.0.0.0/104' is IPv4; write 10.0.0.0/8"),
        ("[fd00::1]", "k[0]: '[fd00::1]' is no network; write it like"),
        ("10.0.0.5:8000", "k[0]: '10.0.0.5:8000' is no network; write it like"),
    ],
)
def test_what_is_none(value: str, told: str) -> None:
    """The message says what to write; nothing is taken that would never match."""
    with pytest.raises(ConfigError) as raised:
        read_networks("k", [value])
    assert str(raised.value).startswith(told)
