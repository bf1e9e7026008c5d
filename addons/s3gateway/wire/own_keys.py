"""The gateway's own keys at its backend: which one signs, and when another one takes its place.

A key that the configuration, a file or botocore's chain gives anew signs once the backend has taken it; until then the
one before signs on. One that the backend refuses is left for another one that it takes; a session is renewed first. The
backend is asked by a signed ListBuckets, by one request at a time: AccessDenied is an answer to a key that it knows.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from s3gateway import errors, gateway
from s3gateway.code_location import code_location
from s3gateway.config.model import Config, KeyPair
from s3gateway.rules.at_fault import blames_key
from s3gateway.rules.quoting import UnreadableError, read_document
from s3gateway.signer import CredentialsError, CredentialSource, Signer
from s3gateway.wire.own_request import BackendError, ask

if TYPE_CHECKING:
    from s3gateway.wire.backends import Pool
    from s3gateway.wire.service import Current, Service

logger = logging.getLogger(__name__)

RETRY_SECONDS: Final = 30.0
"""Until a key that the backend has refused, or could not be asked about, is tried again."""

_PAUSE_SECONDS: Final = 5.0
"""Between two searches for a key that works, while requests fail."""

_MOST_BYTES: Final = 8 * 1024 * 1024
"""Of the answer: ten thousand buckets are a megabyte."""

_REFUSED: Final = 400


class TrialResult(Enum):
    """What the backend says of a key."""

    TAKEN = auto()
    REFUSED = auto()
    UNKNOWN = auto()  # it cannot be asked


Try = Callable[[Config, Signer], Awaitable[TrialResult]]


class OwnKeys:
    """``try_out`` asks the backend about a key; without it, before the gateway serves, the first one is taken unasked.

    Raises :class:`~s3gateway.signer.CredentialsError` where there is no key at all.
    """

    def __init__(self, config: Config, source: CredentialSource) -> None:
        self.try_out: Try | None = None
        self.on_change: Callable[[], None] = _nothing
        self._config, self._source = config, source
        self.keys = self._first(_wanted(config, source, datetime.now(UTC)))
        self._lock = asyncio.Lock()
        self._not_before: dict[tuple[str, bytes, bytes], float] = {}  # when a key may be tried again
        self._searched = -_PAUSE_SECONDS

    @property
    def signer(self) -> Signer:
        """Sign with the key that is in use."""
        return Signer(self.keys, self._config.backend.region)

    async def turn_to(self, config: Config, source: CredentialSource) -> None:
        """Take a new configuration. For another backend its key counts at once, else :meth:`look` tries it first.

        Raises :class:`~s3gateway.signer.CredentialsError`, and nothing has changed then.
        """
        wanted = self._first(await asyncio.to_thread(_wanted, config, source, datetime.now(UTC)))
        async with self._lock:
            if _places(config) != _places(self._config):
                self.keys = wanted
            self._config, self._source = config, source
            self._not_before.clear()

    async def look(self) -> None:
        """See whether another key is to be used now. Raises :class:`~s3gateway.signer.CredentialsError`."""
        wanted = await asyncio.to_thread(_wanted, self._config, self._source, datetime.now(UTC))
        for keys in wanted:
            if _same(keys, self.keys):
                return
            if not self._may_try(keys):
                continue
            async with self._lock:
                if await self._takes(keys):
                    return

    async def refused(self, signer: Signer) -> bool:
        """Find another key, as the backend refuses the one of ``signer``; whether another one signs now."""
        if not self.has_others:
            return False
        async with self._lock:
            if not signer.signs_with(self.keys):
                return True  # another request has found out
            now = asyncio.get_running_loop().time()
            if now - self._searched < _PAUSE_SECONDS:
                return False
            self._searched = now
            try:
                return await self._search()
            except CredentialsError as error:
                logger.error("backend credentials: %s", error)  # noqa: TRY400 - no traceback
                return False

    @property
    def has_others(self) -> bool:
        """Whether there may be a key to take the place of the one in use."""
        return self._source.can_renew or len(self._config.own_keys) > 1 or self._is_behind

    @property
    def _is_behind(self) -> bool:
        """Whether the configuration has another key, which the backend did not take before."""
        return not any(_same(dated.keys, self.keys) for dated in self._config.own_keys) and not (
            isinstance(self._config.credentials, KeyPair) and _same(self._config.credentials, self.keys)
        )

    async def _search(self) -> bool:
        old = self.keys
        if self._source.can_renew:
            renewed = await asyncio.to_thread(self._source.renew)
            if not _same(renewed, old):
                self._put(renewed, f"{old.access_key_id} is refused there, renewed before its end")
                return True
        elif await self._ask(old) is not TrialResult.REFUSED:
            return False
        for keys in await asyncio.to_thread(_wanted, self._config, self._source, datetime.now(UTC)):
            if not _same(keys, old) and await self._ask(keys) is TrialResult.TAKEN:
                self._put(keys, f"{old.access_key_id} is refused there")
                self._not_before[_id(old)] = asyncio.get_running_loop().time() + RETRY_SECONDS
                return True
        return False

    async def _takes(self, keys: KeyPair) -> bool:
        """Try a key that is to be used; take it if the backend does."""
        verdict = await self._ask(keys)
        if verdict is TrialResult.TAKEN:
            self._put(keys, f"in place of {self.keys.access_key_id}")
            return True
        is_first = _id(keys) not in self._not_before
        self._not_before[_id(keys)] = asyncio.get_running_loop().time() + RETRY_SECONDS
        if is_first:
            why = "refuses it" if verdict is TrialResult.REFUSED else "cannot be asked"
            logger.error(
                "backend credentials: %s is not used, as the backend %s; %s stays in use, and it is tried again every "
                "%g s", keys.access_key_id, why, self.keys.access_key_id, RETRY_SECONDS,
            )  # fmt: skip
        return False

    async def _ask(self, keys: KeyPair) -> TrialResult:
        if self.try_out is None:
            return TrialResult.TAKEN
        return await self.try_out(self._config, Signer(keys, self._config.backend.region))

    def _put(self, keys: KeyPair, why: str) -> None:
        self.keys = keys
        self.on_change()
        logger.warning("backend credentials: %s signs now, %s", keys.access_key_id, why)

    def _may_try(self, keys: KeyPair) -> bool:
        return asyncio.get_running_loop().time() >= self._not_before.get(_id(keys), 0.0)

    @staticmethod
    def _first(wanted: list[KeyPair]) -> KeyPair:
        if not wanted:
            raise CredentialsError(
                "backend.credentials.keys: none of them counts now; add one, or correct not_before and not_after"
            )
        return wanted[0]


def trial(service: "Service") -> Try:
    """Give what asks the backend about a key: by a ListBuckets."""

    async def try_out(config: Config, signer: Signer) -> TrialResult:
        try:
            asked, pool = _anyone(service)
            head = gateway.own_get(b"/", asked.config, signer, datetime.now(UTC))
            answer = await ask(pool, head, most=_MOST_BYTES, seconds=config.limits.connect_timeout)
        except BackendError:
            return TrialResult.UNKNOWN
        except Exception as error:  # noqa: BLE001 - the key in use stays
            logger.error("backend credentials: not tried: %s", code_location(error))  # noqa: TRY400
            return TrialResult.UNKNOWN
        if answer.status < _REFUSED:
            return TrialResult.TAKEN
        try:
            code = read_document(answer.body).code
        except UnreadableError:
            return TrialResult.UNKNOWN
        if blames_key(code):
            return TrialResult.REFUSED
        return TrialResult.TAKEN if answer.status == 403 else TrialResult.UNKNOWN  # noqa: PLR2004

    return try_out


def _wanted(config: Config, source: CredentialSource, now: datetime) -> list[KeyPair]:
    """Give the keys to use, the preferred one first; this may do I/O."""
    if not config.own_keys:
        return [source.current()]
    return [dated.keys for dated in config.own_keys if dated.term.holds(now)]


def _anyone(service: "Service") -> "tuple[Current, Pool]":
    """Give a backend to ask; the first where none is up, as a refused key may be why."""
    current = service.current
    try:
        return service.anyone(current)
    except errors.S3Error:
        return current, service.pool(current)


def _places(config: Config) -> set[str]:
    """Where the backends are."""
    return {config.backend.url, *(each.url for site in config.sites for each in site.endpoints)}


def _same(one: KeyPair, other: KeyPair) -> bool:
    """Whether two key pairs are the same, session token included."""
    return _id(one) == _id(other)


def _id(keys: KeyPair) -> tuple[str, bytes, bytes]:
    return keys.access_key_id, keys.secret.reveal(), keys.session_token.reveal() if keys.session_token else b""


def _nothing() -> None:
    pass
