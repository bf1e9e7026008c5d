"""mitmproxy's flow list: a marker tells an exchange's verdict, a comment its operation; copies in it keep no secret."""

from typing import Final

from mitmproxy import ctx, http
from mitmproxy.flow import Flow

from s3gateway.mitm.watched.flows import redact
from s3gateway.observed import view
from s3gateway.observed.capture import METADATA_KEY, Exchange

ADMITTED: Final = ":heavy_check_mark:"
FAILED: Final = ":warning:"
REFUSED: Final = ":heavy_multiplication_x:"
UNKNOWN: Final = ":grey_question:"


def tell(flow: http.HTTPFlow, exchange: Exchange, before: tuple[str, str]) -> tuple[str, str]:
    """Set marker and comment, but leave those that a person has set; ``before`` are what was set last. Gives both."""
    marker, comment = marker_of(exchange), view.headline(exchange)
    old_marker, old_comment = before
    if flow.marked in {"", old_marker}:
        flow.marked = marker
    if flow.comment in {"", old_comment}:
        flow.comment = comment
    return marker, comment


def redact_copies() -> None:
    """See to it that a flow which is duplicated while it is held keeps no secret: it has no end at which they go."""
    view = ctx.master.addons.get("view")
    if view is not None:
        view.sig_view_add.connect(_redact_copy)


def _redact_copy(flow: Flow) -> None:
    if isinstance(flow, http.HTTPFlow) and not flow.live and METADATA_KEY in flow.metadata:
        redact(flow)


def marker_of(exchange: Exchange) -> str:
    """Choose the emoji's name, as mitmproxy spells it."""
    if exchange.verdict == "refused":
        return REFUSED
    if exchange.backend_error or exchange.code:
        return FAILED
    if exchange.verdict == "admitted":
        return ADMITTED
    return UNKNOWN
