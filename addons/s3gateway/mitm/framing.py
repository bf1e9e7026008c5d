"""What mitmproxy's HTTP/1 reader leaves open in a chunked body (RFC 9112 §7.1): trailer fields, and lines without end.

A trailer field raises ``NotImplementedError`` in mitmproxy's state machine, and the client waits for ever; here trailer
fields are discarded, as RFC 9110 §6.5.1 allows: nobody has signed them. A chunk header or a trailer that does not end
is gathered in memory without limit, also while a refused body is dropped; here it is a protocol error, which ends the
connection. mitmproxy has no option for either, so this replaces the class it reads with; should mitmproxy read with
another one, ``tests/wire/test_smuggling.py`` tells.
"""

from h11 import Data, EndOfMessage, RemoteProtocolError
from h11._readers import ChunkedReader
from h11._receivebuffer import ReceiveBuffer
from mitmproxy.proxy.layers.http import _http1

MAX_LINES = 16 * 1024
"""Bytes of one chunk header, or of all trailer fields."""


class BoundedChunkedReader(ChunkedReader):
    """h11's reader, with an end to everything that is no data."""

    def __call__(self, buf: ReceiveBuffer) -> Data | EndOfMessage | None:
        """Read on; what stays in ``buf`` when there is no event is an unfinished line."""
        event: Data | EndOfMessage | None = super().__call__(buf)
        if event is None and len(buf) > MAX_LINES:
            raise RemoteProtocolError("a chunk header or trailer is too long")
        return EndOfMessage() if isinstance(event, EndOfMessage) else event


def bound_chunked_bodies() -> None:
    """Make mitmproxy read chunked bodies with :class:`BoundedChunkedReader`."""
    _http1.ChunkedReader = BoundedChunkedReader  # type: ignore[attr-defined]  # imported there
