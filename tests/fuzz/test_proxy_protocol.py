"""PROXY headers of any bytes.

Invariant: a stream is one header and its rest, or a refusal, by its first bytes alone: with fewer of them the reader
waits, more change nothing, and at its limit it has decided. What has begun as a header is never taken for HTTP or TLS.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3gateway.http1.proxy_protocol import Header, read
from tests.fuzz import proxy_protocol
from tests.fuzz.proxy_protocol import SEEDS, TOKENS, run

_piece = st.sampled_from(TOKENS) | st.binary(max_size=6)
_edit = st.tuples(st.integers(0, 300), st.integers(0, 12), _piece)


@settings(max_examples=400)
@given(st.lists(_piece, max_size=12).map(b"".join))
def test_junk(stream: bytes) -> None:
    """Parts of headers and bytes, in any order."""
    run(stream)


@settings(max_examples=400)
@given(st.sampled_from(sorted(SEEDS)), st.lists(_edit, max_size=3))
def test_edits(name: str, edits: list[tuple[int, int, bytes]]) -> None:
    """Headers, good and bad, with parts replaced."""
    stream = SEEDS[name]
    for where, length, new in edits:
        at = where % (len(stream) + 1)
        stream = stream[:at] + new + stream[at + length :]
    run(stream)


@pytest.mark.parametrize("name", SEEDS)
def test_seeds(name: str) -> None:
    """Each by itself, and with what may follow."""
    run(SEEDS[name])
    run(SEEDS[name] + b"GET / HTTP/1.1\r\n\r\n")


def test_a_reader_that_looks_behind_the_header_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The invariant is one that can fail: here one byte of what follows is taken."""

    def greedy(data: bytes) -> Header | None:
        found = read(data)
        return found and Header(found.source, min(found.size + 1, len(data)))

    monkeypatch.setattr(proxy_protocol, "read", greedy)
    with pytest.raises(AssertionError):
        run(SEEDS["named 0"] + b"GET")


def test_a_reader_that_names_another_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """And here the destination is taken for the source."""

    def swapped(data: bytes) -> Header | None:
        found = read(data)
        return found and Header(("192.0.2.1", 8000), found.size)

    monkeypatch.setattr(proxy_protocol, "read", swapped)
    with pytest.raises(AssertionError):
        run(SEEDS["named 0"])
