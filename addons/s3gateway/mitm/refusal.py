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


def refuse_answer(flow: http.HTTPFlow, transaction: flows.Transaction) -> None:
    """Give the client an error instead of an answer that cannot be passed on safely."""
    transaction.refusal = errors.service_unavailable()
    flow.response = flows.error_response(transaction, transaction.refusal)


def describe(transaction: flows.Transaction, operation: Operation) -> None:
    """Put what the request asks for into its record."""
    record = transaction.record
    record.operation, record.bucket, record.key = operation.name, operation.bucket, operation.key
