"""HTTPFlow <-> the core's values, and what is kept of a flow while it lives.

Nothing of it goes into ``flow.metadata``, which mitmproxy writes to flow files, but what
:mod:`~s3gateway.mitm.recorder` has redacted.
"""

import time
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any
from weakref import WeakSet

from mitmproxy import http
from mitmproxy.net.http import http1
from mitmproxy.utils import human

from s3gateway.answer_watch import AnswerWatch
from s3gateway.bodies.held import Held
from s3gateway.config.model import Backend
from s3gateway.errors import S3Error
from s3gateway.gateway import Admitted, Arrival, Outgoing
from s3gateway.observed.capture import Explanation
from s3gateway.observed.log_line import Record
from s3gateway.rules.headers import redacted, redacted_target
from s3gateway.sigv4.chunk_writer import masked
from s3gateway.sigv4.model import RequestHead

_KEPT = "s3gateway_transaction"
"""The attribute; mitmproxy neither copies nor stores what it does not know."""


@dataclass(slots=True)
class Transaction:
    """The gateway's view of one flow. Mutable because a flow is: it is admitted, sent, answered or refused.

    ``replayed`` is the client's whole body where mitmproxy replays a flow; other bodies stream and are not held.
    """

    head: RequestHead
    arrival: Arrival
    record: Record
    admitted: Admitted | None = None
    outgoing: Outgoing | None = None
    refusal: S3Error | None = None
    holds: bool = False  # its body is read whole before anything leaves, for an operator to edit
    held: Held | None = None  # and this is it, once it is proven
    content: bytes = b""  # what left of it, without chunk framing
    explanation: Explanation | None = None
    replayed: bytes | None = None
    answer: http.Response | None = None
    watch: AnswerWatch | None = None  # looks at the answer's body, until its head has left
    timings: dict[str, float] = field(default_factory=dict)
    listed: tuple[str, str] = ("", "")  # marker and comment in mitmproxy's list
    logged: bool = False

    def mark(self, moment: str) -> None:
        """Note the first time that this moment is reached, in seconds since the head arrived."""
        self.timings.setdefault(moment, time.time() - self.record.time)


class Transactions:
    """Every live flow's transaction; a flow that is gone takes its own with it.

    It is kept on the flow, not in a table beside it: a stream, an answer or a traceback leads from a transaction back
    to its flow, and a table would hold both for ever. An instance from before a script's reload does not share it.
    """

    def __init__(self) -> None:
        self._flows: WeakSet[http.HTTPFlow] = WeakSet()

    def open(self, flow: http.HTTPFlow) -> Transaction:
        """Start the transaction of a request whose head has just arrived."""
        record = Record(flow.request.timestamp_start, token_hex(8).upper(), address=_address(flow))
        transaction = Transaction(read_head(flow), read_arrival(flow), record)
        setattr(flow, _KEPT, (self, transaction))
        self._flows.add(flow)
        return transaction

    def get(self, flow: http.HTTPFlow) -> Transaction | None:
        """Find the transaction of a flow that this gateway has seen."""
        owner, transaction = getattr(flow, _KEPT, (None, None))
        return transaction if owner is self else None

    def flows(self) -> list[http.HTTPFlow]:
        """Every flow that is still referenced somewhere."""
        return list(self._flows)


def read_head(flow: http.HTTPFlow) -> RequestHead:
    """Take the head as it is on the flow: raw target, raw header pairs in order."""
    data = flow.request.data
    return RequestHead(data.method, data.path, data.headers.fields)


def _address(flow: http.HTTPFlow) -> str:
    """Who is at the other end, written as in the other lines of the log; a replayed flow has nobody there."""
    peer = None if flow.is_replay else flow.client_conn.peername
    return human.format_address(peer) if peer else ""


def read_arrival(flow: http.HTTPFlow) -> Arrival:
    """Tell TLS and body as mitmproxy itself does, so that both agree on the framing."""
    try:
        has_body = http1.expected_http_body_size(flow.request) != 0
    except ValueError:
        has_body = True  # mitmproxy has refused it already, or will; never treat an unclear body as none
    return Arrival(tls=flow.client_conn.tls, has_body=has_body)


def write_outgoing(flow: http.HTTPFlow, outgoing: Outgoing, backend: Backend) -> None:
    """Make the flow's request the outgoing one: address, target and headers."""
    data = flow.request.data
    data.host, data.port, data.scheme = backend.host, backend.port, backend.scheme.encode()
    data.path = outgoing.target
    data.headers = http.Headers(outgoing.headers)


def head_on_the_wire(outgoing: Outgoing) -> RequestHead:
    """Give the outgoing head as it leaves: mitmproxy answers ``Expect: 100-continue`` itself and takes it off."""
    expected = b", ".join(value for name, value in outgoing.headers if name.lower() == b"expect")
    fields = outgoing.headers
    if expected.lower() == b"100-continue":
        fields = tuple(pair for pair in fields if pair[0].lower() != b"expect")
    return RequestHead(outgoing.method, outgoing.target, fields)


def error_response(transaction: Transaction, error: S3Error) -> http.Response:
    """Render a refusal. It closes the connection unless the request was complete and gateway and backend are well."""
    head = transaction.head
    body = error.to_xml(head.path.decode("utf-8", "replace"), transaction.record.request_id)
    is_head = head.method == b"HEAD"
    ill = error.status >= 500 and error.code != "SlowDown"  # noqa: PLR2004
    close = transaction.arrival.has_body or ill
    fields = [
        (b"Content-Type", b"application/xml"),
        (b"Content-Length", str(0 if is_head else len(body)).encode()),
        (b"x-amz-request-id", transaction.record.request_id.encode()),
    ]
    fields += [(b"Connection", b"close")] if close else []
    return http.Response.make(error.status, b"" if is_head else body, http.Headers(fields))


def redact(flow: http.HTTPFlow) -> None:
    """Take secrets off a flow whose request has left: what stays of it may be written to a flow file.

    That goes for the state before an operator edited it, too, which mitmproxy keeps to revert to.
    """
    data = flow.request.data
    data.headers = http.Headers(redacted(data.headers.fields))
    data.path = redacted_target(data.path)
    if data.content and flow.request.headers.get("x-amz-content-sha256", "").startswith("STREAMING-AWS4-HMAC"):
        data.content = masked(data.content)  # mitmproxy has it with store_streamed_bodies
    # The flow's state before an operator edited it: a flow file has it as well. mitmproxy's annotation is wrong.
    before: dict[str, Any] | None = flow._backup  # type: ignore[assignment]  # noqa: SLF001
    if before:
        request = before["request"]
        request["headers"], request["path"] = redacted(request["headers"]), redacted_target(request["path"])
