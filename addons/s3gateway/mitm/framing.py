"""What HTTP/1 is here, and what is left of it: nothing that another server could read in another way.

mitmproxy's own check against smuggling answers in HTML, and to a bad answer of the backend too; so that option is off,
and the same rules are applied in the hooks, which answer in S3's words.
"""

import re

from h11 import Data, EndOfMessage
from h11._readers import ChunkedReader
from h11._receivebuffer import ReceiveBuffer
from mitmproxy import http
from mitmproxy.net.http.validate import validate_headers
from mitmproxy.proxy import events, layer
from mitmproxy.proxy.layers import http as http_layers
from mitmproxy.proxy.layers.http import _http1

from s3gateway import errors

_INTERIM = re.compile(rb"(?:HTTP/1\.[01] 1(?!01)[0-9]{2}[^\n]*\n(?:[^\r\n][^\n]*\n)*\r?\n)+")
"""Whole heads of interim answers; 101 is none, for what follows it is no HTTP."""

_FINAL = 200
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
    """Whether header names are names, the body is framed in one plain way, and an answer is a final one."""
    if isinstance(message, http.Response) and message.status_code < _FINAL:
        return False
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


class FinalAnswerClient(_http1.Http1Client):
    """mitmproxy's client side of HTTP/1; interim answers are passed over, and the final one is the answer."""

    def read_headers(self, event: events.ConnectionEvent) -> layer.CommandGenerator[None]:
        """Read on, behind what is interim."""
        if self.request and (interim := _INTERIM.match(bytes(self.buf))):
            self.buf.maybe_extract_at_most(interim.end())
        return super().read_headers(event)


def pass_over_interim_answers() -> None:
    """Make mitmproxy read answers with :class:`FinalAnswerClient`.

    mitmproxy takes the first head for the answer, and the client would wait for its next one for ever. They may come
    unasked (RFC 9110 §15.2), and the client has had its ``100 Continue``. ``tests/wire/test_interim.py`` tells whether
    mitmproxy still uses what is replaced.
    """
    http_layers.Http1Client = FinalAnswerClient  # type: ignore[attr-defined]  # imported there
