"""``traceparent`` (W3C Trace Context): what a request brings, what it gets, and whether it has a span. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from s3gateway.sigv4.model import RequestHead

FIELD: Final = b"traceparent"
_FORM: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_INVALID: Final = "ff"
_SAMPLED: Final = 1
_LOW: Final = 1 << 64
"""A trace's share is decided by the low 64 bits of its id, as OpenTelemetry's samplers do: all servers agree."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a request stands in a trace. Ids are lower-case hex: 32 digits, and 16 of the spans.

    ``parent_id`` is the client's span, empty where it has sent none; ``is_added`` says that the backend is told of
    ``span_id``, the gateway's own.
    """

    trace_id: str
    span_id: str
    parent_id: str
    is_sampled: bool
    is_added: bool = False

    @property
    def header(self) -> str:
        """The field's value that names the gateway's span."""
        return f"00-{self.trace_id}-{self.span_id}-{self.is_sampled:02x}"


def read_parent(head: RequestHead) -> tuple[str, str, bool] | None:
    """Give trace id, span id and whether it is sampled; None where there is no one valid ``traceparent``."""
    values = head.all(FIELD)
    match = _FORM.fullmatch(values[0].decode("latin-1").strip()) if len(values) == 1 else None
    if match is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if version == _INVALID or (more and version == "00") or not int(trace_id, 16) or not int(span_id, 16):
        return None
    return trace_id, span_id, bool(int(flags, 16) & _SAMPLED)


def begin(head: RequestHead, trace_id: str, span_id: str, *, sample: float, adds: bool) -> Trace:
    """Begin the gateway's span. The ids are fresh; a client's trace goes on, and is sampled if the client says so.

    A field that is there is left as it is, whatever it says.
    """
    parent = read_parent(head)
    if parent is not None:
        return Trace(parent[0], span_id, parent[1], parent[2] and sample > 0)
    is_sampled = int(trace_id, 16) % _LOW < round(sample * _LOW)
    return Trace(trace_id, span_id, "", is_sampled, is_added=adds and not head.all(FIELD))
