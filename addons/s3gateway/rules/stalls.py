"""When a connection that stands still has to end, and whose fault it is.

How long nothing may move depends on whom a connection waits for. What a slow client can do to look busy does not count:
a head that drips in has moved only when it is whole.
"""

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
