"""Access keys that the configuration does not name and somebody else may know: asked for, and kept for a while.

Strangers choose the keys that are asked for. So each costs one question at a time, there are so many questions a second
in all, that nobody has a key is kept as well, and what is kept is bounded, apart for keys that were found and not.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from s3gateway import errors
from s3gateway.code_location import code_location
from s3gateway.identity.login import Login
from s3gateway.sigv4.model import Secret

logger = logging.getLogger(__name__)

USABLE_SECONDS: Final = 3600.0
"""How long a key that was found counts while nobody can be asked, from when it was last found."""

MOST_KEPT: Final = 10_000
"""Keys that were found, and as many that were not."""


class CannotAskError(Exception):
    """Nobody can be asked now. The message is for the log."""


@dataclass(frozen=True, slots=True)
class Found:
    """An access key's secret, and whose it is."""

    secret: Secret
    login: Login


@dataclass(frozen=True, slots=True)
class Terms:
    """How long, in seconds, an answer counts that a key is there, and that it is not; and questions a second."""

    cache: float
    negative_cache: float
    per_second: float


@dataclass(frozen=True, slots=True)
class _Kept:
    found: Found | None = field(repr=False)
    since: float


Ask = Callable[[str], Awaitable[Found | None]]
"""Asks for one access key; None where nobody has it. Raises :class:`CannotAskError`."""


class RemoteKeys:
    """What is known of such keys. ``now`` is a monotonic clock in seconds."""

    def __init__(self, ask: Ask, terms: Terms, now: Callable[[], float]) -> None:
        self._ask = ask
        self._terms = terms
        self._now = now
        self._found: dict[str, _Kept] = {}
        self._missing: dict[str, _Kept] = {}
        self._asking: dict[str, asyncio.Task[_Kept | None]] = {}
        self._tokens = max(terms.per_second, 1.0)
        self._at = now()
        self._is_down = False

    @property
    def seconds(self) -> float:
        """How long a key that was found counts."""
        return self._terms.cache

    async def find(self, access_key_id: str) -> Found | None:
        """Give the key, or None where nobody has it.

        Raises SlowDown where too many are asked for, and ServiceUnavailable where nobody can be asked (both 503).
        """
        kept = self._kept(access_key_id)
        if kept is not None:
            return kept.found
        task = self._asking.get(access_key_id)
        if task is None:
            self._charge()
            task = asyncio.create_task(self._learn(access_key_id), name="s3gateway key")
            self._asking[access_key_id] = task
        await asyncio.wait([task])  # which nobody ends by not waiting any more
        learnt = None if task.cancelled() else task.result()
        if learnt is None:
            learnt = self._found.get(access_key_id)
            if learnt is None or self._now() - learnt.since >= USABLE_SECONDS:
                raise errors.service_unavailable()
        return learnt.found

    def stop(self) -> None:
        """Ask nobody any more."""
        for task in self._asking.values():
            task.cancel()

    def _kept(self, access_key_id: str) -> _Kept | None:
        now = self._now()
        found, missing = self._found.get(access_key_id), self._missing.get(access_key_id)
        if found is not None and now - found.since < self._terms.cache:
            return found
        if missing is not None and now - missing.since < self._terms.negative_cache:
            return missing
        return None

    def _charge(self) -> None:
        """Take a question from the bucket, or refuse: a bucket holds what one second brings, at least one."""
        now, rate = self._now(), self._terms.per_second
        self._tokens = min(max(rate, 1.0), self._tokens + max(0.0, now - self._at) * rate)
        self._at = now
        if self._tokens < 1:
            raise errors.slow_down()
        self._tokens -= 1

    async def _learn(self, access_key_id: str) -> _Kept | None:
        """Ask, and keep what comes; None where nobody can be asked. Never raises."""
        try:
            found = await self._ask(access_key_id)
        except CannotAskError as error:
            self._tell_down(str(error))
            return None
        except Exception as error:  # noqa: BLE001 - whoever waits is refused, and nobody else
            self._tell_down(code_location(error))
            return None
        finally:
            del self._asking[access_key_id]
        if self._is_down:
            self._is_down = False
            logger.warning("access keys can be looked up again")
        return self._keep(access_key_id, _Kept(found, self._now()))

    def _keep(self, access_key_id: str, kept: _Kept) -> _Kept:
        self._found.pop(access_key_id, None)
        self._missing.pop(access_key_id, None)
        place = self._found if kept.found else self._missing
        place[access_key_id] = kept
        if len(place) > MOST_KEPT:
            del place[next(iter(place))]
        return kept

    def _tell_down(self, why: str) -> None:
        if not self._is_down:
            self._is_down = True
            told = "access keys cannot be looked up, those that were found serve for %d s: %s"
            logger.warning(told, USABLE_SECONDS, why)
