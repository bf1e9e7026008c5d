"""Which secret of an access key counts when."""

from datetime import UTC, datetime, timedelta

import pytest

from s3gateway.config.model import Config
from s3gateway.errors import S3Error
from s3gateway.gateway import Admitted
from tests.admission import admitted, configured
from tests.sigv4.aws import CLIENT, Key, authorized

NOW = CLIENT.now
DAY = timedelta(days=1)
OLD, NEW = CLIENT.secret, "new-secret-of-the-client"


def config(*keys: dict[str, object]) -> Config:
    client = {"name": "spark", "access_key_id": CLIENT.access_key_id, "buckets": ["*"], "keys": list(keys)}
    return configured(clients=[client])


def key(secret: str, **term: timedelta) -> dict[str, object]:
    """An entry of ``keys``, its term as distances from now."""
    return {"secret_access_key": secret, **{name: (NOW + at).isoformat() for name, at in term.items()}}


def ask(secret: str, *keys: dict[str, object], access_key_id: str = CLIENT.access_key_id) -> Admitted:
    head = authorized("GET", "/bucket/key", key=Key(access_key_id, secret, CLIENT.timestamp, CLIENT.region))
    return admitted(head, config=config(*keys))


def code(secret: str, *keys: dict[str, object]) -> tuple[str, str]:
    with pytest.raises(S3Error) as refused:
        ask(secret, *keys)
    return refused.value.code, refused.value.reason


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_both_count_in_the_overlap(secret: str) -> None:
    """Whichever was used is the one that goes with the client from then on."""
    found = ask(secret, key(OLD, not_after=DAY), key(NEW, not_before=-DAY))
    assert found.client.keys.secret.reveal() == secret.encode()
    assert found.client.name == "spark"


def test_a_key_of_another_id() -> None:
    """A client may have several ids; rules know it by its name."""
    other = key(NEW) | {"access_key_id": "SECONDKEY"}
    assert ask(NEW, key(OLD), other, access_key_id="SECONDKEY").client.name == "spark"
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        ask(OLD, key(OLD), other, access_key_id="SECONDKEY")


@pytest.mark.parametrize(
    ("term", "told"),
    [
        ({"not_after": -timedelta(seconds=1)}, "the access key ended at "),
        ({"not_before": timedelta(seconds=1)}, "the access key counts from "),
    ],
)
def test_out_of_its_term(term: dict[str, timedelta], told: str) -> None:
    """As AWS answers an inactive key; the log says why."""
    found, reason = code(OLD, key(OLD, **term))
    assert found == "InvalidAccessKeyId"
    assert reason.startswith(told)


@pytest.mark.parametrize("term", [{"not_after": timedelta()}, {"not_before": timedelta()}])
def test_both_ends_are_in_it(term: dict[str, timedelta]) -> None:
    ask(OLD, key(OLD, **term))


def test_an_ended_secret_beside_one_that_counts() -> None:
    """Is a wrong secret like any other."""
    assert code(OLD, key(OLD, not_after=-DAY), key(NEW)) == ("SignatureDoesNotMatch", "")


def test_what_is_no_mismatch_is_refused_at_once() -> None:
    """Another secret would not mend it."""
    head = authorized("GET", "/bucket/key", [("x-amz-date", "20200101T000000Z")])
    with pytest.raises(S3Error) as refused:
        admitted(head, config=config(key(OLD), key(NEW)), now=datetime(2030, 1, 1, tzinfo=UTC))
    assert refused.value.code != "SignatureDoesNotMatch"
