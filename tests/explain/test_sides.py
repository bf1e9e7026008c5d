"""Two sides: botocore's own log of what it signed, against what a server computes of what arrived."""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from s3gateway.explain.cause import verdict
from s3gateway.explain.evidence import Evidence, explain_evidence, proves
from s3gateway.explain.sides import Side, explain_sides
from s3gateway.observed.capture import Explanation
from s3gateway.sigv4.claim import read_claim
from s3gateway.sigv4.model import RequestHead, Secret
from tests.explain.clients import Keys, Own, botocore, drops, puts, sets, writes
from tests.sigv4.aws import CLIENT, canonical_query, canonical_request

META = "x-amz-meta-author"
LOGGED = re.compile(r"(?:CanonicalRequest|StringToSign):\n(.*)\Z", re.DOTALL)
Hop = Callable[[RequestHead], RequestHead]


@contextmanager
def botocore_log() -> Iterator[list[str]]:
    """Collect what botocore logs at DEBUG while it signs: the canonical request, then the string to sign."""
    texts: list[str] = []
    logger = logging.getLogger("botocore.auth")
    level, handler = logger.level, logging.Handler()
    handler.emit = lambda record: texts.extend(LOGGED.findall(record.getMessage()))  # type: ignore[method-assign]
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield texts
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def put(*headers: tuple[str, str], target: str = "/bucket/key", keys: Keys | None = None) -> tuple[RequestHead, Side]:
    """Let botocore sign, and give its log with the head."""
    with botocore_log() as texts:
        head = botocore(keys or Keys(), "PUT", target, headers, payload="UNSIGNED-PAYLOAD")
    return head, Side(*(text.encode("utf-8", "surrogateescape") for text in texts))


def server(head: RequestHead) -> Side:
    """What a server writes into its error document: from AWS's text, by the tests' own checker."""
    claim = read_claim(head)
    names, payload = sorted(claim.signed_headers), head.first(b"x-amz-content-sha256") or b""
    request = canonical_request(head.method, head.path, canonical_query(head.query), head.headers, names, payload)
    time = (head.first(b"x-amz-date") or b"").decode()
    return Side(request, f"AWS4-HMAC-SHA256\n{time}\n{claim.scope}\n{sha256(request).hexdigest()}".encode())


def told(explanation: Explanation | None) -> Explanation:
    assert explanation is not None
    return explanation


CASES: list[tuple[str, str, dict[str, Any], Hop, str]] = [
    ("host-port", "header host", {}, lambda h: sets(h, "Host", "gateway.example"), "drops the port"),
    ("host-rewritten", "header host", {}, lambda h: sets(h, "Host", "x.invalid:81"), "the server saw `x.invalid:81`"),
    ("path-slashes-merged", "path", {"target": "/bucket/a//b"}, lambda h: writes(h, "//", "/"), "merge_slashes off"),
    ("path-changed", "path", {}, lambda h: writes(h, "key", "other/place"), "`/bucket/other/place`"),
    ("query-changed", "query", {"target": "/b?prefix=a"}, lambda h: writes(h, "=a", "=zz"), "`prefix=zz`"),
    ("host-port", "header host", {}, lambda h: sets(h, "Host", "gateway.example:7"), "its own port into Host"),
    ("path-prefix-stripped", "path", {"target": "/x9/b/k"}, lambda h: writes(h, "/x9", ""), "strips a prefix"),
    ("path-prefix-added", "path", {}, lambda h: writes(h, "/bucket", "/a/b/c/bucket"), "puts a prefix before"),
    ("query-parameter-removed", "query", {"target": "/b?x=1&y=2"}, lambda h: writes(h, "&y=2", ""), "arrive (`y`)"),
    ("query-parameter-added", "query", {"target": "/b?x=1"}, lambda h: writes(h, "x=1", "x=1&y=2&z=3"), "(`y`, `z`)"),
    ("method-changed", "method", {}, lambda h: replace(h, method=b"POST"), "wire says `POST`"),
    ("payload-hash", "payload", {}, lambda h: sets(h, "x-amz-content-sha256", "a" * 64), "x-amz-content-sha256"),
]
HEADERS: list[tuple[str, tuple[str, str], Hop, str]] = [
    ("header-missing", ("Range", "bytes=0-9"), lambda h: drops(h, "Range"), "Range is signed and did not arrive"),
    ("charset", (META, "caf\u00e9"), lambda h: puts(h, META, b"caf\xe9"), "in UTF-8 and sent in ISO-8859-1"),
    ("charset-lost", (META, "caf\u00e9"), lambda h: puts(h, META, b"caf?"), "sent with `?`"),
    ("header-changed", (META, "one"), lambda h: sets(h, META, "all else"), "with another value than the server saw"),
    ("header-one-byte", (META, "a_b"), lambda h: sets(h, META, "a-b"), "one character of it"),
    (
        "header-changed",
        ("User-Agent", "a/1"),
        lambda h: sets(h, "User-Agent", "hop/2"),
        "`a/1`, the server saw `hop/2`",
    ),
]


def check(signed: Side, arrived: RequestHead, cause: str, words: str) -> Explanation:
    """Explain by both texts; then with the server's alone missing, from the head that arrived."""
    why = told(explain_evidence(Evidence(client=signed, server=server(arrived))))
    assert (why.cause, words in why.sentence) == (cause, True), why.sentence
    assert why.certainty in {"certain", "likely"}
    assert told(explain_evidence(Evidence(client=signed, received=arrived))).cause == cause
    return why


@pytest.mark.parametrize(
    ("cause", "part", "made", "hop", "words"), CASES, ids=[f"{i} {case[0]}" for i, case in enumerate(CASES)]
)
def test_the_differing_line_is_the_cause(cause: str, part: str, made: dict[str, Any], hop: Hop, words: str) -> None:
    """The client's log beside the server's error document, without a secret: the line, and who does such a thing."""
    head, signed = put(**made)
    why = check(signed, hop(head), cause, words)
    assert part in {difference.part for difference in verdict(why).evidence}
    sent_alone = told(explain_evidence(Evidence(sent=head, server=server(hop(head)))))
    assert sent_alone.cause == cause


@pytest.mark.parametrize(("cause", "header", "hop", "words"), HEADERS, ids=[f"{h[0]} {h[1][0]}" for h in HEADERS])
def test_the_differing_header_is_the_cause(cause: str, header: tuple[str, str], hop: Hop, words: str) -> None:
    """Both values stand in the evidence, each with what differs marked."""
    head, signed = put(header)
    (only,) = verdict(check(signed, hop(head), cause, words)).evidence
    assert only.part == f"header {header[0].lower()}"
    assert only.signed.startswith(header[0].lower() + ":")
    assert only.signed_spans or not only.received


def test_each_line_that_differs_is_named() -> None:
    """Three things at once, which no search would find."""
    head, signed = put((META, "one"), ("User-Agent", "app/1"), target="/s3/bucket/a//b")
    arrived = writes(sets(sets(head, "Host", "gateway.example"), META, "two"), "/s3/bucket/a//b", "/bucket/a//b")
    why = told(explain_sides(signed, server(arrived)))
    assert set(why.cause.split("+")) == {"host-port", "path-prefix-stripped", "header-changed"}
    assert why.sentence.startswith("3 things: ")
    assert [one.part for one in verdict(why).evidence] == ["path", "header host", f"header {META}"]


def test_the_same_text_leaves_the_secret() -> None:
    """Nothing differs but the signature."""
    head, signed = put(keys=Keys(secret="another"))
    why = told(explain_sides(signed, server(head)))
    assert (why.cause, why.certainty) == ("wrong-secret", "likely")
    assert not proves(signed, read_claim(head), Secret(CLIENT.secret))
    assert proves(signed, read_claim(head), Secret("another"))


def test_scope_and_time() -> None:
    """They differ in the string to sign, and stand in the evidence."""
    head, signed = put()
    for old, new, cause, part in (
        ("us-east-1", "eu-west-1", "scope-region", "scope"),
        ("Z\n", "Z1\n", "timestamp", "time"),
    ):
        text = server(head)
        changed = replace(text, to_sign=text.to_sign.replace(old.encode(), new.encode(), 1))
        why = told(explain_sides(signed, changed))
        assert (why.cause, why.certainty) == (cause, "certain")
        assert [one.part for one in verdict(why).evidence] == [part]


def test_texts_that_read_the_same_and_hash_otherwise() -> None:
    """A log that has lost a byte is not taken for the truth."""
    head, signed = put()
    other = replace(signed, to_sign=signed.to_sign[:-1] + (b"0" if signed.to_sign[-1:] != b"0" else b"1"))
    why = told(explain_sides(other, server(head)))
    assert (why.cause, why.certainty) == ("charset", "possible")
    alone = told(explain_sides(Side(to_sign=other.to_sign), Side(to_sign=server(head).to_sign)))
    assert alone.cause == "canonical-request-differs"


def test_a_hash_is_enough() -> None:
    """A log that has the string to sign alone: its hash proves a known cause, and nothing is said of an unknown one."""
    head, signed = put((META, "caf\u00e9"))
    hash_only = Side(to_sign=signed.to_sign)
    for arrived, cause in (
        (sets(head, "Host", "gateway.example"), "host-port"),
        (puts(head, META, b"caf\xe9"), "charset"),
    ):
        for evidence in (
            Evidence(client=hash_only, received=arrived),
            Evidence(client=hash_only, server=server(arrived)),
        ):
            why = told(explain_evidence(evidence))
            assert (why.cause, why.certainty) == (cause, "certain")
            assert why.expected != why.received
    assert explain_evidence(Evidence(client=hash_only, received=sets(head, META, "all else"))) is None


def test_one_side_alone_blames_nobody() -> None:
    """A client's log that agrees with what it sends says nothing of the server, nor do two halves of the same text."""
    head, signed = put()
    assert explain_evidence(Evidence(sent=head, client=signed)) is None
    assert explain_evidence(Evidence(sent=head)) is None
    assert explain_evidence(Evidence(client=signed)) is None
    assert explain_evidence(Evidence(server=server(head))) is None


def test_a_client_that_sends_other_than_it_signs() -> None:
    """Its own log shows it: no server is needed."""
    head, signed = put((META, "caf\u00e9"))
    why = told(explain_evidence(Evidence(sent=puts(head, META, b"caf\xe9"), client=signed)))
    assert (why.cause, why.certainty) == ("charset", "certain")


def test_a_log_that_lacks_headers_proves_no_absence() -> None:
    """Where a head may be incomplete, a missing header is not called missing."""
    head, signed = put(("Range", "bytes=0-9"))
    assert explain_evidence(Evidence(received=drops(head, "Range"), client=signed, complete=False)) is None


def test_a_redacted_signature_is_no_hindrance() -> None:
    """The canonical request can be computed all the same."""
    head, signed = put()
    arrived = sets(head, "Host", "gateway.example")
    value = re.sub(rb"Signature=.*", b"Signature=<redacted>", arrived.first(b"authorization") or b"")
    why = told(explain_evidence(Evidence(received=puts(arrived, "Authorization", value), client=signed)))
    assert why.cause == "host-port"


def test_no_secret_in_what_is_shown() -> None:
    """SSE-C keys and session tokens are hidden in the texts and in the sentence."""
    key, token = "Y3VzdG9tZXIta2V5LW9mLXRoaXJ0eS10d28tYnl0ZXM=", "t0k3n-of-the-client"
    headers = (("x-amz-server-side-encryption-customer-key", key), ("x-amz-security-token", token))
    head, signed = put(*headers)
    arrived = sets(sets(head, headers[0][0], key[1:]), headers[1][0], token[1:])
    why = told(explain_sides(signed, server(arrived)))
    shown = repr(why) + repr(verdict(why)) + repr(Evidence(sent=head, client=signed))
    assert [secret for secret in (key[1:], token[1:], CLIENT.secret) if secret in shown] == []


@pytest.mark.parametrize("hidden", ["<redacted>", "**REDACTED**", "*****", "IQoJb3JpZ2lu..."])
def test_a_value_that_a_text_hides_is_no_difference(hidden: str) -> None:
    """Logs and error documents leave out tokens and keys; the line that really differs is told all the same."""
    head, signed = put(("x-amz-security-token", "IQoJb3JpZ2luX2VjEJr"), target="/bucket/key?token=abc")
    arrived = server(sets(head, "Host", "gateway.example"))
    text = arrived.request.replace(b"IQoJb3JpZ2luX2VjEJr", hidden.encode())
    text = text.replace(b"token=abc", b"token=" + hidden.encode())
    assert told(explain_sides(signed, Side(text))).cause == "host-port"
    same = server(head).request.replace(b"IQoJb3JpZ2luX2VjEJr", hidden.encode())
    assert told(explain_sides(signed, Side(same, server(head).to_sign))).cause == "wrong-secret"


def test_a_signer_that_names_other_headers_than_it_signs() -> None:
    """SignedHeaders in another order, or with other names."""
    head = Own("PUT", headers=((META, "a"),)).head(Keys())
    sides = server(head)
    fewer = Side(sides.request.replace(f"{META}:a\n".encode(), b"").replace(b";" + META.encode(), b""))
    why = told(explain_sides(fewer, Side(sides.request)))
    assert set(why.cause.split("+")) == {"header-added", "signed-headers-differ"}
