"""What the wire asks of somebody who watches an exchange: mitmproxy's flows and hooks, without mitmproxy's names.

Nothing of this is called for an exchange that nobody watches.
"""

from typing import Protocol

from s3gateway.config.model import Backend
from s3gateway.observed.transaction import Transaction
from s3gateway.sigv4.model import Headers, RequestHead


class Killed(Exception):  # noqa: N818 - it is no fault
    """Somebody has ended the exchange by hand: its client is cut off."""


class Answered(Exception):  # noqa: N818 - it is no fault
    """Somebody has answered in the backend's place."""

    def __init__(self, status: int, reason: bytes, headers: Headers, body: bytes) -> None:
        super().__init__(status)
        self.status, self.reason, self.headers, self.body = status, reason, headers, body


class Watch(Protocol):
    """One watched exchange. Each coroutine may wait for a person; it raises :class:`Killed` or :class:`Answered`."""

    @property
    def is_held_open(self) -> bool:
        """Whether a person has it open now."""

    def holds(self, length: int) -> bool:
        """Whether a body of this length is read whole before anything leaves, so that it can be edited."""

    async def head_came(self, transaction: Transaction) -> None:
        """A head has come, and was admitted or refused."""

    async def request_came(self, content: bytes | None) -> None:
        """The whole request has come. ``content`` is its body where it was held."""

    def request_now(self) -> tuple[RequestHead, bytes]:
        """The request as it is now: its head, and its content where it was held."""

    def sent(self, head: RequestHead, backend: Backend) -> None:
        """The request leaves for the backend with this head."""

    def uploaded(self, data: bytes) -> None:
        """Some of the client's body has come."""

    async def answer_came(self, status: int, reason: bytes, headers: Headers) -> Headers:
        """An answer's head has come; give its headers as the client is to get them."""

    def downloaded(self, data: bytes) -> None:
        """Some of the answer's body leaves for the client."""

    async def answered(self, transaction: Transaction) -> None:
        """The answer is whole, and about to end."""

    async def refused(self, transaction: Transaction, status: int, headers: Headers, body: bytes) -> None:
        """The gateway answers for itself; ``body`` is what may be kept of it."""

    async def failed(self, transaction: Transaction, why: str) -> None:
        """The exchange has ended without its answer, or in the middle of it."""
