"""Who is told of each request that has ended, besides the log: metrics, audit, traces, the canary.

A fault in one of them is logged, and stops neither a request nor another one of them.
"""

import logging
import socket
from collections.abc import Callable
from threading import Thread

from s3gateway.code_location import code_location
from s3gateway.config.model import Config
from s3gateway.observed.audit import About, audit_line
from s3gateway.observed.metrics import Metrics
from s3gateway.observed.transaction import Transaction
from s3gateway.wire.audit_log import AuditLog
from s3gateway.wire.canary import Canary
from s3gateway.wire.service import Service
from s3gateway.wire.spans import Spans
from s3gateway.wire.tracing import Tracer

logger = logging.getLogger(__name__)


class Observers:
    """``metrics`` are there from the start, or never; the others as the configuration in force says."""

    def __init__(self, metrics: Metrics | None, to_stdout: Callable[[str], None]) -> None:
        self.metrics = metrics
        self.audit = AuditLog(to_stdout)
        self.canary: Canary | None = None
        self._service: Service | None = None
        self._tracer: Tracer | None = None
        self._spans: Spans | None = None
        self._config: Config | None = None
        self._node = socket.gethostname()
        self._about = About(self._node, "", "")

    def start(self, service: Service, config: Config) -> None:
        """Begin, as the configuration says."""
        self._service = service
        service.must_refuse = self.audit.refusal
        self.canary = Canary(service)
        self.use(config)

    def use(self, config: Config) -> None:
        """Take a configuration; what it leaves as it was goes on."""
        before, self._config = self._config, config
        self._about = About(self._node, config.audit.deployment_id if config.audit else "", config.backend.url)
        if before is None or config.audit != before.audit:
            self.audit.use(config.audit)
        if before is None or config.tracing != before.tracing:
            self._trace(config)
        if self.canary is not None:
            self.canary.begin()

    def ended(self, transaction: Transaction, config: Config) -> None:
        """Tell them all of a request that has ended."""
        if self.metrics is not None:
            self._guarded(self.metrics.ended, transaction, config.backend.url)
        if self.audit.is_on:
            self._guarded(self._audit, transaction)
        if self._tracer is not None:
            self._guarded(self._tracer.ended, transaction, config.backend.url)
        if self.canary is not None and self.canary.is_running:
            self.canary.ended(transaction)

    @property
    def reasons(self) -> list[str]:
        """Why the gateway is not ready."""
        canary = self.canary.reason if self.canary is not None else ""
        return [reason for reason in (self.audit.problem, canary) if reason]

    @property
    def canary_is_up(self) -> dict[str, bool]:
        """Whether the last canary passed, by its client."""
        return self.canary.is_up if self.canary is not None else {}

    def stop(self) -> None:
        """End, and let go of what waits."""
        if self.canary is not None:
            self.canary.stop()
        self.audit.stop()
        if self._spans is not None:
            self._spans.stop()

    def _audit(self, transaction: Transaction) -> None:
        self.audit.write(audit_line(transaction, self._about))

    def _trace(self, config: Config) -> None:
        if self._spans is not None:
            Thread(target=self._spans.stop, name="s3gateway spans", daemon=True).start()  # it waits for its collector
        settings = config.tracing
        self._spans = Spans(settings.endpoint) if settings is not None and settings.endpoint else None
        export = self._spans.export if self._spans is not None else None
        self._tracer = Tracer(settings, export) if settings is not None else None
        if self._service is not None:
            self._service.tracer = self._tracer

    def _guarded[**P](self, tell: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            tell(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - whoever looks must not decide about a request
            logger.error("a request was not told of everywhere: %s", code_location(error))  # noqa: TRY400
