"""The bodies that a mitmproxy flow file holds beside its exchanges, where `store_streamed_bodies` was on."""

from dataclasses import dataclass
from pathlib import Path

from capturing.flowfile import read_flows
from capturing.sources import content, is_json


@dataclass(frozen=True, slots=True)
class Bodies:
    """What is stored of one exchange; None where it was not."""

    request: bytes | None = None
    response: bytes | None = None


def stored_bodies(path: Path, count: int) -> list[Bodies]:
    """The bodies of `count` exchanges, in order: all None unless the file is a flow file."""
    raw = content(path)
    if is_json(raw) or not count:
        return [Bodies()] * count
    flows = read_flows(raw).flows
    return [Bodies(flow.request.raw_content, flow.response.raw_content if flow.response else None) for flow in flows]
