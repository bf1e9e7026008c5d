"""The last addon in mitmproxy's chain: nothing leaves that was not admitted, and what leaves is signed here.

mitmproxy forwards a request when a hook raises, or when a script is gone after a broken reload. This addon belongs to
no script: without a verdict of :class:`~s3gateway.mitm.addon.S3Gateway` on a flow it can only refuse.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

from mitmproxy import http

from s3gateway import errors, gateway
from s3gateway.bodies.held import NOTHING_HELD, release
from s3gateway.code_location import code_location
from s3gateway.mitm import flows, termination
from s3gateway.mitm.recorder import Recorder
from s3gateway.mitm.refusal import describe, refuse, refuse_whole
from s3gateway.mitm.start.live import Live
from s3gateway.mitm.streams import UploadStream
from s3gateway.mitm.watched import holding
from s3gateway.sigv4.model import RequestHead

logger = logging.getLogger(__name__)

NAME = "s3gatewayoutbound"

_LOOK_SECONDS = 0.5


class Outbound:
    """The last addon: nothing leaves that was not admitted, and what leaves is signed here."""

    name = NAME

    def __init__(self, live: Live, transactions: flows.Transactions, recorder: Recorder) -> None:
        self._live = live
        self._transactions = transactions
        self._recorder = recorder

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Sign a request with a body: its head leaves right after this hook."""
        transaction = self._transactions.get(flow)
        if transaction is None:
            if flow.live and not flow.error:  # mitmproxy sends only what is live; the rest it has read from a file
                self._refuse_unknown(flow)
            return
        if transaction.refusal is None and transaction.holds:
            holding.keep_whole(flow)
        elif transaction.refusal is None and (transaction.admitted is None or transaction.arrival.has_body):
            self._send(flow, transaction)

    async def request(self, flow: http.HTTPFlow) -> None:
        """Sign what is here whole now that nobody will edit it any more; cut a faulty upload before its end."""
        transaction = self._transactions.get(flow)
        if transaction is None:
            if flow.live and flow.response is None:
                self._refuse_unknown(flow)
        elif transaction.arrival.has_body and not transaction.holds:
            if transaction.refusal and flow.response is None:
                await termination.abort(flow)
        elif transaction.refusal is None:
            await _released(flow)
            if flow.response is None and not termination.is_killed(flow):
                self._send_whole(flow, transaction)

    def _send(self, flow: http.HTTPFlow, transaction: flows.Transaction) -> None:
        """From ``requestheaders``: sign the head, and stream the body."""
        current = self._live.current
        try:
            if transaction.admitted is None:
                raise errors.internal_error()
            outgoing = gateway.forward(
                transaction.admitted, _head_now(flow, transaction), current.config, current.signer, datetime.now(UTC)
            )
            flows.write_outgoing(flow, outgoing, current.config.backend)
            if outgoing.body:
                flow.request.stream = UploadStream(outgoing.body, transaction, partial(termination.abort_soon, flow))
        except errors.S3Error as error:
            refuse(flow, transaction, error, current.config.limits.refusal_linger)
        except Exception as error:  # noqa: BLE001 - fail closed
            logger.error("request %s refused: %s", transaction.record.request_id, code_location(error))  # noqa: TRY400
            refuse(flow, transaction, errors.internal_error(), current.config.limits.refusal_linger)
        else:
            self._sent(flow, transaction, outgoing)

    def _send_whole(self, flow: http.HTTPFlow, transaction: flows.Transaction) -> None:
        """From ``request``: sign head and body as they are now."""
        current = self._live.current
        try:
            held = transaction.held or (None if transaction.holds else NOTHING_HELD)
            if transaction.admitted is None or held is None:
                raise errors.internal_error()
            head, content = _head_now(flow, transaction), flow.request.raw_content or b""
            outgoing, body = release(
                transaction.admitted, held, head, content, current.config, current.signer, datetime.now(UTC)
            )
            flows.write_outgoing(flow, outgoing, current.config.backend)
            flow.request.raw_content = body
        except errors.S3Error as error:
            refuse_whole(flow, transaction, error, current.config.limits.refusal_linger)
        except Exception as error:  # noqa: BLE001 - fail closed
            logger.error("request %s refused: %s", transaction.record.request_id, code_location(error))  # noqa: TRY400
            refuse_whole(flow, transaction, errors.internal_error(), current.config.limits.refusal_linger)
        else:
            transaction.content = content
            self._sent(flow, transaction, outgoing)

    def _sent(self, flow: http.HTTPFlow, transaction: flows.Transaction, outgoing: gateway.Outgoing) -> None:
        transaction.outgoing = outgoing
        transaction.record.sse = outgoing.sse
        describe(transaction, outgoing.operation)
        transaction.mark("signed")
        self._recorder.show(flow, transaction)

    def _refuse_unknown(self, flow: http.HTTPFlow) -> None:
        logger.error("request refused: the gateway's script is not loaded")
        try:
            flows.redact(flow)  # nobody else will, and it may be written to a flow file
            transaction = self._transactions.open(flow)
            refuse(flow, transaction, errors.internal_error(), self._live.current.config.limits.refusal_linger)
        except Exception as error:  # noqa: BLE001 - fail closed: if it cannot even be answered, it ends here
            logger.error("request cut: %s", code_location(error))  # noqa: TRY400
            flow.kill()


async def _released(flow: http.HTTPFlow) -> None:
    """Wait until a flow is resumed or killed; of the latter mitmproxy tells nobody who waits."""
    while flow.intercepted:
        with suppress(TimeoutError):
            await asyncio.wait_for(flow.wait_for_resume(), _LOOK_SECONDS)


def _head_now(flow: http.HTTPFlow, transaction: flows.Transaction) -> RequestHead:
    """Give the admitted head itself unless somebody has edited the flow since."""
    head = flows.read_head(flow)
    return transaction.head if head == transaction.head else head
