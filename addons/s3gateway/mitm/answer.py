"""What happens to the backend's answer on its way to the client."""

import logging
from functools import partial

from mitmproxy import http
from mitmproxy.net.http import http1

from s3gateway import errors
from s3gateway.config import Backend
from s3gateway.mitm import flows, framing, termination
from s3gateway.mitm.streams import DownloadStream
from s3gateway.rules.encryption import hide_kms_key_id
from s3gateway.rules.headers import wants_close
from s3gateway.rules.responses import LocationRewriter

logger = logging.getLogger(__name__)

_UNTIL_CLOSE = -1
"""mitmproxy's size of a body that ends with its connection."""


def prepare_answer(flow: http.HTTPFlow, transaction: flows.Transaction, backend: Backend) -> errors.S3Error | None:
    """From ``responseheaders``: rewrite the head and choose how the body streams; or say why it must not be passed."""
    response = flow.response
    if response is None:
        return errors.internal_error()
    transaction.record.backend_error = response.headers.get("x-minio-error-code", "")[:80]
    if not framing.is_sound(response):
        logger.error("request %s: the answer of backend %s is no HTTP", transaction.record.request_id, backend.url)
        return errors.service_unavailable()
    if http1.expected_http_body_size(flow.request, response) == _UNTIL_CLOSE:
        logger.error(
            "request %s: the answer of backend %s has no length, so a cut could not be told from its end",
            transaction.record.request_id,
            backend.url,
        )
        return errors.service_unavailable()
    _rewrite_head(flow, response, transaction, backend)
    rewriter = None
    if _names_location(transaction):
        if "content-length" in response.headers:
            return None  # its length will change, so mitmproxy holds it, and finish_held_answer rewrites it
        rewriter = LocationRewriter(flows.client_addresses(transaction, backend))
    response.stream = DownloadStream(transaction, rewriter, partial(termination.cut_client, flow))
    return None


def finish_held_answer(flow: http.HTTPFlow, transaction: flows.Transaction, backend: Backend) -> None:
    """From ``response``: rewrite the body that was held because its length changes."""
    if flow.response and flow.response.raw_content and transaction.refusal is None and _names_location(transaction):
        addresses = flows.client_addresses(transaction, backend)
        flow.response.content = addresses.in_xml(flow.response.raw_content)


def _rewrite_head(
    flow: http.HTTPFlow, response: http.Response, transaction: flows.Transaction, backend: Backend
) -> None:
    fields = hide_kms_key_id(response.headers.fields, method=transaction.head.method, tls=transaction.arrival.tls)
    if "location" in response.headers:
        fields = flows.client_addresses(transaction, backend).in_headers(fields)
    # An answer that comes before the upload's end leaves bytes on the connection that are no request.
    early = transaction.arrival.has_body and not flow.request.timestamp_end
    if early or wants_close(transaction.head):
        fields = (*(pair for pair in fields if pair[0].lower() != b"connection"), (b"Connection", b"close"))
    if fields is not response.headers.fields:
        response.headers = http.Headers(fields)


def _names_location(transaction: flows.Transaction) -> bool:
    return transaction.outgoing is not None and transaction.outgoing.operation.name == "CompleteMultipartUpload"
