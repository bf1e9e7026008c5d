"""Request heads of one connection, out of what has come: bytes in, requests out. Sans-IO.

What is behind a head stays here until it is asked for: it is the request's body, or the next request.
"""

from s3gateway import errors
from s3gateway.http1.head import Request, find_end, read_request


class Heads:
    """What a client has sent and nobody has taken. No byte is looked at twice for the end of a head."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0

    def __len__(self) -> int:
        return len(self._buffer)

    def add(self, data: bytes) -> None:
        """Take what has come."""
        self._buffer += data

    def put_back(self, data: bytes) -> None:
        """Take what came behind a body: it stands before all that came later."""
        self._buffer[:0] = data
        self._searched = 0

    def take_all(self) -> bytes:
        """Give what is here: some of a body."""
        data = bytes(self._buffer)
        self.clear()
        return data

    def clear(self) -> None:
        """Let go of it."""
        self._buffer.clear()
        self._searched = 0

    def take(self, limit: int) -> Request | None:
        """Give the next request; None while its head is not whole. Raises S3Error for what is none.

        ``limit`` is the most bytes that a head may have.
        """
        self._skip_empty_lines()
        buffer = self._buffer
        if not buffer:
            return None
        end = find_end(buffer, self._searched)
        size = len(buffer) if end < 0 else end
        if size > limit:
            raise errors.head_too_large("bytes of request head and more", size, limit)
        if end < 0:
            self._searched = size
            return None
        raw = bytes(memoryview(buffer)[:end])
        del buffer[:end]
        self._searched = 0
        return read_request(raw)

    def _skip_empty_lines(self) -> None:
        """Drop empty lines before a request: they are ignored (RFC 9112 §2.2)."""
        buffer, end = self._buffer, 0
        while end < len(buffer) and buffer[end] in b"\r\n":
            end += 1
        if end:
            del buffer[:end]
            self._searched = 0
