"""Traces of requests: what leaves without a ``traceparent`` gets one, and a share of the requests has spans."""

from collections.abc import Callable
from dataclasses import replace
from secrets import randbits

from s3gateway.config.observing import Tracing
from s3gateway.gateway import Outgoing
from s3gateway.observed.transaction import Transaction
from s3gateway.rules import tracing

Export = Callable[[Transaction, str], None]
"""Takes a request that has ended and is sampled, and the address of its backend."""


class Tracer:
    """``export`` is where spans go, if anywhere."""

    def __init__(self, settings: Tracing, export: Export | None) -> None:
        self._settings = settings
        self._export = export

    def traced(self, outgoing: Outgoing, transaction: Transaction) -> Outgoing:
        """Give what leaves, with the field if it is the gateway's to add. It is not signed: it is for whoever looks."""
        trace = transaction.trace
        if trace is None:
            settings = self._settings
            trace = transaction.trace = tracing.begin(
                transaction.head, f"{randbits(128) or 1:032x}", f"{randbits(64) or 1:016x}",
                sample=settings.sample if self._export is not None else 0.0, adds=settings.add,
            )  # fmt: skip
        if not trace.is_added:
            return outgoing
        field = (b"traceparent", trace.header.encode())
        return replace(outgoing, headers=(*outgoing.headers, field))

    def ended(self, transaction: Transaction, backend: str) -> None:
        """Send the spans of a request that is sampled."""
        trace = transaction.trace
        if trace is not None and trace.is_sampled and self._export is not None:
            self._export(transaction, backend)
