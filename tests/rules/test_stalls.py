"""When a connection has stood still for too long."""

from s3gateway.rules.stalls import Look, Stall, Waits, patience
from tests.admission import configured

TIMES = {"head_timeout": 10, "keep_alive": 20, "body_timeout": 30, "connect_timeout": 5, "backend_timeout": 40}
LIMITS = configured(limits=TIMES).limits


def test_each_wait_has_its_limit() -> None:
    """Whom a connection waits for decides how long; an operator may take any time."""
    assert {waits.name: patience(waits, LIMITS) for waits in Waits} == {
        "HEAD": 10,
        "NEXT": 20,
        "BODY": 30,
        "TAKE": 30,
        "CONNECT": 5,
        "BACKEND": 40,
        "OPERATOR": None,
    }


def test_it_is_over_when_nothing_has_moved_for_as_long() -> None:
    """And whatever moves begins the time anew."""
    stall = Stall()
    assert not stall.is_over(Look(Waits.BODY, (1, 100)), LIMITS, 1000.0)
    assert not stall.is_over(Look(Waits.BODY, (1, 100)), LIMITS, 1029.9)
    assert not stall.is_over(Look(Waits.BODY, (1, 101)), LIMITS, 1031.0)
    assert not stall.is_over(Look(Waits.BODY, (1, 101)), LIMITS, 1060.0)
    assert stall.is_over(Look(Waits.BODY, (1, 101)), LIMITS, 1061.0)


def test_it_is_told_once_and_again_after_as_long() -> None:
    """What ends a connection takes a moment; it is not ended every second."""
    stall = Stall()
    ends = [now for now in range(100) if stall.is_over(Look(Waits.BACKEND), LIMITS, float(now))]
    assert ends == [40, 80]


def test_another_wait_is_another_time() -> None:
    """An upload that is whole has not used up what the backend may take."""
    stall = Stall()
    assert not stall.is_over(Look(Waits.BODY), LIMITS, 0.0)
    assert not stall.is_over(Look(Waits.BACKEND), LIMITS, 29.0)
    assert not stall.is_over(Look(Waits.BACKEND), LIMITS, 68.0)
    assert stall.is_over(Look(Waits.BACKEND), LIMITS, 69.0)


def test_an_operator_may_take_any_time() -> None:
    """A request that is open in mitmweb waits for ever."""
    stall = Stall()
    assert not any(stall.is_over(Look(Waits.OPERATOR), LIMITS, now) for now in (0.0, 1e9))
