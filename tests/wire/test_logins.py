"""How often anybody may log in: by the peer's address, whatever its port, and by the user's name."""

from datetime import UTC, datetime

import pytest

from s3gateway.identity.sts import StsError
from s3gateway.wire.logins import LoginRates

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        ("192.0.2.7:5000", "192.0.2.7:5001", True),
        ("192.0.2.7:5000", "192.0.2.8:5000", False),
        ("[2001:db8::7]:5000", "[2001:db8::8]:5001", True),  # one network
        ("[2001:db8::7]:5000", "[2001:db8:0:1::7]:5000", False),
        ("[::ffff:192.0.2.7]:5000", "192.0.2.7:5001", True),
        ("2001:db8::7", "2001:db8::9", True),
        ("a socket", "a socket", True),
    ],
)
def test_by_address(first: str, second: str, is_one: bool) -> None:
    rates = LoginRates()
    rates.charge(first, "", 0.01, 100, NOW)
    if is_one:
        with pytest.raises(StsError, match="Throttling"):
            rates.charge(second, "", 0.01, 100, NOW)
    else:
        rates.charge(second, "", 0.01, 100, NOW)


def test_by_user_and_not_by_how_the_name_is_written() -> None:
    rates = LoginRates()
    rates.charge("192.0.2.7:1", "Alice", 100, 0.01, NOW)
    rates.charge("192.0.2.7:1", "bob", 100, 0.01, NOW)
    with pytest.raises(StsError, match="Throttling"):
        rates.charge("192.0.2.8:1", "alice", 100, 0.01, NOW)
