"""How many connections there may be, in all and from one address.

Whoever comes over a limit is closed at once and not answered: a 503 would have to wait for a TLS handshake and a
request head, and so hold what the limit is there to keep. SDKs connect anew when a connection ends without an answer.
"""

from collections import Counter
from ipaddress import ip_address, ip_network
from typing import Protocol

from s3gateway.rules.limits import Limits

_IPV6_SITE = 64
"""Bits of an IPv6 address that tell who it is; one host can use all addresses behind them."""


class Elsewhere(Protocol):
    """The connections of other processes, which the limits count as well."""

    def moved(self, origin: str, by: int, connections: int) -> None:
        """Hear that one from there has come (1) or gone (-1) here, and how many there are here now."""

    def elsewhere(self) -> int:
        """All of the others."""

    def from_there(self, origin: str) -> int:
        """Those of the others from one origin."""


class Connections:
    """Counts the connections that are in. ``who`` names a connection, ``address`` its peer."""

    def __init__(self) -> None:
        self.elsewhere: Elsewhere | None = None
        self._origins: dict[str, str] = {}
        self._counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._origins)

    def enter(self, who: str, address: str, limits: Limits) -> str:
        """Count a connection in, and give ``""``; or give the name of the limit that keeps it out."""
        origin, others = _origin(address), self.elsewhere
        if len(self._origins) + (others.elsewhere() if others else 0) >= limits.connections:
            return "limits.connections"
        if self._counts[origin] + (others.from_there(origin) if others else 0) >= limits.connections_per_address:
            return "limits.connections_per_address"
        self._origins[who] = origin
        self._counts[origin] += 1
        if others:
            others.moved(origin, 1, len(self._origins))
        return ""

    def leave(self, who: str) -> None:
        """Count a connection out; one that was kept out changes nothing."""
        origin = self._origins.pop(who, None)
        if origin is not None:
            self._counts[origin] -= 1
            if self.elsewhere:
                self.elsewhere.moved(origin, -1, len(self._origins))
            if not self._counts[origin]:
                del self._counts[origin]


def _origin(address: str) -> str:
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if ip.version == 6 and ip.ipv4_mapped is None:  # noqa: PLR2004
        return str(ip_network((ip, _IPV6_SITE), strict=False))
    return str(ip.ipv4_mapped if ip.version == 6 and ip.ipv4_mapped else ip)  # noqa: PLR2004
