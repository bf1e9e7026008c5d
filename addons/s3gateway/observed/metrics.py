"""What the gateway counts, for Prometheus. No label names a bucket, a key, or anything that a stranger may choose.

Children are kept, as to look one up costs more than to count. A scrape is rendered from a registry of the gateway's
own; rendering takes milliseconds, so it is done in a thread.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE

from s3gateway.observed.key_metrics import KeyMetrics
from s3gateway.observed.log_line import Record
from s3gateway.observed.transaction import Transaction

__all__ = ["CONTENT_TYPE", "Figures", "Metrics"]

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_CODE: Final = re.compile(r"[A-Za-z0-9]{1,64}")
_MOST_CODES: Final = 100
_OTHER: Final = "other"
_UNPROVEN: Final = "?"
"""At the end of a client's name whose signature did not hold: anybody can claim a name."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What is so at the moment of a scrape.

    ``backend_up`` is of each backend that was asked, ``days_left`` of each certificate by its key in the configuration.
    """

    connections: int
    in_flight: int
    backend_up: Mapping[str, bool]
    days_left: Mapping[str, float]


class Metrics:
    """All metrics of one process. ``versions`` are told in ``s3gateway_build_info``."""

    def __init__(self, versions: Mapping[str, str]) -> None:
        self._registry: Final = CollectorRegistry()
        self._requests = self._counter("requests", "Requests that have ended.", "operation", "status", "client")
        self._durations = self._histogram("request_duration_seconds", "From the head's end to the answer's.")
        self._first_bytes = self._histogram("time_to_first_byte_seconds", "From the head's end to the answer's head.")
        self._bytes = self._counter("bytes", "Bytes of bodies on the clients' side.", "direction")
        self._refusals = self._counter("refusals", "Requests that the gateway refused.", "code")
        self._backend_errors = self._counter("backend_errors", "Errors that the backend answered.", "code")
        self._retries = self._counter("retries", "Requests that went to another backend, by what failed.", "why")
        self._broken = self._counter("broken", "Requests that were broken off, by a client or by the backend.")
        self._explained = self._counter("explained", "Refused signatures by the cause that was found.", "cause")
        self._chunks = self._counter("chunks_verified", "aws-chunks that were verified.")
        self._encrypted = self._counter("encrypted", "Requests that left with encryption headers.", "kind")
        self._reloads = self._counter("config_reloads", "Reloads of the configuration.", "result")
        self._connections = self._gauge("connections", "Client connections now.")
        self._in_flight = self._gauge("requests_in_flight", "Requests that have begun and not ended.")
        self._backend_up = self._gauge("backend_up", "1 if the backend could be reached, 0 if not.", "backend")
        self._days_left = self._gauge("certificate_days_left", "Days until a certificate ends.", "certificate")
        self.keys = KeyMetrics(self._registry)
        Info("s3gateway_build", "What runs.", registry=self._registry).info(dict(versions))
        ProcessCollector(registry=self._registry)
        self._by_request: dict[tuple[str, int, str], Counter] = {}
        self._by_operation: dict[str, tuple[Histogram, Histogram]] = {}
        self._in, self._out = self._bytes.labels("in"), self._bytes.labels("out")
        self._codes: set[str] = set()
        for result in ("taken", "refused"):
            self._reloads.labels(result)

    def ended(self, transaction: Transaction) -> None:
        """Count an exchange that has ended."""
        record = transaction.record
        self._request(record).inc()
        durations, first_bytes = self._histograms(record.operation)
        durations.observe(record.duration)
        answered = transaction.timings.get("answered")
        if answered is not None:
            first_bytes.observe(answered)
        if record.bytes_in:
            self._in.inc(record.bytes_in)
        if record.bytes_out:
            self._out.inc(record.bytes_out)
        if record.chunks:
            self._chunks.inc(record.chunks)
        if record.sse:
            self._encrypted.labels(record.sse).inc()
        if record.refusal:
            self._refusals.labels(record.refusal).inc()
        if record.backend_error:
            self._backend_errors.labels(self._code(record.backend_error)).inc()
        for why in transaction.retries:
            self._retries.labels(why).inc()
        if record.fault:
            self._broken.inc()

    def explained(self, cause: str) -> None:
        """Count a cause that was found."""
        self._explained.labels(cause).inc()

    def reloaded(self, *, taken: bool) -> None:
        """Count a configuration that was taken, or that was refused while the old one stays."""
        self._reloads.labels("taken" if taken else "refused").inc()

    def set_figures(self, figures: Figures) -> None:
        """Note what is so now."""
        self._connections.set(figures.connections)
        self._in_flight.set(figures.in_flight)
        self._backend_up.clear()
        for backend, is_up in figures.backend_up.items():
            self._backend_up.labels(backend).set(is_up)
        for name, days in figures.days_left.items():
            self._days_left.labels(name).set(days)

    def text(self) -> bytes:
        """Render all of it, as :data:`CONTENT_TYPE`. It takes milliseconds."""
        return generate_latest(self._registry)

    def _request(self, record: Record) -> Counter:
        client = "" if record.client.endswith(_UNPROVEN) else record.client
        key = record.operation, record.status, client
        child = self._by_request.get(key)
        if child is None:
            child = self._by_request[key] = self._requests.labels(record.operation, str(record.status), client)
        return child

    def _histograms(self, operation: str) -> tuple[Histogram, Histogram]:
        pair = self._by_operation.get(operation)
        if pair is None:
            pair = self._durations.labels(operation), self._first_bytes.labels(operation)
            self._by_operation[operation] = pair
        return pair

    def _code(self, code: str) -> str:
        """Give a backend's code as a label: one of a bounded number."""
        if code not in self._codes:
            if not _CODE.fullmatch(code) or len(self._codes) >= _MOST_CODES:
                return _OTHER
            self._codes.add(code)
        return code

    def _counter(self, name: str, told: str, *labels: str) -> Counter:
        return Counter(f"s3gateway_{name}_total", told, labels, registry=self._registry)

    def _gauge(self, name: str, told: str, *labels: str) -> Gauge:
        return Gauge(f"s3gateway_{name}", told, labels, registry=self._registry)

    def _histogram(self, name: str, told: str) -> Histogram:
        return Histogram(f"s3gateway_{name}", told, ("operation",), registry=self._registry, buckets=_SECONDS)
