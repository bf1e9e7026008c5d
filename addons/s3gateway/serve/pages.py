"""The pages for operators, over all workers: each is asked, and one answer is made of theirs."""

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE

from s3gateway.serve.merging import Merged, total
from s3gateway.serve.process import Process
from s3gateway.wire.admin import Page, Pages

_LOOK_SECONDS: Final = 10.0
"""How often is looked at what workers have counted: what one has counted since is lost if it is killed."""

_JSON: Final = b"application/json"
_OK: Final = 200
METRICS: Final = "/metrics"
_REQUESTS: Final = "s3gateway_requests_total"


class OperatorPages:
    """What is asked of all that ``workers`` gives."""

    def __init__(self, workers: Callable[[], Sequence[Process]]) -> None:
        self._workers = workers
        self._past = Merged()
        self.is_ending = False
        self.lost = 0
        """Workers that have ended unasked."""

    @property
    def pages(self) -> Pages:
        """A page for each path."""
        return {
            b"/healthz": self._healthz,
            b"/readyz": self._readyz,
            b"/metrics": self._metrics,
            b"/backends": self._backends,
        }

    async def keep_looking(self) -> None:
        """Know for ever what has been counted."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await self._look()

    def bury(self, worker: Process) -> None:
        """Keep what a worker that has ended has counted."""
        its, past = Merged(), Merged()
        its.add(worker.metrics, "")
        past.add_lasting(self._past)
        past.add_lasting(its)
        self._past = past  # a new one: another may be rendered in a thread

    async def _healthz(self) -> Page:
        serve = any(worker.serves for worker in self._workers())
        return Page(b"ok\n") if serve or self.is_ending else Page(b"no worker serves\n", 503)

    async def _readyz(self) -> Page:
        """Ready if a worker is."""
        told = [found for _, found in await self._documents("/readyz")]
        reasons = ["the gateway is ending"] if self.is_ending else []
        if not told and not self.is_ending:
            reasons.append("no worker serves")
        ready = not reasons and any(one["ready"] for one in told)
        reasons += dict.fromkeys(reason for one in told for reason in one.get("reasons", ()))
        first: dict[str, Any] = next((one for one in told if one["ready"] == ready), {})
        return _json(first | {"ready": ready, "reasons": reasons}, 200 if ready else 503)

    async def _backends(self) -> Page:
        """What each worker finds of each backend: each has health and connections of its own."""
        found = await self._documents("/backends")
        return _json([one | {"worker": worker.number} for worker, backends in found for one in backends])

    async def _metrics(self) -> Page:
        await self._look()
        workers = self._workers()
        told = [(worker.metrics, str(worker.number) if worker.serves else "") for worker in workers]
        own = self._own(workers)
        return Page(await asyncio.to_thread(_text, told, self._past) + own, content_type=CONTENT_TYPE.encode())

    def _own(self, workers: Sequence[Process]) -> bytes:
        registry = CollectorRegistry()
        counts = Gauge("s3gateway_workers", "Workers that serve, and that end.", ("state",), registry=registry)
        counts.labels("serving").set(sum(worker.serves for worker in workers))
        counts.labels("ending").set(sum(worker.is_ending for worker in workers))
        requests = Counter("s3gateway_worker_requests_total", "Requests by worker.", ("worker",), registry=registry)
        for worker in workers:
            if worker.serves:
                requests.labels(str(worker.number)).inc(total(worker.metrics, _REQUESTS))
        lost = Counter("s3gateway_workers_lost_total", "Workers that have ended unasked.", registry=registry)
        lost.inc(self.lost)
        return generate_latest(registry)

    async def _look(self) -> None:
        for worker, page in await _ask(self._workers(), METRICS):
            if page.status == _OK:
                worker.metrics = page.body.decode()

    async def _documents(self, path: str) -> list[tuple[Process, Any]]:
        """Ask those that serve for a page that is JSON."""
        found = await _ask([worker for worker in self._workers() if worker.serves], path)
        return [(worker, json.loads(page.body)) for worker, page in found if page.content_type == _JSON]


async def _ask(workers: Sequence[Process], path: str) -> list[tuple[Process, Page]]:
    """Ask all that can be asked; who does not answer is left out."""
    asked = [worker for worker in workers if worker.is_ready]
    pages = await asyncio.gather(*(worker.page(path) for worker in asked))
    return [(worker, page) for worker, page in zip(asked, pages, strict=True) if page is not None]


def _text(told: Iterable[tuple[str, str]], past: Merged) -> bytes:
    merged = Merged()
    for text, worker in told:
        merged.add(text, worker)
    merged.add_lasting(past)
    return merged.text()


def _json(value: object, status: int = 200) -> Page:
    return Page(json.dumps(value).encode() + b"\n", status, _JSON)
