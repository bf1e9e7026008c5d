"""Are the names right? Random faults and correct requests, explained and judged. `scripts/fuzz --causes` counts."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from s3gateway.config.gateway_yaml import build
from s3gateway.config.model import Config
from s3gateway.explain.evidence import Evidence, canonical_request_of, explain_evidence
from s3gateway.explain.sides import Side
from s3gateway.explain.why import VALID, explain
from s3gateway.observed.capture import Explanation
from s3gateway.sigv4.claim import read_claim
from s3gateway.sigv4.verify import signed_at
from tests.admission import DOCUMENT
from tests.explain.faults import Fault, correct, fault

CONFIG: Config = build({**DOCUMENT, "listen": {"host": "127.0.0.1", "port": 8001}}, Path())


@dataclass
class Count:
    """``wrong`` has a line for each wrong name, with the seed that makes it again."""

    faults: int = 0
    compared: int = 0
    requests: int = 0
    named: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Say it in a few lines."""
        how = ", ".join(f"{count} {kind}" for kind, count in self.named.most_common())
        return [
            f"{self.faults} faults: {how}",
            f"{self.compared} of them also by both sides' texts, without a secret",
            f"{self.requests} correct requests",
            f"{len(self.causes)} causes named",
            f"{len(self.wrong)} wrong names",
            *(f"  {line}" for line in self.wrong[:20]),
        ]


def judged(one: Fault, why: Explanation) -> tuple[str, bool]:
    """How an explanation names a fault, and whether that is right.

    Certain: each name is one of the right ones. Likely: the right one is the name, or stands beside it. Possible:
    nothing is named for sure, and what changed stands beside it, at least as path, query, header or Host.
    """
    names = set(why.cause.split("+"))
    beside = {name for cause, _ in why.others for name in cause.split("+")}
    if why.cause == VALID:
        return "harmless", not one.right
    if why.certainty == "certain":
        return "certain", names <= one.right
    right = one.right | ({_part(cause) for cause in one.right} if why.certainty == "possible" else set())
    return why.certainty or "unsaid", bool((names | beside) & right)


def _part(cause: str) -> str:
    """The part of a request that a cause changes."""
    beginnings = {
        "path": "path-changed",
        "query": "query-changed",
        "host": "host-rewritten",
        "header": "header-changed",
    }
    return beginnings.get(cause.partition("-")[0], cause)


def count(seed: int, many: int, tell: Callable[[int], None] = lambda _: None) -> Count:
    """Judge as many faults and as many correct requests."""
    counted = Count()
    for number in range(many):
        one = fault(random.Random(f"fault {seed} {number}"))
        why = told(one)
        kind, right = judged(one, why)
        counted.faults += 1
        counted.named[kind] += 1
        counted.causes[why.cause] += 1
        if not right:
            counted.wrong.append(f"{seed}/{number} {one.name}: {why.cause} ({why.certainty}), not {sorted(one.right)}")
        if one.sent:
            counted.compared += 1
            counted.wrong += [f"{seed}/{number} {one.name}, both sides: {line}" for line in _by_both_sides(one)]
        head = correct(random.Random(f"correct {seed} {number}"))
        counted.requests += 1
        why = explain(head, CONFIG, signed_at(read_claim(head))).explanation
        if why.cause != VALID:
            counted.wrong.append(f"{seed}/{number} a correct request: {why.cause}: {why.sentence}")
        tell(number)
    return counted


def _by_both_sides(one: Fault) -> list[str]:
    """What was sent beside what arrived names the fault for sure, or says that it may be more than one thing."""
    why = explain_evidence(Evidence(sent=one.sent, server=Side(canonical_request_of(one.head))))
    if why is None or why.certainty == "possible":
        return [f"{why and why.cause} ({why and why.certainty})"]
    _, right = judged(one, why)
    general = {_part(cause) for cause in one.right}
    if "header-duplicates" in one.right:
        general.add("header-appended")  # which is what a second line looks like in a canonical request
    right = right or set(why.cause.split("+")) <= one.right | general
    return [] if right else [f"{why.cause} ({why.certainty}), not {sorted(one.right)}"]


def told(one: Fault) -> Explanation:
    """Explain it at the time that it names."""
    return explain(one.head, CONFIG, signed_at(read_claim(one.head))).explanation
