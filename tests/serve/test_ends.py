"""What is said of a worker that has ended, and when the next one is started."""

import signal

import pytest

from s3gateway.serve import ends


@pytest.mark.parametrize(
    ("status", "out_of_memory", "told"),
    [
        (0, False, "a signal was sent to it"),
        (1, False, "status 1"),
        (-signal.SIGKILL, True, "the memory limit was reached"),
        (-signal.SIGKILL, False, "dmesg"),
        (-signal.SIGSEGV, False, "crashed (SIGSEGV)"),
        (-signal.SIGABRT, True, "crashed (SIGABRT)"),
        (-signal.SIGHUP, False, "SIGHUP"),
        (-50, False, "signal 50"),
        (-200, False, "signal 200"),
    ],
)
def test_why(status: int, out_of_memory: bool, told: str) -> None:
    assert told in ends.reason(status, out_of_memory=out_of_memory)


def test_back_off_grows_to_half_a_minute() -> None:
    """Half a second, then twice that each time; also after very many."""
    assert [ends.back_off(failures) for failures in (1, 2, 3, 4, 6, 7, 8, 10_000)] == [0.5, 1, 2, 4, 16, 30, 30, 30]


def test_one_that_has_lived_does_not_count() -> None:
    """A crash once a day is followed by a start at once."""
    assert ends.failures_after(5, 3600) == 1
    assert ends.failures_after(5, 3) == 6
