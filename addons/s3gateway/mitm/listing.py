"""What mitmproxy's flow list tells of an exchange: a marker for the verdict, a comment with the operation."""

from typing import Final

from mitmproxy import http

from s3gateway import view
from s3gateway.capture import Exchange
from s3gateway.mitm.flows import Transaction

ADMITTED: Final = ":white_check_mark:"
ENCRYPTED: Final = ":lock:"
FAILED: Final = ":warning:"
REFUSED: Final = ":no_entry:"
UNKNOWN: Final = ":grey_question:"


def tell(flow: http.HTTPFlow, transaction: Transaction, exchange: Exchange) -> None:
    """Set marker and comment, but leave those that a person has set."""
    marker, comment = marker_of(exchange), view.headline(exchange)
    old_marker, old_comment = transaction.listed
    if flow.marked in {"", old_marker}:
        flow.marked = marker
    if flow.comment in {"", old_comment}:
        flow.comment = comment
    transaction.listed = marker, comment


def marker_of(exchange: Exchange) -> str:
    """Choose the emoji's name, as mitmproxy spells it."""
    if exchange.verdict == "refused":
        return REFUSED
    if exchange.backend_error or exchange.code:
        return FAILED
    if exchange.verdict == "admitted":
        return ENCRYPTED if exchange.sse else ADMITTED
    return UNKNOWN
