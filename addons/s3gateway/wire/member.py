"""One backend of several: its connections, what is known of its health, who uses it, and how it is asked."""

import asyncio
import logging
import ssl
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from random import random
from typing import TYPE_CHECKING, Final, Protocol

from s3gateway.code_location import code_location
from s3gateway.config.model import Backend, HealthChecks
from s3gateway.rules.balance import Need
from s3gateway.rules.health import Ask, Checked, Event, Health, Reach, share
from s3gateway.signer import Signer
from s3gateway.sigv4.model import EMPTY_SHA256, RequestHead
from s3gateway.wire.backends import Pool
from s3gateway.wire.clock import Clock
from s3gateway.wire.health_check import Question, check

if TYPE_CHECKING:
    from s3gateway.wire.service import Current

logger = logging.getLogger(__name__)

_SELDOM: Final = 2
"""By how much longer the quorum's intervals are than those of ``live``: each makes its server ask all others."""


class Using(Protocol):
    """An exchange that a backend serves."""

    @property
    def need(self) -> Need:
        """What it needs of it."""

    def backend_fell(self, why: str) -> None:
        """Hear that the backend can no longer be given what this one needs."""


class Member:
    """One backend of several. ``load`` is what it has under way (:func:`~s3gateway.rules.balance.weight`)."""

    def __init__(self, backend: Backend, context: ssl.SSLContext | None, clock: Clock) -> None:
        self.backend = backend
        self.name = backend.name
        self.pool = self._asked = Pool(backend, context, clock)
        self.health = Health(clock.now())
        self.users: set[Using] = set()
        self.load = 0.0
        self.share = 1.0
        self.served = 0
        self._context, self._clock = context, clock
        self._seen: Current | None = None
        self._current: Current | None = None
        self._checks: list[asyncio.Task[None]] = []

    def current(self, current: "Current") -> "Current":
        """Give what a request to this backend is decided by; made once for each configuration."""
        if self._seen is not current or self._current is None:
            self._seen, self._current = current, replace(current, config=replace(current.config, backend=self.backend))
        return self._current

    def enter(self, user: Using, weight: float, current: "Current") -> "Current":
        """Count a request as under way; give what it is decided by here."""
        self.users.add(user)
        self.load += weight
        self.served += 1
        if self._seen is current and self._current is not None:
            return self._current
        return self.current(current)

    def leave(self, user: Using, weight: float) -> None:
        """Count it no more."""
        self.users.discard(user)
        self.load = self.load - weight if self.users else 0.0

    def start(
        self, checks: HealthChecks, asks: tuple[Ask, ...], signer: Callable[[], Signer], told: Callable[[Event], None]
    ) -> None:
        """Ask for its health until it is stopped; ``told`` hears each answer."""
        if checks.port is not None and checks.port != self.backend.port:
            self._asked = Pool(replace(self.backend, port=checks.port), self._context, self._clock)
        for ask in asks:
            others = [other for other in asks if other is not Ask.LIVE] if ask is Ask.LIVE else []
            task = self._ask_on(ask, others, checks, signer, told)
            self._checks.append(asyncio.create_task(task, name="s3gateway health"))

    def stop(self) -> None:
        """Ask no more, and keep no connection."""
        for task in self._checks:
            task.cancel()
        self.pool.close()
        self._asked.close()

    def tick(self, now: float, slow_start: float) -> None:
        """End idle connections, and take more load after a slow start."""
        self.pool.check(now)
        if self._asked is not self.pool:
            self._asked.check(now)
        self.share = share(self.health, now, slow_start)

    async def _ask(self, ask: Ask, checks: HealthChecks, signer: Callable[[], Signer]) -> Checked:
        return await check(self._asked, _question(ask, self._asked.backend, checks, signer()), checks.timeout)

    async def _ask_on(
        self,
        ask: Ask,
        others: Sequence[Ask],
        checks: HealthChecks,
        signer: Callable[[], Signer],
        told: Callable[[Event], None],
    ) -> None:
        """Ask for one thing again and again; who was down is asked for ``others`` first, and comes back as it is."""
        interval = checks.interval * (1 if ask is Ask.LIVE else _SELDOM)
        while True:
            is_silent = False
            try:
                found = await self._ask(ask, checks, signer)
                is_silent = found.is_silent
                if others and self.health.reach is Reach.DOWN and not found.why:
                    for other in await asyncio.gather(*(self._ask(other, checks, signer) for other in others)):
                        told(other)
                told(found)
            except Exception as error:  # noqa: BLE001 - who is asked no more would be down, or up, for ever
                logger.error("backend %s not asked: %s", self.name, code_location(error))  # noqa: TRY400
            wait = checks.interval if is_silent else interval
            await asyncio.sleep(wait * (1 - checks.jitter * random()))  # noqa: S311 - nothing is kept secret by it


def _question(ask: Ask, backend: Backend, checks: HealthChecks, signer: Signer) -> Question:
    host = (b"Host", backend.authority.encode())
    if not checks.bucket:
        path = {Ask.LIVE: checks.live, Ask.READ: checks.read, Ask.WRITE: checks.write, Ask.KMS: checks.kms}[ask]
        return Question(ask, b"GET", path, (host,))
    now, path = datetime.now(UTC), f"/{checks.bucket}"
    headers = (host, (b"X-Amz-Content-SHA256", EMPTY_SHA256.encode()), *signer.own_headers(now))
    head = RequestHead(b"HEAD", path.encode(), headers)
    signed = signer.sign(head, head.lower_names, EMPTY_SHA256, (path, ""), now)
    return Question(ask, b"HEAD", path, signed.headers)
