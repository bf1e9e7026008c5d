"""A request -> its explanation: stored, found with the configuration's secrets, or read off the backend's refusal.

Pure: whatever read the request, a file or a flow, gives it as :class:`~s3gateway.reading.model.Found`.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from s3gateway import errors
from s3gateway.config.model import Client, Config, KeyPair
from s3gateway.explain import why
from s3gateway.explain.backend import explain_backend, explain_head, read_refusal
from s3gateway.explain.cause import Certainty
from s3gateway.explain.evidence import evidence_of, explain_evidence, proves
from s3gateway.identity.keys import DatedSecret, proven_by
from s3gateway.observed.capture import Explanation, Head
from s3gateway.reading.model import Found
from s3gateway.rules.access import Access
from s3gateway.session_client import find
from s3gateway.sigv4.chunk_signatures import ChunkChain
from s3gateway.sigv4.claim import read_claim
from s3gateway.sigv4.model import PayloadMode, RequestHead, Signature
from s3gateway.sigv4.verify import Verified, signed_at, verify

if TYPE_CHECKING:
    from s3gateway.bodies.verified import BadSignature

_GATEWAY = "the gateway itself"
_OF_SIGNATURES = frozenset(
    ("", "SignatureDoesNotMatch", "XAmzContentSHA256Mismatch", "InvalidAccessKeyId", "InvalidToken", "InvalidTokenId")
)
"""Codes of refusals that a request's own texts, body or token may explain."""

_CLIENTS_WORDS = (
    ("the backend", "the server"),
    ("`backend.credentials`", "the client's credentials"),
    ("`backend.region`", "the client's region"),
    ("`backend.endpoint`", "the client's endpoint"),
)
_SIGNED_CHUNKS = (PayloadMode.STREAMING, PayloadMode.STREAMING_TRAILER)


@dataclass(frozen=True, slots=True)
class Judgement:
    """``explained`` is False where the sentence only says what is missing to explain it."""

    explanation: Explanation
    explained: bool = True


class Judge:
    """Explains requests with one configuration, or with none."""

    def __init__(self, config: Config | None, known_hosts: tuple[str, ...], at: datetime | None) -> None:
        self._config = _with_backend_key(config) if config else None
        self._known = (*known_hosts, *_certificate_names(config)) if config else known_hosts
        self._at = at

    def judge(self, case: Found) -> Judgement:
        """Explain as much as the file and the configuration allow."""
        if case.exchange.explanation:
            return Judgement(case.exchange.explanation)
        seen = explain_evidence(evidence_of(case)) if case.error_code in _OF_SIGNATURES else None
        if seen and seen.certainty != Certainty.POSSIBLE:
            return Judgement(seen)
        refused = self._by_backend(case) or _by_itself(case)
        if refused and self._is_own(case):
            if refused.cause != "backend-secret":
                return Judgement(refused)
        elif refused and case.exchange.outgoing is None:
            refused = _of_a_client(refused)
        found = self._by_signature(case)
        if refused and found and found.cause == "unknown-access-key":
            return Judgement(refused)
        if found and found.cause != why.VALID:
            return Judgement(found, explained=found.cause not in {"unexplained", "unknown-access-key"})
        told = seen or refused or found
        return Judgement(told) if told else _unexplained(case, configured=self._config is not None)

    def _is_own(self, case: Found) -> bool:
        """Whether the gateway itself signed this: it was captured behind it, and a backend refused it."""
        if case.raw is None or self._config is None:
            return False
        with suppress(errors.S3Error):
            client = self._config.clients.get(read_claim(case.raw).access_key_id)
            return client is not None and client.name == _GATEWAY
        return False

    def _by_signature(self, case: Found) -> Explanation | None:
        if case.raw is None or not case.has_signature or self._config is None:
            return None
        now = self._at or case.at or _own_time(case.raw)
        proven = self._secret_proven(case, case.raw, self._config)
        found = why.explain(case.raw, self._config, now, self._known, secret_proven=proven).explanation
        bad = self._bad_chunk(case, now) if found.cause == why.VALID else None
        if bad is None:
            return found
        from s3gateway.explain.chain import explain_chunk  # noqa: PLC0415 - as below

        return explain_chunk(*bad)

    @staticmethod
    def _secret_proven(case: Found, head: RequestHead, config: Config) -> bool:
        """Whether the client's own text, which its log has, gives the signature that it sent with this secret."""
        with suppress(errors.S3Error):
            claim = read_claim(head)
            client = config.clients.get(claim.access_key_id)
            return client is not None and proves(evidence_of(case).client, claim, client.keys.secret)
        return False

    def _bad_chunk(self, case: Found, now: datetime) -> "tuple[BadSignature, Verified] | None":
        """Verify a body that the file has, if it is in signed chunks."""
        if case.raw is None or self._config is None or not case.body:
            return None
        claim = read_claim(case.raw)
        raw, client = case.raw, self._config.clients.get(claim.access_key_id) or find(claim, self._config, now)
        secrets = client.secrets or (DatedSecret(client.keys.secret),)
        _, verified = proven_by(claim.access_key_id, secrets, now, lambda secret: verify(claim, raw, secret, now))
        if verified.payload.mode not in _SIGNED_CHUNKS:
            return None
        chains = (_chain(verified), _chain(verified))
        from s3gateway.bodies.announced import read_announced  # noqa: PLC0415 - as below
        from s3gateway.bodies.chunked import chunked_body  # noqa: PLC0415 - its checksums take a tenth of a second to load

        try:
            announced = read_announced(verified.payload.mode, case.raw)
            body = chunked_body(verified.payload.mode, chains, announced, self._config.limits)
        except errors.S3Error:
            return None
        try:
            body.feed(case.body)
            body.finish()
        except errors.S3Error:
            return (body.bad_signature, verified) if body.bad_signature else None
        return None

    @staticmethod
    def _by_backend(case: Found) -> Explanation | None:
        """The gateway's own capture has both sides and says when it was the gateway that refused."""
        exchange = case.exchange
        if exchange.response is None or exchange.verdict == "refused":
            return None
        refusal = read_refusal(exchange.response, case.answer.decode("utf-8", "replace"))
        sent = exchange.outgoing or (exchange.incoming if case.complete else _bare(exchange.incoming))
        if refusal is None:
            return None
        if exchange.backend_error and not refusal.code:
            refusal = replace(refusal, code=exchange.backend_error)
        return explain_backend(sent, refusal, tls=True if exchange.outgoing else exchange.tls)


def _by_itself(case: Found) -> Explanation | None:
    """A head of which no more is known may still contradict itself."""
    exchange = case.exchange
    if exchange.response is not None or exchange.verdict == "refused" or not case.complete:
        return None
    return explain_head(exchange.outgoing or exchange.incoming, tls=True if exchange.outgoing else exchange.tls)


def _bare(head: Head) -> Head:
    """Of a head that may lack fields that were sent, what it does not hold says nothing: take its signature away."""
    headers = tuple(pair for pair in head.headers if pair[0].lower() != "authorization")
    return Head(head.method, head.target.partition("?")[0], headers)


def _of_a_client(refused: Explanation) -> Explanation | None:
    """A refusal in the words of somebody who asks a server himself, with no gateway of ours between."""
    if refused.cause == "backend-secret":
        return None  # that no more is known is no cause
    cause = refused.cause.removeprefix("backend-")
    sentence = refused.sentence
    for ours, theirs in _CLIENTS_WORDS:
        sentence = sentence.replace(ours, theirs)
    return replace(refused, cause="unknown-access-key" if cause == "access-key" else cause, sentence=sentence)


def _chain(verified: Verified) -> ChunkChain:
    return ChunkChain(verified.signing_key, verified.scope, verified.timestamp, Signature(verified.seed.hex))


def _own_time(head: RequestHead) -> datetime:
    """A text file has no clock, so the request's own counts."""
    try:
        return signed_at(read_claim(head))
    except errors.S3Error:
        return datetime.now(UTC)


def _unexplained(case: Found, *, configured: bool) -> Judgement:
    exchange = case.exchange
    if exchange.verdict == "refused" and exchange.code not in {"SignatureDoesNotMatch", "RequestTimeTooSkewed"}:
        return Judgement(Explanation("refused", f"the gateway answered {exchange.code}: {exchange.message}"))
    if exchange.verdict != "refused" and exchange.outgoing is not None:
        lacks = "nothing is known about such an answer"  # of the backend, to a request that was signed well
    elif case.format in {"capture", "flows"} and case.raw is None:
        lacks = (
            "its signature is redacted and no explanation is stored; let the gateway explain it (`log.explain: true`)"
        )
    elif case.raw is None:
        lacks = "; ".join(case.missing) or "the input has no head of it"
    elif not configured:
        lacks = (
            "give --config with the gateway's configuration, whose secrets it takes to look further, or the client's "
            "debug log and the server's error document together"
        )
    else:
        lacks = "nothing is known about such an answer"
    return Judgement(Explanation("unexplained", f"not explained: {lacks}"), explained=False)


def _with_backend_key(config: Config) -> Config:
    """Take the gateway's own key for a client's: a capture behind the gateway is signed with it."""
    keys = config.credentials
    if not isinstance(keys, KeyPair) or keys.access_key_id in config.clients:
        return config
    own = Client(_GATEWAY, keys, Access((), (), (), read_only=False, list_buckets=False))
    listen = replace(config.listen, regions=(*config.listen.regions, config.backend.region))
    return replace(config, clients={**config.clients, keys.access_key_id: own}, listen=listen)


def _certificate_names(config: Config) -> tuple[str, ...]:
    if config.listen.certificate is None:
        return ()
    from s3gateway.explain.certificate import names_in  # noqa: PLC0415 - it takes as long as all the rest to load

    try:
        return names_in(config.listen.certificate.read_bytes())
    except OSError:
        return ()
