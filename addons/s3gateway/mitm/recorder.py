"""Keeps each exchange for whoever may look: in ``flow.metadata``, and in the file of ``log.capture``.

Nothing is built where nobody can see it: under a mitmdump without ``-w`` and ``log.capture`` a request costs a few
references and clock readings. All that is built is redacted from the start.
"""

import logging
from pathlib import Path

from mitmproxy import ctx, http

from s3gateway.bodies.chunked import ChunkedBody
from s3gateway.code_location import code_location
from s3gateway.gateway import Outgoing
from s3gateway.mitm.capture_file import CaptureFile
from s3gateway.mitm.flows import Transaction, head_on_the_wire
from s3gateway.mitm.watched import listing
from s3gateway.observed import capture, redaction

logger = logging.getLogger(__name__)

_SHOWN_BY = ("save_stream_file", "hardump", "flow_detail")
"""mitmdump's options by which somebody sees flows."""


class Recorder:
    """Builds :class:`~s3gateway.observed.capture.Exchange` values. A fault in it is logged and stops no request."""

    def __init__(self) -> None:
        self._interactive = False
        self._watched = False
        self._file: CaptureFile | None = None

    def start(self, path: Path | None, *, under_mitmdump: bool) -> None:
        """Find out who may look; mitmweb and mitmproxy show flows while they run, ``-w`` when they have ended."""
        self._interactive = not under_mitmdump
        self._watched = self._interactive or any(getattr(ctx.options, name, None) for name in _SHOWN_BY)
        self.use(path)

    def use(self, path: Path | None) -> None:
        """Append to this file from now on, or to none."""
        if path != (self._file.path if self._file else None):
            self.stop()
            self._file = CaptureFile(path) if path else None

    @property
    def writes_flows(self) -> bool:
        """Whether flows go to a file as soon as they have ended: what is not on them then, is not in it."""
        return self._watched and not self._interactive

    def stop(self) -> None:
        """Write what is still waiting."""
        if self._file:
            self._file.close()

    def show(self, flow: http.HTTPFlow, transaction: Transaction) -> None:
        """Let whoever watches a running flow see how far it has come, or has been explained."""
        if self._interactive:
            self.put(flow, transaction)

    def put(self, flow: http.HTTPFlow, transaction: Transaction) -> None:
        """Put the exchange as it stands on the flow, if anybody can see flows."""
        if self._watched:
            self._keep(flow, transaction)

    def finish(
        self, flow: http.HTTPFlow, transaction: Transaction, answer: http.Response | None, *, explained_later: bool
    ) -> None:
        """Keep an exchange that has ended, the first time that it is said to have.

        One that is ``explained_later`` gets its line in the file then.
        """
        if transaction.logged:
            return
        transaction.answer = answer
        transaction.mark("answered")
        transaction.mark("ended")
        if not (self._watched or self._file):
            return
        line = self._keep(flow, transaction)
        if self._file and line and not explained_later:
            self._file.append(line)

    def explained(self, flow: http.HTTPFlow, transaction: Transaction) -> None:
        """Keep an exchange again that was finished with its explanation to come."""
        line = self._keep(flow, transaction) if self._watched or self._file else ""
        if self._file and line:
            self._file.append(line)

    def _keep(self, flow: http.HTTPFlow, transaction: Transaction) -> str:
        """Put the exchange where people look, and give its line; an empty one if that went wrong."""
        try:
            kept = exchange(transaction)
            line = capture.dump_line(kept)
            if self._watched:
                flow.metadata[capture.METADATA_KEY] = line
            if self._interactive:
                listing.tell(flow, transaction, kept)
        except Exception as error:  # noqa: BLE001 - a capture must not decide about a request
            logger.error("request %s not captured: %s", transaction.record.request_id, code_location(error))  # noqa: TRY400
            return ""
        return line


def exchange(transaction: Transaction) -> capture.Exchange:
    """Build the exchange as far as it has come."""
    record, refusal, outgoing = transaction.record, transaction.refusal, transaction.outgoing
    admitted, answer = transaction.admitted, transaction.answer
    return capture.Exchange(
        id=record.request_id,
        time=redaction.time_text(record.time),
        tls=transaction.arrival.tls,
        incoming=redaction.captured_head(transaction.head),
        outgoing=redaction.captured_head(head_on_the_wire(outgoing)) if outgoing else None,
        verdict="refused" if refusal else "admitted" if admitted else "unknown",
        code=refusal.code if refusal else record.refusal,
        message=(refusal.reason or refusal.message) if refusal else record.fault,
        operation=record.operation,
        bucket=record.bucket,
        key=record.key,
        identity=record.client,
        payload=admitted.verified.payload.text if admitted else redaction.payload_of(transaction.head),
        sse=outgoing.sse if outgoing else "",
        rule="" if outgoing is None or outgoing.rule is None else f"encryption[{outgoing.rule}]",
        chunks=_chunks(outgoing),
        response=redaction.captured_response(answer.status_code, answer.headers.fields) if answer else None,
        backend_error=record.backend_error,
        timings={moment: round(seconds, 6) for moment, seconds in transaction.timings.items()},
        explanation=transaction.explanation,
    )


def _chunks(outgoing: Outgoing | None) -> capture.Chunks | None:
    body = outgoing.body if outgoing else None
    if not isinstance(body, ChunkedBody):
        return None
    return capture.Chunks(body.chunks, body.verified.data_bytes, body.bad_chunk, tuple(body.verified.runs))
