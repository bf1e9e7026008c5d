"""When a connection that stands still has to end, and whose fault it is.

A connection is looked at every second or so. As long as it looks the same, nothing has moved; how long that may last
depends on whom it waits for. What a slow client can do to look busy does not count: a head that drips in looks the
same until it is whole.
"""

from dataclasses import dataclass
from enum import Enum, auto

from s3gateway.rules.limits import Limits


class Waits(Enum):
    """Whom a connection waits for."""

    HEAD = auto()  # the client, for a whole request head, its first or one that has begun
    NEXT = auto()  # the client, for its next request
    BODY = auto()  # the client, for more of its upload
    TAKE = auto()  # the client, to take more of the answer
    CONNECT = auto()  # the backend, to accept a connection and end its TLS handshake
    BACKEND = auto()  # the backend, to take more of an upload, or to send more of its answer
    OPERATOR = auto()  # somebody who has a request open in mitmweb


@dataclass(frozen=True, slots=True)
class Look:
    """What a connection looks like: whom it waits for, and numbers that change when something moves."""

    waits: Waits
    moved: tuple[int, ...] = ()


class Stall:
    """How long one connection has looked the same."""

    def __init__(self) -> None:
        self._look: Look | None = None
        self._since = 0.0

    def is_over(self, look: Look, limits: Limits, now: float) -> bool:
        """Whether the connection has stood still for too long; then it is told again only after as long again."""
        if look != self._look:
            self._look, self._since = look, now
        allowed = patience(look.waits, limits)
        if allowed is None or now - self._since < allowed:
            return False
        self._since = now
        return True


def patience(waits: Waits, limits: Limits) -> float | None:
    """Give the seconds that a connection may wait; None for as long as it takes."""
    match waits:
        case Waits.HEAD:
            return limits.head_timeout
        case Waits.NEXT:
            return limits.keep_alive
        case Waits.BODY | Waits.TAKE:
            return limits.body_timeout
        case Waits.CONNECT:
            return limits.connect_timeout
        case Waits.BACKEND:
            return limits.backend_timeout
        case Waits.OPERATOR:
            return None
