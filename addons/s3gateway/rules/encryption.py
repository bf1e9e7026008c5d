"""Which SSE headers go on which operation, and which response headers come off.

Rules are tried in order, the first that matches bucket, key prefix and client decides. Headers are added only where
S3 takes them, and never to a request whose client has set encryption itself. Measured against MinIO: SSE-S3/SSE-KMS
headers on HEAD or GET are a 400, on UploadPart they are ignored; SSE-C is needed on every access to the object.
"""

import base64
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from hashlib import md5

from s3gateway import errors
from s3gateway.rules import onto_itself
from s3gateway.rules.operations import Operation
from s3gateway.sigv4.model import Headers, RequestHead, Secret

_SSE = b"x-amz-server-side-encryption"
_COPY_SOURCE_SSE = b"x-amz-copy-source-server-side-encryption"

_CREATES = frozenset(("PutObject", "CopyObject", "CreateMultipartUpload"))
"""The operations that decide how an object is encrypted: the only ones that take SSE-S3 and SSE-KMS headers."""

_NEEDS_KEY = _CREATES | {
    "UploadPart",
    "UploadPartCopy",
    "CompleteMultipartUpload",  # where the parts have checksums, which are stored encrypted: boto3's always have
    "ListParts",
    "GetObject",
    "HeadObject",
    "GetObjectAttributes",
    "SelectObjectContent",
}
"""The operations that read or write object data, and so need the key under SSE-C."""

KMS_KEY_ID_HEADER = b"x-amz-server-side-encryption-aws-kms-key-id"

_SET_BY_CLIENT = frozenset(
    (
        _SSE,
        KMS_KEY_ID_HEADER,
        _SSE + b"-context",
        _SSE + b"-customer-algorithm",
        _SSE + b"-customer-key",
        _SSE + b"-customer-key-md5",
    )
)
"""The headers by which a client asks for encryption. Not any ``x-amz-server-side-encryption-*``: one that a backend
ignores would take the request out of the policy."""


@dataclass(frozen=True, slots=True)
class SseKms:
    """``sse-kms: key-id``."""

    key_id: str
    label = "SSE-KMS"


@dataclass(frozen=True, slots=True)
class SseS3:
    """``sse-s3: true``."""

    label = "SSE-S3"


@dataclass(frozen=True, slots=True)
class SseC:
    """``sse-c: file``: 32 bytes, base64 in ``key``; its MD5 travels with it as S3 wants."""

    key: Secret
    key_md5: bytes
    label = "SSE-C"


Sse = SseKms | SseS3 | SseC | None

Caller = tuple[str, tuple[str, ...]]
"""A client's name, and the roles of its session."""


def sse_c(key: bytes) -> SseC:
    """Build the SSE-C header values from the 32 raw key bytes."""
    digest = md5(key, usedforsecurity=False).digest()
    return SseC(Secret(base64.b64encode(key).decode()), base64.b64encode(digest))


@dataclass(frozen=True, slots=True)
class EncryptionRule:
    """One rule: patterns for bucket, client and role (``*`` and ``?``), a literal key prefix, and what to apply.

    With a pattern for roles it is for sessions that have such a role.
    """

    bucket: str
    prefix: str
    client: str
    sse: Sse
    role: str = "*"

    def matches(self, bucket: str, key: str, caller: Caller) -> bool:
        """Whether this rule decides for the object and the caller."""
        client, roles = caller
        return (
            fnmatchcase(bucket, self.bucket)
            and key.startswith(self.prefix)
            and fnmatchcase(client, self.client)
            and (self.role == "*" or any(fnmatchcase(role, self.role) for role in roles))
        )


@dataclass(frozen=True, slots=True)
class Applied:
    """Headers to add, what to call it in the log (``SSE-KMS``, ``SSE-C``, ``client`` or nothing), which rule said so.

    ``rule`` counts from 0; None where no rule had a say.
    """

    headers: Headers = field(repr=False)  # SSE-C keys
    label: str
    rule: int | None = None


def apply(
    rules: tuple[EncryptionRule, ...],
    operation: Operation,
    head: RequestHead,
    client: str,
    roles: tuple[str, ...] = (),
) -> Applied:
    """Find the headers that policy adds to this request.

    Raises :class:`~s3gateway.errors.S3Error` where these would make another request of it.
    """
    headers: Headers = ()
    label = ""
    rule = None
    caller = (client, roles)
    if operation.name in _NEEDS_KEY:
        matched, sse = _decide(rules, operation.bucket, operation.key, caller)
        said = _SET_BY_CLIENT.intersection(head.names)
        if said and not _repeats(head, said, sse):
            label = "client" if operation.name in _CREATES else ""
        else:
            headers = _headers(sse, operation)
            label = sse.label if sse and headers else ""
            rule = matched if headers or operation.name in _CREATES else None
    if operation.source:
        said = frozenset(name for name in head.names if name.startswith(_COPY_SOURCE_SSE))
        by, source = _decide(rules, *operation.source, caller)
        if isinstance(source, SseC) and (not said or _repeats(head, said, source, _COPY_SOURCE_SSE)):
            headers += _customer_headers(_COPY_SOURCE_SSE, source)
        onto_itself.check(operation, head, headers, by)  # source and target are one then, and so is the rule
    return Applied(tuple(pair for pair in headers if pair[0] not in head.names), label, rule)


def check_customer_key(operation: Operation, head: RequestHead, *, tls: bool) -> None:
    """Refuse SSE-C over plain HTTP, as AWS does: the backend cannot see that it was. Nor two encryptions at once."""
    keys = [name for name in head.names if name.endswith(b"server-side-encryption-customer-key")]
    if not keys:
        return
    if not tls:
        raise errors.invalid_request(
            "Requests specifying Server Side Encryption with Customer provided keys must be made over a secure "
            "connection."
        )
    if operation.name in _CREATES and _SSE + b"-customer-key" in keys and head.all(_SSE):
        raise errors.invalid_argument(
            "Server Side Encryption with Customer provided key is incompatible with the encryption method specified",
            _SSE.decode(),
            (head.first(_SSE) or b"").decode("utf-8", "replace"),
        )


def hide_kms_key_id(headers: Headers, *, method: bytes, tls: bool) -> Headers:
    """Take the KMS key id off a HEAD response on a plain-HTTP connection, and off nothing else.

    SDK v1 copies what a HEAD told it into its next CopyObject, and refuses to send a key id over http ("HTTPS must
    be used when sending customer encryption keys"). From PUT and GET it must not go: there its presence is what
    keeps SDK v1 from comparing the ETag with an MD5.
    """
    if method != b"HEAD" or tls:
        return headers
    return tuple(pair for pair in headers if pair[0].lower() != KMS_KEY_ID_HEADER)


def _repeats(head: RequestHead, said: frozenset[bytes], sse: Sse, prefix: bytes = _SSE) -> bool:
    """Whether what the client has ``said`` names the key of an SSE-C rule, which it has not got, and nothing else.

    S3A does so: its CopyObject, and with it each rename, repeats what HEAD told of the object.
    """
    if not isinstance(sse, SseC):
        return False
    told = {name: [value] for name, value in _customer_headers(prefix, sse) if not name.endswith(b"-key")}
    return all(head.all(name) == told.get(name) for name in said)


def _decide(rules: tuple[EncryptionRule, ...], bucket: str, key: str, caller: Caller) -> tuple[int | None, Sse]:
    return next(((i, rule.sse) for i, rule in enumerate(rules) if rule.matches(bucket, key, caller)), (None, None))


def _headers(sse: Sse, operation: Operation) -> Headers:
    match sse:
        case SseKms(key_id) if operation.name in _CREATES:
            return (_SSE, b"aws:kms"), (KMS_KEY_ID_HEADER, key_id.encode())
        case SseS3() if operation.name in _CREATES:
            return ((_SSE, b"AES256"),)
        case SseC():
            return _customer_headers(_SSE, sse)
    return ()


def _customer_headers(prefix: bytes, sse: SseC) -> Headers:
    return (
        (prefix + b"-customer-algorithm", b"AES256"),
        (prefix + b"-customer-key", sse.key.reveal()),
        (prefix + b"-customer-key-md5", sse.key_md5),
    )
