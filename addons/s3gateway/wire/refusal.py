"""The gateway's own answer: an S3 error document and its head, which leave in one write."""

from dataclasses import dataclass
from typing import Final

from s3gateway.errors import S3Error
from s3gateway.http1.head import reason, write_answer
from s3gateway.observed.log_line import Record
from s3gateway.sigv4.model import Headers, RequestHead

_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Refusal:
    """Status, reason phrase, fields and body."""

    status: int
    reason: bytes
    headers: Headers
    body: bytes

    @property
    def wire(self) -> bytes:
        """All of it, as it leaves."""
        return write_answer(self.status, self.reason, self.headers) + self.body


def refusal(error: S3Error, head: RequestHead, record: Record, *more: tuple[bytes, bytes], closes: bool) -> Refusal:
    """Make the answer to ``head``; it has ``more`` fields, and says that the connection ``closes``."""
    body = b"" if head.method == b"HEAD" or not error.code else document(error, head, record)
    record.bytes_out = len(body)
    headers: Headers = (
        (b"Content-Type", b"application/xml"),
        (b"Content-Length", b"%d" % len(body)),
        (b"x-amz-request-id", record.request_id.encode()),
        *more,
        *(((b"Connection", b"close"),) if closes else ()),
    )
    return Refusal(error.status, reason(error.status), headers, body)


def empty(record: Record, *more: tuple[bytes, bytes], closes: bool) -> Refusal:
    """Make the answer that refuses nothing and says nothing but its fields: to a preflight that is allowed."""
    headers: Headers = (
        (b"Content-Length", b"0"),
        (b"x-amz-request-id", record.request_id.encode()),
        *more,
        *(((b"Connection", b"close"),) if closes else ()),
    )
    return Refusal(_OK, reason(_OK), headers, b"")


def document(error: S3Error, head: RequestHead, record: Record) -> bytes:
    """The S3 error document, with the path that was asked for."""
    return error.to_xml(head.path.decode("utf-8", "replace"), record.request_id)
