"""When a session is renewed."""

from datetime import UTC, datetime, timedelta

import pytest

from s3gateway.identity.renewal import Renewal

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(("life", "lead"), [(15, 3.75), (40, 10), (60, 10), (720, 10)])
def test_ahead_of_its_end(life: float, lead: float) -> None:
    """Ten minutes, or the last quarter of a short one."""
    renewal = Renewal.of(NOW, NOW + life * MINUTE)
    assert not renewal.is_due(NOW + (life - lead) * MINUTE - timedelta(seconds=1))
    assert renewal.is_due(NOW + (life - lead) * MINUTE)


def test_without_an_end() -> None:
    assert not Renewal.of(NOW, None).is_due(NOW + 10000 * MINUTE)
    assert not Renewal().is_due(NOW)


def test_one_that_has_ended_already() -> None:
    """Is not asked for anew at each look."""
    assert not Renewal.of(NOW, NOW - MINUTE).is_due(NOW + timedelta(seconds=4))


def test_failures_are_tried_again_at_growing_distances() -> None:
    renewal, now, pauses = Renewal.of(NOW, NOW + 15 * MINUTE), NOW, []
    for _ in range(6):
        renewal = renewal.failed(now)
        assert renewal.at is not None
        pauses.append((renewal.at - now).total_seconds())
        now = renewal.at
        assert renewal.is_due(now)
    assert pauses == [5, 10, 20, 40, 60, 60]
