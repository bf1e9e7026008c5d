"""The short form of `scripts/fuzz --causes`: no wrong name among random faults and correct requests."""

from s3gateway.observed.capture import Explanation
from tests.explain import naming
from tests.explain.clients import Keys, botocore, sets
from tests.explain.faults import Fault

MANY = 150


def test_no_name_is_wrong() -> None:
    """Of faults that nobody can guess, what changed stands among the causes that would fit."""
    counted = naming.count(seed=7, many=MANY)
    assert counted.wrong == []
    assert counted.faults == counted.requests == MANY
    assert counted.named["certain"] > MANY / 3
    assert len(counted.causes) > 20


def test_a_wrong_name_is_counted() -> None:
    """The judge itself: a name that is sure and wrong, one that leaves the right one out, and a fault called valid."""
    one = Fault("host", sets(botocore(Keys(), "GET", "/b/k"), "Host", "other"), frozenset(("host-rewritten",)))
    told = (
        Explanation("path-changed", "", certainty="certain"),
        Explanation("host-rewritten+path-changed", "", certainty="certain"),
        Explanation("path-changed", "", certainty="likely", others=(("query-changed", ""),)),
        Explanation("wrong-secret", "", certainty="possible"),
        Explanation("valid", "", certainty="certain"),
    )
    assert [naming.judged(one, why)[1] for why in told] == [False] * 5
    right = Explanation("wrong-secret", "", certainty="possible", others=(("host-rewritten", ""),))
    assert naming.judged(one, right) == ("possible", True)
