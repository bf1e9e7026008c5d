"""What is counted, read back with Prometheus' own parser."""

from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from s3gateway import errors
from s3gateway.gateway import Arrival
from s3gateway.observed.bucket_labels import BucketLabels
from s3gateway.observed.log_line import Record
from s3gateway.observed.metrics import Figures, Metrics
from s3gateway.observed.transaction import Transaction
from s3gateway.sigv4.model import RequestHead
from tests.admission import admitted, forwarded
from tests.sigv4.aws import authorized

RECORD = Record(0.0, "1", "spark", "PutObject", "secret-bucket", "secret-key", 200, 10, 5, 0.02, 3, "SSE-KMS")


def ended(record: Record, **timings: float) -> Transaction:
    head = RequestHead(b"PUT", b"/secret-bucket/secret-key", ())
    return Transaction(head, Arrival(tls=False, has_body=True), record, timings=timings)


def sent(record: Record, **timings: float) -> Transaction:
    transaction = ended(record, **timings)
    transaction.outgoing = forwarded(authorized("PUT", "/secret-bucket/secret-key"))
    return transaction


@pytest.fixture
def metrics() -> Metrics:
    return Metrics({"mitmproxy": "1"})


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """The one sample of that name and with these labels."""
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return float(sample.value)
    return None


def test_a_request(metrics: Metrics) -> None:
    """By operation, status and client; times; bytes both ways; chunks; encryption."""
    metrics.ended(sent(RECORD, answered=0.01))
    metrics.ended(sent(RECORD, answered=0.2))
    assert value(metrics, "s3gateway_requests_total", operation="PutObject", status="200", client="spark") == 2
    assert value(metrics, "s3gateway_request_duration_seconds_count", operation="PutObject") == 2
    assert value(metrics, "s3gateway_request_duration_seconds_bucket", operation="PutObject", le="0.025") == 2
    assert value(metrics, "s3gateway_time_to_first_byte_seconds_bucket", operation="PutObject", le="0.025") == 1
    assert value(metrics, "s3gateway_bytes_total", direction="in") == 20
    assert value(metrics, "s3gateway_bytes_total", direction="out") == 10
    assert value(metrics, "s3gateway_chunks_verified_total") == 6
    assert value(metrics, "s3gateway_encrypted_total", kind="SSE-KMS") == 2


def test_a_refusal(metrics: Metrics) -> None:
    """A name that nobody has proven is no label."""
    record = replace(RECORD, client="spark?", status=403)
    record.refuse(errors.signature_does_not_match())
    metrics.ended(ended(record))
    metrics.explained("host-port")
    assert value(metrics, "s3gateway_requests_total", operation="PutObject", status="403", client="") == 1
    assert value(metrics, "s3gateway_refusals_total", code="SignatureDoesNotMatch", reason="") == 1
    assert value(metrics, "s3gateway_explained_total", cause="host-port") == 1


def test_a_backend_chooses_few_labels(metrics: Metrics) -> None:
    """However many codes it makes up, and whatever it writes in them."""
    for number in range(1000):
        metrics.ended(ended(replace(RECORD, backend_error=f"Code{number}")))
    metrics.ended(ended(replace(RECORD, backend_error='x"\n')))
    text = metrics.text().decode()
    assert text.count("s3gateway_backend_errors_total{") == 101
    assert value(metrics, "s3gateway_backend_errors_total", code="other") == 901


def test_people_are_few_labels(metrics: Metrics) -> None:
    """Everybody of a directory may log in."""
    for number in range(510):
        metrics.ended(ended(replace(RECORD, client=f"user{number}")))
    assert metrics.text().decode().count("s3gateway_requests_total{") == 501
    assert value(metrics, "s3gateway_requests_total", operation="PutObject", status="200", client="other") == 10
    metrics.ended(ended(replace(RECORD, client="user1")))
    assert value(metrics, "s3gateway_requests_total", operation="PutObject", status="200", client="user1") == 2


def test_a_refusal_by_a_rule(metrics: Metrics) -> None:
    """Which rule is one of a few words: the sentence names a bucket that its client has chosen."""
    transaction = ended(replace(RECORD, status=403))
    transaction.refusal = errors.access_denied(reason="other is not one of the client's buckets")
    transaction.record.refuse(transaction.refusal)
    metrics.ended(transaction)
    assert value(metrics, "s3gateway_refusals_total", code="AccessDenied", reason="bucket") == 1
    assert b"other is" not in metrics.text()


def test_what_went_to_a_backend(metrics: Metrics) -> None:
    """By the backend and what came of it; retries by what failed."""
    one = sent(RECORD)
    metrics.ended(one, "https://one:9000")
    one.retries = ("stale", "connect")
    one.record = replace(RECORD, endpoint="https://two:9000")
    metrics.ended(one, "https://one:9000")
    one.record = replace(RECORD, fault="the backend ended the connection", status=0)
    metrics.ended(one, "https://one:9000")
    one.record = replace(RECORD, fault="Client disconnected.", status=0)
    metrics.ended(one, "https://one:9000")
    one.record = replace(RECORD, refusal="ServiceUnavailable", status=503)
    metrics.ended(one, "https://one:9000")
    name = "s3gateway_backend_requests_total"
    assert value(metrics, name, backend="https://one:9000", status="200") == 1
    assert value(metrics, name, backend="https://two:9000", status="200") == 1
    assert value(metrics, name, backend="https://one:9000", status="failed") == 1
    assert value(metrics, name, backend="https://one:9000", status="left") == 1
    assert value(metrics, name, backend="https://one:9000", status="replaced") == 1
    assert value(metrics, "s3gateway_retries_total", why="connect") == 4
    assert value(metrics, "s3gateway_broken_total") == 2


def test_figures_and_reloads(metrics: Metrics) -> None:
    """What is so now, and what has become of reloads."""
    metrics.reloaded(taken=False)
    metrics.turned_away("limits.connections")
    now = Figures(3, 2, {"https://minio:9000": True}, {"listen.certificate": 10.5}, {"file": 4}, {"spark": False})
    metrics.set_figures(now)
    metrics.set_figures(replace(now, backend_up={"https://other:9000": False}, audit_lost={"file": 6}))
    assert value(metrics, "s3gateway_connections") == 3
    assert value(metrics, "s3gateway_requests_in_flight") == 2
    assert value(metrics, "s3gateway_backend_up", backend="https://other:9000") == 0
    assert value(metrics, "s3gateway_backend_up", backend="https://minio:9000") is None
    assert value(metrics, "s3gateway_certificate_days_left", certificate="listen.certificate") == 10.5
    assert value(metrics, "s3gateway_config_reloads_total", result="refused") == 1
    assert value(metrics, "s3gateway_config_reloads_total", result="taken") == 0
    assert value(metrics, "s3gateway_connections_refused_total", limit="limits.connections") == 1
    assert value(metrics, "s3gateway_audit_lost_total", target="file") == 6
    assert value(metrics, "s3gateway_canary_up", client="spark") == 0
    assert value(metrics, "s3gateway_build_info", mitmproxy="1") == 1


def test_retries_are_counted_by_what_failed(metrics: Metrics) -> None:
    """Each one, with no name of a backend."""
    transaction = sent(replace(RECORD))
    transaction.note_retry("connect", "https://one:9000", "refused")
    transaction.note_retry("lost", "https://two:9000", "reset")
    metrics.ended(transaction)
    assert value(metrics, "s3gateway_retries_total", why="connect") == 1
    assert value(metrics, "s3gateway_retries_total", why="lost") == 1
    assert transaction.record.retried == "https://one:9000: refused; https://two:9000: reset"


def test_buckets_where_they_are_asked_for() -> None:
    """Of admitted requests: a stranger can name what he likes."""
    metrics = Metrics({"mitmproxy": "1"}, BucketLabels(("secret-*",), ("secret-bucket/secret",)))
    stranger = ended(RECORD)
    metrics.ended(stranger)
    served = ended(RECORD)
    served.admitted = admitted(authorized("PUT", "/secret-bucket/secret-key"))
    metrics.ended(served)
    labels = {"bucket": "secret-bucket", "prefix": "secret"}
    assert value(metrics, "s3gateway_bucket_requests_total", operation="PutObject", **labels) == 1
    assert value(metrics, "s3gateway_bucket_bytes_total", direction="in", **labels) == 10


def test_neither_bucket_nor_key_is_a_label(metrics: Metrics) -> None:
    """They may be secret, and there is no end of them."""
    metrics.ended(ended(RECORD))
    assert b"secret" not in metrics.text()
