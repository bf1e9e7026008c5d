"""A token bucket for each access key."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gateway.errors import S3Error
from s3gateway.gateway import Arrival, admit
from s3gateway.rules.rate import Rates
from tests.admission import configured
from tests.refusing import CLIENTS, GOOD, NARROW, READER, Wire, auth, then
from tests.sigv4.aws import CLIENT

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def taken(rates: Rates, rate: float, now: datetime, *, key: str = "KEY", most: int = 10_000) -> int:
    """Count the requests that are let through at one moment."""
    for count in range(most):
        try:
            rates.charge(key, rate, now)
        except S3Error:
            return count
    return most


def test_the_refusal_is_awss() -> None:
    """503 SlowDown, in AWS's words."""
    rates = Rates()
    rates.charge("KEY", 1, NOW)
    with pytest.raises(S3Error) as raised:
        rates.charge("KEY", 1, NOW)
    error = raised.value
    assert (error.status, error.code, error.message) == (503, "SlowDown", "Please reduce your request rate.")


def test_a_burst_is_what_a_second_brings() -> None:
    """As many as the rate at once, then as many as come back with time, and never more than the burst."""
    rates = Rates()
    assert taken(rates, 100, NOW) == 100
    assert taken(rates, 100, NOW) == 0
    assert taken(rates, 100, NOW + timedelta(seconds=0.25)) == 25
    assert taken(rates, 100, NOW + timedelta(hours=1)) == 100


def test_less_than_one_a_second() -> None:
    """One at once, and the next after its time."""
    rates = Rates()
    assert taken(rates, 0.1, NOW) == 1
    assert taken(rates, 0.1, NOW + timedelta(seconds=9)) == 0
    assert taken(rates, 0.1, NOW + timedelta(seconds=10.5)) == 1


def test_keys_do_not_share() -> None:
    """One key's burst leaves another's whole."""
    rates = Rates()
    assert taken(rates, 5, NOW) == 5
    assert taken(rates, 5, NOW, key="OTHER") == 5


def test_a_new_rate_counts_at_once() -> None:
    """A lower one cuts what was saved up, a higher one brings more from now on."""
    rates = Rates()
    assert taken(rates, 100, NOW, most=1) == 1
    assert taken(rates, 5, NOW) == 5
    assert taken(rates, 200, NOW + timedelta(seconds=1)) == 200


def test_a_clock_that_goes_back_brings_nothing() -> None:
    """Nor does it take for ever to count on from there."""
    rates = Rates()
    assert taken(rates, 10, NOW) == 10
    assert taken(rates, 10, NOW - timedelta(hours=1)) == 0
    assert taken(rates, 10, NOW - timedelta(hours=1) + timedelta(seconds=1)) == 10


@given(
    st.floats(0.5, 50),
    st.lists(st.tuples(st.floats(0, 5), st.integers(1, 30)), min_size=1, max_size=30),
)
def test_never_more_than_the_burst_and_the_rate(rate: float, asked: list[tuple[float, int]]) -> None:
    """Invariant: in any span of time at most a burst and the rate times its length are let through."""
    rates, at = Rates(), NOW
    let_through: list[tuple[float, int]] = []
    for pause, count in asked:
        at += timedelta(seconds=pause)
        let_through.append(((at - NOW).total_seconds(), taken(rates, rate, at, most=count)))
    for first in range(len(let_through)):
        for last in range(first, len(let_through)):
            span = let_through[last][0] - let_through[first][0]
            assert sum(count for _, count in let_through[first : last + 1]) <= max(rate, 1) + rate * span + 1e-3


ONE_A_DAY = configured(clients=CLIENTS, limits={"request_rate": 1 / 86400})


def _code(made: object, rates: Rates) -> str:
    request = made(Wire())  # type: ignore[operator]
    try:
        admit(request.head, Arrival(tls=False, has_body=bool(request.body)), ONE_A_DAY, CLIENT.now, rates)
    except S3Error as error:
        return error.code
    return ""


def test_only_a_proven_request_is_charged() -> None:
    """Strangers who sign with another secret, or change a signed request, use up nobody's bucket."""
    rates = Rates()
    for _ in range(3):
        assert _code(auth("GET", "/bucket/key", who={"secret": "wrong"}), rates) == "SignatureDoesNotMatch"
        assert _code(then(GOOD, lambda head: type(head)(b"DELETE", head.target, head.headers)), rates) != ""
    assert _code(GOOD, rates) == ""
    assert _code(GOOD, rates) == "SlowDown"
    assert _code(auth("GET", "/bucket/key", who=READER), rates) == ""


def test_what_is_proven_and_not_allowed_is_charged() -> None:
    """A client cannot ask for what it may not have without end."""
    rates = Rates()
    assert _code(auth("GET", "/bucket/key", who=NARROW), rates) == "AccessDenied"
    assert _code(auth("GET", "/bucket/key", who=NARROW), rates) == "SlowDown"


def test_there_are_never_more_buckets_than_the_bound() -> None:
    """Strangers choose the names that logins are counted for; of too many that goes which was there first."""
    rates = Rates(most=2)
    for name in ("a", "b", "c"):
        rates.charge(name, 1, CLIENT.now)
    rates.charge("a", 1, CLIENT.now)
    for name in ("c", "a"):
        with pytest.raises(S3Error, match="SlowDown"):
            rates.charge(name, 1, CLIENT.now)
