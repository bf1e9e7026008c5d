"""The capture schema: what is written is read again as it was, and what is no capture is said in one line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gateway.observed.capture import (
    SCHEMA,
    VERDICTS,
    CaptureError,
    Chunks,
    Exchange,
    Explanation,
    Head,
    Response,
    dump,
    dump_line,
    load,
)

TEXT = st.binary(max_size=20).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
PAIRS = st.lists(st.tuples(TEXT, TEXT), max_size=4).map(tuple)
HEADS = st.builds(Head, TEXT, TEXT, PAIRS, st.lists(TEXT, max_size=3).map(tuple), TEXT, TEXT)
COUNTS = st.integers(0, 2**40)
RUNS = st.lists(st.tuples(COUNTS, COUNTS), max_size=3).map(tuple)
EXCHANGES = st.builds(
    Exchange,
    TEXT,
    TEXT,
    st.booleans(),
    HEADS,
    st.none() | HEADS,
    st.sampled_from(VERDICTS),
    chunks=st.none() | st.builds(Chunks, COUNTS, COUNTS, st.none() | COUNTS, RUNS),
    response=st.none() | st.builds(Response, st.integers(100, 599), PAIRS),
    timings=st.dictionaries(st.sampled_from(("verified", "ended")), st.floats(0, 1e6)),
    explanation=st.none() | st.builds(Explanation, TEXT, TEXT, TEXT, TEXT),
    key=TEXT,
)


HEAD = {"method": "GET", "target": "/", "headers": []}


def _one(**more: object) -> str:
    return json.dumps({"schema": SCHEMA, "id": "", "time": "", "tls": False, "incoming": HEAD} | more)


@given(st.lists(EXCHANGES, max_size=3))
def test_what_is_written_is_read_again(exchanges: list[Exchange]) -> None:
    """As one document and as lines, bytes that are no text included."""
    assert load(dump(exchanges)) == tuple(exchanges)
    assert load("".join(map(dump_line, exchanges)) or dump(())) == tuple(exchanges)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nonsense", "line 1 is not JSON"),
        ("[]", "not a capture"),
        ('{"schema": "s3-header-capture/2"}', SCHEMA),
        (json.dumps({"schema": SCHEMA, "exchanges": 1}), "exchanges is not a list"),
        (json.dumps({"schema": SCHEMA, "exchanges": [1]}), "exchange 1 is not a mapping"),
        (json.dumps({"schema": SCHEMA, "exchanges": [{"id": "x"}]}), "exchange 1: not in the schema"),
        (
            json.dumps({"schema": SCHEMA, "id": 1, "time": "", "tls": False, "incoming": {}}),
            "exchange 1: id is not text",
        ),
        ("[" * 100_000, "line 1 is not JSON"),
        (_one(chunks={"count": 1e999, "bytes": 1}), "exchange 1: not in the schema (cannot convert float infinity"),
        (_one(key="\ud83d"), "exchange 1: not in the schema ('utf-8' codec can't encode"),
        (_one(response={"status": 200, "headers": [["ETag", "\ud83d"]]}), "exchange 1: not in the schema ('utf-8'"),
        (_one(incoming=HEAD | {"signed_headers": "host"}), "exchange 1: signed_headers is not a list of text"),
        (_one(incoming=HEAD | {"signed_headers": [1]}), "exchange 1: signed_headers is not a list of text"),
    ],
)
def test_what_is_no_capture(text: str, told: str) -> None:
    """One line that says where and what."""
    with pytest.raises(CaptureError) as raised:
        load(text)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)
