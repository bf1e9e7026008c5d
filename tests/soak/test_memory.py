"""scripts/soak --memory: each row does what it says, and one that does not hold is found. No gateway is judged."""

from collections import Counter

import pytest

from lab import CHECKOUT
from soaking import __main__ as soak
from soaking import memory
from soaking.memory import Result, measure
from soaking.memory_rows import ROWS


def test_what_has_ended_is_let_go(capsys: pytest.CaptureFixture[str]) -> None:
    """Large chunks, good and bad, of sixteen clients at once: their bytes are gone when the uploads are."""
    status = soak.main(["--memory", "--short", "--rows", "bad-4m,bad-16m,upload-16m"])
    assert status == 0, capsys.readouterr().out


@pytest.fixture
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_SETTLE", 0.05)


@pytest.mark.usefixtures("_in_a_hurry")
def test_each_row_ends_as_it_should() -> None:
    """With a handful of each: the gateway answers what is due, and figures are read."""
    with memory._gateway(CHECKOUT) as gateway:
        for row in ROWS:
            result = measure(gateway, row, 6, 3, before=100)
            assert sum(result.ends.values()) == 6
            assert set(result.ends) <= row.ends, row.name
            assert 10 < result.tenth < 5000
            assert result.peak >= result.end - 1


@pytest.mark.parametrize(
    ("figures", "ends", "faults"),
    [
        ((90, 105, 150, 157), {"200": 9}, []),
        ((90, 80, 157, 157), {"200": 9}, []),
        ((90, 106, 150, 157), {"200": 9}, ["grew by 16 MiB"]),
        ((90, 95, 158, 157), {"200": 9}, ["peak of 158 MiB"]),
        ((90, 95, 150, 157), {"200": 7, "503": 1, "no answer": 1}, ["1 ended with 503", "1 ended with no answer"]),
    ],
)
def test_when_a_row_holds(figures: tuple[float, float, float, float], ends: dict[str, int], faults: list[str]) -> None:
    result = Result(ROWS[0], 9, *figures, Counter(ends))
    assert result.faults == faults
    assert str(result).endswith("; ".join(faults) or "holds")


@pytest.mark.usefixtures("_in_a_hurry")
def test_a_row_that_does_not_hold_fails_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And only the rows that are asked for run."""
    monkeypatch.setattr(memory, "GROWTH_MIB", -1000)
    assert soak.main(["--memory", "--short", "--rows", "bad-128k", "--clients", "4"]) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("soak: memory, 4 clients, ")
    assert "bad chunk, 8 MiB by 128 KiB" in told[2]
    assert told[3:] == ["soak: FAILED: bad-128k"]
