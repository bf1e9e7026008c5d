"""Which request captured in front of a gateway is which behind it.

By the SDK's ``amz-sdk-invocation-id``, with its attempt where both have it; else by operation, bucket and key, first
with query and range as they are (parts of one object travel at once), then without, in the order in which they came.
Two requests whose ids differ are never the same one, unless the captures share no id at all: then they are of
different runs (before and after an upgrade, say), and ids say nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence

from s3gateway.observed.capture import Exchange

Pair = tuple[Exchange, Exchange]


def pair_up(front: Sequence[Exchange], behind: Sequence[Exchange]) -> tuple[list[Pair], list[Exchange], list[Exchange]]:
    """Give the pairs in the order of ``front``, and what is without a partner on either side."""
    partners: dict[int, int] = {}
    for key in (_attempt, _invocation):
        _match(front, behind, key, partners)
    same_run = bool(partners)

    def may_be(one: Exchange, other: Exchange) -> bool:
        return not (same_run and _invocation(one) and _invocation(other))

    for key in (_asked_exactly, _asked_for):
        _match(front, behind, key, partners, may_be)
    taken = set(partners.values())
    pairs = [(front[at], behind[partners[at]]) for at in sorted(partners)]
    return (
        pairs,
        [one for at, one in enumerate(front) if at not in partners],
        [one for at, one in enumerate(behind) if at not in taken],
    )


def _match(
    front: Sequence[Exchange],
    behind: Sequence[Exchange],
    key: Callable[[Exchange], Hashable],
    partners: dict[int, int],
    may_be: Callable[[Exchange, Exchange], bool] = lambda _one, _other: True,
) -> None:
    """Pair the first with the first of those that have the same key, as far as both are still alone."""
    taken = set(partners.values())
    waiting: dict[Hashable, list[int]] = defaultdict(list)
    for at, other in enumerate(behind):
        if at not in taken:
            waiting[key(other)].append(at)
    for at, one in enumerate(front):
        known = key(one)
        candidates = waiting.get(known, []) if known is not None and at not in partners else []
        found = next((place for place in candidates if may_be(one, behind[place])), None)
        if found is not None:
            partners[at] = found
            candidates.remove(found)


def _invocation(exchange: Exchange) -> str | None:
    return _header(exchange, "amz-sdk-invocation-id") or None


def _attempt(exchange: Exchange) -> Hashable:
    attempt = _header(exchange, "amz-sdk-request") or _header(exchange, "amz-sdk-retry")
    return (_invocation(exchange), attempt) if _invocation(exchange) and attempt else None


def _asked_for(exchange: Exchange) -> Hashable:
    if exchange.operation:
        return exchange.operation, exchange.bucket, exchange.key
    return exchange.incoming.method, exchange.incoming.target.partition("?")[0]


def _asked_exactly(exchange: Exchange) -> Hashable:
    return _asked_for(exchange), exchange.incoming.target.partition("?")[2], _header(exchange, "range")


def _header(exchange: Exchange, wanted: str) -> str:
    return next((value for name, value in exchange.incoming.headers if name.lower() == wanted), "")
