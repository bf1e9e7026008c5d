"""What a HEAD must tell, and how failures are put into a sentence. The headers are MinIO's."""

import pytest

from s3gateway.rules.canary import Failure, Mode, rule_of, sentence, wrong_encryption
from s3gateway.rules.encryption import EncryptionRule, Sse, SseKms, SseS3, sse_c

KMS = {b"x-amz-server-side-encryption": b"aws:kms"}
KEY_ID = b"x-amz-server-side-encryption-aws-kms-key-id"
S3 = {b"x-amz-server-side-encryption": b"AES256"}
CUSTOMER = {b"x-amz-server-side-encryption-customer-algorithm": b"AES256"}


@pytest.mark.parametrize(
    ("sse", "headers", "told"),
    [
        (SseKms("my-key"), KMS, ""),
        (SseKms("my-key"), KMS | {KEY_ID: b"my-key"}, ""),
        (SseKms("my-key"), KMS | {KEY_ID: b"arn:aws:kms:my-key"}, ""),
        (SseKms("1234"), KMS | {KEY_ID: b"arn:aws:kms:us-east-1:1:key/1234"}, ""),
        (
            SseKms("my-key"),
            KMS | {KEY_ID: b"arn:aws:kms:other"},
            "encryption[3] asks for the KMS key my-key, and the object has arn:aws:kms:other",
        ),
        (SseKms("my-key"), S3, "encryption[3] asks for aws:kms, and HEAD tells of AES256"),
        (SseKms("my-key"), {}, "encryption[3] asks for aws:kms, and HEAD tells of none"),
        (SseS3(), S3, ""),
        (SseS3(), {}, "encryption[3] asks for AES256, and HEAD tells of none"),
        (sse_c(bytes(32)), CUSTOMER, ""),
        (sse_c(bytes(32)), S3, "encryption[3] asks for AES256 with a customer's key, and HEAD tells of none"),
        (None, S3, ""),
    ],
)
def test_what_head_must_tell(sse: Sse, headers: dict[bytes, bytes], told: str) -> None:
    assert wrong_encryption(3, sse, headers) == told


def test_the_rule_that_decides() -> None:
    """The first that matches, as for any request."""
    rules = (EncryptionRule("other", "", "*", SseS3()), EncryptionRule("*", "s3gateway", "spark", SseKms("k")))
    assert rule_of(rules, "lake", "s3gateway-canary/x", "spark") == (1, SseKms("k"))
    assert rule_of(rules, "lake", "s3gateway-canary/x", "hive") == (None, None)


def test_one_reason_is_told_once() -> None:
    """With the ways that it concerns, unless these are all."""
    assert sentence([Failure(mode, "PutObject", "the bucket is not there") for mode in Mode]) == (
        "PutObject: the bucket is not there"
    )
    failures = [Failure(mode, "PutObject", "a") for mode in (Mode.HASH, Mode.CHUNKS)]
    failures.append(Failure(Mode.PRESIGNED, "HeadObject", "b"))
    assert sentence(failures) == "PutObject with a hash, in signed chunks: a; HeadObject presigned: b"
