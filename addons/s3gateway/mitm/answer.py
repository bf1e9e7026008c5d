"""What happens to the backend's answer on its way to the client: :mod:`s3gateway.answer` decides, mitmproxy does it."""

import logging
from functools import partial

from mitmproxy import http
from mitmproxy.net.http import http1

from s3gateway import answer, errors
from s3gateway.answer_watch import Refuse, Released
from s3gateway.config.model import Config
from s3gateway.mitm import flows, framing, termination
from s3gateway.mitm.refusal import answer_to
from s3gateway.mitm.streams import DownloadStream, WatchedStream
from s3gateway.observed.printable import printable
from s3gateway.rules.answer_head import AnswerHead
from s3gateway.rules.headers import wants_close
from s3gateway.sigv4.model import Headers

logger = logging.getLogger(__name__)

_UNTIL_CLOSE = -1
"""mitmproxy's size of a body that ends with its connection."""

_REFUSED = 400


def prepare_answer(flow: http.HTTPFlow, transaction: flows.Transaction, config: Config) -> errors.S3Error | None:
    """From ``responseheaders``: rewrite the head and choose how the body streams; or say why it must not be passed."""
    response = flow.response
    if response is None:
        return errors.internal_error()
    transaction.record.backend_request_id = printable(response.headers.get("x-amz-request-id", ""))[:80]
    decision = _decide(flow, response, transaction, config)
    if isinstance(decision, Refuse):
        _note(transaction, decision)
        return decision.error
    headers = decision.answer.headers if isinstance(decision, answer.Hold) else decision.headers
    _write_headers(flow, response, transaction, headers)
    if isinstance(decision, answer.Pass):
        _note(transaction, decision)
        response.stream = DownloadStream(transaction)
        return None
    transaction.watch = decision.watch
    instead = partial(_instead, transaction)
    cut = partial(termination.cut_client, flow)
    take = WatchedStream(decision.watch, transaction, partial(_note, transaction), instead, cut)
    termination.hold_answer(flow, response, take)
    return None


def finish_held_answer(flow: http.HTTPFlow, transaction: flows.Transaction) -> errors.S3Error | None:
    """From ``response``, where nothing has left yet: give the held answer; or say why the client gets something else.

    A replayed flow's body has been read by mitmproxy itself.
    """
    response, watch, transaction.watch = flow.response, transaction.watch, None
    if response is None or watch is None or transaction.refusal:
        return None
    body = watch.feed(response.raw_content) if response.raw_content else b""
    body += watch.finish()
    verdict = watch.verdict
    if verdict:
        _note(transaction, verdict)
    if isinstance(verdict, Refuse):
        return verdict.error
    if verdict:
        body = verdict.body
        _write_headers(flow, response, transaction, verdict.headers)
    response.raw_content = body
    return None


def refuses_early(flow: http.HTTPFlow, transaction: flows.Transaction) -> bool:
    """Whether this is a refusal that the client may still be writing behind."""
    return flow.response is not None and flow.response.status_code >= _REFUSED and _is_early(flow, transaction)


def _decide(
    flow: http.HTTPFlow, response: http.Response, transaction: flows.Transaction, config: Config
) -> answer.Pass | answer.Watch | answer.Hold | Refuse:
    if not framing.is_sound(response):
        return answer.unsound(config.backend)
    if http1.expected_http_body_size(flow.request, response) == _UNTIL_CLOSE:
        return answer.unframed(config.backend)
    if transaction.admitted is None or transaction.outgoing is None:
        return Refuse(errors.internal_error(), "it was not sent")
    head = AnswerHead(response.status_code, response.headers.fields)
    return answer.returned(head, transaction.admitted, transaction.outgoing, config)


def _note(transaction: flows.Transaction, decision: answer.Pass | Released | Refuse) -> None:
    """Put what the backend said into the record, and into the log what the operator has to know."""
    transaction.record.backend_error = decision.code
    if decision.why:
        logger.error("request %s: %s", transaction.record.request_id, decision.why)
    if isinstance(decision, Refuse):
        transaction.explanation = decision.explanation


def _instead(transaction: flows.Transaction, error: errors.S3Error) -> termination.Answer:
    """Give an error in place of an answer of which nothing has left."""
    transaction.refusal, transaction.answer = error.detached(), None
    return answer_to(transaction, error)


def _write_headers(
    flow: http.HTTPFlow, response: http.Response, transaction: flows.Transaction, headers: Headers
) -> None:
    if _is_early(flow, transaction) or wants_close(transaction.head):
        headers = (*(pair for pair in headers if pair[0].lower() != b"connection"), (b"Connection", b"close"))
    if headers is not response.headers.fields:
        response.headers = http.Headers(headers)


def _is_early(flow: http.HTTPFlow, transaction: flows.Transaction) -> bool:
    """Whether this answer comes before the upload's end, and leaves bytes on the connection that are no request."""
    return transaction.arrival.has_body and not flow.request.timestamp_end
