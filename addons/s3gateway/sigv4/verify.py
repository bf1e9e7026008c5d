"""Claim + head + secret + now -> :class:`Verified`, or the coded S3 error.

Order of the checks (as a conformance suite recorded them against AWS): mechanism, grammar and scope in
:mod:`~s3gateway.sigv4.claim`; region; access key (the caller looks it up); then here: date present, date equal to
the scope's, clock skew or expiry, payload hash form, every ``x-amz-*`` header signed, signature.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from fnmatch import fnmatchcase
from functools import lru_cache

from s3gateway import errors
from s3gateway.sigv4 import canonical
from s3gateway.sigv4.claim import Claim
from s3gateway.sigv4.model import CredentialScope, Payload, PayloadMode, RequestHead, Secret, Signature

MAX_SKEW = timedelta(minutes=15)
"""AWS "RequestTimeTooSkewed": 15 minutes either way, which also bounds how long a request can be replayed."""

_OF_CURL = (
    " (curl before 8 sends none of itself: add --header 'x-amz-content-sha256: UNSIGNED-PAYLOAD', with or without a "
    "body)"
)
_NO_REGION = (
    "signed for no region: set the client's region to \"{}\" (MinIO's admin API is signed so as well; it is not served "
    "here)"
)

UNSIGNED_ALLOWED = frozenset((b"x-amz-content-sha256",))
"""``x-amz-*`` headers that may be absent from SignedHeaders: this one's value is signed as the payload hash."""

_AMZ_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MODES = {mode.value: mode for mode in PayloadMode if mode.value}
_SENSITIVE_NAME = rb"x-amz-(?:security-token|[a-z-]*customer-key)"
_SENSITIVE = re.compile(rb"^(" + _SENSITIVE_NAME + rb":).*$", re.MULTILINE)
_SENSITIVE_PARAMETER = re.compile(rb"((?:^|&)" + _SENSITIVE_NAME + rb"=)[^&\n]*", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Verified:
    """A proven head. ``uri`` and ``query`` are canonical; key, scope, timestamp and seed start a chunk chain."""

    payload: Payload
    signing_key: bytes
    scope: CredentialScope
    timestamp: str
    seed: Signature
    uri: str
    query: str

    def __repr__(self) -> str:
        """Leave out the signing key and the signature."""
        return f"Verified({self.payload!r}, {self.scope!s}, {self.timestamp})"


def check_region(claim: Claim, accepted: tuple[str, ...], named: str) -> None:
    """Refuse a credential scope outside the ``accepted`` regions (patterns), telling the one to sign for, as AWS does.

    ``<Region>`` and :attr:`~s3gateway.errors.S3Error.headers` carry it: SDKs sign anew for what they read there.
    """
    if claim.scope.region in accepted or any(fnmatchcase(claim.scope.region, pattern) for pattern in accepted):
        return
    message = f'the region "{claim.scope.region}" is wrong; expecting "{named}"'
    region = ("Region", named)
    if claim.presigned:
        raise errors.malformed_credential(message, region)
    reason = "" if claim.scope.region else _NO_REGION.format(named)
    raise errors.malformed_authorization(message, region, reason=reason)


def verify(claim: Claim, head: RequestHead, secret: Secret, now: datetime) -> Verified:
    """Prove that whoever knows ``secret`` signed this head, recently.

    ``now`` is timezone-aware. Raises :class:`~s3gateway.errors.S3Error` otherwise.
    """
    at = signed_at(claim)
    timestamp = canonical.amz_date(at)
    _check_time(claim, at, timestamp, now)
    payload = _payload(claim, head)
    _check_signed_headers(claim, head)
    uri = canonical.canonical_uri(head.path)
    query = canonical.canonical_pairs(head.parameters, without=b"X-Amz-Signature" if claim.presigned else b"")
    key = canonical.signing_key(secret, claim.scope)
    requests = [
        canonical.canonical_request(head.method, uri, query, headers, claim.signed_headers, payload.text)
        for headers in canonical.canonical_headers_of_clients(head, claim.signed_headers)
    ]
    texts = [canonical.string_to_sign(timestamp, claim.scope, request) for request in requests]
    if not any(canonical.sign(key, text).matches(claim.signature) for text in texts):
        raise _mismatch(claim, texts[0], requests[0])
    return Verified(payload, key, claim.scope, timestamp, claim.signature, uri, query)


def signed_at(claim: Claim) -> datetime:
    """Read the moment that was signed: ``X-Amz-Date``, or a ``Date`` header in its place."""
    text = (claim.date or b"").decode("ascii", "replace")
    try:
        if match := _AMZ_DATE.fullmatch(text):
            return _moment(match[0])
        if not claim.presigned:
            date = parsedate_to_datetime(text)
            return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    if claim.presigned:
        raise errors.malformed_query("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    raise errors.access_denied("AWS authentication requires a valid Date or x-amz-date header.")


@lru_cache(maxsize=128)
def _moment(text: str) -> datetime:
    match = _AMZ_DATE.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return datetime(*map(int, match.groups()), tzinfo=UTC)  # type: ignore[arg-type,misc]  # six integers


def _check_time(claim: Claim, at: datetime, timestamp: str, now: datetime) -> None:
    if not timestamp.startswith(claim.scope.date):
        if claim.presigned:
            raise errors.malformed_query(
                f'Invalid credential date "{claim.scope.date}". This date is not the same as X-Amz-Date: '
                f'"{timestamp[:8]}".'
            )
        raise errors.malformed_authorization("Invalid credential date. Date is not the same as X-Amz-Date.")
    if claim.expires is None:
        if abs(now - at) > MAX_SKEW:
            raise errors.S3Error(
                403,
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
                (
                    ("RequestTime", timestamp),
                    ("ServerTime", f"{now:%Y-%m-%dT%H:%M:%SZ}"),
                    ("MaxAllowedSkewMilliseconds", str(MAX_SKEW // timedelta(milliseconds=1))),
                ),
            )
        return
    if at - now > MAX_SKEW:
        raise errors.access_denied("Request is not valid yet")
    if now - at > timedelta(seconds=claim.expires):
        raise errors.access_denied(
            "Request has expired.",
            ("X-Amz-Expires", str(claim.expires)),
            ("Expires", f"{at + timedelta(seconds=claim.expires):%Y-%m-%dT%H:%M:%SZ}"),
            ("ServerTime", f"{now:%Y-%m-%dT%H:%M:%SZ}"),
        )


def _payload(claim: Claim, head: RequestHead) -> Payload:
    if claim.payload is None:
        if claim.presigned:
            return Payload(PayloadMode.UNSIGNED, "UNSIGNED-PAYLOAD")
        remedy = _OF_CURL if (head.first(b"user-agent") or b"").startswith(b"curl/") else ""
        raise errors.invalid_request(f"Missing required header for this request: x-amz-content-sha256{remedy}")
    text = claim.payload.decode("ascii", "replace")
    if "ECDSA" in text:
        raise errors.not_implemented(f"{text[:64]} is not supported.")
    if claim.presigned and text.startswith("STREAMING-"):
        # AWS defines no chunk chain for a presigned URL; MinIO runs one without checking anything (CVE-2026-41145).
        raise errors.not_implemented("A presigned URL cannot be combined with a streaming payload.")
    mode = _MODES.get(text)
    if mode is None and _SHA256.fullmatch(text):
        mode = PayloadMode.SHA256
    if mode is None:
        raise errors.invalid_argument(
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, "
            "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid "
            "sha256 value.",
            "x-amz-content-sha256",
            text[:128],
        )
    return Payload(mode, text)


def _check_signed_headers(claim: Claim, head: RequestHead) -> None:
    signed = claim.signed_headers
    if b"host" not in signed:
        raise errors.headers_not_signed(["host"])
    unsigned = _unsigned(head.lower_names, signed)
    if unsigned:
        raise errors.headers_not_signed([name.decode("utf-8", "replace") for name in unsigned])


@lru_cache(maxsize=128)
def _unsigned(names: tuple[bytes, ...], signed: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """The ``x-amz-*`` names that are not signed. A client's requests have the same names time after time."""
    covered = {*signed, *UNSIGNED_ALLOWED}
    return tuple(dict.fromkeys(name for name in names if name.startswith(b"x-amz-") and name not in covered))


def _mismatch(claim: Claim, to_sign: bytes, request: bytes) -> errors.S3Error:
    """Say what was computed, as AWS does, so that a client can compare; secrets the client sent are masked.

    SignatureProvided is for the client alone: what is kept of the answer has :meth:`~errors.S3Error.redacted` form.
    """
    shown = _SENSITIVE_PARAMETER.sub(rb"\1<redacted>", _SENSITIVE.sub(rb"\1<redacted>", request))
    return errors.signature_does_not_match(
        ("AWSAccessKeyId", claim.access_key_id),
        ("StringToSign", to_sign.decode()),
        ("SignatureProvided", claim.signature.hex),
        ("StringToSignBytes", to_sign.hex(" ")),
        ("CanonicalRequest", shown.decode("utf-8", "replace")),
        ("CanonicalRequestBytes", shown.hex(" ")),
    )
