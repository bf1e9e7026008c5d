"""The keys of clients as metrics: who still uses the old one, and how long it lasts. As of the last minute."""

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Gauge

from s3gateway.rules.key_report import KeyRow

_LABELS: Final = ("client", "access_key_id", "secret")
"""All of them stand in the configuration; ``secret`` is the number of one among several of the same id."""


class KeyMetrics:
    """Gauges, which a scrape sets; a key that is configured no more has none."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, told: str) -> Gauge:
            return Gauge(f"s3gateway_key_{name}", told, _LABELS, registry=registry)

        self._last_day = gauge("requests_last_day", "Requests of the last 24 hours that a key has signed.")
        self._last_used = gauge("last_used_timestamp_seconds", "When a key was last used.")
        self._days_left = gauge("days_left", "Days until a key ends; less than 0 when it has.")

    def set(self, rows: Iterable[KeyRow]) -> None:
        """Tell what is so now."""
        for gauge in (self._last_day, self._last_used, self._days_left):
            gauge.clear()
        for row in rows:
            labels = row.client, row.access_key_id, str(row.number)
            self._last_day.labels(*labels).set(row.last_day)
            if row.last is not None:
                self._last_used.labels(*labels).set(row.last)
            if row.days_left is not None:
                self._days_left.labels(*labels).set(row.days_left)
