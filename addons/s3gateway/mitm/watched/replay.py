"""mitmproxy's client replay (``-C``, or the button in mitmweb): a captured flow becomes its client's request again.

A flow that went through the gateway shows what the backend got, redacted; what the client sent is in its exchange
(``flow.metadata``). From that the request is built anew, signed now with the configured key of the client that the
gateway once admitted, and goes the way of every other: verified, allowed or not, encrypted, checked. So whoever replays
gains nothing that this client may not do today. Everything else is refused: a flow that was refused or has no exchange,
a client that is no longer configured, a body that was not stored whole, a secret that was redacted.
"""

import re
from datetime import datetime
from typing import NoReturn

from mitmproxy import http

from s3gateway import errors
from s3gateway.config.model import Client, Config
from s3gateway.mitm.flows import Transaction, read_arrival, read_head
from s3gateway.observed.capture import METADATA_KEY, CaptureError, Exchange, load
from s3gateway.observed.resign import captured_request, framed, resign
from s3gateway.sigv4.model import RequestHead

_KEY_ID = re.compile(r"Credential=([^/,\s]+)/")


def is_replayed(flow: http.HTTPFlow) -> bool:
    """Whether mitmproxy's client replay sends this flow."""
    return flow.is_replay == "request"


def is_whole(transaction: Transaction) -> bool:
    """Whether this is a replayed request with a body: all of it is here, and is verified before anything leaves."""
    return bool(transaction.replayed)


def restore(flow: http.HTTPFlow, transaction: Transaction, config: Config, now: datetime) -> None:
    """Put the client's request, signed anew, onto flow and transaction; S3Error where that cannot be."""
    exchange = _exchange(flow)
    client = _client(exchange, config)
    head = captured_request(exchange.incoming)
    body = framed(head, flow.request.raw_content or b"")
    if body is None:
        _refuse("its body was not stored whole; capture with store_streamed_bodies=true")
    region = next((name for name in config.listen.regions if not set("*?[") & set(name)), config.backend.region)
    signed = resign(head, client.keys, body=body, at=now, region=region)
    if any(b"<redacted>" in value for _, value in signed.head.headers):
        _refuse("it holds a secret of its client that was redacted")
    _write(flow, signed.head)
    transaction.head, transaction.arrival = read_head(flow), read_arrival(flow)
    transaction.replayed = signed.body


def _exchange(flow: http.HTTPFlow) -> Exchange:
    carried = flow.metadata.get(METADATA_KEY)
    try:
        (exchange,) = load(carried) if isinstance(carried, str) else ()
    except (CaptureError, ValueError):
        _refuse("it carries no exchange of this gateway")
    if exchange.verdict != "admitted":
        _refuse("it was not admitted when it was captured")
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
