"""mitmproxy's flow files (``mitmdump -w``), also one that ends in the middle of a flow: its mitmproxy was killed.

A file is read flow by flow. mitmproxy's reader asks for a file; :class:`_Source` is one over blocks of bytes, and knows
how much of a flow is there when that reader gives up.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

from mitmproxy import http
from mitmproxy.exceptions import FlowReadException
from mitmproxy.io import FlowReader

from s3gateway.observed.capture import CaptureError

_NO_FLOW = (FlowReadException, LookupError, AttributeError, AssertionError, RecursionError)
"""What mitmproxy raises for bytes that no mitmproxy wrote, besides its own."""

_LENGTH = 13
"""Bytes of a flow that tell how long it is: up to twelve digits, and a colon."""


@dataclass(frozen=True, slots=True)
class FlowFile:
    """The HTTP flows of a file in order; ``whole`` counts flows of any kind, and ``cut`` says that one more began."""

    flows: tuple[http.HTTPFlow, ...]
    whole: int
    cut: bool


def read_flows(raw: bytes) -> FlowFile:
    """Read a flow file. Raises :class:`~s3gateway.observed.capture.CaptureError` if it is none."""
    ends: list[int] = []
    flows = tuple(flows_in([raw], ends.append))
    return FlowFile(flows, abs(ends[0]), cut=ends[0] < 0)


def flows_in(blocks: Iterable[bytes], ended: Callable[[int], object]) -> Iterator[http.HTTPFlow]:
    """Give each HTTP flow as it comes. ``ended`` is told how many flows of any kind there were, negative if cut.

    Raises :class:`~s3gateway.observed.capture.CaptureError` if it is no flow file.
    """
    source, whole = _Source(iter(blocks)), 0
    try:
        for flow in FlowReader(cast("BinaryIO", source)).stream():
            whole += 1
            source.begin()
            if isinstance(flow, http.HTTPFlow):
                yield flow
    except _NO_FLOW:
        if not whole:
            raise CaptureError("not in a known format") from None
        if not source.is_cut():
            raise CaptureError(f"broken after flow {whole}") from None
    ended(-whole if source.is_begun() else whole)


class _Source:
    """A file over blocks, for one reader: ``read`` and ``peek``, forwards only."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._data = b""
        self._at = 0
        self._first = b""
        self._taken = 0

    def begin(self) -> None:
        """What is read from now on is the next flow."""
        self._first, self._taken = b"", 0

    def read(self, size: int = -1) -> bytes:
        """Give up to ``size`` bytes, or all that is left."""
        self._fill(size)
        end = len(self._data) if size < 0 else self._at + size
        data, self._at = self._data[self._at : end], min(end, len(self._data))
        if len(self._first) < _LENGTH:
            self._first += data[: _LENGTH - len(self._first)]
        self._taken += len(data)
        return data

    def peek(self, size: int) -> bytes:
        """Give the next bytes, and keep them."""
        self._fill(size)
        return self._data[self._at : self._at + size]

    def is_begun(self) -> bool:
        """Whether anything of a flow is there after the last whole one."""
        return bool(self._taken)

    def is_cut(self) -> bool:
        """Whether it ends before the flow that it begins, as ``length:data}``, is whole."""
        self._first += self.peek(_LENGTH - len(self._first))
        length, _, data = self._first.partition(b":")
        after = self._taken - len(length) - 1 + len(self.peek(_LENGTH))
        return length.isdigit() and (not data or after <= int(length))

    def _fill(self, size: int) -> None:
        if 0 <= size <= len(self._data) - self._at:
            return
        pieces = [self._data[self._at :]]
        have = len(pieces[0])
        while (size < 0 or have < size) and (block := next(self._blocks, b"")):
            pieces.append(block)
            have += len(block)
        self._data, self._at = b"".join(pieces) if len(pieces) > 1 else pieces[0], 0
