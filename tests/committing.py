"""A backend that commits as early as MinIO may: once all the announced data is there, final chunk or not.

It trusts nothing but its own key's chunk signatures; where there are none it counts bytes as they come. What it holds
at the end is what a real one could hold.
"""

from s3gateway.sigv4.model import RequestHead
from tests.sigv4.aws import STREAMING_UNSIGNED_TRAILER, Key
from tests.sigv4.streams import chunk_signature


class Committing:
    """One upload. ``committed`` is None until the object is there; ``receive`` takes whatever the gateway sends."""

    def __init__(self, head: RequestHead, key: Key) -> None:
        mode = (head.first(b"x-amz-content-sha256") or b"").decode()
        self.committed: bytes | None = None
        self._key = key
        self._chunked = mode.startswith("STREAMING")
        self._signed = self._chunked and mode != STREAMING_UNSIGNED_TRAILER
        length = head.first(b"x-amz-decoded-content-length" if self._chunked else b"content-length")
        self._announced = int(length or b"0")
        self._last = (head.first(b"authorization") or b"")[-64:].decode()
        self._signature = b""
        self._buffer = bytearray()
        self._data = bytearray()
        self._left = 0 if self._chunked else self._announced
        self._skip = 0
        self._refused = False

    def receive(self, data: bytes) -> None:
        """Take the next bytes of the body; after the first thing that is wrong nothing counts any more."""
        self._buffer += data
        while self.committed is None and not self._refused and (self._take_data() if self._left else self._take_head()):
            pass

    def _take_head(self) -> bool:
        end = self._buffer.find(b"\r\n", self._skip)
        if end < 0:
            return False
        size, _, self._signature = bytes(self._buffer[self._skip : end]).partition(b";chunk-signature=")
        del self._buffer[: end + 2]
        self._skip = 2  # the line end of the chunk that begins now
        self._left = int(size, 16)
        if not self._left and self._is_signed(b""):
            self.committed = bytes(self._data)  # an empty object has no data to wait for
        return True

    def _take_data(self) -> bool:
        piece = bytes(self._buffer[: self._left])
        if not piece or (self._signed and len(piece) < self._left) or not self._is_signed(piece):
            return False
        del self._buffer[: len(piece)]
        self._data += piece
        self._left -= len(piece)
        if len(self._data) >= self._announced:
            self.committed = bytes(self._data)
        return True

    def _is_signed(self, piece: bytes) -> bool:
        if self._signed:
            self._last = chunk_signature(self._key, self._last, piece)
            self._refused = self._last.encode() != self._signature
        return not self._refused
