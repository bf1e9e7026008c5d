"""Refuse before the body, and abort a running upload: what mitmproxy's public API cannot do.

Everything here leans on mitmproxy's internals and on nothing else: the connection handlers of the ``proxyserver``
addon, and two methods of ``HttpStream``. ``check_killed`` is asked after ``requestheaders``, ``request`` and ``error``
whether to go on. Setting ``flow.response`` would not do: with a body mitmproxy first answers ``100 Continue`` and reads
all of it into memory, and what goes to the client would be what is kept in the flow. ``check_body_size`` is asked
behind each read of a body that is buffered whether to stream it after all. Each use is pinned by a test in
``tests/mitm/test_termination.py``.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from mitmproxy import connection, http
from mitmproxy.flow import Error
from mitmproxy.net.http import http1
from mitmproxy.proxy import commands, layer
from mitmproxy.proxy.layers.http import DropStream, HttpLayer, HttpStream, SendHttp
from mitmproxy.proxy.layers.http._events import ResponseData, ResponseEndOfMessage, ResponseHeaders
from mitmproxy.proxy.layers.http._hooks import HttpResponseHook
from mitmproxy.proxy.mode_servers import ProxyConnectionHandler

from s3gateway.mitm.connections import handler_of


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client gets, and what stays in the flow, where files and screens show it."""

    wire: http.Response
    kept: http.Response


Take = Callable[[bytes], list[bytes] | Answer]
"""Takes some of a body, ``b""`` at its end; gives what goes to the client, or the answer that it gets instead."""

_aborting: set[asyncio.Future[None]] = set()
"""asyncio keeps only weak references to tasks."""


def refuse_now(flow: http.HTTPFlow, answer: Answer, *, has_body: bool, linger: float) -> None:
    """Answer from ``requestheaders`` or ``request``; a body is not read, and its connection ends ``linger`` s later.

    Until then the client's bytes are read and dropped, so that a client that writes first still gets to read.
    """
    if not has_body and flow.request.raw_content is None:
        flow.request.raw_content = b""  # without which mitmproxy would not replay it
    stream = _stream(flow)
    if stream is None:
        flow.request.stream = False
        flow.response = answer.kept
        return
    _answer_when_asked(stream, answer, linger if has_body else None)


def answer_instead(flow: http.HTTPFlow, answer: Answer, linger: float | None = None) -> None:
    """From ``responseheaders`` or ``response``: give the client this answer, and cut the backend off.

    A client that has not written to its end may go on for ``linger`` s; its bytes are read and dropped.
    """
    stream = _stream(flow)
    if stream is None:
        flow.response = answer.kept
        return
    _answer_when_asked(stream, answer, linger)
    abort_soon(flow)


def hold_answer(flow: http.HTTPFlow, answer: http.Response, take: Take) -> None:
    """From ``responseheaders``: let ``take`` have the answer's body, and give the client only what comes of it.

    The head leaves with the first bytes that ``take`` gives; until then nothing of the body is kept here. A replayed
    flow has no client: its body is read whole.
    """
    answer.stream = False
    stream = _stream(flow)
    if stream is not None:
        stream.check_body_size = partial(_check_body_size, stream, answer, take)  # type: ignore[method-assign]


def has_begun(flow: http.HTTPFlow) -> bool:
    """Whether the client has been given anything of an answer: one that is held has not, until it is whole."""
    answer = flow.response
    return answer is not None and (bool(answer.stream) or answer.timestamp_end is not None)


def answer_error(flow: http.HTTPFlow, answer: Answer, *, linger: float) -> None:
    """From the ``error`` hook: give the client this answer instead of mitmproxy's HTML, if none has begun."""
    stream = _stream(flow)
    if stream is not None and not has_begun(flow):
        flow.response = None  # it was half an answer
        _answer_when_asked(stream, answer, linger)


def is_killed(flow: http.HTTPFlow) -> bool:
    """Whether somebody has ended this flow by hand: mitmproxy then sends nothing and closes its connection."""
    return flow.error is not None and flow.error.msg == Error.KILLED_MESSAGE


def abort_soon(flow: http.HTTPFlow) -> None:
    """Run :func:`abort` from where nothing can be awaited."""
    task = asyncio.ensure_future(abort(flow))
    _aborting.add(task)
    task.add_done_callback(_aborting.discard)


def cut_client(flow: http.HTTPFlow) -> None:
    """Cut the connection to the client, so that an answer that cannot be completed is seen to be broken.

    At once: the end of the backend's answer may come with the same read, and mitmproxy would write it behind the part.
    """
    handler = handler_of(flow.client_conn.id)
    transport = handler.transports.get(handler.client) if handler else None
    if transport and isinstance(transport.writer, asyncio.StreamWriter):
        transport.writer.transport.abort()
    if handler:
        _close_client(handler)


def close_left_open(client: connection.Client, left: connection.Connection) -> None:
    """From the hooks that tell of a connection's end: close its socket if mitmproxy has not.

    A connection's task that is cancelled while it waits for mitmproxy's event lock (more than one read behind a
    protocol error is enough) ends without closing, and the peer would wait for ever.
    """
    handler = handler_of(client.id)
    transport = handler.transports.get(left) if handler else None
    if transport and transport.writer:
        transport.writer.close()


async def abort(flow: http.HTTPFlow) -> None:
    """Cut the connection to the backend in the middle of an upload, and wait until it is gone.

    mitmproxy then reports an error on the flow, and the ``error`` hook answers the client.
    """
    handler = handler_of(flow.client_conn.id)
    transport = handler.transports.get(flow.server_conn) if handler else None
    if transport is None or transport.handler is None or transport.handler is asyncio.current_task():
        return
    transport.handler.cancel("aborted by the gateway")
    await asyncio.wait([transport.handler])


def _answer_when_asked(stream: HttpStream, answer: Answer, linger: float | None = None) -> None:
    """Replace this one stream's ``check_killed``: the next time mitmproxy asks, it gets the answer and an end.

    It asks again if the peer has gone while a hook was waiting; the answer is given once. The time to linger runs from
    the answer, which other addons' hooks may keep waiting.
    """
    given = False

    def check_killed(emit_error_hook: bool) -> layer.CommandGenerator[bool]:  # noqa: FBT001 - mitmproxy's signature
        nonlocal given
        if given:
            return True
        given = True
        yield from _give(stream, answer, with_hook=emit_error_hook)
        if linger is not None:
            _close_later(stream.flow, linger)
        return True

    stream.check_killed = check_killed  # type: ignore[method-assign]


def _give(stream: HttpStream, answer: Answer, *, with_hook: bool) -> Iterator[commands.Command]:
    flow, client, response = stream.flow, stream.context.client, answer.wire
    stream.client_state = stream.server_state = stream.state_errored
    flow.live = False
    if with_hook:  # the error hook has not run: to other addons this is a flow like any other, with a response
        flow.response = answer.kept
        yield HttpResponseHook(flow)
    yield SendHttp(ResponseHeaders(stream.stream_id, response, end_stream=not response.raw_content), client)
    if response.raw_content:
        yield SendHttp(ResponseData(stream.stream_id, response.raw_content), client)
    yield SendHttp(ResponseEndOfMessage(stream.stream_id), client)
    if http1.connection_close(response.http_version, response.headers):
        yield commands.CloseTcpConnection(client, half_close=True)  # the client sees the end, and may go on writing
    yield DropStream(stream.stream_id)


def _check_body_size(
    stream: HttpStream,
    answer: http.Response,
    take: Take,
    request: bool,  # noqa: FBT001 - mitmproxy's signature
) -> layer.CommandGenerator[bool]:
    """Stand in for this one stream's ``check_body_size``, which mitmproxy calls behind each read that it buffers."""
    read = bytes(stream.response_body_buf)
    if request or not read:
        return False
    stream.response_body_buf.clear()
    given = take(read)
    if isinstance(given, Answer):
        yield from _give(stream, given, with_hook=True)
        abort_soon(stream.flow)
    elif given:
        answer.stream = lambda data: _streamed(take(data))
        yield from stream.start_response_stream()
        for piece in given:
            if stream.context.options.store_streamed_bodies:
                stream.response_body_buf += piece
            yield SendHttp(ResponseData(stream.stream_id, piece), stream.context.client)
    return False


def _streamed(given: list[bytes] | Answer) -> list[bytes]:
    """Once the head has left there can be no other answer: ``take`` has cut the client."""
    return [] if isinstance(given, Answer) else given


def _stream(flow: http.HTTPFlow) -> HttpStream | None:
    """Find mitmproxy's state machine of this flow; None for a replayed flow, which has no client connection."""
    handler = handler_of(flow.client_conn.id)
    if handler is None:
        return None
    for found in reversed(handler.layer.context.layers):
        if isinstance(found, HttpLayer):
            return next((s for s in found.streams.values() if getattr(s, "flow", None) is flow), None)
    return None


def _close_later(flow: http.HTTPFlow, linger: float) -> None:
    # By its name: what is gone by then is not kept in memory until then.
    asyncio.get_running_loop().call_later(linger, _close_if_there, flow.client_conn.id)


def _close_if_there(client_id: str) -> None:
    handler = handler_of(client_id)
    if handler:
        _close_client(handler)


def _close_client(handler: ProxyConnectionHandler) -> None:
    transport = handler.transports.get(handler.client)
    if transport and transport.handler:
        transport.handler.cancel("refused")
