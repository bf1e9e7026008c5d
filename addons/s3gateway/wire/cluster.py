"""Several backends: which one a request goes to, and what is heard of them. Sites, servers, addresses of a name."""

import asyncio
import logging
import random
import socket
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from s3gateway.config.addresses import is_name, listens_at
from s3gateway.config.model import Backend, Config
from s3gateway.rules import balance, health
from s3gateway.rules.balance import Budget, Need
from s3gateway.rules.encryption import SseKms, SseS3
from s3gateway.rules.health import Ask, Event, Reach, RefusedWrite
from s3gateway.wire.clock import Clock
from s3gateway.wire.member import Member

if TYPE_CHECKING:
    from s3gateway.wire.service import Current

logger = logging.getLogger(__name__)

_SOON_SECONDS: Final = 2.0
"""When a name that gives no address is looked up again."""

_TOLD: Final = 4
"""Backends whose reasons a refused request's line gives."""

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Gives the addresses of a name, or raises :class:`OSError`."""


async def resolve(host: str, port: int) -> list[str]:
    """Ask the system."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return sorted({str(address[0]) for _, _, _, _, address in found})


class Cluster:
    """The backends of one configuration."""

    def __init__(self, current: Callable[[], "Current"], clock: Clock, resolve: Resolve) -> None:
        self._budget, self._served = Budget(), 0
        now = current()
        self.sites = now.config.sites
        self._current, self._clock, self._resolve = current, clock, resolve
        self._listen = now.config.listen
        self._context = now.backend_tls
        self._checks = now.config.health
        self._needs_kms = needs_kms(now.config)
        self._asks = (Ask.LIVE,) if self._checks.bucket else (Ask.LIVE, Ask.READ, Ask.WRITE)
        if self._needs_kms and not self._checks.bucket:
            self._asks = (*self._asks, Ask.KMS)
        self._members: dict[Backend, list[Member]] = {
            backend: [self._make(backend)] for site in self.sites for backend in site.endpoints
        }
        self._fit: dict[Need, list[Member]] = {}
        self._late: dict[Need, list[Member]] = {}
        self._rank()
        for member in self:
            self._start(member)
        self._lookups = [
            asyncio.create_task(self._look_up(backend, now.config.dns_ttl), name="s3gateway names")
            for backend in self._members
            if is_name(backend.host)
        ]

    def choose(self, need: Need, tried: Collection[Member] = ()) -> Member | None:
        """Give the backend for a request, one that has not been tried; None where there is none."""
        able = self._fit[need]
        if not tried:
            self._served += 1
        else:
            # One that is late with a check is better than none: a check is late where a machine is busy.
            able = [member for member in able if member not in tried]
            able = able or [member for member in self._late[need] if member not in tried]
        return balance.choose(able, random.random) if able else None

    def serves(self, member: Member, need: Need) -> bool:
        """Whether such requests are given to it now."""
        return member in self._fit[need]

    def may_try_again(self) -> bool:
        """Whether one more request may go to a second backend; those are counted."""
        return self._budget.take(self._served)

    def refused_write(self, member: Member) -> None:
        """Hear that a write got SlowDownWrite; where nothing is asked for the quorum, nothing would take it back."""
        if Ask.WRITE in self._asks:
            self.note(member, RefusedWrite())

    def note(self, member: Member, event: Event) -> None:
        """Hear of a backend. What changes is logged, and who uses one that fell is told."""
        before, now = member.health, health.after(member.health, event, self._clock.now())
        if now is before:
            return
        member.health = now
        changes = health.changes(before, now)
        if before.reach is now.reach and not changes:
            if before.refuses_writes is not now.refuses_writes:
                self._rank()
            return
        for told in changes:
            logger.warning("backend %s %s", member.name, told)
        member.tick(self._clock.now(), self._checks.slow_start)
        self._rank()
        why = "; ".join(filter(None, (now.why, now.no_read, now.no_write)))
        for user in tuple(member.users):
            if member not in self._fit[user.need]:
                user.backend_fell(why)

    def why_none(self, need: Need) -> str:
        """Say why no backend can be given a request."""
        found = [f"{member.name}: {_reason(member, need)}" for member in self if _reason(member, need)]
        more = f"; and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
        what = "read" if need is Need.READ else "written to"
        return f"no backend can be {what}" + (" (" + "; ".join(found[:_TOLD]) + more + ")" if found else "")

    def why_not(self) -> dict[str, str]:
        """Say of each backend why it cannot be read; an empty text where it can, if need be."""
        return {
            member.name: "" if member.health.reach is Reach.SILENT else _reason(member, Need.READ) for member in self
        }

    def __iter__(self) -> Iterator[Member]:
        return (member for members in self._members.values() for member in members)

    def check(self, now: float) -> None:
        """Do what is done once a second."""
        for member in self:
            member.tick(now, self._checks.slow_start)

    def stop(self) -> None:
        """Look after them no more; exchanges that are under way go on to their end."""
        for task in self._lookups:
            task.cancel()
        for member in self:
            member.stop()

    def _make(self, backend: Backend) -> Member:
        return Member(backend, self._context, self._clock)

    def _start(self, member: Member) -> None:
        member.start(self._checks, self._asks, lambda: self._current().signer, partial(self.note, member))

    def _rank(self) -> None:
        members = [[one for backend in site.endpoints for one in self._members[backend]] for site in self.sites]
        known = [
            (not site.read_only, [member.health for member in of_site])
            for site, of_site in zip(self.sites, members, strict=True)
        ]
        for need in Need:
            fit = balance.fit(known, need, kms=self._needs_kms)
            self._fit[need] = chosen = [members[site][number] for site, number in fit]
            of_site = members[fit[0][0]] if fit else []
            self._late[need] = [
                member
                for member in of_site
                if member not in chosen and balance.can(member.health, need, kms=self._needs_kms)
            ]

    async def _look_up(self, backend: Backend, ttl: float) -> None:
        """Follow the addresses of a name: each is a backend. One address is left to the system."""
        told = ""
        while True:
            try:
                found = await self._resolve(backend.host, backend.port)
            except OSError as error:
                found = []
                if told != str(error):
                    told = str(error)
                    logger.warning("backend %s: its name gives no address (%s)", backend.url, error.strerror or error)
            else:
                told = ""
                self._follow(backend, found)
            await asyncio.sleep(ttl if found else min(ttl, _SOON_SECONDS))

    def _without_own(self, backend: Backend, addresses: list[str]) -> list[str]:
        """Leave out where this gateway itself listens: it would ask itself."""
        if backend.port != self._listen.port:
            return addresses
        others = [address for address in addresses if not listens_at(self._listen.host, address)]
        if addresses and not others and self._replace(backend, set()):
            logger.error("backend %s: its name is this gateway's own; name the S3 server", backend.url)
        return others

    def _follow(self, backend: Backend, addresses: list[str]) -> None:
        others = self._without_own(backend, addresses)
        wanted = {replace(backend, address=address) for address in others} if len(addresses) > 1 else {backend}
        if others and self._replace(backend, wanted):
            logger.warning("backend %s has %d addresses: %s", backend.url, len(addresses), ", ".join(addresses))

    def _replace(self, backend: Backend, wanted: set[Backend]) -> bool:
        """Have a member for each that is wanted, and no other; False where that is so already."""
        members = self._members[backend]
        known = {member.backend for member in members}
        if known == wanted:
            return False
        gone = [member for member in members if member.backend not in wanted]
        kept = [member for member in members if member.backend in wanted]
        new = [self._make(one) for one in sorted(wanted - known, key=lambda one: one.address)]
        self._members[backend] = [*kept, *new]
        self._rank()
        for member in gone:
            member.stop()
        for member in new:
            self._start(member)
        return True


def needs_kms(config: Config) -> bool:
    """Whether the gateway's rules have the backend make keys."""
    return any(isinstance(rule.sse, SseKms | SseS3) for rule in config.encryption)


def _reason(member: Member, need: Need) -> str:
    known = member.health
    return known.why or known.no_read or ((known.no_write or known.no_kms) if need is Need.WRITE else "")
