"""HTTP/1 streams of any bytes, by the gateway's readers and by h11.

Invariant: however a byte stream is cut into reads, the readers give the same heads, bodies and rest, or the same
refusal; and h11 agrees on every message that both accept.
"""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3gateway.http1 import framing
from s3gateway.http1.head import find_end
from tests.fuzz import http1
from tests.fuzz.http1 import SEEDS, TOKENS, of_answer, of_requests, read, run

_pieces = st.lists(st.sampled_from(TOKENS) | st.binary(max_size=6), max_size=14).map(b"".join)
_edit = st.tuples(st.integers(0, 300), st.integers(0, 12), st.sampled_from(TOKENS) | st.binary(max_size=4))
_modes = st.integers(0, 255).map(lambda mode: bytes((mode,)))


@settings(max_examples=400)
@given(_modes, _pieces)
def test_junk(mode: bytes, stream: bytes) -> None:
    """Tokens of HTTP and bytes, in any order."""
    run(mode + stream)


@settings(max_examples=400)
@given(_modes, st.sampled_from(sorted(SEEDS)), st.lists(_edit, max_size=3))
def test_edits(mode: bytes, name: str, edits: list[tuple[int, int, bytes]]) -> None:
    """Good messages with parts replaced; in whatever reads."""
    stream = SEEDS[name][1:]
    for where, length, new in edits:
        at = where % (len(stream) + 1)
        stream = stream[:at] + new + stream[at + length :]
    run(bytes((mode[0] & 0xFE | SEEDS[name][0] & 1,)) + stream)


@pytest.mark.parametrize("name", SEEDS)
def test_seeds(name: str, tmp_path: Path) -> None:
    """Each seed holds by itself, in every size of reads up to the largest."""
    http1.write_corpus(tmp_path)
    data = (tmp_path / f"http1-{name}").read_bytes()
    for size in range(128):
        run(bytes((size << 1 | data[0] & 1,)) + data[1:])


def test_a_reader_that_depends_on_the_reads_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The invariant is one that can fail: here a blank line is not found where two reads meet in it."""
    monkeypatch.setattr(http1, "find_end", lambda buffer, searched: find_end(buffer, searched + 2 if searched else 0))
    with pytest.raises(AssertionError, match="size of the reads"):
        run(b"\0" + SEEDS["get"][1:])


def test_a_reader_that_sees_another_end_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """So is the comparison with h11: here a body ends one byte too early."""
    reader = framing.reader
    monkeypatch.setattr(framing, "reader", lambda length: reader(length - 1 if length > 0 else length))
    with pytest.raises(AssertionError):
        run(SEEDS["put"])


def test_h11_reads_as_much() -> None:
    """The comparison is one of whole messages: of the seeds that both accept, both read each to its end."""
    for name in ("get", "put", "chunked"):
        theirs = of_requests(SEEDS[name][1:]).messages
        ours = read(SEEDS[name][1:], 7).messages
        assert len(ours) == len(theirs) == (1 if name == "get" else 2)
        assert all(message.is_whole for message in (*ours, *theirs))
    for name, count in (("answer", 2), ("chunked answer", 1), ("no content", 1)):
        ours, theirs = read(SEEDS[name][1:], 3, is_answer=True).messages, of_answer(SEEDS[name][1:]).messages
        assert (len(ours), len(theirs)) == (count, count)
        assert all(message.is_whole for message in (*ours, *theirs))
