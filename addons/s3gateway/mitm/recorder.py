"""Keeps each exchange for whoever may look: as a line in the file of ``log.capture``, or on a flow.

Nothing is built where nobody can see it. All that is built is redacted from the start.
"""

import logging
from pathlib import Path

from s3gateway.code_location import code_location
from s3gateway.mitm.capture_file import CaptureFile
from s3gateway.observed import capture, redaction
from s3gateway.observed.transaction import Transaction
from s3gateway.sigv4.model import RequestHead

logger = logging.getLogger(__name__)


class Recorder:
    """Writes :class:`~s3gateway.observed.capture.Exchange` values. A fault in it is logged and stops no request."""

    def __init__(self) -> None:
        self._file: CaptureFile | None = None

    def use(self, path: Path | None) -> None:
        """Append to this file from now on, or to none."""
        if path != (self._file.path if self._file else None):
            self.stop()
            self._file = CaptureFile(path) if path else None

    def stop(self) -> None:
        """Write what is still waiting."""
        if self._file:
            self._file.close()

    def finish(self, transaction: Transaction, *, explained_later: bool) -> None:
        """Keep an exchange that has ended; one that is ``explained_later`` gets its line then."""
        if self._file and not explained_later:
            self.explained(transaction)

    def explained(self, transaction: Transaction) -> None:
        """Keep an exchange whose explanation is there, or will not come."""
        if self._file and (line := dump_line(transaction)):
            self._file.append(line)


def dump_line(transaction: Transaction) -> str:
    """Give an exchange's line as far as it has come; an empty one if that went wrong."""
    try:
        return capture.dump_line(exchange(transaction))
    except Exception as error:  # noqa: BLE001 - a capture must not decide about a request
        logger.error("request %s not captured: %s", transaction.record.request_id, code_location(error))  # noqa: TRY400
        return ""


def exchange(transaction: Transaction) -> capture.Exchange:
    """Build the exchange as far as it has come."""
    record, refusal, outgoing = transaction.record, transaction.refusal, transaction.outgoing
    admitted, answer = transaction.admitted, transaction.answer
    is_refused = refusal is not None and not record.fault  # where a side has failed, the client is told that by a code
    sent = RequestHead(outgoing.method, outgoing.target, outgoing.headers) if outgoing else None
    return capture.Exchange(
        id=record.request_id,
        time=redaction.time_text(record.time),
        tls=transaction.arrival.tls,
        incoming=redaction.captured_head(transaction.head),
        outgoing=redaction.captured_head(sent) if sent else None,
        verdict="refused" if is_refused else "admitted" if admitted or transaction.is_preflight else "unknown",
        code=refusal.code if refusal else record.refusal,
        message=record.fault or ((refusal.reason or refusal.message) if refusal else ""),
        operation=record.operation,
        bucket=record.bucket,
        key=record.key,
        identity=record.client,
        payload=admitted.verified.payload.text if admitted else redaction.payload_of(transaction.head),
        sse=outgoing.sse if outgoing else "",
        rule="" if outgoing is None or outgoing.rule is None else f"encryption[{outgoing.rule}]",
        chunks=transaction.chunks,
        response=redaction.captured_response(answer.status, answer.headers) if answer else None,
        backend_error=record.backend_error,
        timings={moment: round(seconds, 6) for moment, seconds in transaction.timings.items()},
        explanation=transaction.explanation,
        endpoint=record.endpoint,
        retried=record.retried,
    )
