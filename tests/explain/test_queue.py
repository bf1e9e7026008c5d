"""Explanations wait in a queue that is bounded, are counted when they do not fit, and end with the gateway."""

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from s3gateway import errors
from s3gateway.config.gateway_yaml import build
from s3gateway.gateway import Arrival, admit
from s3gateway.mitm import explaining
from s3gateway.mitm.explaining import QUEUE, Explainer
from s3gateway.observed.log_line import Explained, Record
from s3gateway.observed.transaction import Transaction
from tests.admission import DOCUMENT
from tests.explain.clients import Keys, botocore, sets
from tests.explain.test_causes import CONFIG

HEAD = sets(botocore(Keys(), "GET", "/bucket/key"), "Host", "gateway.example")
MISMATCH = errors.signature_does_not_match()


def case(refusal: errors.S3Error | None = MISMATCH) -> Transaction:
    record = Record(datetime.now(UTC).timestamp(), "ID", "spark?")
    return Transaction(HEAD, Arrival(tls=False, has_body=False), record, refusal=refusal)


class Told:
    """Who was told of what."""

    def __init__(self) -> None:
        self.causes: list[str] = []
        self.dropped = 0

    async def __call__(self, transaction: Transaction, dropped: int) -> None:
        self.causes.append(transaction.explanation.cause if transaction.explanation else "")
        self.dropped += dropped


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explaining, "REST", 0)


async def test_what_does_not_fit_is_counted() -> None:
    """A flood costs a queue's length; the next line tells how many were left out, and then the queue takes again."""
    told = Told()
    explainer = Explainer(told)
    taken = [explainer.consider(case(), CONFIG) for _ in range(QUEUE + 5)]
    assert [settled is not None for settled in taken] == [True] * QUEUE + [False] * 5
    await asyncio.gather(*(settled.wait() for settled in taken if settled))
    assert (told.causes, told.dropped) == (["host-port"] * QUEUE, 5)
    again = explainer.consider(case(), CONFIG)
    assert again
    await again.wait()
    assert (len(told.causes), told.dropped) == (QUEUE + 1, 5)


@pytest.mark.parametrize(
    "refusal", [None, errors.access_denied(), errors.unknown_access_key("x"), errors.internal_error()]
)
async def test_other_refusals_are_not_searched(refusal: errors.S3Error | None) -> None:
    """They say themselves what is wrong."""
    assert Explainer(Told()).consider(case(refusal), CONFIG) is None


async def test_switched_off() -> None:
    """log.explain: false."""
    assert Explainer(Told()).consider(case(), replace(CONFIG, log_explain=False)) is None


async def test_what_still_waits_at_the_end_is_given_back() -> None:
    """So that its exchange is kept without an explanation; nothing runs on."""
    told = Told()
    explainer = Explainer(told)
    cases = [case() for _ in range(3)]
    for one in cases:
        explainer.consider(one, CONFIG)
    left = explainer.stop()
    assert left == cases
    await asyncio.sleep(0)
    assert told.causes == []


async def test_an_explanation_that_fails_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """The place, not what it says; its exchange is kept without one, and the next is explained."""
    told = Told()
    explainer = Explainer(told)
    broken = case()
    broken.head = cast("Any", SimpleNamespace())
    for one in (broken, case()):
        settled = explainer.consider(one, CONFIG)
        assert settled
        await settled.wait()
    assert told.causes == ["", "host-port"]
    assert re.search(r"request ID not explained: AttributeError at \w+\.py:\d+ in", caplog.text)


async def test_patience_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where flows are written to a file a refusal waits for its explanation, but not for ever."""
    monkeypatch.setattr(explaining, "PATIENCE_SECONDS", 0.01)
    await explaining.patiently(asyncio.Event())


def test_the_line() -> None:
    """As JSON and as text; what was left out is told when there was any."""
    line = Explained(1_700_000_000.0, "ID", "spark?", "host-port", "the client signed \x1b", 3, "likely")
    assert line.to_json() == (
        '{"time": "2023-11-14T22:13:20.000+00:00", "request_id": "ID", "client": "spark?", "explained": "host-port", '
        '"certainty": "likely", "sentence": "the client signed \\u001b", "dropped": 3}'
    )
    text = "the client signed \\x1b (3 refusals before this one were not explained)"
    assert line.to_text().endswith(f"explained host-port (likely) spark? {text}")
    assert "explained host-port spark? the" in replace(line, certainty="certain").to_text()
    assert "dropped" not in replace(line, dropped=0).to_json() + replace(line, dropped=0).to_text()


async def test_a_secret_with_which_a_request_has_held_is_not_blamed() -> None:
    """Then no other cause is named than a change on the way, until the configuration is read anew."""
    told = Told()
    explainer = Explainer(told)
    good = case(None)
    good.head = botocore(Keys(), "GET", "/bucket/key")
    good.admitted = admit(good.head, good.arrival, CONFIG, datetime.now(UTC))
    for held, config in ((False, CONFIG), (True, CONFIG), (False, build(DOCUMENT, Path()))):
        if held:
            explainer.consider(good, config)
        bad = case()
        bad.head = botocore(Keys(secret="another-secret"), "GET", "/bucket/key")
        settled = explainer.consider(bad, config)
        assert settled
        await settled.wait()
    assert told.causes == ["wrong-secret", "changed-beyond-guessing", "wrong-secret"]
