"""mitmproxy's flow of one exchange: made, shown, and redacted at its end."""

import time

from mitmproxy import http
from mitmproxy.connection import Client, Server

from s3gateway.config.model import Backend
from s3gateway.observed.transaction import Transaction
from s3gateway.rules.headers import redacted, redacted_target
from s3gateway.sigv4.chunk_writer import masked
from s3gateway.sigv4.model import Headers, RequestHead


def new_flow(client: Client, transaction: Transaction, backend: Backend, version: bytes) -> http.HTTPFlow:
    """Make the flow of a request whose head has just come, as mitmproxy makes it in reverse mode."""
    server = Server(address=(backend.host, backend.port))
    flow = http.HTTPFlow(client, server, live=True)
    head = transaction.head
    flow.request = http.Request(
        backend.host,
        backend.port,
        head.method,
        backend.scheme.encode(),
        b"",
        head.target,
        version,
        http.Headers(head.headers),
        None,
        None,
        transaction.record.time,
        None,
    )
    return flow


def read_head(flow: http.HTTPFlow) -> RequestHead:
    """Take the head as it is on the flow: raw target, raw header pairs in order."""
    data = flow.request.data
    return RequestHead(data.method, data.path, data.headers.fields)


def write_head(flow: http.HTTPFlow, head: RequestHead, backend: Backend) -> None:
    """Make the flow's request the one that leaves: address, target and headers."""
    data = flow.request.data
    data.host, data.port, data.scheme = backend.host, backend.port, backend.scheme.encode()
    data.method, data.path, data.headers = head.method, head.target, http.Headers(head.headers)


def new_answer(status: int, reason: bytes, headers: Headers, body: bytes | None) -> http.Response:
    """Make a flow's answer."""
    now = time.time()
    return http.Response(b"HTTP/1.1", status, reason, http.Headers(headers), body, None, now, now)


def redact(flow: http.HTTPFlow) -> None:
    """Take secrets off a flow whose request has left: what stays of it may be written to a flow file.

    That goes for the state before an operator edited it, too, which mitmproxy keeps to revert to.
    """
    data = flow.request.data
    data.headers = http.Headers(redacted(data.headers.fields))
    data.path = redacted_target(data.path)
    if data.content and flow.request.headers.get("x-amz-content-sha256", "").startswith("STREAMING-AWS4-HMAC"):
        data.content = masked(data.content)  # mitmproxy has it with store_streamed_bodies
    if flow.modified():
        state = flow.get_state()
        request = state["backup"]["request"]
        request["headers"], request["path"] = redacted(request["headers"]), redacted_target(request["path"])
        flow.set_state(state)
