"""Asks for access keys by HTTP: ``lookup`` of the configuration (:mod:`s3gateway.identity.lookup` reads answers)."""

from dataclasses import replace
from typing import Final

from s3gateway.config.model import LookupProvider
from s3gateway.identity import lookup
from s3gateway.identity.remote_keys import CannotAskError, FoundKey
from s3gateway.sigv4.model import RequestHead
from s3gateway.wire.backends import Pool
from s3gateway.wire.clock import Clock
from s3gateway.wire.own_request import BackendError, ask
from s3gateway.wire.remote_keys import KeyProvider

_SECONDS: Final = 5.0
"""How long an answer may take: clients wait for it."""


class Lookup:
    """The connections to one provider."""

    def __init__(self, provider: LookupProvider, clock: Clock) -> None:
        self._provider = provider
        self._pool = Pool(provider.place, provider.context, clock)

    @property
    def key_provider(self) -> KeyProvider:
        """What is asked; with other rights it knows the same keys."""
        provider = self._provider
        name = f"lookup at {provider.place.url}"
        return KeyProvider(name, "lookup.per_second", provider.terms, replace(provider, rights=()), self._ask)

    def close(self) -> None:
        """Keep no connection any more; questions that are under way go on to their end."""
        self._pool.close()

    def check(self, now: float) -> None:
        """Let go of connections that nobody has used for long."""
        self._pool.check(now)

    async def _ask(self, access_key_id: str) -> FoundKey | None:
        try:
            answer = await ask(self._pool, self._request(access_key_id), most=lookup.MOST_BYTES, seconds=_SECONDS)
        except BackendError as error:
            raise CannotAskError(str(error)) from None
        return lookup.read_answer(answer.status, answer.body, access_key_id)

    def _request(self, access_key_id: str) -> RequestHead:
        provider = self._provider
        fields = (
            (b"Host", provider.place.authority.encode()),
            (b"Accept", b"application/json"),
            *((name, value.reveal()) for name, value in provider.headers),
        )
        return RequestHead(b"GET", lookup.target(provider.path, access_key_id), fields)
