"""``traceparent``, by the W3C's Trace Context (level 1) and its own examples."""

import pytest
from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased

from s3gateway.rules.tracing import begin, read_parent
from s3gateway.sigv4.model import RequestHead

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
OURS = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def head(*values: str) -> RequestHead:
    return RequestHead(b"GET", b"/", tuple((b"Traceparent", value.encode()) for value in values))


def test_a_client_that_is_traced() -> None:
    """Its trace goes on, and its field is left alone; whether it is sampled, the client says."""
    assert read_parent(head(f"00-{TRACE}-{SPAN}-01")) == (TRACE, SPAN, True)
    assert read_parent(head(f"00-{TRACE}-{SPAN}-00")) == (TRACE, SPAN, False)
    trace = begin(head(f"00-{TRACE}-{SPAN}-01"), *OURS, sample=0.01, adds=True)
    assert (trace.trace_id, trace.span_id, trace.parent_id) == (TRACE, OURS[1], SPAN)
    assert trace.is_sampled
    assert not trace.is_added
    assert not begin(head(f"00-{TRACE}-{SPAN}-01"), *OURS, sample=0, adds=True).is_sampled


def test_a_later_version_may_say_more() -> None:
    """Of version 00 nothing may follow the flags (§3.2.4)."""
    assert read_parent(head(f"01-{TRACE}-{SPAN}-01-more")) == (TRACE, SPAN, True)
    assert read_parent(head(f"00-{TRACE}-{SPAN}-01-more")) is None


@pytest.mark.parametrize(
    "values",
    [
        (),
        ("",),
        (f"ff-{TRACE}-{SPAN}-01",),
        (f"00-{'0' * 32}-{SPAN}-01",),
        (f"00-{TRACE}-{'0' * 16}-01",),
        (f"00-{TRACE.upper()}-{SPAN}-01",),
        (f"00-{TRACE}-{SPAN}",),
        (f"00-{TRACE}-{SPAN}-1",),
        (f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01"),
    ],
)
def test_what_is_no_trace(values: tuple[str, ...]) -> None:
    """A trace of the gateway's own begins; what is there is neither mended nor doubled."""
    assert read_parent(head(*values)) is None
    trace = begin(head(*values), *OURS, sample=1, adds=True)
    assert (trace.trace_id, trace.parent_id) == (OURS[0], "")
    assert trace.is_added == (not values)


def test_the_field_that_is_added() -> None:
    """As the W3C's example has it."""
    assert begin(head(), *OURS, sample=1, adds=True).header == f"00-{OURS[0]}-{OURS[1]}-01"
    assert begin(head(), *OURS, sample=0, adds=True).header == f"00-{OURS[0]}-{OURS[1]}-00"
    assert not begin(head(), *OURS, sample=1, adds=False).is_added


def test_a_share_is_decided_by_the_trace() -> None:
    """By its low 64 bits, as OpenTelemetry's TraceIdRatioBased does, so that all servers decide alike."""
    bound = round(0.01 * (1 << 64))
    found = []
    for trace_id in (1, bound - 1, bound, bound + 1, 1 << 100, (1 << 128) - 1, (7 << 64) + bound - 1):
        theirs = TraceIdRatioBased(0.01).should_sample(None, trace_id, "").decision is Decision.RECORD_AND_SAMPLE
        assert begin(head(), f"{trace_id:032x}", OURS[1], sample=0.01, adds=True).is_sampled == theirs
        found.append(theirs)
    assert set(found) == {True, False}
