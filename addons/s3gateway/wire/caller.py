"""Who asks: what an exchange needs of a client's connection, or of what stands in its place."""

from typing import Protocol

from s3gateway.wire.service import Service


class Caller(Protocol):
    """A client's connection, or a replayed flow."""

    service: Service
    address: str
    is_tls: bool

    @property
    def unsent(self) -> int:
        """Bytes that it has not taken."""

    def write(self, data: bytes) -> None:
        """Give it some of the answer."""

    def update_reading(self) -> None:
        """Ask the exchange whether it takes more of the body."""

    def push_body(self) -> None:
        """Give the exchange what has come of the body."""

    def put_back(self, data: bytes) -> None:
        """Take what came behind the body."""

    def exchange_ended(self, *, keeps: bool, linger: bool = False) -> None:
        """Go on, or end."""

    def cut(self, *, resets: bool = False) -> None:
        """End at once; with a reset where a plain end would say that all is well."""
