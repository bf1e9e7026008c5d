"""The signature of a POST policy: a form's fields -> who claims to have signed it, and the proof.

The string to sign is the ``policy`` field as it came, base64 and all; key derivation and scope are SigV4's (AWS
"Authenticating Requests in Browser-Based Uploads Using POST"). What the policy says is read in
:mod:`s3gateway.rules.post_policy`, after this.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from s3gateway import errors
from s3gateway.sigv4 import canonical
from s3gateway.sigv4.claim import Claim, read_credential
from s3gateway.sigv4.model import ALGORITHM, Payload, PayloadMode, Secret, Signature
from s3gateway.sigv4.verify import MAX_SKEW, Verified, signed_at

POLICY: Final = "policy"
SIGNATURE: Final = "x-amz-signature"
SECURITY_TOKEN: Final = "x-amz-security-token"  # noqa: S105 - a field's name
REQUIRED: Final = (
    ("policy", POLICY),
    ("X-Amz-Signature", SIGNATURE),
    ("X-Amz-Algorithm", "x-amz-algorithm"),
    ("X-Amz-Credential", "x-amz-credential"),
    ("X-Amz-Date", "x-amz-date"),
)
"""As AWS writes them, and in lower case."""

SIGV2: Final = frozenset(("awsaccesskeyid", "signature"))
MAX_AGE: Final = timedelta(days=7)
"""How long a signing key is valid (AWS "Amazon S3 Signature Version 4 Authentication Specific Policy Keys")."""

_HEX: Final = frozenset("0123456789abcdef")
_HEX_DIGITS: Final = 64


@dataclass(frozen=True, slots=True)
class PolicyClaim:
    """Who claims to have signed ``policy``, which is the field's text."""

    claim: Claim
    policy: bytes = field(repr=False)


def missing_field(name: str) -> errors.S3Error:
    """400: a field is not there, or stands behind the file, where it does not count."""
    message = (
        f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields."
    )
    return errors.invalid_argument(message, name, "")


def read_policy_claim(fields: Mapping[str, bytes]) -> PolicyClaim:
    """Read the fields that sign, by their lower-case names. Raises :class:`~s3gateway.errors.S3Error`.

    A form without any of them is anonymous: AccessDenied. What is malformed is told as in a presigned URL.
    """
    if SIGV2.intersection(fields):
        raise errors.sigv2_refused()
    if not any(name in fields for _, name in REQUIRED):
        raise errors.access_denied(reason="anonymous: the form has no policy")
    for shown, name in REQUIRED:
        if not fields.get(name):
            raise missing_field(shown)
    text = {name: fields[name].decode("utf-8", "replace") for _, name in REQUIRED}
    if text["x-amz-algorithm"] != ALGORITHM:
        raise errors.malformed_query('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"')
    access_key_id, scope = read_credential(text["x-amz-credential"], errors.malformed_credential)
    signature = text[SIGNATURE]
    if len(signature) != _HEX_DIGITS or not _HEX.issuperset(signature):
        raise errors.malformed_query("X-Amz-Signature must be 64 lower-case hex digits")
    claim = Claim(
        presigned=True,
        access_key_id=access_key_id,
        scope=scope,
        signed_headers=(),
        signature=Signature(signature),
        date=fields["x-amz-date"],
        expires=None,
        payload=None,
        session_token=fields.get(SECURITY_TOKEN),
    )
    return PolicyClaim(claim, fields[POLICY])


def verify_policy(claimed: PolicyClaim, secret: Secret, now: datetime) -> Verified:
    """Prove that whoever knows ``secret`` signed this policy. Raises :class:`~s3gateway.errors.S3Error` otherwise.

    ``now`` is timezone-aware. What comes out starts an unsigned payload: the policy covers fields, and no file.
    """
    claim, policy = claimed.claim, claimed.policy
    at = signed_at(claim)
    timestamp = canonical.amz_date(at)
    if not timestamp.startswith(claim.scope.date):
        raise errors.malformed_query(
            f'Error parsing the X-Amz-Credential parameter; Invalid credential date "{claim.scope.date}". '
            f'This date is not the same as X-Amz-Date: "{timestamp[:8]}".'
        )
    if at - now > MAX_SKEW:
        raise errors.access_denied("Request is not valid yet")
    if now - at > MAX_AGE:
        raise errors.access_denied(
            "Invalid according to Policy: Policy expired.", reason="the policy was signed more than seven days ago"
        )
    key = canonical.signing_key(secret, claim.scope)
    if not canonical.sign(key, policy).matches(claim.signature):
        raise _mismatch(claimed)
    payload = Payload(PayloadMode.UNSIGNED, "UNSIGNED-PAYLOAD")
    return Verified(payload, key, claim.scope, timestamp, claim.signature, "", "")


def _mismatch(claimed: PolicyClaim) -> errors.S3Error:
    """Say what was signed, as AWS does: for a form that is the policy as it came."""
    error = errors.signature_does_not_match(
        ("AWSAccessKeyId", claimed.claim.access_key_id),
        ("StringToSign", claimed.policy.decode("utf-8", "replace")),
        ("SignatureProvided", claimed.claim.signature.hex),
        ("StringToSignBytes", claimed.policy.hex(" ")),
    )
    why = (
        "the form's policy was signed with another secret, or has been changed since; what is signed is the base64 "
        "text that the form sends"
    )
    return errors.S3Error(error.status, error.code, error.message, error.fields, reason=why)
