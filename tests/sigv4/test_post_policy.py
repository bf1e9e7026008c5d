"""The policy's signature: AWS's published form, and one of botocore's."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import S3SigV4PostAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from s3gateway.errors import S3Error
from s3gateway.rules.post_policy import read_policy
from s3gateway.sigv4.model import Secret
from s3gateway.sigv4.post_policy import read_policy_claim, verify_policy
from tests.sigv4 import aws

EXAMPLE = aws.VECTORS["post_policy"]
SECRET = Secret(aws.EXAMPLE.secret)
NOON = datetime(2015, 12, 29, 12, tzinfo=UTC)


def fields(**changes: str) -> dict[str, bytes]:
    return {name: value.encode() for name, value in ({**EXAMPLE["fields"], **changes}).items()}


def test_awss_example() -> None:
    """AWS publishes the signature of this form ("Examples: Browser-Based Upload using HTTP POST")."""
    claimed = read_policy_claim(fields())
    assert claimed.claim.access_key_id == aws.EXAMPLE.access_key_id
    assert verify_policy(claimed, SECRET, NOON).timestamp == "20151229T000000Z"
    policy = read_policy(claimed.policy)
    assert policy.expiration == datetime(2015, 12, 30, 12, tzinfo=UTC)
    text = {name: value.decode() for name, value in fields(key="user/user1/photo.jpg").items()}
    policy.check(text | {"bucket": "sigv4examplebucket"}, NOON)


@pytest.mark.parametrize("at", range(0, 600, 7))
def test_each_byte_of_the_policy_counts(at: int) -> None:
    """One other character, and it is no policy of this client's."""
    text = EXAMPLE["fields"]["policy"]
    other = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
    with pytest.raises(S3Error, match="SignatureDoesNotMatch") as raised:
        verify_policy(read_policy_claim(fields(policy=other)), SECRET, NOON)
    told = dict(raised.value.fields)
    assert (told["StringToSign"], told["StringToSignBytes"]) == (other, other.encode().hex(" "))
    assert dict(raised.value.redacted().fields)["SignatureProvided"] == "*" * 64
    assert EXAMPLE["fields"]["x-amz-signature"] not in str(raised.value) + repr(raised.value.reason)


def test_botocores() -> None:
    """What ``generate_presigned_post`` signs with is taken, until it is seven days old and not before it is signed."""
    request = AWSRequest("POST", "http://gateway.example/bucket")
    conditions = [{"bucket": "bucket"}, {"key": "k"}]
    request.context["s3-presign-post-fields"] = {}
    request.context["s3-presign-post-policy"] = {"expiration": "2999-01-01T00:00:00Z", "conditions": conditions}
    S3SigV4PostAuth(Credentials("KEY", "secret"), "s3", "us-east-1").add_auth(request)
    sent = {name: value.encode() for name, value in request.context["s3-presign-post-fields"].items()}
    claimed = read_policy_claim(sent)
    now = datetime.now(UTC)
    for moment in (now, now + timedelta(days=6, hours=23), now - timedelta(minutes=14)):
        assert verify_policy(claimed, Secret("secret"), moment).payload.text == "UNSIGNED-PAYLOAD"
    for moment in (now + timedelta(days=7, minutes=1), now - timedelta(minutes=16)):
        with pytest.raises(S3Error, match="AccessDenied"):
            verify_policy(claimed, Secret("secret"), moment)


def test_the_claim_shows_no_secret() -> None:
    """Neither the policy, which its signature makes good for anybody, nor the signature."""
    shown = repr(read_policy_claim(fields()))
    assert EXAMPLE["fields"]["x-amz-signature"] not in shown
    assert EXAMPLE["fields"]["policy"] not in shown
