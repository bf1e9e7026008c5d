"""Metrics of several processes as those of one. Expected values are added up by hand."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from s3gateway.serve.merging import Merged


def _worker(requests: int, seconds: float, *, up: int, days: float) -> str:
    registry = CollectorRegistry()
    counter = Counter("g_requests_total", "Requests.", ["status"], registry=registry)
    counter.labels("200").inc(requests)
    Histogram("g_seconds", "Time.", registry=registry, buckets=(1, 2)).observe(seconds)
    Gauge("g_connections", "Now.", registry=registry).set(requests)
    Gauge("g_backend_up", "Up.", registry=registry).set(up)
    Gauge("g_certificate_days_left", "Days.", registry=registry).set(days)
    Info("g_build", "What.", registry=registry).info({"version": "1"})
    Gauge("process_resident_memory_bytes", "Memory.", registry=registry).set(seconds)
    return generate_latest(registry).decode()


def _read(merged: Merged) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(merged.text().decode())
    samples = [sample for family in families for sample in family.samples if not sample.name.endswith("_created")]
    return {(one.name, *(f"{name}={value}" for name, value in one.labels.items())): one.value for one in samples}


def test_of_two_workers() -> None:
    merged = Merged()
    merged.add(_worker(3, 0.5, up=1, days=10), "1")
    merged.add(_worker(4, 1.5, up=0, days=9), "2")
    assert _read(merged) == {
        ("g_requests_total", "status=200"): 7,
        ("g_seconds_bucket", "le=1.0"): 1,
        ("g_seconds_bucket", "le=2.0"): 2,
        ("g_seconds_bucket", "le=+Inf"): 2,
        ("g_seconds_count",): 2,
        ("g_seconds_sum",): 2,
        ("g_connections",): 7,
        ("g_backend_up",): 0,
        ("g_certificate_days_left",): 9,
        ("g_build_info", "version=1"): 1,
        ("process_resident_memory_bytes", "worker=1"): 0.5,
        ("process_resident_memory_bytes", "worker=2"): 1.5,
    }


def test_what_has_ended_stays_counted() -> None:
    """Counters and histograms do, and nothing that is so now only."""
    past = Merged()
    past.add(_worker(3, 0.5, up=0, days=1), "")
    merged = Merged()
    merged.add(_worker(4, 1.5, up=1, days=9), "1")
    merged.add_lasting(past)
    found = _read(merged)
    assert found["g_requests_total", "status=200"] == 7
    assert found[("g_seconds_count",)] == 2
    assert (found[("g_connections",)], found[("g_backend_up",)]) == (4, 1)
    assert ("process_resident_memory_bytes", "worker=") not in found
