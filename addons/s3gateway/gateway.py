"""The mission in one screen: head -> claim -> caller -> operation -> policy -> signature -> wire.

``admit`` proves who is calling and that they may; ``forward`` turns what they sent into what the backend gets. They
are two because a request without a body is signed as late as possible, after an operator may have edited it.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache

from s3gateway import errors, session_client
from s3gateway.bodies.announced import Announced, own_trailer, read_announced
from s3gateway.bodies.chunked import chunked_body
from s3gateway.bodies.delete_objects import DeleteBody
from s3gateway.bodies.own_chunks import OwnChunks, own_length
from s3gateway.bodies.spooled import Spool, SpooledBody
from s3gateway.bodies.whole import Body, HashedBody, PlainBody
from s3gateway.config.model import Client, Config
from s3gateway.identity.keys import proven_by
from s3gateway.identity.remote_keys import may_be_key
from s3gateway.rules import access, aistor, anonymous, cors, encryption, headers, health_polls
from s3gateway.rules.limits import Limits, check_head, check_metadata
from s3gateway.rules.operations import Operation, check_target, read_operation, read_resource
from s3gateway.rules.parameter_names import without_unknown
from s3gateway.rules.post_form import Success
from s3gateway.rules.rate import Rates
from s3gateway.signer import Signed, Signer
from s3gateway.sigv4 import canonical, claim
from s3gateway.sigv4.checksums import checksums_in
from s3gateway.sigv4.chunk_signatures import ChunkChain
from s3gateway.sigv4.model import EMPTY_SHA256, Headers, Payload, PayloadMode, RequestHead, Secret
from s3gateway.sigv4.verify import Verified, check_region, verify

_SHOWN_KEY = 20
"""Characters of an unknown access key id that a log line shows; AWS's have 20."""

_OPTIONS = frozenset((b"OPTIONS",))

_NEVER_SIGNED = frozenset((b"authorization", b"transfer-encoding"))
"""Fields that hold the signature itself, or that only frame the body."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a request came in: over ``tls`` or not, and whether a body follows its head."""

    tls: bool
    has_body: bool


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request whose caller is proven and allowed."""

    head: RequestHead
    arrival: Arrival
    client: Client
    verified: Verified
    signed_headers: tuple[bytes, ...]
    presigned: bool
    operation: Operation


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What goes to the backend. ``body`` transforms what the client still sends; ``sse`` names the encryption.

    ``rule`` is the number of the encryption rule that decided, from 0. ``form`` says how its client is answered where
    that is a form (:mod:`s3gateway.post_object`).
    """

    operation: Operation
    method: bytes
    target: bytes
    headers: Headers = field(repr=False)  # the signature, SSE-C keys, the session token
    signed_headers: tuple[bytes, ...]
    body: Body | None
    sse: str
    rule: int | None
    form: Success | None = None


def admit(head: RequestHead, arrival: Arrival, config: Config, now: datetime, rates: Rates | None = None) -> Admitted:
    """Prove the caller and check what they ask for; raise :class:`~s3gateway.errors.S3Error` in all other cases."""
    check_head(head, config.limits)
    headers.check_fields(head)
    check_target(head)
    aistor.check_target(head)
    if claim.is_anonymous(head):
        if health_polls.is_poll(head) and not arrival.has_body:
            raise health_polls.answer(config.listen.health_polls)
        raise anonymous.refusal(read_operation(head, config.domains).name)
    claimed = claim.read_claim(head)
    client, verified = proven(caller(claimed, config, now), now, lambda secret: verify(claimed, head, secret, now))
    if rates is not None:
        rates.charge(client.charged, config.limits.request_rate, now)
    operation = read_operation(head, config.domains)
    access.check_access(client.access, operation, head.query)
    aistor.check(operation, head, config.backend.type)
    _check_payload(verified.payload, operation, arrival)
    checksums_in(head)
    check_metadata(head, config.limits)
    encryption.check_customer_key(operation, head, tls=arrival.tls)
    return Admitted(head, arrival, client, verified, claimed.signed_headers, claimed.presigned, operation)


def key_to_look_up(head: RequestHead, config: Config, service: str) -> str:
    """Give the access key id that somebody else may know; empty where nobody need be asked."""
    with suppress(errors.S3Error):
        check_head(head, config.limits)
        check_target(head)
        return claimed_key_to_look_up(claim.read_claim(head, service), config)
    return ""


def claimed_key_to_look_up(claimed: claim.Claim, config: Config) -> str:
    """Give the access key id of a claim as ``key_to_look_up`` does. Raises S3Error for another region."""
    key = claimed.access_key_id
    if not config.has_remote_keys or key in config.clients or claimed.session_token is not None:
        return ""
    check_region(claimed, config.listen.regions, config.region)
    return key if may_be_key(key) else ""


def caller(claimed: claim.Claim, config: Config, now: datetime) -> Client:
    """Find who claims to have signed, in a head or in a form; nothing is proven. Raises S3Error where there is none."""
    check_region(claimed, config.listen.regions, config.region)
    return session_client.find(claimed, config, now)


def proven[V](client: Client, now: datetime, check: Callable[[Secret], V]) -> tuple[Client, V]:
    """Check with each secret of the client's key that counts now; give the client with the one that holds.

    Raises what ``check`` raises, or InvalidAccessKeyId where none counts.
    """
    if not client.secrets:
        return client, check(client.keys.secret)
    dated, found = proven_by(client.keys.access_key_id, client.secrets, now, check)
    if dated.secret is client.keys.secret:
        return client, found
    return replace(client, keys=replace(client.keys, secret=dated.secret)), found


def forward(
    admitted: Admitted, head: RequestHead, config: Config, signer: Signer, now: datetime, spool: Spool | None = None
) -> Outgoing:
    """Build and sign the outgoing request. ``head`` is the admitted one, or what an operator made of it.

    Without a ``spool`` a signed chunk is held in memory, and one above ``limits.aws_chunk`` is refused.
    """
    verified, operation = admitted.verified, admitted.operation
    if head is not admitted.head:
        headers.check_fields(head)
        check_target(head)
        operation = read_operation(head, config.domains)
        aistor.check(operation, head, config.backend.type)
    client = admitted.client
    applied = encryption.apply(config.encryption, operation, head, client.name, client.roles)
    announced, length = None, None
    if admitted.arrival.has_body and verified.payload.mode.is_streaming:
        announced = read_announced(verified.payload.mode, admitted.head)
        if spool is not None or verified.payload.mode is PayloadMode.STREAMING_UNSIGNED_TRAILER:
            length = own_length(verified.payload.mode, announced, admitted.head, config.limits)
    changed = (
        (b"Host", config.backend.authority.encode()),
        (b"X-Amz-Content-SHA256", verified.payload.text.encode()),
        *(((b"Content-Length", b"%d" % length),) if length is not None and head.all(b"content-length") else ()),
        *own_trailer(announced),
        *signer.own_headers(now),
    )
    fields = headers.rewritten(head, applied.headers, *changed)
    query = claim.without_presigned(head.query) if admitted.presigned else head.query
    query = without_unknown(query) if operation.ignores else query
    is_whole = not (admitted.presigned or operation.ignores)
    mark = b"?" if query or (b"?" in head.target and is_whole) else b""
    names = [name.lower() for name, _ in (*changed, *applied.headers)]
    unsigned = head.with_headers(operation.path + mark + query, fields, names)
    same_query = head is admitted.head and is_whole
    signed = signer.sign(
        unsigned,
        _names_to_sign(unsigned.lower_names, admitted.signed_headers),
        verified.payload.text,
        (
            verified.uri if operation.path == admitted.head.path else canonical.canonical_uri(operation.path),
            verified.query if same_query else canonical.canonical_query(query),
        ),
        now,
    )
    body = (
        _body(admitted, signed, signer, config.limits, announced, length, spool) if admitted.arrival.has_body else None
    )
    return Outgoing(
        operation,
        head.method,
        unsigned.target,
        signed.headers,
        signed.signed_headers,
        body,
        applied.label,
        applied.rule,
    )


def preflight(head: RequestHead, config: Config) -> cors.Page:
    """Read an OPTIONS request, which nobody signs. Raises :class:`~s3gateway.errors.S3Error`."""
    check_head(head, config.limits)
    headers.check_fields(head)
    check_target(head, _OPTIONS)
    _, bucket, key = read_resource(head, config.domains)
    return cors.read_preflight(head, bucket, key, config.limits.headers)


def page(head: RequestHead, config: Config) -> cors.Page | None:
    """Say which page sent a request to which bucket, refused or not; None where its target cannot be read."""
    try:
        check_target(head)
        _, bucket, key = read_resource(head, config.domains)
    except errors.S3Error:
        return None
    return cors.read_page(head, bucket, key)


def ask_for_cors(bucket: str, config: Config, signer: Signer, now: datetime) -> RequestHead:
    """Build and sign the gateway's own GetBucketCors; a bucket's name needs no escaping."""
    return own_get(b"/%b?cors" % bucket.encode(), config, signer, now)


def own_get(target: bytes, config: Config, signer: Signer, now: datetime) -> RequestHead:
    """Build and sign a GET of the gateway's own."""
    fields = (
        (b"Host", config.backend.authority.encode()),
        (b"X-Amz-Content-SHA256", EMPTY_SHA256.encode()),
        *signer.own_headers(now),
    )
    head = RequestHead(b"GET", target, fields)
    canonical_target = (canonical.canonical_uri(head.path), canonical.canonical_query(head.query))
    signed = signer.sign(head, head.names, EMPTY_SHA256, canonical_target, now)
    return RequestHead(head.method, head.target, signed.headers)


def guess(head: RequestHead, config: Config) -> tuple[str, Operation | None]:
    """Say who a refused request claims to be from (``name?``) and what it asks for, as far as that can be read.

    For the log only: nothing of it is proven.
    """
    who, operation = "", None
    with suppress(errors.S3Error):
        check_target(head)
        operation = read_operation(head, config.domains)
    with suppress(errors.S3Error):
        who = claimed_name(claim.read_claim(head), config)
    return who, operation


def claimed_name(claimed: claim.Claim, config: Config) -> str:
    """Name the client, or the session's user, that a key id is of, as one that nothing proves."""
    key = claimed.access_key_id
    if key in config.clients:
        return f"{config.clients[key].name}?"
    return f"{session_client.name_of(claimed, config) or _shown_key(key, config)}?"


def _shown_key(key: str, config: Config) -> str:
    """The beginning of an unknown access key id, unless it is a secret: some clients have the two swapped."""
    is_secret = any(key.encode() in client.all_secrets for client in config.clients.values())
    return "" if is_secret else key[:_SHOWN_KEY]


def _check_payload(payload: Payload, operation: Operation, arrival: Arrival) -> None:
    if payload.mode.is_streaming:
        if not operation.takes_chunks:
            raise errors.invalid_request("The value of x-amz-content-sha256 header is invalid.")
        if not arrival.has_body:
            raise errors.incomplete_body()
    if payload.mode is PayloadMode.SHA256 and not arrival.has_body and payload.text != EMPTY_SHA256:
        raise errors.payload_mismatch(payload.text, EMPTY_SHA256)


@lru_cache(maxsize=128)
def _names_to_sign(present: tuple[bytes, ...], by_client: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """What the client protected stays protected, and every ``x-amz-*`` is: always names that are on the wire."""
    names = {name for name in present if name.startswith(b"x-amz-") or name in by_client}
    return tuple(sorted((names | {b"host", b"x-amz-date"}) - _NEVER_SIGNED))


def _body(
    admitted: Admitted,
    signed: Signed,
    signer: Signer,
    limits: Limits,
    announced: Announced | None,
    length: int | None,
    spool: Spool | None,
) -> Body:
    verified = admitted.verified
    match verified.payload.mode:
        case PayloadMode.SHA256 | PayloadMode.UNSIGNED as mode:
            whole = HashedBody(verified.payload.text) if mode is PayloadMode.SHA256 else PlainBody()
            if admitted.operation.name == "DeleteObjects" and admitted.client.access.checks_deletions:
                return DeleteBody(whole, admitted.client.access, admitted.operation.bucket)
            return whole
    if announced is None:
        raise errors.internal_error()
    if verified.payload.mode is PayloadMode.STREAMING_UNSIGNED_TRAILER:
        if length is not None:
            return OwnChunks(announced, limits)
        return chunked_body(verified.payload.mode, None, announced, limits)
    chains = (
        ChunkChain(verified.signing_key, verified.scope, verified.timestamp, verified.seed),
        ChunkChain(signer.signing_key(signed.scope), signed.scope, signed.timestamp, signed.seed),
    )
    if length is not None and spool is not None:
        return SpooledBody(announced, chains, spool, limits)
    return chunked_body(verified.payload.mode, chains, announced, limits)
