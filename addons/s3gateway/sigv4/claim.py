"""Authorization header or presigned query -> :class:`Claim`: what the client says it signed. Nothing is verified.

The grammar (AWS sig-v4-header-based-auth)::

    Authorization: AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/s3/aws4_request,
                   SignedHeaders=<a;b>, Signature=<hex>

and for a presigned URL the same values as ``X-Amz-Algorithm``, ``X-Amz-Credential``, ``X-Amz-Date``,
``X-Amz-Expires``, ``X-Amz-SignedHeaders`` and ``X-Amz-Signature``. Anything else is refused here, as AWS does.
"""

import re
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from s3gateway import errors
from s3gateway.sigv4.model import ALGORITHM, SERVICE, TERMINATOR, CredentialScope, RequestHead, Signature
from s3gateway.sigv4.query import query_pairs

PRESIGN_PARAMETERS = (
    b"X-Amz-Algorithm",
    b"X-Amz-Credential",
    b"X-Amz-Date",
    b"X-Amz-Expires",
    b"X-Amz-SignedHeaders",
    b"X-Amz-Signature",
)
SESSION_TOKEN_PARAMETER = b"X-Amz-Security-Token"
CONTENT_SHA256_PARAMETER = b"X-Amz-Content-Sha256"

_PARAMETERS = frozenset((*PRESIGN_PARAMETERS, SESSION_TOKEN_PARAMETER, CONTENT_SHA256_PARAMETER))
_AUTH_QUERY_NAMES = {name.lower(): name for name in (*PRESIGN_PARAMETERS, SESSION_TOKEN_PARAMETER)}
_AUTH_QUERY_NAMES[CONTENT_SHA256_PARAMETER.lower()] = CONTENT_SHA256_PARAMETER

_ONCE = (b"host", b"x-amz-date", b"x-amz-content-sha256", b"x-amz-decoded-content-length")
"""Headers that decide what is verified; of two values one server might take the first and another the second."""

_SIGV2_QUERY_NAMES = frozenset((b"AWSAccessKeyId", b"Signature"))
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_HEADER_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
_DATE = re.compile(r"[0-9]{8}")
_CREDENTIAL_PARTS = 5
_AUTHORIZATION_PARTS = 3
_COMPONENTS = ("Credential", "SignedHeaders", "Signature")
_SCHEMES = frozenset(("AWS", ALGORITHM, "AWS4-ECDSA-P256-SHA256", "Basic", "Bearer", "Digest", "Negotiate"))
"""What may stand alone in an ``Authorization`` and is told back: anything else may be a secret."""

_REDACTED = "<redacted>"
_WEEK = 604_800
_MOST_KEPT = 1024
"""Characters of an ``Authorization`` that is kept once it was read; strangers choose how long it is."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who claims to have signed which headers, in which scope. ``expires`` (seconds) only for a presigned URL."""

    presigned: bool
    access_key_id: str
    scope: CredentialScope
    signed_headers: tuple[bytes, ...]
    signature: Signature
    date: bytes | None
    expires: int | None
    payload: bytes | None
    session_token: bytes | None = field(repr=False)


def read_claim(head: RequestHead, service: str = SERVICE) -> Claim:
    """Find the one mechanism that authenticates this request and parse it. It must be signed for ``service``.

    Raises :class:`~s3gateway.errors.S3Error`: none (AccessDenied), more than one (InvalidArgument), SigV2
    (InvalidRequest), SigV4A (NotImplemented), or malformed.
    """
    for name in _ONCE:
        if len(head.all(name)) > 1:
            raise errors.invalid_request(f"The header {name.decode()} may be given only once.")
    authorization = head.all(b"authorization")
    parameters = head.parameters
    presigned = {name: value for name, value in parameters if name.lower() in _AUTH_QUERY_NAMES}
    sigv2_query = any(name in _SIGV2_QUERY_NAMES for name, _ in parameters)
    if len(authorization) + bool(presigned) + sigv2_query > 1:
        message = (
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
            "parameter or the Authorization header should be specified"
        )
        # The value would be the credential itself: AWS echoes it, a log or a flow file should not hold it.
        raise errors.invalid_argument(message, "Authorization", "")
    if authorization:
        return _from_header(head, authorization[0].decode("utf-8", "replace"), service)
    if presigned:
        return _from_query(head, parameters, presigned)
    if sigv2_query:
        raise errors.sigv2_refused()
    raise errors.access_denied(reason="anonymous: there is no signature")


def is_anonymous(head: RequestHead) -> bool:
    """Whether nothing in the request says who signed it."""
    return not head.all(b"authorization") and not any(
        name.lower() in _AUTH_QUERY_NAMES or name in _SIGV2_QUERY_NAMES for name, _ in head.parameters
    )


def without_presigned(query: bytes) -> bytes:
    """Take the presigned parameters out of a query, byte for byte leaving the others: one mechanism per request."""
    return b"&".join(
        piece for piece in query.split(b"&") if not any(name in _PARAMETERS for name, _ in query_pairs(piece))
    )


def _from_header(head: RequestHead, value: str, service: str) -> Claim:
    algorithm, space, rest = value.partition(" ")
    if not space or not rest.strip():
        message = "Authorization header is invalid -- one and only one ' ' (space) required."
        shown = algorithm if algorithm in _SCHEMES or not algorithm else _REDACTED
        raise errors.invalid_argument(message, "Authorization", shown)
    if algorithm == "AWS":
        raise errors.sigv2_refused()
    if algorithm == "AWS4-ECDSA-P256-SHA256":
        raise errors.not_implemented("AWS4-ECDSA-P256-SHA256 (SigV4A) is not supported. Please use AWS4-HMAC-SHA256.")
    if algorithm != ALGORITHM:
        raise errors.invalid_argument("Unsupported Authorization Type", "Authorization", algorithm)
    access_key_id, scope, names, signature = _read_authorization(rest, service)
    return Claim(
        presigned=False,
        access_key_id=access_key_id,
        scope=scope,
        signed_headers=names,
        signature=Signature(signature),
        date=head.first(b"x-amz-date") or head.first(b"date"),
        expires=None,
        payload=head.first(b"x-amz-content-sha256"),
        session_token=head.folded(b"x-amz-security-token") if head.all(b"x-amz-security-token") else None,
    )


def _read_authorization(text: str, service: str) -> tuple[str, CredentialScope, tuple[bytes, ...], str]:
    """Read what follows the algorithm: access key id, scope, signed headers, signature.

    A client's requests differ in the signature alone for as long as they are alike, so what stands before it is kept.
    """
    start, mark, signature = text.rpartition("Signature=")
    if mark and len(start) <= _MOST_KEPT and _SIGNATURE.fullmatch(signature):
        return (*_read_start(start, service), signature)
    parts = _authorization_parts(text)
    return (*_read_parts(parts, service), parts["Signature"])


@lru_cache(maxsize=1024)
def _read_start(start: str, service: str) -> tuple[str, CredentialScope, tuple[bytes, ...]]:
    return _read_parts(_authorization_parts(start + "Signature=" + "0" * 64), service)


def _read_parts(parts: dict[str, str], service: str) -> tuple[str, CredentialScope, tuple[bytes, ...]]:
    malformed = errors.malformed_authorization
    access_key_id, scope = read_credential(parts["Credential"], malformed, service)
    if not _SIGNATURE.fullmatch(parts["Signature"]):
        raise malformed("the Signature is not 64 lower-case hex digits.")
    return access_key_id, scope, _signed_headers(parts["SignedHeaders"].encode(), malformed)


def _authorization_parts(text: str) -> dict[str, str]:
    """Split ``Credential=..., SignedHeaders=..., Signature=...``; white space around commas is free."""
    malformed = errors.malformed_authorization
    pieces = [piece.strip() for piece in text.split(",")]
    if len(pieces) != _AUTHORIZATION_PARTS:
        raise malformed("the authorization header requires three components: Credential, SignedHeaders, and Signature.")
    for piece in pieces:
        if "=" not in piece:
            raise malformed(f'the authorization component "{_shown(piece)}" is malformed.')
    parts = dict(piece.split("=", 1) for piece in pieces)
    for name in _COMPONENTS:
        if not parts.get(name):
            raise malformed(f"missing {name}.")
    return parts


def _shown(component: str) -> str:
    """Give of a component its name, as what follows may be a signature or a secret. AWS quotes all of it."""
    name = next((name for name in _COMPONENTS if component.startswith(name)), "")
    return component if component == name else name + _REDACTED


def _from_query(head: RequestHead, parameters: list[tuple[bytes, bytes]], presigned: dict[bytes, bytes]) -> Claim:
    malformed = errors.malformed_query
    names = [name for name, _ in parameters if name.lower() in _AUTH_QUERY_NAMES]
    # A parameter twice, or in another case, is read differently by different servers: refuse (CVE-2022-2385).
    if len(names) != len({name.lower() for name in names}) or any(
        _AUTH_QUERY_NAMES[name.lower()] != name for name in names
    ):
        raise malformed("X-Amz-* authentication query parameters must appear once, spelled as documented.")
    if any(name not in presigned for name in PRESIGN_PARAMETERS):
        raise malformed(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
            "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
        )
    text = {name: value.decode("utf-8", "replace") for name, value in presigned.items()}
    if text[b"X-Amz-Algorithm"] != ALGORITHM:
        raise malformed('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"')
    access_key_id, scope = read_credential(text[b"X-Amz-Credential"], errors.malformed_credential)
    if not _SIGNATURE.fullmatch(text[b"X-Amz-Signature"]):
        raise malformed("X-Amz-Signature must be 64 lower-case hex digits")
    return Claim(
        presigned=True,
        access_key_id=access_key_id,
        scope=scope,
        signed_headers=_signed_headers(presigned[b"X-Amz-SignedHeaders"], malformed),
        signature=Signature(text[b"X-Amz-Signature"]),
        date=presigned[b"X-Amz-Date"],
        expires=_expires(text[b"X-Amz-Expires"]),
        payload=presigned.get(CONTENT_SHA256_PARAMETER) or head.first(b"x-amz-content-sha256"),
        session_token=presigned.get(SESSION_TOKEN_PARAMETER),
    )


def _expires(text: str) -> int:
    malformed = errors.malformed_query
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise malformed("X-Amz-Expires should be a number")
    seconds = int(text)
    if seconds < 0:
        raise malformed("X-Amz-Expires must be non-negative")
    if seconds > _WEEK:
        raise malformed(
            f"X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be "
            f"less than {_WEEK} seconds"
        )
    return seconds


def read_credential(text: str, malformed: "errors.Malformed", expected: str = SERVICE) -> tuple[str, CredentialScope]:
    """``<key>/<date>/<region>/s3/aws4_request``; the key itself never holds a slash here.

    What is fixed is looked at first, as AWS does: one part too many or too few must not be told as a wrong date.
    """
    parts = text.split("/")
    if len(parts) != _CREDENTIAL_PARTS or not parts[0]:
        raise malformed('the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".')
    key, day, region, service, terminator = parts
    if service != expected:
        raise malformed(f'incorrect service "{service}". This endpoint belongs to "{expected}".')
    if terminator != TERMINATOR:
        raise malformed(f'incorrect terminal "{terminator}". This endpoint uses "{TERMINATOR}".')
    if not _is_date(day):
        raise malformed(f'incorrect date format "{day}". This date in the credential must be in the format "yyyyMMdd".')
    return key, CredentialScope(day, region, service)


def _is_date(text: str) -> bool:
    """Whether this is a day of the calendar, as ``YYYYMMDD``."""
    try:
        return bool(_DATE.fullmatch(text) and date(int(text[:4]), int(text[4:6]), int(text[6:])))
    except ValueError:
        return False


def _signed_headers(text: bytes, malformed: "errors.Malformed") -> tuple[bytes, ...]:
    names = tuple(text.split(b";"))
    if not all(_HEADER_NAME.fullmatch(name) for name in names) or len(set(names)) != len(names):
        raise malformed("SignedHeaders must be lower-case header names, each once, separated by semicolons.")
    return names
