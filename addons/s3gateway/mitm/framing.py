"""What HTTP/1 is here, and what is left of it: nothing that another server could read in another way.

mitmproxy's own check against smuggling answers in HTML, and to a bad answer of the backend too; so that option is off,
and the same rules are applied in the hooks, which answer in S3's words.
"""

from h11 import Data, EndOfMessage
from h11._readers import ChunkedReader
from h11._receivebuffer import ReceiveBuffer
from mitmproxy import http
from mitmproxy.net.http.validate import validate_headers
from mitmproxy.proxy.layers.http import _http1

from s3gateway import errors

_VERSIONS = (b"HTTP/1.1", b"HTTP/1.0")
"""mitmproxy passes on whatever version a client writes, and treats one that writes HTTP/2.0 as if it spoke that."""


def check_head(request: http.Request) -> None:
    """Refuse what is no plain HTTP/1 request in origin-form."""
    if not is_sound(request):
        raise errors.invalid_request("The HTTP request is malformed.")
    if request.authority:
        raise errors.invalid_uri()
    if request.data.http_version not in _VERSIONS:
        raise errors.invalid_request("Please use HTTP/1.1.")


def is_sound(message: http.Message) -> bool:
    """Whether header names are names, and the body is framed in one plain way."""
    try:
        validate_headers(message)
    except ValueError:
        return False
    return True


class TrailerlessReader(ChunkedReader):
    """h11's reader of chunked bodies; their end is an end and nothing more."""

    def __call__(self, buf: ReceiveBuffer) -> Data | EndOfMessage | None:
        """Read on."""
        event: Data | EndOfMessage | None = super().__call__(buf)
        return EndOfMessage() if isinstance(event, EndOfMessage) else event


def discard_trailers() -> None:
    """Make mitmproxy read chunked bodies with :class:`TrailerlessReader`.

    At a trailer mitmproxy raises ``NotImplementedError`` in the middle of its state machine, and the client waits for
    ever. RFC 9110 §6.5.1 allows to discard them, and nobody has signed them. Should mitmproxy read with another class,
    ``tests/wire/test_smuggling.py`` tells.
    """
    _http1.ChunkedReader = TrailerlessReader  # type: ignore[attr-defined]  # imported there
