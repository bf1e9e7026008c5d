"""What waits to be written to the backend: few writes of a read's size, and the end of an upload in one. Sans-IO.

Each write costs a system call and a TLS record's overhead, so small pieces are joined. A long one would make buffers of
its size grow on the way, and they live as long as the connection.
"""

from collections import deque
from typing import TYPE_CHECKING, Final

from s3gateway.bodies.whole import Piece
from s3gateway.http1 import framing
from s3gateway.wire.reads import READ

if TYPE_CHECKING:
    from collections.abc import Callable

_WRITE: Final = READ + 1024
"""Bytes in one write at most, but for the end of a body: what one read brings, and the chunk heads around it."""


class Outbox:
    """Pieces in order. ``in_chunks`` frames them as HTTP chunks; ``on_framed`` is told of the data in each write."""

    def __init__(self, *, in_chunks: bool) -> None:
        self.in_chunks = in_chunks
        self.on_framed: Callable[[bytes], None] | None = None
        self._writes: deque[bytes] = deque()
        self._head = b""

    def __bool__(self) -> bool:
        return bool(self._writes or self._head)

    @property
    def holds_head(self) -> bool:
        """Whether the backend has heard nothing of the request yet."""
        return bool(self._head)

    def begin(self, head: bytes) -> None:
        """Let a request's head leave in one write with what comes next, or alone if nothing does."""
        self._head = head

    def put(self, pieces: list[Piece], ending: list[Piece] | None = None) -> None:
        """Add pieces. With an ``ending``, even an empty one, the body is whole; its last piece leaves in one write."""
        batch: list[Piece] = []
        size = 0
        last = ending[-1] if ending else b""
        for piece in (*pieces, *(ending or ())[:-1]):
            if batch and size + len(piece) > _WRITE:
                self._add(batch)
                batch, size = [], 0
            batch.append(piece)
            size += len(piece)
        if ending is None:
            if batch:
                self._add(batch)
            return
        if batch and size + len(last) > _WRITE:
            self._add(batch)
            batch = []
        self._add([*batch, last], framing.LAST_CHUNK if self.in_chunks else b"")

    def take(self) -> bytes:
        """Give the next write; empty where there is none."""
        head, self._head = self._head, b""
        data = self._writes.popleft() if self._writes else b""
        return head + data if head else data

    def take_all(self) -> list[bytes]:
        """Give every write that waits."""
        writes = [self._head, *self._writes]
        self.clear()
        return writes

    def clear(self) -> None:
        """Let go of everything."""
        self._head = b""
        self._writes.clear()

    def _add(self, batch: list[Piece], behind: bytes = b"") -> None:
        only = batch[0] if len(batch) == 1 else None
        data = only if isinstance(only, bytes) else b"".join(batch)
        if self.on_framed is not None and data:
            self.on_framed(data)
        framed = framing.chunk(data) if self.in_chunks else data
        if framed or behind:
            self._writes.append(framed + behind if behind else framed)
