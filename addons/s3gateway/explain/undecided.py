"""What is said when nothing that was tried makes the signature fit: what it can be then, and what was not tried.

One request alone cannot tell a wrong secret from a change that nobody would guess, so neither is called sure.
"""

from collections.abc import Iterator

from s3gateway.config.model import Client
from s3gateway.explain import fields
from s3gateway.explain.cause import Certainty
from s3gateway.explain.draft import Draft
from s3gateway.explain.search import Found
from s3gateway.explain.suspect import QUOTABLE, TRACED, TRACING, quoted, wire_name
from s3gateway.observed.capture import Explanation
from s3gateway.sigv4.model import RequestHead

WRONG_SECRET, BEYOND, UNEXPLAINED = "wrong-secret", "changed-beyond-guessing", "unexplained"

CAUSES = (WRONG_SECRET, BEYOND, UNEXPLAINED)
"""What is said where nothing was found."""

_TRACED = "tracing-header-signed"
_UNGUESSABLE = (b"user-agent", b"content-type", b"content-length", b"range")
"""Signed headers that proxies are known to rewrite and whose old value may be anything."""

_PROXIES = (b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"forwarded", b"x-real-ip")
_OWN = frozenset((b"host", b"x-amz-date", b"x-amz-content-sha256"))


def nothing(found: Found, base: Draft, head: RequestHead, client: Client, *, secret_proven: bool) -> Explanation:
    """Say what is left after a search that found nothing."""
    received = base.shown()
    who = f"client {quoted(client.name)}, key {quoted(client.keys.access_key_id)}"
    secret = () if secret_proven else ((WRONG_SECRET, f"the secret is wrong ({who})"),)
    changes = tuple(_changes(base, head))
    absent = fields.missing(base, head)
    if absent and (fields.beyond_guessing(absent, head) or not found.complete):
        sentence = fields.missing_sentence(absent)
        sure = Certainty.CERTAIN if secret_proven else Certainty.LIKELY
        return Explanation("header-missing", sentence, "", received, sure.value, (*secret, *changes))
    if not found.complete:
        sentence = (
            f"unexplained: the search ended at its cap of {found.tries} tries; the secret may be wrong ({who}), or a "
            "proxy in front changed more than one or two things"
        )
        return Explanation(UNEXPLAINED, sentence, "", received, Certainty.POSSIBLE.value, (*secret, *changes))
    if secret_proven:
        sentence = "the secret is right, as other requests with it hold, and no known change makes the signature fit"
        return Explanation(BEYOND, sentence + _doubt(base, head), "", received, Certainty.LIKELY.value, changes)
    traced = [name for name in base.signed_headers if name in TRACING and head.all(name)]
    if traced:
        names = " and ".join(wire_name(name) for name in traced)
        sentence = f"nothing that was tried makes the signature fit, and {names} is signed: {TRACED}"
        return Explanation(_TRACED, sentence, "", received, Certainty.POSSIBLE.value, (*secret, *changes))
    sentence = f"nothing that was tried makes the signature fit: the secret is usually wrong then ({who})"
    if absent:
        sentence += f"; besides, {fields.absent_words(absent)}, but no usual value makes the signature fit either"
    others = ((BEYOND, "a proxy in front changed more than one or two things at once"), *changes)
    if absent:
        others = (("header-missing", f"{fields.absent_words(absent)}, and something else changed as well"), *others)
    return Explanation(WRONG_SECRET, sentence + _doubt(base, head), "", received, Certainty.POSSIBLE.value, others)


def _doubt(base: Draft, head: RequestHead) -> str:
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


def _changes(base: Draft, head: RequestHead) -> Iterator[tuple[str, str]]:
    """Everything signed whose old value may be one that was not tried."""
    host = quoted(base.value(b"host"))
    yield "host-rewritten", f"Host was another name than any that was tried when it was signed; {host} arrived"
    free = [name for name in base.signed_headers if name not in _OWN and head.all(name)]
    if free:
        names = ", ".join(wire_name(name) for name in free)
        yield "header-changed", f"a signed header changed beyond guessing: {names}"
    yield "path-changed", f"the path was another one when it was signed; {quoted(head.path)} arrived"
    arrived = "the query had other parameters or values" if head.query else "there was a query, which did not arrive,"
    yield "query-changed", f"{arrived} when it was signed"
    if head.all(b"x-amz-content-sha256"):
        yield "payload-hash", "x-amz-content-sha256 was written anew, for another body than the one that was signed"
