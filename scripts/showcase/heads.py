"""What a recorder saw on either side of the gateway, compared."""

from typing import Final

from lab.wire import RecordedRequest
from s3gateway.observed.capture import Head
from s3gateway.observed.compare import Comparison, Fate, compare
from s3gateway.observed.redaction import text

# May differ, or be missing, on the outgoing side. Everything else has to arrive.
OWN: Final = frozenset({"host", "authorization", "x-amz-date"})
HOP_BY_HOP: Final = frozenset({"connection", "expect"})


def compared(sent: RecordedRequest, received: RecordedRequest) -> Comparison:
    """The client's head and the backend's; this gateway's policy is what adds encryption headers."""
    return compare(_head(sent), _head(received), added_by="policy")


def all_arrived(comparison: Comparison, *, but: frozenset[str] = frozenset()) -> bool:
    """Whether the target and each end-to-end header of the client, `but` those, are on the other side, unchanged."""
    lost = {row.name for row in comparison.rows if row.fate not in {Fate.KEPT, Fate.REORDERED, Fate.ADDED}}
    return lost <= OWN | HOP_BY_HOP | but and comparison.line.fate is Fate.KEPT and not comparison.faults


def _head(request: RecordedRequest) -> Head:
    pairs = tuple((text(name), text(value)) for name, value in request.headers)
    return Head(request.method, text(request.target), pairs, tuple(request.signed_headers()))
