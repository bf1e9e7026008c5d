"""One run of the canary: for each way to sign one small object is put, looked at, and deleted, all at once."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_bytes, token_hex
from typing import Final

from s3gateway.config.model import Config
from s3gateway.rules import canary
from s3gateway.rules.canary import Failure, Mode
from s3gateway.wire.canary_requests import Keys
from s3gateway.wire.plain_client import PlainAnswer, Streams, ask

_SIZE: Final = 20_000
"""Bytes of an object: two chunks, the first of which is as large as AWS asks for."""

_HOST: Final = b"s3gateway.canary"
_OK: Final = (200, 204)
Connect = Callable[[], Awaitable[Streams]]
Explain = Callable[[str], str]
"""Gives why a request of this key did not do, in words; empty where that is not known."""


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a run: ``why`` it failed, in a sentence, or an empty text; ``told`` is what passed."""

    why: str
    told: str


async def run(
    config: Config, connect: Connect, note: Callable[[str], None], explain: Explain, host: bytes = _HOST
) -> Found:
    """Try every way to sign at once. ``note`` is told of each key before it is used."""
    settings = config.canary
    if settings is None:
        return Found("", "there is none")
    client = next(client for client in config.clients.values() if client.name == settings.client)
    keys = Keys(client.keys, config.region, host, datetime.now(UTC))
    began = time.monotonic()
    flights = [_Flight(config, keys, mode, connect, explain) for mode in Mode]
    for flight in flights:
        note(flight.key)
    flown = [asyncio.ensure_future(flight.fly()) for flight in flights]
    try:
        _, late = await asyncio.wait(flown, timeout=settings.timeout)
    finally:
        for task in flown:
            task.cancel()
    failures = [failure for task in flown if task not in late and (failure := task.result())]
    failures += [
        Failure(flight.mode, flight.step, explain(flight.key) or f"no answer within {settings.timeout:g} s")
        for flight, task in zip(flights, flown, strict=True)
        if task in late
    ]
    if failures:
        return Found(canary.sentence(failures), "")
    encryption = flights[0].label or "no encryption rule"
    took = time.monotonic() - began
    return Found("", f"{len(flights)} ways to sign passed in {took:.2f} s ({settings.bucket}, {encryption})")


class _Flight:
    """The way of one object: put, looked at, read once, deleted. ``step`` is where it is."""

    def __init__(self, config: Config, keys: Keys, mode: Mode, connect: Connect, explain: Explain) -> None:
        settings = config.canary
        assert settings is not None  # noqa: S101 - it flies for it
        self.mode = mode
        self.step = "PutObject"
        self.key = settings.prefix + token_hex(16)
        self._rule, self._sse = canary.rule_of(config.encryption, settings.bucket, self.key, settings.client)
        self.label = canary.label_of(self._sse)
        self._path = f"/{settings.bucket}/{self.key}"
        self._keys, self._connect, self._explain = keys, connect, explain
        self._data = token_bytes(_SIZE)

    async def fly(self) -> Failure | None:
        """Give what went wrong."""
        why = await self._try()
        return Failure(self.mode, self.step, why) if why else None

    async def _try(self) -> str:
        answer = await self._ask("PutObject", "PUT", self._keys.put(self._path, self._data, self.mode))
        if answer.status not in _OK:
            return self._why(answer)
        why = await self._look()
        answer = await self._ask_plainly("DeleteObject", "DELETE", keeps_step=bool(why))
        return why or ("" if answer.status in _OK else self._why(answer))

    async def _look(self) -> str:
        """Look at what is stored now, and at its encryption."""
        answer = await self._ask_plainly("HeadObject", "HEAD")
        if answer.status not in _OK:
            return self._why(answer)
        if wrong := canary.wrong_encryption(self._rule, self._sse, answer.fields):
            return wrong
        if self.mode is not Mode.HASH:
            return ""
        answer = await self._ask_plainly("GetObject", "GET")
        if answer.status not in _OK:
            return self._why(answer)
        return "" if answer.body == self._data else "what was read is not what was written"

    async def _ask_plainly(self, step: str, method: str, *, keeps_step: bool = False) -> PlainAnswer:
        return await self._ask(self.step if keeps_step else step, method, self._keys.plain(method, self._path))

    async def _ask(self, step: str, method: str, request: bytes) -> PlainAnswer:
        self.step = step
        return await ask(self._connect, method, request)

    def _why(self, answer: PlainAnswer) -> str:
        told = self._explain(self.key)
        if told:
            return told
        said = ": ".join(filter(None, (answer.code, answer.message)))
        return answer.problem or (f"answered {answer.status}" + (f" {said}" if said else ""))
