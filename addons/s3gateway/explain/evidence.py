"""Everything that is known of one request that failed, and what it says together: two sides, a body, a token.

:func:`explain_evidence` needs no secret and no configuration. It comes before :func:`~s3gateway.explain.why.explain`,
since a text that was really signed is better than the best guess; with a configuration :func:`proves` says whether the
secret is right as well.
"""

import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Protocol

from s3gateway.errors import S3Error
from s3gateway.explain import tokens
from s3gateway.explain.body import explain_body
from s3gateway.explain.cause import Certainty
from s3gateway.explain.sides import Side, explain_sides
from s3gateway.observed.capture import Explanation
from s3gateway.observed.redaction import received_request
from s3gateway.sigv4 import canonical
from s3gateway.sigv4.claim import Claim, read_claim
from s3gateway.sigv4.model import RequestHead, Secret

_SIGNED_HEADERS = re.compile(rb"SignedHeaders=([^,\s]+)")
UNKNOWN = Side()
_ARRIVED = frozenset(("capture", "flows", "minio-admin-trace", "access-log", "error"))
"""Formats that a server, gateway or proxy writes: what is in them may have changed on its way."""

_CREDENTIAL = re.compile(rb"Credential=([^/,\s]+)/")


@dataclass(frozen=True, slots=True)
class Evidence:
    """``sent`` is a head as the client wrote it, ``received`` one as a server or gateway read it; either may be None.

    ``complete`` is False where a head may lack fields that were sent: an absent one says nothing then. ``body`` is the
    whole body, None where it is not known.
    """

    sent: RequestHead | None = field(default=None, repr=False)
    received: RequestHead | None = field(default=None, repr=False)
    client: Side = UNKNOWN
    server: Side = UNKNOWN
    body: bytes | None = field(default=None, repr=False)
    complete: bool = True


class Known(Protocol):
    """What a reader found of one request: of :class:`~s3gateway.reading.model.Found` the part that counts here."""

    @property
    def format(self) -> str:
        """Name of the format that it was read from."""

    @property
    def raw(self) -> RequestHead | None:
        """The head with all that the input has."""

    @property
    def body(self) -> bytes | None:
        """The whole body, if the input has it."""

    @property
    def client_canonical_request(self) -> bytes:
        """The client's text."""

    @property
    def client_string_to_sign(self) -> bytes:
        """The client's text."""

    @property
    def server_canonical_request(self) -> bytes:
        """The server's text."""

    @property
    def server_string_to_sign(self) -> bytes:
        """The server's text."""

    @property
    def complete(self) -> bool:
        """Whether ``raw`` has every header that was sent."""


def evidence_of(known: Known) -> Evidence:
    """Take what a reader found: a head of a client's own log is what it sent, one of a capture is what arrived."""
    arrived = known.format in _ARRIVED and not known.client_canonical_request
    return Evidence(
        sent=None if arrived else known.raw,
        received=known.raw if arrived else None,
        client=Side(known.client_canonical_request, known.client_string_to_sign),
        server=Side(known.server_canonical_request, known.server_string_to_sign),
        body=known.body,
        complete=known.complete,
    )


def explain_evidence(evidence: Evidence) -> Explanation | None:
    """Say what the texts and heads say; None where they say nothing."""
    head = evidence.received or evidence.sent
    told = _of_sides(evidence)
    if told and told.certainty != Certainty.POSSIBLE:
        return told
    return (_of_body(head, evidence) if head else None) or (_of_token(head) if head else None) or told


def proves(side: Side, claim: Claim, secret: Secret) -> bool:
    """Whether the client's string to sign, under this secret, has the signature that was sent: the secret is right."""
    key = canonical.derive_key(secret, claim.scope)
    return bool(side.to_sign) and canonical.sign_once(key, side.to_sign.strip(b"\n")).matches(claim.signature)


def _of_sides(evidence: Evidence) -> Explanation | None:
    """Compare the two best texts that there are: signed against received, else signed against sent."""
    signed, received = evidence.client, evidence.server
    if not signed.request and not signed.lines and received.request:
        signed = _standing_in(signed, evidence.sent, evidence)
    if received.request or not (signed.request or signed.lines):
        return explain_sides(signed, received)
    received = _standing_in(received, evidence.received, evidence)
    if received.request or not evidence.sent:
        return explain_sides(signed, received)
    sent = _standing_in(UNKNOWN, evidence.sent, evidence)
    same = not sent.request or sent.request == signed.request.strip(b"\n")
    return explain_sides(signed, received if same else sent) if not same or received.lines else None


def _standing_in(side: Side, head: RequestHead | None, evidence: Evidence) -> Side:
    """Compute a side's canonical request of a head, if that has all that is signed."""
    return replace(side, request=canonical_request_of(head, complete=evidence.complete)) if head else side


def canonical_request_of(head: RequestHead, *, complete: bool = True) -> bytes:
    """Compute a head's canonical request, also where a log has redacted its signature; empty where that cannot be."""
    names: tuple[bytes, ...] = ()
    with suppress(S3Error):
        claim = read_claim(head)
        return received_request(claim, head) if complete or all(map(head.all, claim.signed_headers)) else b""
    if match := _SIGNED_HEADERS.search(head.first(b"authorization") or b""):
        names = tuple(name for name in match[1].lower().split(b";") if name)
    if not names or not (complete or all(map(head.all, names))):
        return b""
    payload = (head.first(b"x-amz-content-sha256") or b"UNSIGNED-PAYLOAD").decode("ascii", "replace")
    uri, query = canonical.canonical_uri(head.path), canonical.canonical_query(head.query)
    return canonical.canonical_request(
        head.method, uri, query, canonical.canonical_headers(head, names), names, payload
    )


def _of_body(head: RequestHead, evidence: Evidence) -> Explanation | None:
    return explain_body(head, evidence.body) if evidence.body is not None else None


def _of_token(head: RequestHead) -> Explanation | None:
    match = _CREDENTIAL.search(head.first(b"authorization") or b"")
    named = dict(head.parameters)
    key = match[1] if match else named.get(b"X-Amz-Credential", b"").partition(b"/")[0]
    has_token = bool(head.all(b"x-amz-security-token")) or b"X-Amz-Security-Token" in named
    return tokens.mismatched(key.decode("ascii", "replace"), has_token=has_token)
