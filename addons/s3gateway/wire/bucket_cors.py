"""What buckets' own CORS documents say, asked of the backend (``cors: bucket``) and kept for a while.

Strangers choose the names that are asked for: a preflight is signed by nobody. So only buckets that a client may use
are asked about, each by one request at a time, :data:`MOST_AT_ONCE` in all; and what is kept is bounded, apart for
buckets with rules and without, so that names that nobody has cannot push out those that pages use.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from s3gateway import errors, gateway
from s3gateway.code_location import code_location
from s3gateway.config.model import Backend
from s3gateway.rules.cors import CorsRule
from s3gateway.rules.cors_document import UnusableError, read_cors_document
from s3gateway.rules.quoting import UnreadableError, read_document
from s3gateway.wire.backends import Pool
from s3gateway.wire.clock import Clock
from s3gateway.wire.own_request import BackendError, OwnAnswer, ask

if TYPE_CHECKING:
    from s3gateway.wire.service import Current

logger = logging.getLogger(__name__)

FRESH_SECONDS: Final = 60.0
"""How long an answer counts. What is changed through this gateway counts at once."""

_USABLE_SECONDS: Final = 600.0
"""How long it counts while the backend cannot be asked: a flood of other names must not stop pages that work."""

MOST_KEPT: Final = 1024
"""Buckets with rules that are kept, and as many without."""

MOST_AT_ONCE: Final = 16
"""Requests to the backend at a time; what comes above is answered 503 SlowDown."""

MOST_BYTES: Final = 64 * 1024
"""Of a document: as many as AWS stores."""

CHANGES: Final = frozenset(("PutBucketCors", "DeleteBucketCors", "CreateBucket", "DeleteBucket"))
"""Operations behind which a bucket's rules are asked for anew."""

_FOUND: Final = 200
_NONE: Final = frozenset((404, 405, 501))
"""No such bucket, no such document, or a backend that has no CORS at all."""

_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class _Known:
    rules: tuple[CorsRule, ...]
    since: float


class BucketCors:
    """The rules of the backend's buckets. They are forgotten when the configuration names another backend."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._backend: Backend | None = None
        self._with: dict[str, _Known] = {}
        self._without: dict[str, _Known] = {}
        self._asking: dict[str, asyncio.Task[tuple[CorsRule, ...] | None]] = {}

    def known(self, current: "Current", bucket: str) -> tuple[CorsRule, ...] | None:
        """Give the rules if they need not be asked for; empty where the bucket has none, or no client may use it."""
        self._turn_to(current.config.backend)
        if not any(client.access.allows_bucket(bucket) for client in current.config.clients.values()):
            return ()
        return self._kept(bucket, FRESH_SECONDS)

    async def learn(self, current: "Current", bucket: str, asked: "Current", pool: Pool) -> tuple[CorsRule, ...]:
        """Ask for the rules. Raises SlowDown or ServiceUnavailable (503) where they cannot be had."""
        self._turn_to(current.config.backend)
        task = self._asking.get(bucket)
        if task is None and len(self._asking) < MOST_AT_ONCE:
            task = self._asking[bucket] = asyncio.create_task(self._ask(asked, bucket, pool), name="s3gateway cors")
        rules = await asyncio.shield(task) if task is not None else None
        if rules is None:
            rules = self._kept(bucket, _USABLE_SECONDS)
        if rules is None:
            raise errors.service_unavailable() if task is not None else errors.slow_down()
        return rules

    def forget(self, bucket: str) -> None:
        """Ask again next time; what is under way counts for those who wait for it, and no longer."""
        for kept in (self._with, self._without, self._asking):
            kept.pop(bucket, None)

    def stop(self) -> None:
        """Ask nothing any more; whoever waits has been told that the gateway ends."""
        for task in self._asking.values():
            task.cancel()
        self._asking.clear()

    def _turn_to(self, backend: Backend) -> None:
        if backend != self._backend:
            self._backend = backend
            for kept in (self._with, self._without, self._asking):
                kept.clear()

    def _kept(self, bucket: str, seconds: float) -> tuple[CorsRule, ...] | None:
        found = self._with.get(bucket) or self._without.get(bucket)
        return found.rules if found and self._clock.now() - found.since < seconds else None

    async def _ask(self, current: "Current", bucket: str, pool: Pool) -> tuple[CorsRule, ...] | None:
        """Ask, and keep what comes; None where nothing can be learnt. Never raises."""
        rules = None
        try:
            head = gateway.ask_for_cors(bucket, current.config, current.signer, datetime.now(UTC))
            answer = await ask(pool, head, most=MOST_BYTES, seconds=current.config.limits.connect_timeout)
            rules = _rules_in(answer, bucket)
        except BackendError as error:
            _log(bucket, str(error))
        except Exception as error:  # noqa: BLE001 - whoever waits is refused, and nobody else
            _log(bucket, code_location(error))
        if self._asking.get(bucket) is asyncio.current_task():
            del self._asking[bucket]
            if rules is not None:
                self._keep(bucket, rules)
        return rules

    def _keep(self, bucket: str, rules: tuple[CorsRule, ...]) -> None:
        self._with.pop(bucket, None)
        self._without.pop(bucket, None)
        kept = self._with if rules else self._without
        kept[bucket] = _Known(rules, self._clock.now())
        if len(kept) > MOST_KEPT:
            del kept[next(iter(kept))]


def _rules_in(answer: OwnAnswer, bucket: str) -> tuple[CorsRule, ...] | None:
    """Read the backend's answer; one that will be the same next time is an empty tuple, and the log says why."""
    if answer.status == _FOUND:
        try:
            return read_cors_document(answer.body)
        except UnusableError as error:
            _log(bucket, f"{error}, so no page may use the bucket")
            return ()
    if answer.status in _NONE:
        return ()
    told = f"the backend answered {answer.status} {_code(answer.body)}".rstrip()
    if answer.status == 403:  # noqa: PLR2004
        _log(bucket, f"{told}; allow the gateway's key s3:GetBucketCORS")
        return ()
    _log(bucket, told)
    return None


def _code(body: bytes) -> str:
    try:
        return ascii(read_document(body).code[:_SHOWN])[1:-1]
    except UnreadableError:
        return ""


def _log(bucket: str, why: str) -> None:
    logger.error("CORS rules of bucket %s: %s", bucket, why)
