"""One watched exchange: a flow, mitmproxy's hooks in their order, and what people do to it in the meantime."""

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from mitmproxy import ctx, http
from mitmproxy.connection import Client
from mitmproxy.flow import Error
from mitmproxy.hooks import Hook
from mitmproxy.proxy.layers.http import (  # type: ignore[attr-defined]  # it imports them, and lists no names
    HttpErrorHook,
    HttpRequestHeadersHook,
    HttpRequestHook,
    HttpResponseHeadersHook,
    HttpResponseHook,
)

from s3gateway.config.model import Backend
from s3gateway.mitm.watched import flows
from s3gateway.observed.transaction import Transaction
from s3gateway.sigv4.model import Headers, RequestHead
from s3gateway.wire.watching import Answered, Killed

if TYPE_CHECKING:
    from s3gateway.mitm.watched.desk import Desk

_LOOK_SECONDS: Final = 0.5


class FlowWatch:
    """Watches one exchange on ``flow``; :class:`s3gateway.wire.watching.Watch` says what each method is.

    ``most`` is the largest body that is held to be edited, in bytes; None holds every one.
    """

    def __init__(self, desk: "Desk", transaction: Transaction, flow: http.HTTPFlow, *, most: int | None) -> None:
        self.flow = flow
        self._desk = desk
        self._most = most
        self._keeps = ctx.options.store_streamed_bodies
        self._sent: list[bytes] = []
        self._received: list[bytes] = []
        self._content: bytes | None = None
        self._transaction = transaction
        self._is_answered = False

    @classmethod
    def of_client(cls, desk: "Desk", transaction: Transaction, client: Client, backend: Backend, *, most: int) -> Self:
        """Watch a client's exchange on a flow of its own."""
        return cls(desk, transaction, flows.new_flow(client, transaction, backend, b"HTTP/1.1"), most=most)

    @property
    def is_held_open(self) -> bool:
        """Whether it is intercepted."""
        return self.flow.intercepted

    def holds(self, length: int) -> bool:
        """Whether the body's length is known, and not above the limit; all of a replayed one is here."""
        return self._most is None or 0 < length <= self._most

    async def head_came(self, transaction: Transaction) -> None:
        """Fire ``requestheaders``."""
        self._desk.show(self.flow, transaction)
        await self._fire(HttpRequestHeadersHook(self.flow))

    async def request_came(self, content: bytes | None) -> None:
        """Fire ``request``. A body that streamed is there only with ``store_streamed_bodies``."""
        request = self.flow.request
        self._content = content
        if content is not None:
            request.data.content = content
        elif self._keeps:
            request.data.content = b"".join(self._sent)
        self._sent.clear()
        request.timestamp_end = time.time()
        await self._fire(HttpRequestHook(self.flow))

    def request_now(self) -> tuple[RequestHead, bytes]:
        """Read the flow."""
        return flows.read_head(self.flow), self.flow.request.data.content or b""

    def sent(self, head: RequestHead, backend: Backend) -> None:
        """Show what leaves."""
        if self._content is not None:
            self._content = self.flow.request.data.content
        flows.write_head(self.flow, head, backend)
        self._desk.show(self.flow, self._transaction)

    def uploaded(self, data: bytes) -> None:
        """Keep it, if bodies are kept."""
        if self._keeps:
            self._sent.append(data)

    async def answer_came(self, status: int, reason: bytes, headers: Headers) -> Headers:
        """Fire ``responseheaders``."""
        self.flow.response = flows.new_answer(status, reason, headers, None)
        self.flow.response.timestamp_end = None
        self.flow.response.stream = True
        self._desk.show(self.flow, self._transaction)
        await self._fire(HttpResponseHeadersHook(self.flow), may_answer=False)
        fields = self.flow.response.headers.fields
        return headers if fields == headers else fields

    def downloaded(self, data: bytes) -> None:
        """Keep it, if bodies are kept."""
        if self._keeps:
            self._received.append(data)

    async def answered(self, transaction: Transaction) -> None:
        """Fire ``response``."""
        response, answer = self.flow.response, transaction.answer
        if response is not None and answer is not None:
            response.status_code = answer.status
            response.headers = http.Headers(answer.headers)
            response.timestamp_end = time.time()
            if self._keeps:
                response.data.content = b"".join(self._received)
        self._received.clear()
        await self._end(transaction, HttpResponseHook(self.flow))

    async def refused(self, transaction: Transaction, status: int, headers: Headers, body: bytes) -> None:
        """Fire ``response`` with the refusal, or ``error`` where the exchange was broken off by it."""
        was_sent = transaction.outgoing is not None and "answered" not in transaction.timings
        if was_sent or transaction.record.fault:
            self.flow.error = Error(transaction.record.fault or str(transaction.refusal))
            self.flow.response = None
            await self._end(transaction, HttpErrorHook(self.flow))
            return
        self.flow.response = flows.new_answer(status, b"", headers, body)
        if self.flow.request.data.content is None and not transaction.arrival.has_body:
            self.flow.request.data.content = b""  # without which mitmproxy would not replay it
        await self._end(transaction, HttpResponseHook(self.flow))

    async def failed(self, transaction: Transaction, why: str) -> None:
        """Fire ``error``."""
        if self._is_answered:
            return
        if self.flow.error is None:
            self.flow.error = Error(why)
        if self._keeps and self.flow.request.data.content is None:
            self._sent.clear()
        await self._end(transaction, HttpErrorHook(self.flow))

    async def _end(self, transaction: Transaction, hook: Hook) -> None:
        """Put the exchange at its end on the flow, without secrets, and tell; no byte of a body is kept for it."""
        self._is_answered = True
        if self._content is not None and transaction.outgoing is not None:
            self.flow.request.data.content = self._content  # to be looked at, without chunk signatures
        self._sent.clear()
        self._received.clear()
        transaction.mark("ended")  # the books may close later than the flow is written
        transaction.settle()
        self._desk.ended(self.flow, transaction)
        try:
            await self._fire(hook, may_answer=False)
        finally:
            self.flow.live = False

    async def _fire(self, hook: Hook, *, may_answer: bool = True) -> None:
        """Have the addons see it, and wait for a person who holds it; mitmproxy tells nobody who waits of a kill."""
        flow = self.flow
        before = flow.response
        await ctx.master.addons.handle_lifecycle(hook)
        while flow.intercepted:
            with suppress(TimeoutError):
                await asyncio.wait_for(flow.wait_for_resume(), _LOOK_SECONDS)
        if flow.error is not None and flow.error.msg == Error.KILLED_MESSAGE and not isinstance(hook, HttpErrorHook):
            raise Killed
        if may_answer and flow.response is not None and flow.response is not before:
            answer = flow.response
            raise Answered(answer.status_code, answer.data.reason, answer.headers.fields, answer.raw_content or b"")
