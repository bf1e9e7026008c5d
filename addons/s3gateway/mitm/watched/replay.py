"""mitmproxy's client replay (``-C``, or the button in mitmweb): a captured flow becomes its client's request again.

A flow that went through the gateway shows what the backend got, redacted; what the client sent is in its exchange
(``flow.metadata``). From that the request is built anew, signed now with the configured key of the client that the
gateway once admitted, and goes the way of every other: verified, allowed or not, encrypted, checked. So whoever replays
gains nothing that this client may not do today. Everything else is refused: a flow that was refused or has no exchange,
a client that is no longer configured, a body that was not stored whole, a secret that was redacted.
"""

import asyncio
import re
import time
from datetime import UTC, datetime
from typing import NoReturn

from mitmproxy import http

from s3gateway import errors
from s3gateway.config.model import Client, Config
from s3gateway.http1.head import HTTP_1_1, Request
from s3gateway.mitm import internals
from s3gateway.mitm.watched import flows
from s3gateway.observed.capture import METADATA_KEY, CaptureError, Exchange, load
from s3gateway.observed.expected_changes import is_form
from s3gateway.observed.resign import Resigned, captured_request, framed, resign
from s3gateway.sigv4.model import RequestHead
from s3gateway.wire.exchange import Exchange as WireExchange
from s3gateway.wire.service import Service

_KEY_ID = re.compile(r"Credential=([^/,\s]+)/")


def start(service: Service) -> None:
    """Have mitmproxy's replay go through the gateway."""
    internals.replay_with(lambda flow, _options: Replay(service, flow))


class Replay:
    """Sends one flow; stands in the place of its client's connection (:mod:`s3gateway.wire.client`)."""

    def __init__(self, service: Service, flow: http.HTTPFlow) -> None:
        self.service = service
        self.replayed = flow
        self.address = ""
        self.is_tls = flow.client_conn.tls
        self.unsent = 0
        self._exchange: WireExchange | None = None
        self._body = b""
        self._done = asyncio.Event()

    async def replay(self) -> None:
        """Send it, and return when it has ended."""
        flow, config = self.replayed, self.service.current.config
        flow.live = True
        refusal: errors.S3Error | None = None
        try:
            restored = restore(flow, config, datetime.now(UTC))
            _write(flow, restored.head)
            self._body = restored.body or b""
        except errors.S3Error as error:
            refusal = error
        head = flows.read_head(flow)
        request = Request(head, HTTP_1_1, len(self._body))
        flow.request.timestamp_start = time.time()
        flow.request.data.content = self._body
        exchange = self._exchange = WireExchange(self, request, self.service.clock.now())
        self.service.clock.watched.add(self)
        try:
            exchange.start(refusal)
            await self._done.wait()
        finally:
            self.service.clock.watched.discard(self)
            self._exchange = None

    def write(self, data: bytes) -> None:
        """Nobody reads it: the answer is on the flow."""

    def update_reading(self) -> None:
        """All is here; give it when it is wanted."""
        if self._exchange is not None and self._exchange.takes_body and self._body:
            body, self._body = self._body, b""
            self._exchange.client_data(body)

    def push_body(self) -> None:
        """Give the body."""
        self.update_reading()

    def put_back(self, data: bytes) -> None:
        """There is nothing behind the body."""

    def exchange_ended(self, *, keeps: bool, linger: bool = False) -> None:  # noqa: ARG002 - as a connection's
        """It is over."""
        self._done.set()

    def cut(self, *, resets: bool = False) -> None:  # noqa: ARG002 - as a connection's
        """It is over."""
        self._done.set()

    def check(self, now: float) -> None:
        """End it if the backend stands still."""
        if self._exchange is not None:
            self._exchange.check(now, self.service.limits)


def restore(flow: http.HTTPFlow, config: Config, now: datetime) -> Resigned:
    """Give the client's request, signed anew; S3Error where that cannot be."""
    exchange = _exchange(flow)
    client = _client(exchange, config)
    head = captured_request(exchange.incoming)
    body = framed(head, flow.request.raw_content or b"")
    if body is None:
        _refuse("its body was not stored whole; capture with store_streamed_bodies=true")
    signed = resign(head, client.keys, body=body, at=now, region=config.region)
    if any(b"<redacted>" in value for _, value in signed.head.headers):
        _refuse("it holds a secret of its client that was redacted")
    return signed


def _exchange(flow: http.HTTPFlow) -> Exchange:
    carried = flow.metadata.get(METADATA_KEY)
    try:
        (exchange,) = load(carried) if isinstance(carried, str) else ()
    except (CaptureError, ValueError):
        _refuse("it carries no exchange of this gateway")
    if exchange.verdict != "admitted":
        _refuse("it was not admitted when it was captured")
    if exchange.outgoing is not None and is_form(exchange.incoming, exchange.outgoing):
        _refuse("it was a form, and its policy is not kept")
    return exchange


def _client(exchange: Exchange, config: Config) -> Client:
    """The client of that name; of several, which share it while a key is changed, the one with the captured key."""
    named = [client for client in config.clients.values() if client.name == exchange.identity]
    captured = {found[1] for _, value in exchange.incoming.headers if (found := _KEY_ID.search(value))}
    same_key = [client for client in named if client.keys.access_key_id in captured]
    if len(named) != 1 and len(same_key) != 1:
        _refuse("no client of its name is configured, or several are")
    return (same_key or named)[0]


def _write(flow: http.HTTPFlow, head: RequestHead) -> None:
    data = flow.request.data
    data.method, data.path, data.headers = head.method, head.target, http.Headers(head.headers)


def _refuse(why: str) -> NoReturn:
    raise errors.access_denied(f"This flow cannot be replayed: {why}.")
