"""The bodies that a mitmproxy flow file holds beside its exchanges, where `store_streamed_bodies` was on."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from mitmproxy import http
from mitmproxy.io import FlowReader


@dataclass(frozen=True, slots=True)
class Bodies:
    """What is stored of one exchange; None where it was not."""

    request: bytes | None = None
    response: bytes | None = None


def stored_bodies(path: Path, count: int) -> list[Bodies]:
    """The bodies of `count` exchanges, in order: all None unless the file is a flow file."""
    raw = path.read_bytes()
    if raw.lstrip().startswith((b"{", b"[", b"\xef\xbb\xbf")):
        return [Bodies()] * count
    flows = [flow for flow in FlowReader(BytesIO(raw)).stream() if isinstance(flow, http.HTTPFlow)]
    return [Bodies(flow.request.raw_content, flow.response.raw_content if flow.response else None) for flow in flows]
