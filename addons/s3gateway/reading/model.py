"""What a text, a capture or a flow file tells of one request: :class:`Found`, the value that every reader gives.

:attr:`Found.exchange` is redacted and may be shown or stored. :attr:`Found.raw`, :attr:`Found.body`,
:attr:`Found.answer` and the four canonical texts are bytes as the input has them, secrets included: they are for
computing only. The ``repr`` shows none of them.
"""

from dataclasses import dataclass, field
from datetime import datetime

from s3gateway.observed.capture import Exchange
from s3gateway.sigv4.model import RequestHead

_REFUSED = 400


@dataclass(frozen=True, slots=True)
class Found:
    """One request, and what the input has of it besides.

    ``raw`` is the head with all that the input has; None where the input held a redacted head only. It may lack
    fields, or hold a redacted ``Authorization``; :attr:`missing` says so. ``format`` is a name of
    :data:`~s3gateway.reading.formats.FORMATS`. ``line`` counts from 1, and is 0 where the input has no lines.
    """

    exchange: Exchange
    format: str
    line: int = 0
    raw: RequestHead | None = field(default=None, repr=False)
    body: bytes | None = field(default=None, repr=False)
    """The body as it was sent; None where the input does not hold it whole."""

    answer: bytes = field(default=b"", repr=False)
    """The body of the answer, as far as the input has it: S3's error document."""

    at: datetime | None = None
    """When the input says it was sent or answered; None where it has no clock."""

    client_canonical_request: bytes = field(default=b"", repr=False)
    """What the client's own log says it signed. Lines end in LF, the last has no end. Empty where unknown."""

    client_string_to_sign: bytes = field(default=b"", repr=False)
    server_canonical_request: bytes = field(default=b"", repr=False)
    """What the server's error document says it computed."""

    server_string_to_sign: bytes = field(default=b"", repr=False)
    has_signature: bool = True
    """Whether ``raw`` holds the signature itself: without it a secret cannot be checked."""

    complete: bool = True
    """Whether ``raw`` holds every header that was sent. If not, an absent one says nothing."""

    missing: tuple[str, ...] = ()
    """One clause each: what the input lacks, and what cannot be done for that."""

    @property
    def status(self) -> int:
        """The status of the answer; 0 where there is none."""
        return self.exchange.response.status if self.exchange.response else 0

    @property
    def error_code(self) -> str:
        """S3's code for the refusal, of the gateway or of the server; empty where nobody gave one."""
        return self.exchange.code or self.exchange.backend_error

    @property
    def failed(self) -> bool:
        """Whether somebody refused it, as far as is known. A head without an answer and a clock counts as refused."""
        if self.exchange.response is None:
            return bool(self.error_code) or self.at is None or self.exchange.verdict == "refused"
        return self.status >= _REFUSED
