"""Whether a backend can be given requests: a state machine over what was seen of it. Pure; time is a parameter.

What is seen: the answers to health checks, and what becomes of real requests. A connection or a TLS handshake that
fails counts at once, connections that break under a request count by rate. A backend is::

    UP       it answers
    SILENT   it accepts connections and has not answered a check in time: used only where no other is UP
    DOWN     it refuses, answers wrongly, or has been silent for SILENT_CHECKS checks

Beside that stands whether its cluster can be read, written to, and make keys. MinIO without quorum does not refuse a
request, it hangs; so the gateway must. And while one server of a cluster stands still, the quorum check of *every*
server times out for some seconds, though all of them serve: no answer there means nothing, and the last word holds.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

SILENT_CHECKS: Final = 3
"""Checks in a row without an answer after which a silent backend is down."""

CALM_SECONDS: Final = 60.0
"""After so long a backend that is up has redeemed itself: its next fall counts as its first."""

MOST_PROOFS: Final = 16
"""Good checks in a row that a backend needs at most to be up again. One suffices at first; each fall doubles it."""

REFUSED_SECONDS: Final = 10.0
"""So long a backend that has refused a write is given none while others take them. One that was just started again says
of its cluster that all is well, and refuses writes for some seconds even so."""

WINDOW_SECONDS: Final = 10.0
FEWEST_BROKEN: Final = 3
"""A backend is down when so many of its requests have broken in one window, and half of all that it was given."""

LEAST_SHARE: Final = 0.1
"""The share of its load that a backend is given when it has just come back."""


class Ask(Enum):
    """What a check asks for."""

    LIVE = auto()
    READ = auto()
    WRITE = auto()
    KMS = auto()


class Reach(Enum):
    """Whether it answers."""

    UP = auto()
    SILENT = auto()
    DOWN = auto()


@dataclass(frozen=True, slots=True)
class Checked:
    """A check has ended. ``why`` says what is wrong, empty if nothing; ``is_silent`` if no answer came in time."""

    ask: Ask
    why: str = ""
    is_silent: bool = False


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No connection could be made, or its TLS handshake failed."""

    why: str


@dataclass(frozen=True, slots=True)
class Broke:
    """A request's connection ended or stood still before its answer. ``served`` counts all requests until now."""

    why: str
    served: int


@dataclass(frozen=True, slots=True)
class RefusedWrite:
    """A write got SlowDownWrite: this server does not see the write quorum. Others may, where it was away itself.

    It may also be that one object, so this takes no server down: another one is taken while there is one.
    """


Event = Checked | Unreachable | Broke | RefusedWrite


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of one backend. ``since`` is when ``reach`` last changed; texts say why not, and are empty if so.

    Until something is seen a backend is taken to be well: the first requests find out as fast as a check.
    """

    since: float
    reach: Reach = Reach.UP
    why: str = ""
    no_read: str = ""
    no_write: str = ""
    no_kms: str = ""
    refuses_writes: bool = False  # one of late; the quorum was not checked to be fine since
    refused_at: float = 0.0  # the last of them
    has_risen: bool = False  # it was down before
    silent: int = 0  # checks in a row without an answer
    proofs: int = 0  # good checks in a row while it is down
    needed: int = 1  # of these, to be up again
    broken: int = 0  # requests in this window
    window: float = 0.0  # its begin
    served: int = 0  # all requests until then


def after(health: Health, event: Event, now: float) -> Health:
    """Give what is known after ``event`` at ``now`` (seconds of a monotonic clock)."""
    match event:
        case Checked(Ask.LIVE):
            return _after_live(health, event, now)
        case Checked():
            return health if event.is_silent else _after_quorum(health, event, now)
        case Unreachable():
            return _fall(health, event.why, now)
        case RefusedWrite():
            return replace(health, refuses_writes=True, refused_at=now)
    return _after_break(health, event, now)


def _after_quorum(health: Health, event: Checked, now: float) -> Health:
    match event.ask:
        case Ask.READ:
            return replace(health, no_read=event.why)
        case Ask.WRITE:
            is_lately = health.refuses_writes and now - health.refused_at < REFUSED_SECONDS
            return replace(health, no_write=event.why, refuses_writes=is_lately)
    return replace(health, no_kms=event.why)


def _after_live(health: Health, event: Checked, now: float) -> Health:
    if event.is_silent:
        silent = health.silent + 1
        if silent >= SILENT_CHECKS:
            return _fall(replace(health, silent=silent), event.why, now)
        if health.reach is Reach.UP:
            return replace(health, reach=Reach.SILENT, why=event.why, since=now, silent=silent)
        return replace(health, silent=silent, proofs=0)
    if event.why:
        return _fall(health, event.why, now)
    match health.reach:
        case Reach.UP:
            is_calm = health.needed > 1 and now - health.since >= CALM_SECONDS
            return replace(health, silent=0, needed=1) if is_calm else health
        case Reach.SILENT:
            return replace(health, reach=Reach.UP, why="", since=now, silent=0)
    proofs = health.proofs + 1
    if proofs < health.needed:
        return replace(health, silent=0, proofs=proofs)
    return replace(
        health,
        reach=Reach.UP,
        why="",
        since=now,
        has_risen=True,
        silent=0,
        proofs=0,
        broken=0,
        window=now - WINDOW_SECONDS,
    )


def _after_break(health: Health, event: Broke, now: float) -> Health:
    if health.reach is Reach.DOWN:
        return health
    if now - health.window >= WINDOW_SECONDS:
        return replace(health, broken=1, window=now, served=event.served - 1)
    broken, given = health.broken + 1, event.served - health.served
    if broken < FEWEST_BROKEN or broken * 2 < given:
        return replace(health, broken=broken)
    return _fall(health, f"{broken} of {given} requests broke: {event.why}", now)


def _fall(health: Health, why: str, now: float) -> Health:
    if health.reach is Reach.DOWN:
        return replace(health, proofs=0)  # the first reason stays: the others follow from it
    has_fallen_lately = health.has_risen and now - health.since < CALM_SECONDS
    needed = min(health.needed * 2, MOST_PROOFS) if has_fallen_lately else 1
    return replace(health, reach=Reach.DOWN, why=why, since=now, proofs=0, needed=needed)


def share(health: Health, now: float, slow_start: float) -> float:
    """Give the share of its load that a backend can take, from :data:`LEAST_SHARE` to 1: it starts slowly again."""
    if not health.has_risen or now - health.since >= slow_start:
        return 1.0
    return max(LEAST_SHARE, (now - health.since) / slow_start)


def changes(before: Health, now: Health) -> list[str]:
    """Say in words what has changed, for the log; nothing where a silent backend has only answered again."""
    told = []
    if now.reach is not before.reach:
        match now.reach:
            case Reach.DOWN:
                told.append(f"is down: {now.why}")
            case Reach.SILENT:
                told.append(f"is used no more while others are up: {now.why}")
            case Reach.UP:
                told.append("is up again")
    for old, new, what in (
        (before.no_read, now.no_read, "reads"),
        (before.no_write, now.no_write, "writes"),
        (before.no_kms, now.no_kms, "writes that it would have to encrypt"),
    ):
        if bool(old) is not bool(new):
            told.append(f"takes no {what}: {new}" if new else f"takes {what} again")
    return told


_NO_QUORUM: Final = (412, 503)
_OK: Final = 200
_FORBIDDEN: Final = 403
_REDIRECTS: Final = range(300, 400)


_STARTING: Final = b"offline"


def judged(ask: Ask, path: str, status: int, content_type: bytes, server_status: bytes = b"") -> str:
    """Say what is wrong with the answer to a check; empty if nothing is.

    ``server_status`` is ``X-Minio-Server-Status``: while MinIO starts, ``live`` is 200 and every request is refused.
    """
    if server_status.endswith(_STARTING):
        return f"{path} answered {status}: it is still starting"
    if b"html" in content_type.lower() or status in _REDIRECTS:
        what = "a web page" if status == _OK else str(status)
        return f"{path} answered {what}: is that the S3 server itself?"
    if status == _OK:
        return ""
    meaning = ""
    if status in _NO_QUORUM:
        meaning = {
            Ask.LIVE: "more requests wait than it can take",
            Ask.READ: "no read quorum",
            Ask.WRITE: "no write quorum",
            Ask.KMS: "its KMS makes no keys",
        }[ask]
    elif status == _FORBIDDEN:
        meaning = "is that a gateway, or this one? Name the S3 servers"
    elif ask is Ask.LIVE:
        meaning = "is that MinIO? For another S3 server set health.bucket"
    return f"{path} answered {status}" + (f": {meaning}" if meaning else "")
