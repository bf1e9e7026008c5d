"""Why is this request refused? The whole answer, from a received head and the configuration. Pure, bounded.

:func:`explain` looks at what a refusal looks at, in the same order: mechanism, access key, time, signature. Where the
signature does not fit it searches for what would make it fit, and names that. A wrong secret is what is left when
nothing does: it cannot be proven, so its sentence says what could not be tried.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain

from s3gateway import errors, session_client
from s3gateway.config.model import Client, Config
from s3gateway.explain import clock, draft, fields, hosts, keys, modes, paths, queries, tokens, undecided, values
from s3gateway.explain.cause import Certainty
from s3gateway.explain.search import MAX_TRIES, Found, Search
from s3gateway.explain.suspect import Suspect, Sweep, quoted
from s3gateway.observed.capture import Explanation
from s3gateway.rules.operations import read_operation
from s3gateway.sigv4.claim import Claim, read_claim
from s3gateway.sigv4.model import RequestHead
from s3gateway.sigv4.verify import check_region, signed_at, verify

VALID = "valid"
"""The cause when there is nothing to explain: the signature fits and the time is right."""

_CREDENTIAL = b"X-Amz-Credential"
CERTAIN, LIKELY = Certainty.CERTAIN.value, Certainty.LIKELY.value


@dataclass(frozen=True, slots=True)
class Outcome:
    """The explanation, how many HMACs it took, and whether all was tried that there is to try."""

    explanation: Explanation
    tries: int = 0
    complete: bool = True


def explain(
    head: RequestHead,
    config: Config,
    now: datetime,
    known_hosts: tuple[str, ...] = (),
    max_tries: int = MAX_TRIES,
    *,
    secret_proven: bool = False,
) -> Outcome:
    """Explain why ``head``, as received at ``now``, is refused. Never raises for what a client can send.

    ``secret_proven`` says that other requests of the same access key hold: the secret is none of the causes then.
    """
    swapped = _swapped_keys(head, config) or tokens.of_sts(head, served=config.sts is not None)
    if swapped:
        return Outcome(swapped)
    try:
        claim = read_claim(head)
        client = config.clients.get(claim.access_key_id)
        if client is None:
            unknown = tokens.unknown(claim, has_sessions=config.sts is not None)
            if unknown:
                return Outcome(unknown)
            client = session_client.find(claim, config, now)
        check_region(claim, config.listen.regions, config.region)
        at = signed_at(claim)
    except errors.S3Error as error:
        return Outcome(Explanation(_refused(error), f"{error.code}: {error.message}", certainty=CERTAIN))
    case = _Case(claim, head, config, now, at, known_hosts, max_tries, secret_proven)
    first: Outcome | None = None
    for one in _by_secret(client, now):
        outcome = _explained(case, one)
        if not outcome.explanation.cause.endswith(undecided.CAUSES):
            return outcome
        first = first or outcome
    return first or Outcome(tokens.unknown_key(claim))


@dataclass(frozen=True, slots=True)
class _Case:
    """A request that claims to be signed ``at`` a time, and what there is to explain it with."""

    claim: Claim
    head: RequestHead
    config: Config
    now: datetime
    at: datetime
    known_hosts: tuple[str, ...]
    max_tries: int
    secret_proven: bool


def _by_secret(client: Client, now: datetime) -> Iterator[Client]:
    """Give the client with each of its secrets that count, or with the first one if none does."""
    counting = [dated.secret for dated in client.secrets if dated.term.holds(now)]
    for secret in counting or [client.keys.secret]:
        yield replace(client, keys=replace(client.keys, secret=secret))


def _explained(case: _Case, client: Client) -> Outcome:
    """Explain it for one secret."""
    claim, head = case.claim, case.head
    base = draft.received(claim, head, client.keys.secret)
    late = clock.wrong(case.at, case.now, claim.expires)
    search = Search(claim.signature, case.max_tries)
    wide = draft.folded_wide(base, head)
    fitting = base if search.fits(base) else wide if wide and search.fits(wide) else None
    if fitting:
        return Outcome(late or _fitting(claim, head, client, fitting, case.now), search.tries)
    found = search.run(base, _suspects(base, client, case), _sweeps(base, case.config))
    if found.culprits:
        told = _found(found, base)
    else:
        told = undecided.nothing(found, base, head, client, secret_proven=case.secret_proven)
    if late:
        told = replace(told, cause=f"{late.cause}+{told.cause}", sentence=f"{late.sentence}; and {told.sentence}")
    return Outcome(told, found.tries, found.complete)


def _refused(error: errors.S3Error) -> str:
    """Name what is refused before any signature is looked at, where it has a name."""
    if any(name == "Region" for name, _ in error.fields):
        return "region"
    return "signature-version" if "authorization mechanism" in error.message else "refused"


def _suspects(base: draft.Draft, client: Client, case: _Case) -> Iterator[Suspect]:
    head, config = case.head, case.config
    return chain(
        hosts.suspects(base, head, hosts.names(config, case.known_hosts)),
        fields.suspects(base, head),
        keys.secrets(base, client, config, case.now),
        paths.suspects(base, head),
        queries.suspects(base, head, _operation(head, config)),
        modes.suspects(base),
        keys.scopes(base, config),
        keys.times(base, head),
        fields.with_unsigned_token(base, head),
        values.suspects(base, head),
        values.of_path(head),
        values.of_query(head),
    )


def _sweeps(base: draft.Draft, config: Config) -> Iterator[Sweep]:
    return chain(values.sweeps(base), hosts.every_port(base, config.listen.port))


def _operation(head: RequestHead, config: Config) -> str:
    try:
        return read_operation(head, config.domains).name
    except errors.S3Error:
        return ""


def _found(found: Found, base: draft.Draft) -> Explanation:
    """A signature that fits proves what was signed; who changed it is as sure as there is one cause alone."""
    cause = "+".join(dict.fromkeys(culprit.cause for culprit in found.culprits))
    sentence = found.culprits[0].sentence
    if len(found.culprits) > 1:
        sentence = "two things: " + "; and ".join(culprit.sentence for culprit in found.culprits)
    return Explanation(
        cause,
        sentence,
        found.draft.shown(),
        base.shown(),
        certainty=LIKELY if found.others or len(found.culprits) > 1 else CERTAIN,
        others=tuple((other.cause, other.sentence) for other in found.others),
        lines=tuple(_outside(found.draft, base)),
    )


def _outside(signed: draft.Draft, base: draft.Draft) -> Iterator[tuple[str, str, str]]:
    """What differs in the string to sign, and in what the key is derived for."""
    if signed.timestamp != base.timestamp:
        yield "time", signed.timestamp, base.timestamp
    if signed.scope != base.scope:
        yield "scope", str(signed.scope), str(base.scope)
    elif signed.key_scope != base.key_scope:
        yield "scope of the signing key", str(signed.key_scope), str(base.key_scope)


def _fitting(claim: Claim, head: RequestHead, client: Client, base: draft.Draft, now: datetime) -> Explanation:
    """The signature fits; it may still have been refused for what it does not cover."""
    try:
        verify(claim, head, client.keys.secret, now)
    except errors.S3Error as error:
        unsigned = [text for name, text in error.fields if name == "HeadersNotSigned"]
        sentence = f"the signature fits, but {error.code}: {error.message}"
        if not unsigned:
            return Explanation("refused", sentence, certainty=CERTAIN)
        sentence += (
            f": {quoted(unsigned[0])}; whoever adds it, a proxy (CloudFront adds x-amz-cf-id) or the client, does "
        )
        sentence += "so after signing: sign it, or let it not be added"
        return Explanation("x-amz-header-unsigned", sentence, certainty=CERTAIN)
    sentence = f"the signature fits: client {quoted(client.name)} signed this"
    return Explanation(VALID, sentence, base.shown(), base.shown(), certainty=CERTAIN)


def _swapped_keys(head: RequestHead, config: Config) -> Explanation | None:
    """A client that has key and secret swapped sends its secret: say so, and not what it sent."""
    sent = [value.partition(b"Credential=")[2] for value in head.all(b"authorization")]
    sent += [value for name, value in head.parameters if name == _CREDENTIAL]
    if any(text.startswith(key.encode() + b"/") for text in sent for key in config.clients):
        return None
    for client in config.clients.values():
        if any(text.startswith(secret + b"/") for text in sent for secret in client.all_secrets):
            return Explanation(
                "keys-swapped",
                f"the client sends the secret of client {quoted(client.name)} as its access key id: the two are "
                "swapped; swap them back, and issue a new secret, for this one has been on the wire",
                certainty=CERTAIN,
            )
    return None
