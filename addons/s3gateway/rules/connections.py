"""How many connections there may be, in all and from one address.

Whoever comes over a limit is closed at once and not answered: a 503 would have to wait for a TLS handshake and a
request head, and so hold what the limit is there to keep. SDKs connect anew when a connection ends without an answer.
"""

from collections import Counter
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
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
        self._origins: dict[str, str | None] = {}
        self._counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._origins)

    def enter(self, who: str, address: str | None, limits: Limits) -> str:
        """Count a connection in, and give ``""``; or give the name of the limit that keeps it out.

        Without an ``address`` it counts in all only, until :meth:`name` is called.
        """
        others = self.elsewhere
        if len(self._origins) + (others.elsewhere() if others else 0) >= limits.connections:
            return "limits.connections"
        if address is not None and (full := self.name(who, address, limits)):
            return full
        self._origins.setdefault(who, None)
        return ""

    def name(self, who: str, address: str, limits: Limits) -> str:
        """Count a connection for its ``address``, which was not known before; gives what :meth:`enter` does."""
        origin, others = _origin(address), self.elsewhere
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


def is_within(address: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    """Whether an address is in one of the networks; an IPv4 address that IPv6 has mapped is that address."""
    ip = _ip(address)
    return ip is not None and any(ip in network for network in networks)


def _origin(address: str) -> str:
    ip = _ip(address)
    if isinstance(ip, IPv6Address):
        return str(ip_network((ip, _IPV6_SITE), strict=False))
    return address if ip is None else str(ip)


def _ip(address: str) -> IPv4Address | IPv6Address | None:
    """Read an address without its scope; None for what is none."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return ip.ipv4_mapped or ip if isinstance(ip, IPv6Address) else ip
