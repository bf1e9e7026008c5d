"""How long a connection may stand still; when it has is in tests/http1/test_exchange.py."""

from s3gateway.rules.stalls import Waits, patience
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
