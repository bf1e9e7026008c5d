"""Which explanation a request gets: none that accuses what the input cannot show, and in whose words."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from capturing.sources import find
from lab import CHECKOUT
from s3gateway.explain.evidence import canonical_request_of
from s3gateway.explain.judge import Judge, Judgement
from s3gateway.observed.capture import Exchange, Explanation, Head, Response
from s3gateway.observed.redaction import captured_head
from s3gateway.reading.model import Found
from s3gateway.sigv4 import canonical
from s3gateway.sigv4.claim import read_claim
from tests.admission import CONFIG
from tests.explain.clients import Keys, botocore, sets
from tests.sigv4.aws import GATEWAY

SAMPLES = CHECKOUT / "tests" / "reading" / "samples"
HEAD = botocore(Keys(), "GET", "/bucket/key")
AT = datetime.now(UTC)


def judged(found: Found, *, configured: bool = False) -> Judgement:
    return Judge(CONFIG if configured else None, (), None).judge(found)


def answered(code: str, status: int = 403, message: str = "") -> Found:
    """A client's head, and what a server of somebody else's answered."""
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
    exchange = Exchange("1", "", tls=True, incoming=captured_head(HEAD), response=Response(status, ()))
    return Found(replace(exchange, backend_error=code), "har", raw=HEAD, answer=body, at=AT)


@pytest.mark.parametrize(
    "name", ["nginx", "haproxy", "error-document", "minio-py", "mc-coloured", "boto3", "java-v1", "js-v3"]
)
def test_a_log_alone_proves_no_secret_and_no_header_wrong(name: str) -> None:
    """Of real tools: requests with a wrong secret, of which the input tells no more than that they were refused."""
    requests = [one for one in find(SAMPLES / f"{name}.txt") if one.failed]
    assert requests
    for one in requests:
        told = judged(one)
        assert (told.explained, told.explanation.cause) == (False, "unexplained"), told
        assert told.explanation.sentence.startswith("not explained: ")


@pytest.mark.parametrize(
    ("code", "cause", "words"),
    [
        ("InvalidAccessKeyId", "unknown-access-key", "correct the client's credentials"),
        ("AuthorizationHeaderMalformed", "region", "set the client's region to eu-central-1"),
        ("AccessDenied", "policy", "the server's policy does not allow this"),
    ],
)
def test_a_client_is_told_in_its_own_words(code: str, cause: str, words: str) -> None:
    """It has no gateway, so the keys of a gateway's configuration are no help."""
    message = "the region 'us-east-1' is wrong; expecting 'eu-central-1'"
    told = judged(answered(code, message=message)).explanation
    assert told.cause == cause
    assert words in told.sentence
    assert "`backend." not in told.sentence


def test_the_gateways_own_request_is_told_in_the_gateways() -> None:
    """It is signed with the key of its configuration."""
    own = botocore(Keys(GATEWAY.access_key_id, GATEWAY.secret), "GET", "/bucket/key", at="https://minio.example:9000")
    found = replace(answered("InvalidAccessKeyId"), raw=own)
    told = judged(replace(found, exchange=replace(found.exchange, incoming=captured_head(own))), configured=True)
    assert told.explanation.cause == "backend-access-key"
    assert "`backend.credentials`" in told.explanation.sentence


def test_a_head_that_may_lack_fields_accuses_nobody() -> None:
    """Complete, it is told what it lacks."""
    lacking = Head("GET", "/bucket/key", (("Authorization", "Credential=K/a, SignedHeaders=connection;host"),))
    exchange = Exchange("1", "", tls=True, incoming=lacking, response=Response(403, ()), backend_error="AccessDenied")
    found = Found(exchange, "har")
    assert judged(found).explanation.cause == "signed-header-not-sent"
    assert judged(replace(found, complete=False)).explanation.cause == "policy"
    unanswered = replace(found, exchange=replace(exchange, response=None, backend_error=""))
    assert judged(unanswered).explanation.cause == "signed-header-not-sent"
    assert judged(replace(unanswered, complete=False)).explanation.cause == "unexplained"


def test_a_text_that_was_signed_is_better_than_a_guess() -> None:
    """The client's own canonical request beside the server's: the line that differs, whatever is configured."""
    sent = sets(HEAD, "Host", "gateway.example")
    request = captured_head(HEAD).canonical_request.encode()
    found = replace(
        answered("SignatureDoesNotMatch"),
        raw=sent,
        client_canonical_request=request,
        server_canonical_request=request.replace(b"gateway.example:8000", b"gateway.example"),
    )
    told = judged(found)
    assert (told.explanation.cause, told.explanation.certainty) == ("host-port", "certain")


def test_what_a_gateway_has_stored_is_given() -> None:
    stored = Explanation("host-port", "the client signed")
    found = answered("SignatureDoesNotMatch")
    assert judged(replace(found, exchange=replace(found.exchange, explanation=stored))).explanation is stored


def test_what_is_missing_is_told() -> None:
    """A signature that is redacted cannot be tried with any secret."""
    redacted = replace(answered("SignatureDoesNotMatch"), has_signature=False, missing=("the signature is redacted",))
    told = judged(redacted, configured=True)
    assert not told.explained


def test_a_secret_that_the_clients_own_text_proves_is_not_blamed() -> None:
    """Its debug log has the string to sign, and the configuration the secret: the two give the signature it sent."""
    signed = botocore(Keys(), "GET", "/bucket/key")
    claim = read_claim(signed)
    request = canonical_request_of(signed)
    text = canonical.string_to_sign(str((claim.date or b"").decode()), claim.scope, request)
    arrived = sets(signed, "Host", "nobody-would-guess-this.example")
    found = replace(answered("SignatureDoesNotMatch"), raw=arrived)
    assert judged(found, configured=True).explanation.cause == "wrong-secret"
    proven = judged(replace(found, client_string_to_sign=text), configured=True).explanation
    assert proven.cause != "wrong-secret"
    assert "wrong-secret" not in {cause for cause, _ in proven.others}
