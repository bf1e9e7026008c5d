"""What the gateway's and HAProxy's own logs say of a run."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from soaking.cluster.faults import Event, Fault

_SERVER_ERROR: Final = 500
_LEFT: Final = "used no more"
_DOWN: Final = "is down"
_HAPROXY: Final = re.compile(r"^(?:<\d+>)?s3a (\d+|-1) (\S)(\S) ", re.MULTILINE)
_BY_CLIENT: Final = frozenset("-CcL")
"""How HAProxy's termination state begins where neither it nor the server has ended the session early."""


def lines(log: str) -> list[dict[str, Any]]:
    """The gateway's lines, each an object."""
    return list(_objects(log))


def _objects(log: str) -> Iterator[dict[str, Any]]:
    for line in log.splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def when(line: dict[str, Any]) -> float:
    """In seconds since the epoch."""
    return datetime.fromisoformat(line["time"]).timestamp()


def failed_at_gateway(told: Iterable[dict[str, Any]], client: str) -> int:
    """How many requests of a client got 5xx, or were broken off by the backend."""
    return sum(
        line["status"] >= _SERVER_ERROR or ("fault" in line and not line["fault"].startswith("the client"))
        for line in told
        if line.get("client") == client and "status" in line
    )


def failures(log: str) -> Iterator[str]:
    """What is said of each request that got 5xx or was broken off, short."""
    for line in _objects(log):
        if line.get("status", 0) >= _SERVER_ERROR or "fault" in line:
            why = line.get("backend_error") or line.get("fault", "")
            where = line.get("endpoint", "")
            told = f"{line.get('client', '')} {line.get('operation', '')} {line['status']} at {where} after"
            yield f"{line['time'][11:23]} {told} {line['duration']:.2f} s: {why[:120]}"


def failed_at_haproxy(log: str) -> int:
    """The same of HAProxy's way in for S3A."""
    return sum(int(status) >= _SERVER_ERROR or (how not in _BY_CLIENT) for status, how, _ in _HAPROXY.findall(log))


def left_after(told: Iterable[dict[str, Any]], event: Event) -> float | None:
    """Seconds until a server that stood still was given nothing more; None where it never was said."""
    at = [
        when(line)
        for line in told
        if line.get("event", "").startswith(f"backend {event.endpoint} ")
        and (_LEFT in line["event"] or _DOWN in line["event"])
        and event.began <= when(line) <= event.ended
    ]
    return min(at) - event.began if at else None


def given_later(told: Iterable[dict[str, Any]], event: Event, after: float) -> list[dict[str, Any]]:
    """Requests that a server which stood still was given all the same, `after` so many seconds."""
    return [
        line
        for line in told
        if line.get("endpoint") == event.endpoint and event.began + after < when(line) < event.ended
    ]


def stops(events: Iterable[Event]) -> list[Event]:
    """Those of standing still."""
    return [event for event in events if event.fault is Fault.STOPPED]
