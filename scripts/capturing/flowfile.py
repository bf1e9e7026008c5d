"""mitmproxy's flow files (``mitmdump -w``), also one that ends in the middle of a flow: its mitmproxy was killed."""

from dataclasses import dataclass
from io import BytesIO

from mitmproxy import http
from mitmproxy.exceptions import FlowReadException
from mitmproxy.io import FlowReader

from s3gateway.observed.capture import CaptureError

_NO_FLOW = (FlowReadException, LookupError, AttributeError, AssertionError, RecursionError)
"""What mitmproxy raises for bytes that no mitmproxy wrote, besides its own."""


@dataclass(frozen=True, slots=True)
class FlowFile:
    """The HTTP flows of a file in order; ``whole`` counts flows of any kind, and ``cut`` says that one more began."""

    flows: tuple[http.HTTPFlow, ...]
    whole: int
    cut: bool


def read_flows(raw: bytes) -> FlowFile:
    """Read a flow file. Raises :class:`~s3gateway.observed.capture.CaptureError` if it is none."""
    file, found, ends = BytesIO(raw), [], [0]
    try:
        for flow in FlowReader(file).stream():
            ends.append(file.tell())
            if isinstance(flow, http.HTTPFlow):
                found.append(flow)
    except _NO_FLOW:
        whole = len(ends) - 1
        if not whole:
            raise CaptureError("not in a known format") from None
        if not _is_cut(raw[ends[-1] :]):
            raise CaptureError(f"broken after flow {whole}") from None
    return FlowFile(tuple(found), len(ends) - 1, cut=ends[-1] < len(raw))


def _is_cut(rest: bytes) -> bool:
    """Whether it ends before the flow that it begins, as ``length:data}``, is whole."""
    length, _, data = rest.partition(b":")
    return length.isdigit() and len(data) <= int(length[:12])
