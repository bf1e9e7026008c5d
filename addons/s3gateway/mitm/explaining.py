"""Explains refusals after they were sent: a bounded queue, one thread, a tenth of a core at most.

A client whose signatures do not match usually retries, and a stranger who knows an access key can make as many
mismatches as they like. So what does not fit the queue is counted and not explained, and after each search this rests
for a multiple of the time that it took. The snapshot is the head as it was received; what comes out holds no secret.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from s3gateway.bodies.chunked import ChunkedBody
from s3gateway.bodies.spooled import SpooledBody
from s3gateway.bodies.verified import BadSignature
from s3gateway.code_location import code_location
from s3gateway.config.model import Client, Config
from s3gateway.errors import S3Error
from s3gateway.explain.certificate import names_in
from s3gateway.explain.chain import explain_chunk
from s3gateway.explain.why import explain
from s3gateway.observed.capture import Explanation
from s3gateway.observed.log_line import EXPLAINED
from s3gateway.observed.transaction import Transaction
from s3gateway.sigv4.claim import read_claim
from s3gateway.sigv4.model import RequestHead

logger = logging.getLogger(__name__)

QUEUE = 16
"""Refusals that wait; a chunk that is explained holds up to 1 MiB."""

REST = 9
"""Rests this many times as long as the last search took: so a flood costs a tenth of one core."""

MAX_REST_SECONDS = 5.0

PATIENCE_SECONDS = 5.0
"""How long a refusal waits for its explanation where flows are written to a file: only then does it wait at all."""


@dataclass(frozen=True, slots=True)
class _Case:
    """One refusal to explain, with what was in force then."""

    transaction: Transaction
    config: Config
    bad: BadSignature | None
    settled: asyncio.Event = field(default_factory=asyncio.Event)


class Explainer:
    """``on_done`` is told of each case that was accepted, once: explained, or given up when the gateway ends."""

    def __init__(self, on_done: Callable[[Transaction, int], Awaitable[None]]) -> None:
        self._on_done = on_done
        self._waiting: asyncio.Queue[_Case] = asyncio.Queue(QUEUE)
        self._dropped = 0
        self._task: asyncio.Task[None] | None = None
        self._now: _Case | None = None
        self._proven: dict[str, Client] = {}

    def consider(self, transaction: Transaction, config: Config) -> asyncio.Event | None:
        """Accept a refusal for explanation, if it is one to be explained and there is room; never waits.

        The event is set when :data:`on_done` has been told. Of those that hold it keeps whose secret is proven.
        """
        refusal = transaction.refusal
        admitted = transaction.admitted
        if admitted is not None:
            self._prove(admitted.client, config)
        if refusal is None or refusal.code not in EXPLAINED or transaction.logged:
            return None
        if refusal.reason:  # it says why: of a form's policy, nothing but the secret and the text can be wrong
            return None
        bad = _bad_signature(transaction)
        if not config.log_explain:
            return None
        case = _Case(transaction, config, bad)
        try:
            self._waiting.put_nowait(case)
        except asyncio.QueueFull:
            self._dropped += 1
            return None
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="s3gateway explainer")
        return case.settled

    def _prove(self, client: Client, config: Config) -> None:
        """Keep that a request with this client's secret has held; one of a session has a key that will not return."""
        key = client.keys.access_key_id
        if config.clients.get(key) is client:
            self._proven[key] = client

    def stop(self) -> list[Transaction]:
        """End, and give back what is not explained yet."""
        if self._task:
            self._task.cancel()
        left = [self._now] if self._now else []
        while not self._waiting.empty():
            left.append(self._waiting.get_nowait())
        self._now = None
        return [case.transaction for case in left]

    async def _run(self) -> None:
        """Explain until nothing waits; the next refusal starts this anew."""
        while not self._waiting.empty():
            self._now = self._waiting.get_nowait()
            began = time.perf_counter()
            await self._settle(self._now)
            took = time.perf_counter() - began
            self._now = None
            await asyncio.sleep(min(took * REST, MAX_REST_SECONDS))

    async def _settle(self, case: _Case) -> None:
        """Explain, and tell of it; what cannot be explained is told of as it is."""
        try:
            with _logged(case):
                case.transaction.explanation = await asyncio.to_thread(self._explain, case)
            with _logged(case):
                dropped, self._dropped = self._dropped, 0
                await self._on_done(case.transaction, dropped)
        finally:
            case.settled.set()

    def _explain(self, case: _Case) -> Explanation:
        head, config, admitted = case.transaction.head, case.config, case.transaction.admitted
        if case.bad and admitted:
            return explain_chunk(case.bad, admitted.verified)
        now = datetime.fromtimestamp(case.transaction.record.time, UTC)
        return explain(head, config, now, _own_names(config), secret_proven=self._is_proven(head, config)).explanation

    def _is_proven(self, head: RequestHead, config: Config) -> bool:
        """Whether a request with this secret has held since the configuration was read."""
        with suppress(S3Error):
            key = read_claim(head).access_key_id
            return key in self._proven and self._proven[key] is config.clients.get(key)
        return False


@contextmanager
def _logged(case: _Case) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 - an explanation must not decide about anything
        logger.error("request %s not explained: %s", case.transaction.record.request_id, code_location(error))  # noqa: TRY400


async def patiently(settled: asyncio.Event) -> None:
    """Wait for an explanation, but not for long."""
    with suppress(TimeoutError):
        await asyncio.wait_for(settled.wait(), PATIENCE_SECONDS)


def _bad_signature(transaction: Transaction) -> BadSignature | None:
    """Take the chunk at fault off the body, which may live as long as its flow is shown."""
    body = transaction.outgoing.body if transaction.outgoing else None
    if not isinstance(body, ChunkedBody | SpooledBody):
        return None
    bad, body.bad_signature = body.bad_signature, None
    return bad


def _own_names(config: Config) -> tuple[str, ...]:
    try:
        return names_in(config.listen.certificate.read_bytes()) if config.listen.certificate else ()
    except OSError:
        return ()
