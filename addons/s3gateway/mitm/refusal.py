"""Refuse a flow, and say so in its record. What both ends of the addon chain share."""

from mitmproxy import http

from s3gateway import errors
from s3gateway.mitm import flows, termination
from s3gateway.rules.operations import Operation


def refuse(flow: http.HTTPFlow, transaction: flows.Transaction, error: errors.S3Error, linger: float) -> None:
    """Answer with the error before the body is read, and remember that this flow must not go out."""
    transaction.refusal = error
    response = flows.error_response(transaction, error)
    termination.refuse_now(flow, response, has_body=transaction.arrival.has_body, linger=linger)


def refuse_whole(flow: http.HTTPFlow, transaction: flows.Transaction, error: errors.S3Error) -> None:
    """From ``request``: answer with the error when the whole body has been read and none of it has left."""
    transaction.refusal = error
    flow.response = flows.error_response(transaction, error)


def refuse_answer(flow: http.HTTPFlow, transaction: flows.Transaction, error: errors.S3Error) -> None:
    """From ``responseheaders``: give the client an error instead of what the backend has begun to answer."""
    transaction.refusal = error
    termination.answer_instead(flow, flows.error_response(transaction, error))


def describe(transaction: flows.Transaction, operation: Operation) -> None:
    """Put what the request asks for into its record."""
    record = transaction.record
    record.operation, record.bucket, record.key = operation.name, operation.bucket, operation.key
