"""Asks whoever knows access keys that the configuration does not name: seldom, once for each key, one after the other.

Each provider is asked ``per_second`` times at most for keys that nobody has named yet, and within a bound of its own
again for those that it has: a flood of random keys keeps nobody out whose key is known. Several providers are asked in
their order, and a later one only where those before it say that they do not have the key, so that which of two answers
counts never depends on who is up. Whoever has named a key is asked for it first from then on.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from s3gateway import errors, remote_client
from s3gateway.code_location import code_location
from s3gateway.config.model import Config
from s3gateway.identity.remote_keys import MOST_KEPT, Bound, CannotAskError, FoundKey, Kept, KnownKeys, Terms

logger = logging.getLogger(__name__)

_PAUSE_SECONDS: Final = 2.0
"""How long nobody is asked after a provider could not be reached: a request need not wait for that as well."""

_TOLD_EVERY: Final = 60.0


@dataclass(frozen=True, slots=True)
class KeyProvider:
    """Somebody who knows keys. ``ask`` gives None where nobody has the key, and raises :class:`CannotAskError`.

    ``name`` is for the log, ``bound`` the setting that bounds questions. With equal ``settings`` they know the same
    keys.
    """

    name: str
    bound: str
    terms: Terms
    settings: object
    ask: Callable[[str], Awaitable[FoundKey | None]]


class RemoteKeys:
    """What all of them have answered, and who is being asked. ``config`` gives the configuration in force.

    ``providers`` are those of it, in their order; ``now`` gives seconds of a monotonic clock.
    """

    def __init__(
        self, config: Callable[[], Config], providers: Callable[[], tuple[KeyProvider, ...]], now: Callable[[], float]
    ) -> None:
        self._config = config
        self._providers = providers
        self._now = now
        self._in_force: Config | None = None
        self._sources: tuple[_Source, ...] = ()
        self._keys: KnownKeys[_Source] = KnownKeys()
        self._asking: dict[str, _Task] = {}
        self._made: dict[str, tuple[Kept[_Source], Config, Config]] = {}
        self._is_stopped = False

    def known(self, access_key_id: str, config: Config) -> Config | None:
        """Give the configuration with the client that the key is of, or as it is where nobody has the key.

        None says that somebody must be asked. While whoever named it is down nobody waits for that.
        """
        self._turn()
        now = self._now()
        kept = self._keys.usable(access_key_id, now)
        if kept is None:
            return None
        if now >= kept.fresh_until:
            if kept.source is None or not kept.source.is_down:
                return None
            if not kept.source.is_paused:
                self._begin(access_key_id)
        return self._with(kept, access_key_id, config)

    async def find(self, access_key_id: str, config: Config) -> Config:
        """Ask, and give the configuration as ``known`` does.

        Raises SlowDown where too many are asked for, and ServiceUnavailable where nobody can be asked (both 503).
        """
        self._turn()
        if self._is_stopped:
            raise errors.service_unavailable()
        task = self._begin(access_key_id)
        await asyncio.wait([task])  # which nobody ends by not waiting any more
        told = errors.service_unavailable() if task.cancelled() else task.result()
        if isinstance(told, errors.S3Error):
            kept = self._keys.usable(access_key_id, self._now())
            if kept is None or kept.found is None:
                raise told.detached()
            told = kept
        return self._with(told, access_key_id, config)

    def stop(self) -> None:
        """Ask nobody any more."""
        self._is_stopped = True
        for task in self._asking.values():
            task.cancel()

    def _turn(self) -> None:
        """Follow the configuration; what is known is kept where it would be asked of the same ones."""
        config = self._config()
        if config is self._in_force:
            return
        self._in_force, self._made = config, {}
        providers = self._providers()
        if [one.settings for one in providers] != [source.provider.settings for source in self._sources]:
            self._keys, self._asking = KnownKeys(), {}
            self._sources = tuple(_Source(one, self._now) for one in providers)
        for source, provider in zip(self._sources, providers, strict=True):
            source.provider = provider

    def _with(self, kept: "Kept[_Source]", access_key_id: str, config: Config) -> Config:
        """Make the client of an answer once under one configuration."""
        if kept.found is None:
            return config
        made = self._made.get(access_key_id)
        if made is None or made[0] is not kept or made[1] is not config:
            if len(self._made) >= MOST_KEPT:
                del self._made[next(iter(self._made))]
            client = remote_client.of_key(access_key_id, kept.found, config)
            made = self._made[access_key_id] = kept, config, config.with_client(client)
        return made[2]

    def _begin(self, access_key_id: str) -> "_Task":
        task = self._asking.get(access_key_id)
        if task is None:
            learning = self._learn(access_key_id, self._sources, self._keys, self._asking)
            task = self._asking[access_key_id] = asyncio.create_task(learning, name="s3gateway key")
        return task

    async def _learn(
        self, access_key_id: str, sources: "tuple[_Source, ...]", keys: "KnownKeys[_Source]", asking: "dict[str, _Task]"
    ) -> "Kept[_Source] | errors.S3Error":
        """Ask one after the other, and keep what is answered. Gives, and never raises, an error for who waits."""
        last = keys.usable(access_key_id, self._now())
        named_by = last.source if last is not None else None
        try:
            for source in sorted(sources, key=lambda source: source is not named_by):
                found = await source.ask(access_key_id, again=named_by is not None)
                if found is not None:
                    return keys.keep(access_key_id, found, source, source.provider.terms, self._now())
        except CannotAskError:
            return errors.service_unavailable()
        except errors.S3Error as error:
            return error
        finally:
            asking.pop(access_key_id, None)
        seconds = min((source.provider.terms.negative_cache for source in sources), default=0.0)
        return keys.keep_nobodys(access_key_id, seconds, self._now())


class _Source:
    """One provider, and how it answers."""

    def __init__(self, provider: KeyProvider, now: Callable[[], float]) -> None:
        self.provider = provider
        self.is_down = False
        self._now = now
        self._new, self._again = (Bound(provider.terms.per_second) for _ in range(2))
        self._paused_until = self._told_at = float("-inf")

    @property
    def is_paused(self) -> bool:
        """Whether nobody is asked for a while."""
        return self._now() < self._paused_until

    async def ask(self, access_key_id: str, *, again: bool) -> FoundKey | None:
        """Ask, within the bounds. Raises SlowDown, and :class:`CannotAskError`."""
        if self.is_paused:
            raise CannotAskError("it was down a moment ago")
        if not (self._again if again else self._new).take(self._now()):
            raise errors.slow_down(reason=f"more access keys are asked for than {self.provider.bound} allows")
        try:
            found = await self.provider.ask(access_key_id)
        except CannotAskError as error:
            self._failed(str(error), is_down=error.is_down)
            raise
        except Exception as error:  # noqa: BLE001 - whoever waits is refused, and nobody else
            self._failed(code_location(error), is_down=False)
            raise CannotAskError("it failed") from None
        if self.is_down:
            self.is_down = False
            logger.warning("%s answers again", self.provider.name)
        return found

    def _failed(self, why: str, *, is_down: bool) -> None:
        """Tell that it fails, once a minute at most."""
        now = self._now()
        if is_down:
            self.is_down, self._paused_until = True, now + _PAUSE_SECONDS
        if now - self._told_at >= _TOLD_EVERY:
            self._told_at = now
            logger.error(
                "%s fails: %s; keys that it named within %d s still count, others are answered 503",
                self.provider.name, why, self.provider.terms.last_good,
            )  # fmt: skip


_Task = asyncio.Task[Kept[_Source] | errors.S3Error]
