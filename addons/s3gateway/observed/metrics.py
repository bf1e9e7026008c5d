"""What the gateway counts, for Prometheus. No label names anything that a stranger may choose, or a bucket unasked.

Children are kept, as to look one up costs more than to count. A scrape is rendered from a registry of the gateway's
own; rendering takes milliseconds, so it is done in a thread.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE

from s3gateway.observed.bucket_labels import BucketLabels
from s3gateway.observed.few_labels import OTHER, FewLabels
from s3gateway.observed.key_metrics import KeyMetrics
from s3gateway.observed.log_line import Record
from s3gateway.observed.refusal_reasons import reason_of
from s3gateway.observed.transaction import Transaction

__all__ = ["CONTENT_TYPE", "Figures", "Metrics"]

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_CODE: Final = re.compile(r"[A-Za-z0-9]{1,64}")
_MOST_CODES: Final = 100
_MOST_CLIENTS: Final = 500
"""Names of clients that are labels: users who log in are as many as there are people."""

_UNPROVEN: Final = "?"
"""At the end of a client's name whose signature did not hold: anybody can claim a name."""

_BY_CLIENTS: Final = ("Client ", "the client ", "Connection killed", "the gateway ")
"""How faults begin that are not the backend's: its client left, or somebody ended the exchange."""

_RETRIES: Final = ("stale",)
"""Why a request is sent again with one backend: its kept connection had ended. The others are the cluster's."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What is so at the moment of a scrape.

    ``backend_up`` is of each backend that was asked, ``days_left`` of each certificate by its key in the configuration,
    ``audit_lost`` how many audit lines each target has lost so far, ``canary`` whether it has passed, by its client.
    """

    connections: int
    in_flight: int
    backend_up: Mapping[str, bool]
    days_left: Mapping[str, float]
    audit_lost: Mapping[str, int] = field(default_factory=dict)
    canary: Mapping[str, bool] = field(default_factory=dict)


class Metrics:
    """All metrics of one process. ``versions`` are told in ``s3gateway_build_info``."""

    def __init__(self, versions: Mapping[str, str], buckets: BucketLabels | None = None) -> None:
        self._registry: Final = CollectorRegistry()
        self._requests = self._counter("requests", "Requests that have ended.", "operation", "status", "client")
        self._durations = self._histogram("request_duration_seconds", "From the head's end to the answer's.")
        self._first_bytes = self._histogram("time_to_first_byte_seconds", "From the head's end to the answer's head.")
        self._bytes = self._counter("bytes", "Bytes of bodies on the clients' side.", "direction")
        self._refusals = self._counter("refusals", "Requests that the gateway refused.", "code", "reason")
        self._sent = self._counter("backend_requests", "Requests that went to a backend.", "backend", "status")
        self._backend_errors = self._counter("backend_errors", "Errors that the backend answered.", "code")
        self._retries = self._counter("retries", "Requests that were sent once more, by what failed.", "why")
        self._broken = self._counter("broken", "Requests that were broken off, by a client or by the backend.")
        self._explained = self._counter("explained", "Refused signatures by the cause that was found.", "cause")
        self._chunks = self._counter("chunks_verified", "aws-chunks that were verified.")
        self._encrypted = self._counter("encrypted", "Requests that left with encryption headers.", "kind")
        self._reloads = self._counter("config_reloads", "Reloads of the configuration.", "result")
        self._turned_away = self._counter("connections_refused", "Connections closed at once, by the limit.", "limit")
        self._lost = self._counter("audit_lost", "Audit lines that could not be kept.", "target")
        self._connections = self._gauge("connections", "Client connections now.")
        self._in_flight = self._gauge("requests_in_flight", "Requests that have begun and not ended.")
        self._backend_up = self._gauge("backend_up", "1 if the backend can serve, 0 if not.", "backend")
        self._days_left = self._gauge("certificate_days_left", "Days until a certificate ends.", "certificate")
        self.keys = KeyMetrics(self._registry)
        self._canary = self._gauge("canary_up", "1 if the last canary passed, 0 if not.", "client")
        self._gauge("build_info", "What runs.", *versions).labels(**versions).set(1)
        ProcessCollector(registry=self._registry)
        self._buckets = buckets
        if buckets is not None:
            self._of_buckets = self._counter("bucket_requests", "Requests by bucket.", "bucket", "prefix", "operation")
            self._bucket_bytes = self._counter("bucket_bytes", "Bytes of bodies.", "bucket", "prefix", "direction")
        self._by_request: dict[tuple[str, int, str], Counter] = {}
        self._by_backend: dict[tuple[str, str], Counter] = {}
        self._by_operation: dict[str, tuple[Histogram, Histogram]] = {}
        self._in, self._out = self._bytes.labels("in"), self._bytes.labels("out")
        self._kinds: dict[str, Counter] = {}
        self._codes = FewLabels(_MOST_CODES)
        self._clients = FewLabels(_MOST_CLIENTS)
        self._lost_before: dict[str, int] = {}
        for result in ("taken", "refused"):
            self._reloads.labels(result)
        for why in _RETRIES:
            self._retries.labels(why)
        for limit in ("limits.connections", "limits.connections_per_address"):
            self._turned_away.labels(limit)

    def ended(self, transaction: Transaction, backend: str = "") -> None:
        """Count an exchange that has ended. ``backend`` is the one that it was meant for, where there is one."""
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
        if transaction.outgoing is not None:
            self._sent_on(transaction, backend)
        if record.refusal or record.backend_error or record.fault:
            self._failed(transaction)
        if self._buckets is not None and transaction.admitted is not None:
            self._of_bucket(self._buckets, record)

    def explained(self, cause: str) -> None:
        """Count a cause that was found."""
        self._explained.labels(cause).inc()

    def reloaded(self, *, taken: bool) -> None:
        """Count a configuration that was taken, or that was refused while the old one stays."""
        self._reloads.labels("taken" if taken else "refused").inc()

    def turned_away(self, limit: str) -> None:
        """Count a connection that came over a limit."""
        self._turned_away.labels(limit).inc()

    def set_figures(self, figures: Figures) -> None:
        """Note what is so now."""
        self._connections.set(figures.connections)
        self._in_flight.set(figures.in_flight)
        self._backend_up.clear()
        for backend, is_up in figures.backend_up.items():
            self._backend_up.labels(backend).set(is_up)
        for name, days in figures.days_left.items():
            self._days_left.labels(name).set(days)
        for target, lost in figures.audit_lost.items():
            self._lost.labels(target).inc(lost - self._lost_before.get(target, 0))
            self._lost_before[target] = lost
        for client, has_passed in figures.canary.items():
            self._canary.labels(client).set(has_passed)

    def text(self) -> bytes:
        """Render all of it, as :data:`CONTENT_TYPE`. It takes milliseconds."""
        return generate_latest(self._registry)

    def _sent_on(self, transaction: Transaction, backend: str) -> None:
        record = transaction.record
        self._backend(record, backend).inc()
        if record.sse:
            self._kind(record.sse).inc()
        for why in transaction.retries:
            self._retries.labels(why).inc()

    def _failed(self, transaction: Transaction) -> None:
        record, error = transaction.record, transaction.refusal
        if record.refusal:
            self._refusals.labels(record.refusal, reason_of(record, error.reason if error is not None else "")).inc()
        if record.backend_error:
            self._backend_errors.labels(self._code(record.backend_error)).inc()
        if record.fault:
            self._broken.inc()

    def _request(self, record: Record) -> Counter:
        client = "" if record.client.endswith(_UNPROVEN) else self._clients.of(record.client)
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

    def _backend(self, record: Record, backend: str) -> Counter:
        """Find the child of a backend and of what came of it: a status, or that none came, or none that could pass."""
        status = str(record.status)
        if record.fault:
            status = "left" if record.fault.startswith(_BY_CLIENTS) else "failed"
        elif record.refusal:
            status = "replaced"
        key = record.endpoint or backend, status
        child = self._by_backend.get(key)
        if child is None:
            child = self._by_backend[key] = self._sent.labels(*key)
        return child

    def _kind(self, sse: str) -> Counter:
        child = self._kinds.get(sse)
        if child is None:
            child = self._kinds[sse] = self._encrypted.labels(sse)
        return child

    def _of_bucket(self, buckets: BucketLabels, record: Record) -> None:
        labels = buckets.of(record.bucket, record.key)
        if labels is None:
            return
        self._of_buckets.labels(*labels, record.operation).inc()
        if record.bytes_in:
            self._bucket_bytes.labels(*labels, "in").inc(record.bytes_in)
        if record.bytes_out:
            self._bucket_bytes.labels(*labels, "out").inc(record.bytes_out)

    def _code(self, code: str) -> str:
        """Give a backend's code as a label: one of a bounded number."""
        return self._codes.of(code) if _CODE.fullmatch(code) else OTHER

    def _counter(self, name: str, told: str, *labels: str) -> Counter:
        return Counter(f"s3gateway_{name}_total", told, labels, registry=self._registry)

    def _gauge(self, name: str, told: str, *labels: str) -> Gauge:
        return Gauge(f"s3gateway_{name}", told, labels, registry=self._registry)

    def _histogram(self, name: str, told: str) -> Histogram:
        return Histogram(f"s3gateway_{name}", told, ("operation",), registry=self._registry, buckets=_SECONDS)
