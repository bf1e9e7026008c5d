"""What happens to the backend's answer on its way to the client."""

import logging
import zlib
from contextlib import suppress
from functools import partial

from mitmproxy import http
from mitmproxy.net.http import http1

from s3gateway import errors, recording
from s3gateway.config import Backend
from s3gateway.explain.backend import explain_backend, read_refusal
from s3gateway.mitm import flows, framing, termination
from s3gateway.mitm.streams import DownloadStream
from s3gateway.printable import printable
from s3gateway.rules.access import hide_fields
from s3gateway.rules.blame import blames_gateway, blames_rule, is_plain
from s3gateway.rules.encryption import hide_kms_key_id
from s3gateway.rules.headers import wants_close
from s3gateway.rules.responses import GZIP, LocationRewriter

logger = logging.getLogger(__name__)

_UNTIL_CLOSE = -1
"""mitmproxy's size of a body that ends with its connection."""

_REFUSED = 400
_FORBIDDEN = 403
_MAX_REFUSAL = 64 * 1024
"""Bytes of an error document that is held to read its code; MinIO's have some hundred."""


def prepare_answer(flow: http.HTTPFlow, transaction: flows.Transaction, backend: Backend) -> errors.S3Error | None:
    """From ``responseheaders``: rewrite the head and choose how the body streams; or say why it must not be passed."""
    response = flow.response
    if response is None:
        return errors.internal_error()
    transaction.record.backend_request_id = printable(response.headers.get("x-amz-request-id", ""))[:80]
    if not framing.is_sound(response):
        logger.error("request %s: the answer of backend %s is no HTTP", transaction.record.request_id, backend.url)
        return errors.service_unavailable()
    if http1.expected_http_body_size(flow.request, response) == _UNTIL_CLOSE:
        logger.error(
            "request %s: the answer of backend %s has no length, so a cut could not be told from its end%s",
            transaction.record.request_id,
            backend.url,
            "; is `backend.endpoint` meant to be https://?" if backend.scheme == "http" else "",
        )
        return errors.service_unavailable()
    if error := _read_refusal(response, transaction, backend):
        return error
    _rewrite_head(flow, response, transaction, backend)
    names_location = _names_location(transaction)
    changes_length = names_location and "content-length" in response.headers
    if changes_length or _is_short_refusal(response, transaction):
        termination.hold_answer(flow, response)  # for finish_held_answer
        return None
    rewriter = None
    if names_location:
        gzip = _is_gzip(response)
        if gzip:
            del response.headers["content-encoding"]
        rewriter = LocationRewriter(flows.client_addresses(transaction, backend), gzip=gzip)
    response.stream = DownloadStream(transaction, rewriter, partial(termination.cut_client, flow))
    return None


def finish_held_answer(flow: http.HTTPFlow, transaction: flows.Transaction, backend: Backend) -> errors.S3Error | None:
    """From ``response``: rewrite the body that was held; or say why the client must get something else."""
    if flow.response is None or not flow.response.raw_content or transaction.refusal:
        return None
    if _names_location(transaction):
        addresses = flows.client_addresses(transaction, backend)
        document = flow.response.get_content(strict=False) or b""  # MinIO compresses one with a long key
        if (changed := addresses.in_xml(document)) != document:
            flow.response.content = changed
    return _read_refusal(flow.response, transaction, backend)


def refuses_early(flow: http.HTTPFlow, transaction: flows.Transaction) -> bool:
    """Whether this is a refusal that the client may still be writing behind."""
    return flow.response is not None and flow.response.status_code >= _REFUSED and _is_early(flow, transaction)


def _is_early(flow: http.HTTPFlow, transaction: flows.Transaction) -> bool:
    """Whether this answer comes before the upload's end, and leaves bytes on the connection that are no request."""
    return transaction.arrival.has_body and not flow.request.timestamp_end


def _is_short_refusal(response: http.Response, transaction: flows.Transaction) -> bool:
    """Whether the answer is an error document that may be held; one may quote our signature that is the client's."""
    size = response.headers.get("content-length", "")
    return (
        response.status_code >= _REFUSED
        and size.isdecimal()
        and 0 < int(size) <= _MAX_REFUSAL
        and (response.status_code != _FORBIDDEN or is_plain(transaction.head))
    )


def _read_refusal(response: http.Response, transaction: flows.Transaction, backend: Backend) -> errors.S3Error | None:
    """Note the backend's code; if it refuses the gateway's own signature, no client can do anything about it."""
    outgoing = transaction.outgoing
    if response.status_code < _REFUSED or outgoing is None:
        return None
    head = recording.captured_response(response.status_code, response.headers.fields)
    refusal = read_refusal(head, _document(response).decode("utf-8", "replace"))
    if refusal is None or not refusal.code:
        return None
    transaction.record.backend_error = printable(refusal.code)[:80]
    ours = blames_gateway(refusal.code, transaction.head)
    if not ours and outgoing.rule is None:
        return None
    sent = recording.captured_head(flows.head_on_the_wire(outgoing))
    why = explain_backend(sent, refusal, tls=True)
    if not ours:
        if why and blames_rule(why.cause, outgoing.rule):
            logger.error("encryption[%d] fails at backend %s: %s", outgoing.rule, backend.url, why.sentence)
        return None
    transaction.explanation = why
    logger.error("the gateway's own key is refused at backend %s: %s", backend.url, why.sentence if why else "")
    return errors.gateway_not_authorized()


def _document(response: http.Response) -> bytes:
    """Give what is held of an error document; MinIO compresses one of 1000 bytes, which takes a long key."""
    document = response.raw_content or b""
    if _is_gzip(response):
        with suppress(zlib.error):
            return zlib.decompressobj(wbits=GZIP).decompress(document, _MAX_REFUSAL)
    return document


def _is_gzip(response: http.Response) -> bool:
    return bool(response.headers.get("content-encoding", "").lower() == "gzip")


def _rewrite_head(
    flow: http.HTTPFlow, response: http.Response, transaction: flows.Transaction, backend: Backend
) -> None:
    fields = hide_kms_key_id(response.headers.fields, method=transaction.head.method, tls=transaction.arrival.tls)
    if transaction.admitted:
        fields = hide_fields(transaction.admitted.client.access, fields)
    if "location" in response.headers:
        fields = flows.client_addresses(transaction, backend).in_headers(fields)
    if _is_early(flow, transaction) or wants_close(transaction.head):
        fields = (*(pair for pair in fields if pair[0].lower() != b"connection"), (b"Connection", b"close"))
    if fields is not response.headers.fields:
        response.headers = http.Headers(fields)


def _names_location(transaction: flows.Transaction) -> bool:
    return transaction.outgoing is not None and transaction.outgoing.operation.name == "CompleteMultipartUpload"
