"""Servers by DNS SRV records (RFC 2782), kept for as long as DNS says."""

import asyncio
import random
from collections.abc import Iterable
from typing import Final

import dns.asyncresolver
import dns.exception
from dns.rdtypes.IN.SRV import SRV

from s3gateway.identity.ldap import Server
from s3gateway.wire.ldap_connection import DirectoryError

_SHORTEST_SECONDS: Final = 10.0
"""How long an answer counts at least: a TTL of 0 would cost a question for each connection."""


class SrvRecords:
    """The servers that ``name`` has records for, by priority, and by chance within one as their weights say."""

    def __init__(self, name: str, seconds: float, resolver: dns.asyncresolver.Resolver | None = None) -> None:
        self._name = name
        self._seconds = seconds
        self._resolver = resolver
        self._records: list[SRV] = []
        self._until = 0.0

    async def __call__(self) -> tuple[Server, ...]:
        """Give the servers in the order to try them in. Raises :class:`DirectoryError`."""
        now = asyncio.get_running_loop().time()
        if now >= self._until:
            await self._ask(now)
        return tuple(Server(str(record.target).rstrip("."), record.port) for record in in_order(self._records))

    async def _ask(self, now: float) -> None:
        """Ask DNS; while it gives no answer, the last one counts on."""
        try:
            resolver = self._resolver or dns.asyncresolver.get_default_resolver()
            answer = await resolver.resolve(self._name, "SRV", lifetime=self._seconds)
        except dns.exception.DNSException as error:
            if not self._records:
                raise DirectoryError(f"no SRV record of {self._name}: {type(error).__name__}") from None
            self._until = now + _SHORTEST_SECONDS
            return
        self._records = [record for record in answer if isinstance(record, SRV) and str(record.target) != "."]
        self._until = now + max(_SHORTEST_SECONDS, answer.rrset.ttl if answer.rrset else 0)


def in_order(records: Iterable[SRV]) -> list[SRV]:
    """Order records as RFC 2782 asks for: an exponential draw by weight gives each its share of the first places."""
    return sorted(records, key=lambda record: (record.priority, random.expovariate(max(record.weight, 0.01))))
