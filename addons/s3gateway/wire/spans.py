"""Spans of sampled requests, sent to an OpenTelemetry collector by its SDK: in batches, from a thread of the SDK's own.

A span is made when its request has ended, so what is not sampled costs nothing here. The packages are optional: they
are imported where ``tracing.endpoint`` asks for them.
"""

import logging
from typing import TYPE_CHECKING, Final

from s3gateway.observed.redaction import text
from s3gateway.observed.transaction import Transaction

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExportResult

logger = logging.getLogger(__name__)

_SECOND: Final = 1_000_000_000
_MOMENTS: Final = ("verified", "signed", "answered")
_SERVER_ERROR: Final = 500
_STOP_MILLISECONDS: Final = 2000


class Spans:
    """Exports over OTLP/HTTP to ``endpoint``. Each span is told to be of the service ``s3-gateway``."""

    def __init__(self, endpoint: str) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415

        exporter = OTLPSpanExporter(endpoint=endpoint, timeout=10)
        export = exporter.export

        def told(spans: object) -> "SpanExportResult":
            result = export(spans)  # type: ignore[arg-type]
            self._report(is_failed=result.name != "SUCCESS")
            return result

        exporter.export = told  # type: ignore[method-assign]
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # it tells of each failure anew, with a traceback
        self._endpoint = endpoint
        self._resource = Resource.create({"service.name": "s3-gateway"})
        self._scope = InstrumentationScope("s3gateway")
        self._processor = BatchSpanProcessor(exporter)
        self._is_failed = False

    def export(self, transaction: Transaction, backend: str) -> None:
        """Queue the span of a request that has ended. Where too many wait the SDK drops it."""
        from opentelemetry.sdk.trace import Event, ReadableSpan  # noqa: PLC0415
        from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags  # noqa: PLC0415

        trace, record = transaction.trace, transaction.record
        if trace is None:
            return

        def context(span_id: str, *, is_remote: bool) -> SpanContext:
            return SpanContext(int(trace.trace_id, 16), int(span_id, 16), is_remote, TraceFlags(TraceFlags.SAMPLED))

        start = int(record.time * _SECOND)
        at = transaction.timings
        failed = record.status >= _SERVER_ERROR or bool(record.fault) or not record.status
        span = ReadableSpan(
            record.operation or "S3",
            context(trace.span_id, is_remote=False),
            context(trace.parent_id, is_remote=True) if trace.parent_id else None,
            self._resource,
            _attributes(transaction, backend),
            [Event(name, timestamp=start + int(at[name] * _SECOND)) for name in _MOMENTS if name in at],
            kind=SpanKind.SERVER,
            status=Status(StatusCode.ERROR if failed else StatusCode.UNSET),
            start_time=start,
            end_time=start + int(record.duration * _SECOND),
            instrumentation_scope=self._scope,
        )
        self._processor.on_end(span)

    def stop(self) -> None:
        """Send what waits, for a moment."""
        self._processor.force_flush(_STOP_MILLISECONDS)
        self._processor.shutdown()  # type: ignore[no-untyped-call]

    def _report(self, *, is_failed: bool) -> None:
        """Say that spans are lost, once, and that they no longer are."""
        if is_failed and not self._is_failed:
            logger.error("tracing.endpoint: %s takes no spans; they are lost until it does", self._endpoint)
        elif self._is_failed and not is_failed:
            logger.warning("tracing.endpoint: %s takes spans again", self._endpoint)
        self._is_failed = is_failed


def _attributes(transaction: Transaction, backend: str) -> dict[str, str | int]:
    """Name what was done as OpenTelemetry's conventions do. No query and no header: they may hold secrets."""
    record, head = transaction.record, transaction.head
    error = record.refusal or record.backend_error or ("fault" if record.fault else "")
    found: dict[str, str | int] = {
        "http.request.method": text(head.method),
        "http.response.status_code": record.status,
        "http.request.body.size": record.bytes_in,
        "http.response.body.size": record.bytes_out,
        "url.scheme": "https" if transaction.arrival.tls else "http",
        "client.address": record.address,
        "error.type": error,
        "rpc.method": record.operation,
        "aws.s3.bucket": record.bucket,
        "aws.s3.key": record.key,
        "aws.request_id": record.backend_request_id,
        "enduser.id": record.client,
        "server.address": (record.endpoint or backend) if transaction.outgoing is not None else "",
        "s3gateway.request_id": record.request_id,
        "s3gateway.sse": record.sse,
        "s3gateway.retries": len(transaction.retries),
    }
    return {name: value for name, value in found.items() if value != ""}
