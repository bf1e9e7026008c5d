"""Metrics of several processes as those of one. Pure.

Counters and histograms are summed, those of workers that have ended included: a sum that shrinks would be a counter
that begins anew to Prometheus, which would count all of it once more. A gauge is summed, unless the least or the most
is what an operator asks for. What describes a process (``process_*``) gets a label that names its worker.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.samples import Sample

_LEAST: Final = ("_up", "_days_left", "_created", "_ready")
"""Ends of names: a backend is up if each worker reaches it."""

_MOST: Final = ("_info", "_timestamp_seconds", "_last_day")
"""With ``state`` each worker knows what all have counted of keys."""

_SUMMED: Final = frozenset(("counter", "histogram", "summary"))

Key = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(slots=True)
class _Family:
    metric: Metric
    values: dict[Key, float] = field(default_factory=dict)
    order: list[Key] = field(default_factory=list)

    def add(self, sample: Sample, labels: Mapping[str, str]) -> None:
        key = sample.name, tuple(sorted(labels.items()))
        if key not in self.values:
            self.values[key] = sample.value
            self.order.append(key)
            return
        known, new = self.values[key], sample.value
        if self.metric.type in _SUMMED:
            self.values[key] = known + new
        elif sample.name.endswith(_LEAST):
            self.values[key] = min(known, new)
        elif self.metric.type == "info" or sample.name.endswith(_MOST):
            self.values[key] = max(known, new)
        else:
            self.values[key] = known + new


class Merged(Collector):
    """The sum of what is added, worker by worker."""

    def __init__(self) -> None:
        self._families: dict[str, _Family] = {}

    def add(self, text: str, worker: str) -> None:
        """Add what a process tells, in Prometheus's text format; without a name nothing of the process itself."""
        self._add(text_string_to_metric_families(text), worker)

    def add_lasting(self, other: "Merged") -> None:
        """Add what lasts of processes that have ended: what they have counted."""
        self._add((one for one in other.collect() if one.type in _SUMMED and not _is_of_a_process(one)), "")

    def collect(self) -> Iterable[Metric]:
        """Give all of it, for a registry."""
        for family in self._families.values():
            metric = Metric(family.metric.name, family.metric.documentation, family.metric.type)
            for name, labels in family.order:
                metric.add_sample(name, dict(labels), family.values[name, labels])
            yield metric

    def text(self) -> bytes:
        """Render it."""
        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry)

    def _add(self, metrics: Iterable[Metric], worker: str) -> None:
        for metric in metrics:
            of_process = _is_of_a_process(metric)
            if of_process and not worker:
                continue
            family = self._families.setdefault(metric.name, _Family(metric))
            for sample in metric.samples:
                family.add(sample, sample.labels | {"worker": worker} if of_process else sample.labels)


def _is_of_a_process(metric: Metric) -> bool:
    return metric.name.startswith(("process_", "python_"))


def total(text: str, name: str) -> float:
    """Add up all samples of that name."""
    families = text_string_to_metric_families(text)
    return sum(sample.value for family in families for sample in family.samples if sample.name == name)
