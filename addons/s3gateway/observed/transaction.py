"""What is known of one exchange while it goes on, and what is kept of it at its end."""

import time
from dataclasses import dataclass, field

from s3gateway.bodies.chunked import ChunkedBody
from s3gateway.bodies.own_chunks import OwnChunks
from s3gateway.bodies.spooled import SpooledBody
from s3gateway.config.model import Config
from s3gateway.errors import S3Error
from s3gateway.gateway import Admitted, Arrival, Outgoing
from s3gateway.observed.capture import Chunks, Explanation
from s3gateway.observed.log_line import Record
from s3gateway.rules.answer_head import AnswerHead
from s3gateway.rules.tracing import Trace
from s3gateway.sigv4.model import Headers, RequestHead


@dataclass(slots=True)
class Transaction:
    """The gateway's view of one exchange. Mutable because an exchange is: it is admitted, sent, answered or refused.

    ``config`` is what it is decided by, where that knows more than the one in force: a client that was looked up.
    ``for_page`` is what every answer tells a browser (:mod:`s3gateway.rules.cors`); None leaves it to the backend.
    It outlives its exchange where somebody keeps it, so it holds heads and figures, and no bytes of a body.
    """

    head: RequestHead
    arrival: Arrival
    record: Record
    admitted: Admitted | None = None
    outgoing: Outgoing | None = None
    refusal: S3Error | None = None
    answer: AnswerHead | None = None
    for_page: Headers | None = None
    config: Config | None = None
    is_preflight: bool = False
    chunks: Chunks | None = None
    explanation: Explanation | None = None
    timings: dict[str, float] = field(default_factory=dict)
    logged: bool = False
    retries: tuple[str, ...] = ()  # what failed, each in one word
    notes: tuple[str, ...] = ()  # what was logged of it, for whoever asks why
    trace: Trace | None = None

    def mark(self, moment: str) -> None:
        """Note the first time that this moment is reached, in seconds since the head arrived."""
        self.timings.setdefault(moment, time.time() - self.record.time)

    def note_retry(self, kind: str, backend: str, why: str) -> None:
        """Note that the request goes to another backend, and why not to this one."""
        self.retries += (kind,)
        self.record.retried += f"{'; ' if self.record.retried else ''}{backend}: {why}"

    @property
    def traceparent(self) -> str:
        """Give the field that the gateway added; empty where it added none."""
        return self.trace.header if self.trace is not None and self.trace.is_added else ""

    def settle(self) -> None:
        """Note what the body was found to be; after this its bytes may go."""
        body = self.outgoing.body if self.outgoing is not None else None
        if isinstance(body, ChunkedBody | OwnChunks | SpooledBody):
            self.chunks = Chunks(body.chunks, body.verified.data_bytes, body.bad_chunk, tuple(body.verified.runs))
