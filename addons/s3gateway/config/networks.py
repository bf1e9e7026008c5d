"""Networks as a configuration names them: ``10.0.0.0/8``, ``fd00::/8``, or one address."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

from s3gateway.config.check import ConfigError, quoted

Network = IPv4Network | IPv6Network

_LIKE = "write it like 10.0.0.0/8, fd00::/8 or 10.0.0.5"
_MAPPED = 96
"""Bits before an IPv4 address that IPv6 has mapped. Such clients are known by their IPv4 address."""


def read_networks(key: str, values: Iterable[str]) -> tuple[Network, ...]:
    """Read each entry of a list. Raises :class:`ConfigError`."""
    return tuple(_network(f"{key}[{i}]", value) for i, value in enumerate(values))


def _network(key: str, value: str) -> Network:
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        raise ConfigError(key, f"{quoted(value)} is no network", _LIKE) from None
    if "/" in value and str(network.network_address) != str(ip_network(value.partition("/")[0]).network_address):
        raise ConfigError(key, f"{quoted(value)} is an address in a network", f"write {network}, or the address alone")
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped is not None and network.prefixlen >= _MAPPED:
        raise ConfigError(key, f"{quoted(value)} is IPv4", f"write {mapped}/{network.prefixlen - _MAPPED}")
    return network
