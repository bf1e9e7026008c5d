"""Every injected cause is named, with its decisive words; under a wrong secret each is called just that."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from s3gateway.config.gateway_yaml import build
from s3gateway.config.model import Config
from s3gateway.explain.search import MAX_TRIES
from s3gateway.explain.why import VALID, Outcome, explain
from s3gateway.gateway import guess
from s3gateway.sigv4.claim import read_claim
from s3gateway.sigv4.model import RequestHead
from s3gateway.sigv4.verify import signed_at
from tests.admission import DOCUMENT
from tests.explain.causes import CASES, NOW, SWAPPED, Case
from tests.explain.clients import Keys, Own, botocore, drops, java, presigned, sets, writes
from tests.explain.harmless import difference
from tests.explain.value_causes import VALUES
from tests.real.sdkv1 import Target
from tests.sigv4.aws import CLIENT, GATEWAY

CONFIG: Config = build({**DOCUMENT, "listen": {"host": "127.0.0.1", "port": 8001}}, Path())
WRONG = Keys(secret="a-secret-that-nobody-here-has")


def told(head: RequestHead, case: Case | None = None) -> Outcome:
    """Explain it at the time that it names, or as much later as the case has it."""
    now = signed_at(read_claim(head)) if case and case.late is NOW else datetime.now(UTC)
    if case and case.late is not NOW:
        now += case.late
    return explain(head, CONFIG, now, case.known_hosts if case else ())


@pytest.mark.parametrize("case", [*CASES, *VALUES], ids=lambda case: case.name)
def test_the_cause_is_named(case: Case) -> None:
    """Slug and decisive words; what was signed and what arrived stand beside it, and differ where they should."""
    outcome = told(case.make(Keys()), case)
    why = outcome.explanation
    assert why.cause == case.cause, why.sentence
    for words in case.told:
        assert words in why.sentence
    for words in case.not_told:
        assert words not in why.sentence
    for secret in (CLIENT.secret, GATEWAY.secret, "t0k3n"):
        assert secret not in why.sentence + why.expected + why.received
    assert "\n" not in why.sentence
    assert outcome.tries < MAX_TRIES
    same = case.cause.startswith(("secret", "scope", "timestamp")) or case.cause == "clock"
    if why.expected:
        assert (why.expected == why.received) is same


@pytest.mark.parametrize("case", [*CASES, *VALUES], ids=lambda case: case.name)
def test_a_harmless_difference_changes_no_name(case: Case) -> None:
    """One more thing that hops do, which no signature covers: drawn for each case, the same in each run."""
    chance = random.Random(case.name)
    outcome = told(difference(case.make(Keys()), chance), case)
    assert outcome.explanation.cause == case.cause, outcome.explanation.sentence
    unsure = case.cause == "tracing-header-signed"  # whose value nobody can guess
    assert (outcome.explanation.certainty == "possible") is unsure


@pytest.mark.parametrize("case", [*CASES, *VALUES], ids=lambda case: case.name)
def test_a_wrong_secret_is_called_just_that(case: Case) -> None:
    """The same request, altered in the same way, under a secret that nobody here has."""
    outcome = told(case.make(WRONG), case)
    assert outcome.explanation.cause == case.control, outcome.explanation.sentence
    assert outcome.complete
    assert outcome.tries < MAX_TRIES
    if "wrong-secret" in case.control:
        assert "the secret is usually wrong then (client `spark`, key `SPARKKEY`)" in outcome.explanation.sentence
        assert not outcome.explanation.expected


@pytest.mark.parametrize(
    "signs",
    [
        lambda: botocore(Keys(), "GET", "/bucket/key"),
        lambda: presigned(Keys(), "GET", "/bucket/key"),
        lambda: java(Keys(), "PUT", Target("bucket", "k", [("a", "b c")])),
    ],
    ids=["botocore", "presigned", "sdkv1"],
)
def test_nothing_to_explain(signs: Callable[[], RequestHead]) -> None:
    """A request that is right is called right, after one try; it is signed now, as it would end in ten minutes."""
    outcome = told(signs())
    assert (outcome.explanation.cause, outcome.tries) == (VALID, 1)


def test_swapped_keys_are_not_shown() -> None:
    """Whoever sends a secret as access key id is told so, without it."""
    why = told(SWAPPED(Keys())).explanation
    assert why.cause == "keys-swapped"
    assert "client `spark`" in why.sentence
    assert CLIENT.secret not in why.sentence


def test_a_secret_in_place_of_the_key_is_not_logged() -> None:
    """An unknown access key id is, by its beginning."""
    assert guess(botocore(Keys("narrow"), "GET", "/bucket/key"), CONFIG)[0] == "?"
    assert guess(botocore(Keys("narrower"), "GET", "/bucket/key"), CONFIG)[0] == "narrower?"


def test_a_key_that_is_its_own_secret_is_not_taken_for_swapped() -> None:
    """As in minioadmin, minioadmin."""
    clients = [{"name": "both", "access_key_id": "minioadmin", "secret_access_key": "minioadmin"}]
    head = botocore(Keys("minioadmin", "minioadmin"), "GET", "/bucket/key")
    config = build({**DOCUMENT, "clients": clients}, Path())
    assert explain(head, config, datetime.now(UTC)).explanation.cause == VALID


def test_a_stranger_is_told_in_one_sentence() -> None:
    """An unknown access key needs no search."""
    outcome = told(botocore(Keys("STRANGER"), "GET", "/bucket/key"))
    assert (outcome.explanation.cause, outcome.tries) == ("unknown-access-key", 0)


def test_what_the_signature_does_not_cover() -> None:
    """A header added later that had to be signed: the signature fits, and the refusal is told with the name."""
    why = told(sets(botocore(Keys(), "GET", "/bucket/key"), "x-amz-acl", "public-read")).explanation
    assert (why.cause, why.certainty) == ("x-amz-header-unsigned", "certain")
    assert "the signature fits, but AccessDenied" in why.sentence
    assert "`x-amz-acl`" in why.sentence


def test_what_is_refused_before_its_signature() -> None:
    """A region that is not served, and Signature Version 2, as boto3 presigns by default."""
    region = told(botocore(Keys(region="eu-west-3"), "GET", "/bucket/key")).explanation
    assert (region.cause, region.certainty) == ("region", "certain")
    old = replace(botocore(Keys(), "GET", "/b/k"), headers=((b"Host", b"h"), (b"Authorization", b"AWS SPARKKEY:c2ln")))
    assert explain(old, CONFIG, datetime.now(UTC)).explanation.cause == "signature-version"


def test_keys_of_aws_are_told() -> None:
    """A client that took credentials from its environment."""
    why = told(botocore(Keys("ASIAIOSFODNN7EXAMPLE"), "GET", "/bucket/key")).explanation
    assert why.cause == "unknown-access-key"
    assert "one of AWS's own (ASIA...)" in why.sentence


def test_what_else_would_fit_is_told() -> None:
    """A path that two causes explain; and a wrong secret, which one request cannot prove, unless others hold."""
    twice = told(writes(botocore(Keys(), "GET", "/bucket/caf%C3%A9"), "%C3%A9", "e%CC%81")).explanation
    assert twice.certainty in {"certain", "likely"}
    head = java(WRONG, "GET", Target("bucket", "key"))
    why = told(head).explanation
    assert (why.cause, why.certainty) == ("wrong-secret", "possible")
    assert {"host-rewritten", "header-changed", "path-changed", "query-changed"} <= {cause for cause, _ in why.others}
    proven = explain(head, CONFIG, datetime.now(UTC), secret_proven=True).explanation
    assert (proven.cause, proven.certainty) == ("changed-beyond-guessing", "likely")
    assert "wrong-secret" not in {cause for cause, _ in proven.others}


def test_what_minio_folds_is_no_fault() -> None:
    """minio-go folds Unicode's white space as well, and its requests are right."""
    head = Own("PUT", headers=(("x-amz-meta-a", "a\u00a0\u2003b"),), lines=_as_minio).head(Keys())
    assert told(head).explanation.cause == VALID


def _as_minio(lines: list[str]) -> list[str]:
    return [line.replace("a\u00a0\u2003b", "a b") for line in lines]


def test_a_search_that_ends_at_its_cap_does_not_blame_the_secret() -> None:
    """Incomplete is not wrong."""
    outcome = explain(botocore(WRONG, "GET", "/bucket/key"), CONFIG, datetime.now(UTC), max_tries=100)
    assert (outcome.explanation.cause, outcome.complete, outcome.tries) == ("unexplained", False, 100)
    assert "ended at its cap of 100 tries" in outcome.explanation.sentence


def test_the_cap_holds_for_the_worst_request() -> None:
    """As many slashes, parameters, headers and duplicates as the limits let through."""
    many = tuple((f"x-amz-meta-{i}", "a, b; c") for i in range(190))
    target = "/bucket/" + "a/" * 3000 + "?" + "&".join(f"p{i}=1" for i in range(500))
    outcome = told(Own("PUT", target, headers=many, query="").head(WRONG))
    assert outcome.tries <= MAX_TRIES


def test_without_a_proxy_in_sight_the_host_is_named() -> None:
    """And with one, what it may have changed beyond guessing."""
    head = java(WRONG, "GET", Target("bucket", "key"))
    assert "endpoint with the Host that arrived, `gateway.example:8000`" in told(head).explanation.sentence
    behind = told(sets(head, "Via", "1.1 proxy")).explanation.sentence
    assert "the proxy that this came through" in behind
    assert "User-Agent `Hadoop 3.3.4" in behind


def test_several_missing_headers_are_all_named() -> None:
    """None of them can be guessed."""
    head = java(Keys(), "GET", Target("bucket", "key"), [("range", "bytes=0-99")])
    why = told(drops(drops(head, "User-Agent"), "amz-sdk-invocation-id")).explanation
    assert why.cause == "header-missing"
    assert "amz-sdk-invocation-id and User-Agent are signed and did not arrive" in why.sentence


def test_a_secret_that_has_ended() -> None:
    """Is named by its number, with the moment; one that counts beside the first is no cause of anything."""
    keys = [
        {"secret_access_key": "old-secret-of-spark", "not_after": "2020-01-01"},
        {"secret_access_key": "another-of-spark"},
        {"secret_access_key": CLIENT.secret},
    ]
    client = {"name": "spark", "access_key_id": CLIENT.access_key_id, "keys": keys, "buckets": ["*"]}
    config = build({**DOCUMENT, "clients": [client], "listen": {"host": "127.0.0.1", "port": 8001}}, Path())
    now = datetime.now(UTC)

    def why(secret: str, change: Callable[[RequestHead], RequestHead] = lambda head: head) -> str:
        found = explain(change(botocore(Keys(secret=secret), "GET", "/bucket/key")), config, now).explanation
        return f"{found.cause}: {found.sentence}"

    assert why("old-secret-of-spark") == (
        "secret-out-of-term: client `spark` signs with secret 1 of its access key `SPARKKEY`, which ended at "
        "2020-01-01T23:59:59Z; give it the one that counts now"
    )
    assert why(CLIENT.secret).startswith(VALID)
    assert why("nobodys").startswith("wrong-secret")
    moved = why(CLIENT.secret, lambda head: sets(head, "Host", "gateway.example"))
    assert moved.startswith("host")
