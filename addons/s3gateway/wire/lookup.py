"""Look-ups of access keys that the configuration does not name: few, each once, and without them what was known last.

Strangers choose the key ids that are asked for. So there are at most ``per_second`` look-ups of ids that nobody has
used before, each id is asked for by one at a time, and an id that nobody has is remembered, too. Keys that are known
are asked for again within a bound of their own, so that a flood of random ones keeps nobody out.
"""

import asyncio
import logging
from typing import Final

from s3gateway import errors
from s3gateway.code_location import code_location
from s3gateway.config.model import Client, Config, KeyPair, LookupProvider
from s3gateway.identity import lookup
from s3gateway.identity.lookup import AnswerError, Bound, FoundKey, KnownKeys
from s3gateway.rules.access import Access
from s3gateway.sigv4.model import RequestHead
from s3gateway.wire.backends import Pool
from s3gateway.wire.clock import Clock
from s3gateway.wire.own_request import BackendError, ask

logger = logging.getLogger(__name__)

_MOST_AT_ONCE: Final = 64
_SECONDS: Final = 5.0
"""How long the provider may take: clients wait for it."""

_PAUSE_SECONDS: Final = 2.0
"""How long nobody is asked after a provider could not be reached: a request need not wait for that as well."""

_TOLD_EVERY: Final = 60.0


class Lookup:
    """What is known of one provider. It is made anew when the configuration names another one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._provider: LookupProvider | None = None
        self._turn(None)

    def _turn(self, provider: LookupProvider | None) -> None:
        self._provider = provider
        self._asking: dict[str, asyncio.Task[FoundKey | None]] = {}
        self._pool: Pool | None = None
        self._is_down = False
        self._paused_until = self._told_at = float("-inf")
        if provider is not None:
            self._memory = KnownKeys(provider.spans)
            self._new, self._again = Bound(provider.per_second), Bound(provider.per_second)
            self._pool = Pool(provider.place, provider.context, self._clock)

    def known(self, config: Config, access_key_id: str) -> tuple[bool, Client | None]:
        """Give whether the provider need not be asked, and whose the key is then; None is nobody's."""
        provider = self._turn_to(config)
        if provider is None or not lookup.may_be_key(access_key_id):
            return True, None
        is_known, found = self._memory.fresh(access_key_id, self._clock.now())
        return is_known, _client(found, provider)

    async def find(self, config: Config, access_key_id: str) -> Client | None:
        """Ask whose the key is; None where nobody has it. Raises SlowDown or ServiceUnavailable (503)."""
        provider = self._turn_to(config)
        if provider is None:
            return None
        if self._clock.now() < self._paused_until:
            return _client(self._last_good(access_key_id) or _unavailable(), provider)
        task = self._asking.get(access_key_id) or self._ask_for(provider, access_key_id)
        try:
            found = await asyncio.shield(task) if task is not None else self._last_good(access_key_id)
        except BackendError:
            found = self._last_good(access_key_id) or _unavailable()
        if found is None and task is None:
            raise errors.slow_down(reason="more access keys are asked for than lookup.per_second allows")
        return _client(found, provider)

    def stop(self) -> None:
        """Ask nothing any more."""
        for task in self._asking.values():
            task.cancel()
        if self._pool is not None:
            self._pool.close()

    def check(self, now: float) -> None:
        """Let go of connections that nobody has used for long."""
        if self._pool is not None:
            self._pool.check(now)

    def _turn_to(self, config: Config) -> LookupProvider | None:
        if config.lookup != self._provider:
            self.stop()
            self._turn(config.lookup)
        return self._provider

    def _last_good(self, access_key_id: str) -> FoundKey | None:
        return self._memory.last_good(access_key_id, self._clock.now())

    def _ask_for(self, provider: LookupProvider, access_key_id: str) -> asyncio.Task[FoundKey | None] | None:
        """Begin to ask, unless that would be too much."""
        bound = self._new if self._last_good(access_key_id) is None else self._again
        if len(self._asking) >= _MOST_AT_ONCE or not bound.take(self._clock.now()):
            return None
        task = asyncio.create_task(self._ask(provider, access_key_id), name="s3gateway lookup")
        task.add_done_callback(_retrieve)
        self._asking[access_key_id] = task
        return task

    async def _ask(self, provider: LookupProvider, access_key_id: str) -> FoundKey | None:
        """Ask, and keep the answer. Raises BackendError."""
        try:
            if self._pool is None:
                raise BackendError("it is configured no more")
            head = _request(provider, access_key_id)
            answer = await ask(self._pool, head, most=lookup.MOST_BYTES, seconds=_SECONDS)
            found = lookup.read_answer(answer.status, answer.body, access_key_id)
        except BackendError as error:
            self._failed(provider, str(error), is_down=True)
            raise
        except AnswerError as error:
            self._failed(provider, str(error), is_down=False)  # strangers choose what is asked
            raise BackendError(str(error)) from None
        except Exception as error:  # whoever waits is refused, and nobody else
            self._failed(provider, code_location(error), is_down=False)
            raise BackendError("it failed") from error
        finally:
            if self._asking.get(access_key_id) is asyncio.current_task():
                del self._asking[access_key_id]
        if provider is self._provider:
            self._memory.keep(access_key_id, found, self._clock.now())
            if self._is_down:
                self._is_down = False
                logger.warning("lookup at %s answers again", provider.place.url)
        return found

    def _failed(self, provider: LookupProvider, why: str, *, is_down: bool) -> None:
        """Tell that it fails, once a minute at most."""
        if provider is not self._provider:
            return
        now = self._clock.now()
        if is_down:
            self._is_down, self._paused_until = True, now + _PAUSE_SECONDS
        if now - self._told_at >= _TOLD_EVERY:
            self._told_at = now
            logger.error(
                "lookup at %s fails: %s; keys that it named within %d s still count, others are answered 503",
                provider.place.url, why, provider.spans.last_good.total_seconds(),
            )  # fmt: skip


def _request(provider: LookupProvider, access_key_id: str) -> RequestHead:
    fields = (
        (b"Host", provider.place.authority.encode()),
        (b"Accept", b"application/json"),
        *((name, value.reveal()) for name, value in provider.headers),
    )
    return RequestHead(b"GET", lookup.target(provider.path, access_key_id), fields)


def _unavailable() -> FoundKey:
    """503: nobody can say whose the key is."""
    raise errors.service_unavailable()


def _client(found: FoundKey | None, provider: LookupProvider) -> Client | None:
    """Give the client that a key is of; the first of the rights for its user decides, and none opens nothing."""
    if found is None:
        return None
    access = next((right.access for right in provider.rights if right.is_for(found)), Access(()))
    return Client(found.user, KeyPair(found.access_key_id, found.secret), access)


def _retrieve(task: asyncio.Task[FoundKey | None]) -> None:
    """Look at how it ended: whoever waited may have gone."""
    if not task.cancelled():
        task.exception()
