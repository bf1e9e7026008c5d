"""What was found: a comparison for each request, what has none, and the findings over all of them in plain words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from diffing.pairing import Pair, pair_up
from s3gateway.observed.capture import Exchange, Head
from s3gateway.observed.compare import Comparison, Fate, Row, compare, compare_exchange

Side = Literal["incoming", "outgoing"]


@dataclass(frozen=True, slots=True)
class Request:
    """One request on both sides. ``answer`` is what the backend said: ``200``, ``400 AccessDenied``, or nothing."""

    number: int
    id: str
    time: str
    title: str
    answer: str
    comparison: Comparison

    @property
    def good(self) -> bool:
        """Whether every header survived and the signature is consistent."""
        return self.comparison.survived and not self.comparison.faults

    def bad(self, row: Row) -> bool:
        """Whether this header is lost, or contradicts the signature."""
        return not row.survived or any(fault.name.lower() == row.name for fault in self.comparison.faults)


@dataclass(frozen=True, slots=True)
class Alone:
    """A request that is on one side only, and why as far as that is known."""

    title: str
    id: str
    time: str
    why: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, in plain words, and the numbers of the requests in which it is. The culprit's name."""

    name: str
    sentence: str
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """``left`` and ``right`` name the two sides.

    ``refused`` were answered by the gateway itself and rightly have no other side; ``vanished`` were sent and never
    arrived; ``extra`` arrived and were never sent. With ``only_faults`` people are shown requests that have one.
    """

    left: str
    right: str
    requests: tuple[Request, ...]
    refused: tuple[Alone, ...] = ()
    vanished: tuple[Alone, ...] = ()
    extra: tuple[Alone, ...] = ()
    only_faults: bool = False

    @property
    def shown(self) -> tuple[Request, ...]:
        """The requests that a person is shown."""
        return tuple(request for request in self.requests if not (self.only_faults and request.good))

    @property
    def good(self) -> bool:
        """Whether every header of every client's request survived, in requests that a backend can verify."""
        return self.compared and all(request.good for request in self.requests) and not self.vanished

    @property
    def compared(self) -> bool:
        """Whether there was a request to judge by."""
        return bool(self.requests or self.vanished)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong, each thing once: contradictions of a signature first, then losses."""
        found: dict[tuple[str, str], list[int]] = {}
        for request in self.requests:
            for fault in request.comparison.faults:
                found.setdefault((fault.name, fault.sentence), []).append(request.number)
        for request in self.requests:
            for name, sentence in _losses(request.comparison):
                found.setdefault((name, sentence), []).append(request.number)
        return tuple(Finding(*what, tuple(numbers)) for what, numbers in found.items())


def within(exchanges: Iterable[Exchange], allowed: Mapping[str, str]) -> Report:
    """Compare both heads of each exchange of one capture."""
    requests: list[Request] = []
    refused: list[Alone] = []
    for exchange in exchanges:
        comparison = compare_exchange(exchange, allowed)
        if comparison is None:
            why = (
                f"refused by the gateway: {exchange.code or exchange.verdict}" if exchange.code else "nothing went out"
            )
            refused.append(_alone(exchange, why))
        else:
            requests.append(_request(len(requests) + 1, exchange, exchange, comparison))
    return Report("the client sent", "the backend got", tuple(requests), tuple(refused))


def between(
    front: Sequence[Exchange],
    behind: Sequence[Exchange],
    names: tuple[str, str],
    side: Side,
    allowed: Mapping[str, str],
) -> Report:
    """Compare two captures: the ``side`` head of each request of one with that of the same request in the other."""
    pairs, vanished, extra = pair_up(front, behind)
    requests: list[Request] = []
    refused = [_alone(one, f"refused by the gateway: {one.code}") for one in vanished if one.verdict == "refused"]
    for one, other in pairs:
        heads = _heads((one, other), side)
        if heads is None:
            refused.append(_alone(one, f"no {side} head in both captures"))
        else:
            added_by = " by ".join(filter(None, (one.sse, one.rule)))
            comparison = compare(*heads, added_by=added_by, allowed=allowed)
            requests.append(_request(len(requests) + 1, one, other, comparison))
    return Report(
        *names,
        tuple(requests),
        tuple(refused),
        tuple(_alone(one, "not in the other capture") for one in vanished if one.verdict != "refused"),
        tuple(_alone(one, "not in the first capture") for one in extra),
    )


def _heads(pair: Pair, side: Side) -> tuple[Head, Head] | None:
    if side == "incoming":
        return pair[0].incoming, pair[1].incoming
    one, other = pair[0].outgoing, pair[1].outgoing
    return (one, other) if one and other else None


def _losses(comparison: Comparison) -> Iterable[tuple[str, str]]:
    for row in comparison.lost:
        spelled = row.before[0].name
        what = {
            Fate.CHANGED: "did not arrive as it was sent: its value was changed on the way.",
            Fate.REMOVED: "was sent and did not arrive.",
            Fate.DUPLICATED: "arrived more often than it was sent.",
            Fate.MERGED: "arrived less often than it was sent: fields were joined or dropped.",
        }[row.fate]
        yield spelled, f"{spelled} {what}"
    if not comparison.line.survived:
        yield "request line", "The request line was rewritten on the way: the method or the target is another."


def _request(number: int, one: Exchange, other: Exchange, comparison: Comparison) -> Request:
    return Request(number, one.id, one.time, title(one), _answer(other) or _answer(one), comparison)


def _answer(exchange: Exchange) -> str:
    status = str(exchange.response.status) if exchange.response else ""
    return " ".join(filter(None, (status, exchange.backend_error)))


def _alone(exchange: Exchange, why: str) -> Alone:
    return Alone(title(exchange), exchange.id, exchange.time, why)


def title(exchange: Exchange) -> str:
    """``PutObject bucket/key``, or method and path where the operation is not known."""
    if exchange.operation:
        return f"{exchange.operation} {'/'.join(filter(None, (exchange.bucket, exchange.key)))}".rstrip()
    return f"{exchange.incoming.method} {exchange.incoming.target.partition('?')[0]}"
