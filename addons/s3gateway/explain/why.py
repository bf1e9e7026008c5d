"""Why is this request refused? The whole answer, from a received head and the configuration. Pure, bounded.

:func:`explain` looks at what a refusal looks at, in the same order: mechanism, access key, time, signature. Where the
signature does not fit it searches for what would make it fit, and names that. A wrong secret is what is left when
nothing does: it cannot be proven, so its sentence says what could not be tried.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from s3gateway import errors
from s3gateway.config.model import Client, Config
from s3gateway.explain import clock, draft, fields, hosts, keys, modes, paths, queries
from s3gateway.explain.search import MAX_TRIES, Found, Search
from s3gateway.explain.suspect import QUOTABLE, Suspect, quoted, wire_name
from s3gateway.observed.capture import Explanation
from s3gateway.rules.operations import read_operation
from s3gateway.sigv4.claim import Claim, read_claim
from s3gateway.sigv4.model import RequestHead
from s3gateway.sigv4.verify import check_region, signed_at, verify

VALID = "valid"
"""The cause when there is nothing to explain: the signature fits and the time is right."""

_UNGUESSABLE = (b"user-agent", b"content-type", b"content-length", b"range")
"""Signed headers that proxies are known to rewrite and whose old value may be anything."""

_CREDENTIAL = b"X-Amz-Credential"
_PROXIES = (b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"forwarded", b"x-real-ip")


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
) -> Outcome:
    """Explain why ``head``, as received at ``now``, is refused. Never raises for what a client can send."""
    swapped = _swapped_keys(head, config)
    if swapped:
        return Outcome(swapped)
    try:
        claim = read_claim(head)
        client = config.clients.get(claim.access_key_id)
        if client is None:
            sentence = "no client has the access key id that was sent; add it to `clients`, or correct it in the client"
            return Outcome(Explanation("unknown-access-key", sentence))
        check_region(claim, config.listen.regions, config.region)
        base = draft.received(claim, head, client.keys.secret)
        at = signed_at(claim)
    except errors.S3Error as error:
        return Outcome(Explanation("refused", f"{error.code}: {error.message}"))
    late = clock.wrong(at, now, claim.expires)
    search = Search(claim.signature, max_tries)
    if search.fits(base):
        return Outcome(late or _fitting(claim, head, client, base, now), search.tries)
    found = search.run(
        base, _suspects(base, head, client, config, known_hosts), hosts.every_port(base, config.listen.port)
    )
    told = _found(found, base) if found.culprits else _nothing(found, base, head, client)
    if late:
        told = Explanation(f"{late.cause}+{told.cause}", f"{late.sentence}; and {told.sentence}", *_texts(told))
    return Outcome(told, found.tries, found.complete)


def _suspects(
    base: draft.Draft, head: RequestHead, client: Client, config: Config, known_hosts: tuple[str, ...]
) -> Iterator[Suspect]:
    return chain(
        hosts.suspects(base, head, hosts.names(config, known_hosts)),
        fields.suspects(base, head),
        keys.secrets(base, client, config),
        paths.suspects(base, head),
        queries.suspects(base, head, _operation(head, config)),
        modes.suspects(base),
        keys.scopes(base, config),
        keys.times(base, head),
        fields.with_unsigned_token(base, head),
    )


def _operation(head: RequestHead, config: Config) -> str:
    try:
        return read_operation(head, config.domains).name
    except errors.S3Error:
        return ""


def _found(found: Found, base: draft.Draft) -> Explanation:
    cause = "+".join(dict.fromkeys(culprit.cause for culprit in found.culprits))
    sentence = found.culprits[0].sentence
    if len(found.culprits) > 1:
        sentence = "two things: " + "; and ".join(culprit.sentence for culprit in found.culprits)
    return Explanation(cause, sentence, found.draft.shown(), base.shown())


def _nothing(found: Found, base: draft.Draft, head: RequestHead, client: Client) -> Explanation:
    absent = fields.missing(base, head)
    if absent and (fields.beyond_guessing(absent, head) or not found.complete):
        return Explanation("header-missing", fields.missing_sentence(absent), "", base.shown())
    who = f"client {quoted(client.name)}, key {quoted(client.keys.access_key_id)}"
    if not found.complete:
        sentence = (
            f"unexplained: the search ended at its cap of {found.tries} tries; the secret may be wrong ({who}), or a "
            "proxy in front changed more than one or two things"
        )
        return Explanation("unexplained", sentence, "", base.shown())
    sentence = f"no change of the request makes the signature fit: the secret is most likely wrong ({who})"
    if absent:
        sentence += f"; besides, {fields.absent_words(absent)}, but no usual value makes the signature fit either"
    return Explanation("wrong-secret", sentence + _doubt(base, head), "", base.shown())


def _doubt(base: draft.Draft, head: RequestHead) -> str:
    """What a proxy could have changed beyond guessing, where there are signs of one."""
    if not any(head.all(name) for name in _PROXIES):
        return (
            f"; if it is right, compare the client's endpoint with the Host that arrived, {quoted(base.value(b'host'))}"
        )
    signed = [name for name in _UNGUESSABLE if base.value(name)]
    names = ", ".join(f"{wire_name(n)} {quoted(base.value(n))}" for n in (b"host", *signed) if n in QUOTABLE)
    return (
        "; if it is right, the proxy that this came through changes more than can be guessed: compare what arrived "
        f"with what the client sends, {names}"
    )


def _fitting(claim: Claim, head: RequestHead, client: Client, base: draft.Draft, now: datetime) -> Explanation:
    """The signature fits; it may still have been refused for what it does not cover."""
    try:
        verify(claim, head, client.keys.secret, now)
    except errors.S3Error as error:
        names = "".join(f": {quoted(text)}" for name, text in error.fields if name == "HeadersNotSigned")
        return Explanation("refused", f"the signature fits, but {error.code}: {error.message}{names}")
    return Explanation(VALID, f"the signature fits: client {quoted(client.name)} signed this", *(2 * (base.shown(),)))


def _texts(told: Explanation) -> tuple[str, str]:
    return told.expected, told.received


def _swapped_keys(head: RequestHead, config: Config) -> Explanation | None:
    """A client that has key and secret swapped sends its secret: say so, and not what it sent."""
    sent = [value.partition(b"Credential=")[2] for value in head.all(b"authorization")]
    sent += [value for name, value in head.parameters if name == _CREDENTIAL]
    if any(text.startswith(key.encode() + b"/") for text in sent for key in config.clients):
        return None
    for client in config.clients.values():
        if any(text.startswith(client.keys.secret.reveal() + b"/") for text in sent):
            return Explanation(
                "keys-swapped",
                f"the client sends the secret of client {quoted(client.name)} as its access key id: the two are "
                "swapped; swap them back, and issue a new secret, for this one has been on the wire",
            )
    return None
