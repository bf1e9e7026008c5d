"""The last addon in mitmproxy's chain: nothing leaves that was not admitted, and what leaves is signed here.

mitmproxy forwards a request when a hook raises, or when a script is gone after a broken reload. This addon belongs to
no script: without a verdict of :class:`~s3gateway.mitm.addon.S3Gateway` on a flow it can only refuse.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from mitmproxy import http

from s3gateway import errors, gateway
from s3gateway.held import NOTHING_HELD, release
from s3gateway.mitm import flows, holding, termination
from s3gateway.mitm.live import Current, Live
from s3gateway.mitm.place import place
from s3gateway.mitm.recorder import Recorder
from s3gateway.mitm.refusal import describe, refuse
from s3gateway.mitm.streams import UploadStream
from s3gateway.sigv4.model import RequestHead

logger = logging.getLogger(__name__)

NAME = "s3gatewayoutbound"

Put = Callable[[http.HTTPFlow, flows.Transaction, gateway.Admitted, Current], gateway.Outgoing]
"""Makes the flow's request the outgoing one."""


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
            if not flow.error:
                self._refuse_unknown(flow)
            return
        if transaction.refusal is None and transaction.holds:
            holding.keep_whole(flow)
        elif transaction.refusal is None and (transaction.admitted is None or transaction.is_streamed):
            self._send(flow, transaction, _put_head)

    async def request(self, flow: http.HTTPFlow) -> None:
        """Sign what is here whole now that nobody will edit it any more; cut a faulty upload before its end."""
        transaction = self._transactions.get(flow)
        if transaction is None:
            if flow.response is None:
                self._refuse_unknown(flow)
        elif transaction.is_streamed:
            if transaction.refusal and flow.response is None:
                await termination.abort(flow)
        elif transaction.refusal is None:
            await flow.wait_for_resume()
            if flow.response is None:
                self._send(flow, transaction, _put_whole)

    def _send(self, flow: http.HTTPFlow, transaction: flows.Transaction, put: Put) -> None:
        current = self._live.current
        try:
            if transaction.admitted is None:
                raise errors.internal_error()
            outgoing = put(flow, transaction, transaction.admitted, current)
        except errors.S3Error as error:
            refuse(flow, transaction, error, current.config.limits.refusal_linger)
        except Exception as error:  # noqa: BLE001 - fail closed
            logger.error("request %s refused: %s", transaction.record.request_id, place(error))  # noqa: TRY400
            refuse(flow, transaction, errors.internal_error(), current.config.limits.refusal_linger)
        else:
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
            transaction = self._transactions.open(flow)
            refuse(flow, transaction, errors.internal_error(), self._live.current.config.limits.refusal_linger)
        except Exception as error:  # noqa: BLE001 - fail closed: if it cannot even be answered, it ends here
            logger.error("request cut: %s", place(error))  # noqa: TRY400
            flow.kill()


def _put_head(
    flow: http.HTTPFlow, transaction: flows.Transaction, admitted: gateway.Admitted, current: Current
) -> gateway.Outgoing:
    """Sign the head; the body streams."""
    head = _head_now(flow, transaction)
    outgoing = gateway.forward(admitted, head, current.config, current.signer, datetime.now(UTC))
    flows.write_outgoing(flow, outgoing, current.config.backend)
    if outgoing.body:
        flow.request.stream = UploadStream(outgoing.body, transaction, partial(termination.abort_soon, flow))
    return outgoing


def _put_whole(
    flow: http.HTTPFlow, transaction: flows.Transaction, admitted: gateway.Admitted, current: Current
) -> gateway.Outgoing:
    """Sign head and body as they are now; a body that somebody had to verify first must have been."""
    if transaction.replayed is not None:
        return _put_replayed(flow, transaction, admitted, current)
    held = transaction.held if transaction.holds else NOTHING_HELD
    if held is None:
        raise errors.internal_error()
    head, content = _head_now(flow, transaction), flow.request.raw_content or b""
    outgoing, body = release(admitted, held, head, content, current.config, current.signer, datetime.now(UTC))
    flows.write_outgoing(flow, outgoing, current.config.backend)
    flow.request.raw_content, transaction.content = body, content
    return outgoing


def _put_replayed(
    flow: http.HTTPFlow, transaction: flows.Transaction, admitted: gateway.Admitted, current: Current
) -> gateway.Outgoing:
    """A replayed body is here in one piece, so all of it is verified before anything of the request leaves."""
    head, data = _head_now(flow, transaction), transaction.replayed or b""
    outgoing = gateway.forward(admitted, head, current.config, current.signer, datetime.now(UTC))
    flows.write_outgoing(flow, outgoing, current.config.backend)
    transaction.record.bytes_in = len(data)
    body = outgoing.body
    flow.request.raw_content = body.feed(data) + body.finish() if body else b""
    transaction.record.chunks = body.chunks if body else 0
    return outgoing


def _head_now(flow: http.HTTPFlow, transaction: flows.Transaction) -> RequestHead:
    """Give the admitted head itself unless somebody has edited the flow since."""
    head = flows.read_head(flow)
    return transaction.head if head == transaction.head else head
