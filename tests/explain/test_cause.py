"""An explanation taken apart: lines that differ are told by what they are, and the differing characters are marked."""

import re
from pathlib import Path

import pytest

from s3gateway.explain.catalogue import look_up
from s3gateway.explain.cause import Certainty, Difference, difference, differences, verdict
from s3gateway.explain.codes import CODES, WORDS
from s3gateway.observed.capture import (
    CaptureError,
    Exchange,
    Explanation,
    Head,
    dump_line,
    from_document,
    load,
    to_document,
)
from tests.explain.causes import CASES
from tests.explain.value_causes import VALUES

PACKAGE = Path(__file__).parents[2] / "addons/s3gateway/explain"
KNOWN_BY_WORDS = {slug for _, (slug, _) in WORDS}

REQUEST = "PUT\n/bucket/key\n\nhost:gw:8000\nx-amz-meta-a:b\n\nhost;x-amz-meta-a\nUNSIGNED-PAYLOAD"


def marked(line: str, spans: tuple[tuple[int, int], ...]) -> list[str]:
    return [line[start:end] for start, end in spans]


def test_a_line_is_told_by_what_it_is() -> None:
    """Headers by their name, so one that is missing shifts nothing."""
    received = REQUEST.replace("/key", "/key%20").replace("host:gw:8000\n", "").replace("UNSIGNED-PAYLOAD", "abc")
    found = differences(REQUEST, received)
    assert [one.part for one in found] == ["path", "header host", "payload"]
    assert found[1] == Difference("header host", "host:gw:8000", "")
    assert marked(found[0].received, found[0].received_spans) == ["%20"]


@pytest.mark.parametrize(
    ("signed", "received", "ours", "theirs"),
    [
        ("host:gw:8000", "host:gw", [":8000"], [""]),
        ("a:identity", "a:gzip", ["identity"], ["gzip"]),
        ("user-agent:app/1 via", "user-agent:app/1", [" via"], [""]),
        ("/a%20b/cde", "/a+b/cdf", ["%20", "e"], ["+", "f"]),
        ("x:caf\u00e9", "x:cafe\u0301", ["\\xe9"], ["e\\u0301"]),
        ("x:caf\u00e9", "x:caf\udce9", ["\u00e9"], ["\\xe9"]),
        ("x:a\u00a0b", "x:a b", ["\\xa0"], [" "]),
        ("x:\u202eb", "x:b", ["\\u202e"], [""]),
    ],
)
def test_the_characters_that_differ_are_marked(signed: str, received: str, ours: list[str], theirs: list[str]) -> None:
    """What looks the same is escaped, bytes that are no UTF-8 are shown as such, and nothing acts on a terminal."""
    found = difference("line", signed, received)
    assert marked(found.signed, found.signed_spans) == ours
    assert marked(found.received, found.received_spans) == theirs
    assert (found.signed + found.received).isprintable()


def test_a_long_line_is_compared_in_bounded_time() -> None:
    """Two lines of 16 KiB without a letter in common in the same place."""
    found = difference("path", "/" + "ab" * 8000, "/" + "ba" * 8000)
    assert len(found.signed_spans) == 1


def test_an_old_capture_is_possible() -> None:
    """It says nothing of certainty, and a word that nobody knows says nothing either."""
    assert verdict(Explanation("host-port", "x")).certainty is Certainty.POSSIBLE
    assert verdict(Explanation("host-port", "x", certainty="sure")).certainty is Certainty.POSSIBLE
    assert verdict(Explanation("host-port", "x", certainty="certain")).certainty is Certainty.CERTAIN


def test_what_differs_outside_the_canonical_request() -> None:
    """Stands after the lines of it."""
    told = Explanation("scope-region", "x", REQUEST, REQUEST, lines=(("scope", "a/eu/s3", "a/us/s3"),))
    assert [one.part for one in verdict(told).evidence] == ["scope"]


def named_causes() -> set[str]:
    """Every slug that stands in the package, and those that its tests have seen."""
    slug = re.compile(r'"((?:[a-z0-9]+-)*[a-z0-9]+)"')
    calls = r"(?:Explanation|of_field|of_part|Sweep|_suspect|_Text)\(\s*"
    called = re.compile(f"{calls}{slug.pattern}|yield (?:\\(\\s*)?{slug.pattern},")
    texts = [path.read_text() for path in PACKAGE.glob("*.py")]
    return {one or other for text in texts for one, other in called.findall(text)} - {"time", "nothing"}


def test_each_cause_says_what_to_do() -> None:
    """Steps, and a page that says so; of two causes, those of both."""
    causes = {part for case in (*CASES, *VALUES) for part in case.cause.split("+")} | named_causes()
    without = (
        {cause for cause in causes if not all(look_up(cause))} - {code for code, _ in CODES.values()} - KNOWN_BY_WORDS
    )
    assert without == set()
    assert len(causes) > 90
    assert look_up("host-port+clock")[0][0] == look_up("host-port")[0][0]
    assert look_up("nobody-knows") == ((), ())


def test_a_capture_keeps_it_whole() -> None:
    """Certainty, the other causes and the lines outside of the canonical request; a capture of before has none."""
    told = Explanation("a", "s", REQUEST, REQUEST, "likely", (("b", "t"),), (("scope", "x", "y"),))
    exchange = Exchange("1", "", tls=False, incoming=Head("GET", "/", ()), explanation=told)
    assert load(dump_line(exchange)) == (exchange,)
    document = to_document(exchange)
    document["explanation"] = {"cause": "a", "sentence": "s"}
    assert from_document(document).explanation == Explanation("a", "s")
    for name, value in (("lines", [["scope", "x"]]), ("others", [["b"]]), ("certainty", 1)):
        with pytest.raises(CaptureError):
            from_document(document | {"explanation": {"cause": "a", "sentence": "s", name: value}})
