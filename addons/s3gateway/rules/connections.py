"""How many connections there may be, in all and from one address.

Whoever comes over a limit is closed at once and not answered: a 503 would have to wait for a TLS handshake and a
request head, and so hold what the limit is there to keep. SDKs connect anew when a connection ends without an answer.
"""

from collections import Counter
from ipaddress import ip_address, ip_network

from s3gateway.rules.limits import Limits

_IPV6_SITE = 64
"""Bits of an IPv6 address that tell who it is; one host can use all addresses behind them."""


class Connections:
    """Counts the connections that are in. ``who`` names a connection, ``address`` its peer."""

    def __init__(self) -> None:
        self._origins: dict[str, str] = {}
        self._counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._origins)

    def enter(self, who: str, address: str, limits: Limits) -> str:
        """Count a connection in, and give ``""``; or give the name of the limit that keeps it out."""
        peer = origin(address)
        if len(self._origins) >= limits.connections:
            return "limits.connections"
        if self._counts[peer] >= limits.connections_per_address:
            return "limits.connections_per_address"
        self._origins[who] = peer
        self._counts[peer] += 1
        return ""

    def leave(self, who: str) -> None:
        """Count a connection out; one that was kept out changes nothing."""
        peer = self._origins.pop(who, None)
        if peer is not None:
            self._counts[peer] -= 1
            if not self._counts[peer]:
                del self._counts[peer]


def origin(address: str) -> str:
    """Give what counts as one peer: an IPv4 address, or the network of an IPv6 one."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if ip.version == 6 and ip.ipv4_mapped is None:  # noqa: PLR2004
        return str(ip_network((ip, _IPV6_SITE), strict=False))
    return str(ip.ipv4_mapped if ip.version == 6 and ip.ipv4_mapped else ip)  # noqa: PLR2004
