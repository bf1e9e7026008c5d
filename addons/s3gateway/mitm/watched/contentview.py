"""The view "S3": what came in against what went out, for each flow that passed the gateway.

A flow of S3 that only somebody else's proxy has seen is shown as it passed there, with why it was refused.

mitmproxy asks contentviews about bodies. Of a streamed request it keeps none and says that content is missing, and the
console does not ask at all where there is no body, and mitmweb's page does not ask again unless the body changes. So
:func:`register` has :mod:`s3gateway.mitm.internals` wrap functions of mitmproxy's.
"""

import logging
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import mitmproxy_rs.syntax_highlight
from mitmproxy import contentviews, ctx, eventsequence, flow, http
from mitmproxy.contentviews import Contentview, Metadata, SyntaxHighlight

from s3gateway.code_location import code_location
from s3gateway.mitm import internals
from s3gateway.mitm.watched.foreign import Foreign, is_foreign
from s3gateway.observed import capture, view
from s3gateway.observed.capture import METADATA_KEY, CaptureError, Exchange

logger = logging.getLogger(__name__)

_BEFORE_ALL_OTHERS = 10
"""mitmproxy's own views give themselves at most 2."""


class S3Contentview(Contentview):
    """Renders the exchange that a flow carries, or that a flow of somebody else's proxy would carry."""

    def __init__(self, foreign: Foreign) -> None:
        self._foreign = foreign

    @property
    def name(self) -> str:
        """As it is listed."""
        return "S3"

    @property
    def syntax_highlight(self) -> SyntaxHighlight:
        """It is near enough to YAML."""
        return "yaml"

    def prettify(self, data: bytes, metadata: Metadata) -> str:  # noqa: ARG002 - mitmproxy's signature
        """Show the exchange; never raise, for what is wrong with a capture is worth showing too."""
        try:
            exchange = exchange_of(metadata.flow, self._foreign)
        except CaptureError as error:
            return f"# no exchange to show: {error}\n"
        if exchange is None:
            return "# this flow is none of S3, and has not passed the S3 gateway\n"
        try:
            return view.render(exchange)
        except Exception as error:  # noqa: BLE001 - a view must not fail where plain text will do
            logger.error("request %s cannot be shown: %s", exchange.id, code_location(error))  # noqa: TRY400
            return capture.dump([exchange])

    def render_priority(self, data: bytes, metadata: Metadata) -> float:  # noqa: ARG002 - as above
        """Come first for the gateway's requests; an answer's own view tells more about its body."""
        return _BEFORE_ALL_OTHERS if _is_shown(metadata.flow, metadata.http_message) else -1


def exchange_of(flow: flow.Flow | None, foreign: Foreign) -> Exchange | None:
    """Read the exchange that a flow carries, or would carry if it had passed the gateway.

    Raises :class:`~s3gateway.observed.capture.CaptureError`.
    """
    line = flow.metadata.get(METADATA_KEY) if flow else None
    if line is None:
        return foreign.exchange(flow) if isinstance(flow, http.HTTPFlow) and is_foreign(flow) else None
    if not isinstance(line, str):
        raise CaptureError("not text")
    found = capture.load(line)
    if len(found) != 1:
        raise CaptureError(f"{len(found)} exchanges on one flow")
    return found[0]


def register(foreign: Foreign) -> None:
    """Offer the view, and have it asked for requests without a body that was kept."""
    contentviews.add(S3Contentview(foreign))
    internals.wrap_prettify(_with_streamed)
    internals.wrap_consoles_content(_with_empty)
    internals.wrap_mitmwebs_flow(_with_progress)
    internals.wrap_loading(_as_stored)


def _with_streamed(prettify: Callable[..., Any]) -> Callable[..., Any]:
    """Have a view asked for a request whose body was streamed past."""

    def prettify_message(message: Any, flow: flow.Flow, *args: Any, **kwargs: Any) -> Any:
        if _is_shown(flow, message) and message.raw_content is None:
            message = message.copy()
            message.raw_content = b""
        return prettify(message, flow, *args, **kwargs)

    return prettify_message


def _as_stored(load_flow: Callable[..., Any]) -> Callable[..., Any]:
    """Have a flow of somebody else's proxy keep the Host that its client signed."""

    async def load(flow: flow.Flow) -> None:
        if not is_foreign(flow):
            await load_flow(flow)
            return
        for event in eventsequence.iterate(flow):
            await ctx.master.addons.handle_lifecycle(event)

    return load


def _with_progress(to_json: Callable[..., Any]) -> Callable[..., Any]:
    """Have the page ask again when the exchange has changed: it only looks whether the body's hash has."""

    def flow_to_json(flow: flow.Flow) -> Any:
        told = to_json(flow)
        if isinstance(line := flow.metadata.get(METADATA_KEY), str):
            told["request"]["contentHash"] = sha256(f"{told['request']['contentHash']} {line}".encode()).hexdigest()
        return told

    return flow_to_json


def _with_empty(shown: Callable[..., Any]) -> Callable[..., Any]:
    """Have the console ask for a view of a request without a body."""
    import urwid  # type: ignore[import-untyped]  # noqa: PLC0415 - under mitmweb and mitmdump it would only cost memory

    def content_view(self: Any, viewmode: str, message: http.Message) -> Any:
        if message.raw_content or not _is_shown(self.flow, message):
            return shown(self, viewmode, message)
        pretty = contentviews.prettify_message(message, self.flow, viewmode)
        text = mitmproxy_rs.syntax_highlight.highlight(pretty.text, language=pretty.syntax_highlight)
        return f"{pretty.view_name} {pretty.description}", [urwid.Text(text)]

    return content_view


def _is_shown(flow: flow.Flow | None, message: object) -> bool:
    carries = flow is not None and METADATA_KEY in flow.metadata
    return isinstance(message, http.Request) and (carries or is_foreign(flow))
