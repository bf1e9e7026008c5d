"""Where one exchange stands: request, backend, answer. States and what follows from them; no bytes, no clock.

One exchange is one request and its answer. Three things move in it, each one way only::

    upload   NONE | WAITING -> READING -> DONE      the client's body; DROPPED once nobody wants the rest of it
    link     NONE -> CONNECTING -> UP -> GONE       the connection to the backend
    answer   NONE -> HELD -> BEGUN -> DONE          what the client gets

Whom the exchange waits for, how long it may wait, whether a connection may serve another request and whether the
request may be sent again all follow from these.
"""

from enum import Enum, auto

from s3gateway.rules.limits import Limits
from s3gateway.rules.stalls import Waits, patience


class Upload(Enum):
    """The client's body."""

    NONE = auto()
    WAITING = auto()  # for a backend that takes it
    READING = auto()
    DONE = auto()
    DROPPED = auto()  # what still comes of it is read and thrown away


class Link(Enum):
    """The connection to the backend."""

    NONE = auto()
    CONNECTING = auto()
    UP = auto()
    GONE = auto()


class Answer(Enum):
    """What the client gets."""

    NONE = auto()
    HELD = auto()  # its head is here, and the client has nothing of it
    BEGUN = auto()
    DONE = auto()


class Progress:
    """The states of one exchange, and when something last moved (seconds of a monotonic clock)."""

    __slots__ = ("answer", "body_taken", "client_moved", "is_held_open", "link", "moved", "upload", "was_reused")

    def __init__(self, now: float, *, has_body: bool) -> None:
        self.upload = Upload.WAITING if has_body else Upload.NONE
        self.link = Link.NONE
        self.answer = Answer.NONE
        self.moved = self.client_moved = now
        self.was_reused = False  # the backend's connection has served others before
        self.body_taken = False  # a byte of the client's body has been taken: the client must send it again itself
        self.is_held_open = False  # somebody has the exchange open in mitmweb

    @property
    def is_uploading(self) -> bool:
        """Whether there is more of the client's body to come, and the backend wants it."""
        return self.upload in (Upload.WAITING, Upload.READING)

    @property
    def may_answer(self) -> bool:
        """Whether the client has nothing of an answer yet, so that it can still be given another one."""
        return self.answer in (Answer.NONE, Answer.HELD)

    def may_send_again(self, *, is_repeatable: bool, was_handed_over: bool) -> bool:
        """Whether a request whose connection ended without an answer may go out on a fresh connection, once.

        A kept-alive connection may end at the moment when a request is written to it. No byte of an answer came, no
        byte of the client's body was taken; and nothing was handed over, or the operation may run twice.
        """
        untouched = self.was_reused and self.answer is Answer.NONE and not self.body_taken
        return untouched and (is_repeatable or not was_handed_over)

    def waits(self, *, client_has_unsent: bool, backend_has_unsent: bool) -> Waits:
        """Tell whom the exchange waits for. Unsent bytes are those that a peer has not taken yet."""
        if self.is_held_open:
            return Waits.OPERATOR
        if client_has_unsent:
            return Waits.TAKE
        if self.link is Link.CONNECTING:
            return Waits.CONNECT
        if self.upload is Upload.DROPPED and self.answer is Answer.DONE:
            return Waits.BODY
        if self.is_uploading and not backend_has_unsent:
            return Waits.BODY
        return Waits.BACKEND

    def is_over(self, waits: Waits, limits: Limits, now: float) -> bool:
        """Whether nothing has moved for longer than that wait may last."""
        allowed = patience(waits, limits)
        return allowed is not None and now - self.moved >= allowed
