"""Refuse a flow, and say so in its record. What both ends of the addon chain share."""

from mitmproxy import http

from s3gateway import errors
from s3gateway.mitm import flows, termination
from s3gateway.rules.operations import Operation


def refuse(flow: http.HTTPFlow, transaction: flows.Transaction, error: errors.S3Error, linger: float) -> None:
    """Answer with the error before the body is read, and remember that this flow must not go out."""
    transaction.refusal = error.detached()
    termination.refuse_now(flow, answer_to(transaction, error), has_body=transaction.arrival.has_body, linger=linger)


def refuse_whole(flow: http.HTTPFlow, transaction: flows.Transaction, error: errors.S3Error, linger: float) -> None:
    """From ``request``, where the whole body has been read: as :func:`refuse`, and nobody is asked to edit the flow."""
    refuse(flow, transaction, error, linger)
    flow.response = answer_to(transaction, error).kept


def refuse_answer(flow: http.HTTPFlow, transaction: flows.Transaction, error: errors.S3Error) -> None:
    """From ``responseheaders``: give the client an error instead of what the backend has begun to answer."""
    transaction.refusal = error.detached()
    termination.answer_instead(flow, answer_to(transaction, error))


def refuse_held_answer(flow: http.HTTPFlow, transaction: flows.Transaction, error: errors.S3Error) -> None:
    """From ``response``: as :func:`refuse_answer`, and mitmproxy calls the hooks no more."""
    transaction.refusal = error.detached()
    given = answer_to(transaction, error)
    termination.answer_instead(flow, given)
    flow.response = given.kept


def answer_to(transaction: flows.Transaction, error: errors.S3Error) -> termination.Answer:
    """Render an error for the client, and as it may stay in the flow."""
    wire, redacted = flows.error_response(transaction, error), error.redacted()
    return termination.Answer(wire, wire if redacted is error else flows.error_response(transaction, redacted))


def describe(transaction: flows.Transaction, operation: Operation) -> None:
    """Put what the request asks for into its record."""
    record = transaction.record
    record.operation, record.bucket, record.key = operation.name, operation.bucket, operation.key
