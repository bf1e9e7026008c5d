"""When memory is given back; whether it helps is measured by tests/soak/test_memory.py."""

import pytest

from s3gateway.wire.memory import Memory

MIB = 1024 * 1024


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    found = Memory()
    found.trimmed = 0  # type: ignore[attr-defined]

    def trim() -> None:
        found.trimmed += 1  # type: ignore[attr-defined]

    monkeypatch.setattr(found, "trim", trim)
    return found


def trims(memory: Memory, *moments: tuple[float, int]) -> list[float]:
    """The moments at which it trims, where so many bytes have moved just before each."""
    at = []
    for now, moved in moments:
        memory.moved(moved)
        before = memory.trimmed  # type: ignore[attr-defined]
        memory.check(now)
        at += [now] if memory.trimmed > before else []  # type: ignore[attr-defined]
    return at


def test_much_has_moved(memory: Memory) -> None:
    """At once, and not again before a second has gone."""
    assert trims(memory, (10, 64 * MIB), (10.5, 64 * MIB), (11, 0), (12, 0)) == [10, 11]


def test_nothing_follows(memory: Memory) -> None:
    """The rest of a burst is given back when it is over, once; what is no burst is left."""
    assert trims(memory, (10, 9 * MIB), (11, 9 * MIB), (12, 0), (13, 0), (14, 0)) == [12]
    assert trims(memory, (20, MIB), (21, 0), (22, 0)) == []
