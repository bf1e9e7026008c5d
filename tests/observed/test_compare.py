"""The comparer: every difference is told, none is told that is not there, and what is meant is told apart."""

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gateway.observed.capture import Exchange, Head, Pairs
from s3gateway.observed.compare import Comparison, Fate, Row, compare, compare_exchange
from s3gateway.observed.contradictions import Kind

NAMES = st.sampled_from(
    ("Host", "host", "X-Amz-Meta-A", "x-amz-meta-a", "Range", "amz-sdk-retry", "Connection", "Expect")
)
ANY_NAME = NAMES | st.text(string.ascii_letters + "-", min_size=1, max_size=3)
VALUES = st.sampled_from(("", "1", "2", "close")) | st.binary(max_size=3).map(
    lambda raw: raw.decode("utf-8", "surrogateescape")
)
PAIRS = st.lists(st.tuples(ANY_NAME, VALUES), max_size=12).map(tuple)
MEANT = {"connection", "expect", "host", "te"}
PLAIN = PAIRS.map(lambda pairs: tuple(pair for pair in pairs if pair[0].lower() not in MEANT))


def head(headers: Pairs = (), target: str = "/b/k", method: str = "PUT", signed: str = "") -> Head:
    return Head(method, target, headers, tuple(filter(None, signed.split(";"))))


def rows(comparison: Comparison) -> dict[str, Row]:
    return {row.name: row for row in comparison.rows}


def applied(comparison: Comparison, incoming: Pairs) -> Pairs:
    """The outgoing headers from the incoming ones and from the rows that tell of a difference."""
    told = {row.name: row for row in comparison.rows if row.fate is not Fate.KEPT or row.moved or row.recased}
    placed = {one.place: (one.name, one.value) for row in told.values() for one in row.after}
    kept = iter([pair for pair in incoming if pair[0].lower() not in told])
    length = len(placed) + sum(pair[0].lower() not in told for pair in incoming)
    return tuple(placed[place] if place in placed else next(kept) for place in range(length))


@given(PAIRS, PAIRS)
def test_differences_applied_to_incoming_give_outgoing(incoming: Pairs, outgoing: Pairs) -> None:
    """Order, case, number and values: nothing differs that no row tells."""
    assert applied(compare(head(incoming), head(outgoing)), incoming) == outgoing


@given(PAIRS, st.randoms())
def test_any_order_is_told(incoming: Pairs, dice: random.Random) -> None:
    """The same fields in another order: told so exactly that the order can be had again."""
    shuffled = list(incoming)
    dice.shuffle(shuffled)
    assert applied(compare(head(incoming), head(tuple(shuffled))), incoming) == tuple(shuffled)


@given(PAIRS)
def test_nothing_is_told_of_equal_heads(headers: Pairs) -> None:
    """No difference is made up."""
    comparison = compare(head(headers), head(headers))
    assert {row.fate for row in comparison.rows} <= {Fate.KEPT}
    assert not any(row.moved or row.recased or row.reason for row in comparison.rows)
    assert comparison.survived
    assert comparison.line.fate is Fate.KEPT


@given(PLAIN, PLAIN)
def test_survival_is_exact(incoming: Pairs, outgoing: Pairs) -> None:
    """Of headers that no gateway has to touch, exactly those are lost whose list of values differs."""

    def values(headers: Pairs, name: str) -> list[str]:
        return [value for other, value in headers if other.lower() == name]

    differ = {name.lower() for name, _ in incoming if values(incoming, name.lower()) != values(outgoing, name.lower())}
    comparison = compare(head(incoming), head(outgoing))
    assert {row.name for row in comparison.lost} == differ
    assert comparison.survived == (not differ)


def test_each_fate() -> None:
    """One header for each."""
    before = (
        ("Range", "a"),
        ("If-Match", "a"),
        ("ETag", "1"),
        ("x-amz-meta-a", "1"),
        ("Cookie", "a"),
        ("Cookie", "b"),
        ("Accept", "*"),
    )
    after = (
        ("If-Match", "b"),
        ("ETag", "1"),
        ("x-amz-meta-a", "1"),
        ("Range", "a"),
        ("x-amz-meta-a", "1"),
        ("Cookie", "a, b"),
        ("Via", "1.1 p"),
    )
    comparison = compare(head(before), head(after))
    assert {name: row.fate for name, row in rows(comparison).items()} == {
        "range": Fate.REORDERED,
        "if-match": Fate.CHANGED,
        "etag": Fate.KEPT,
        "x-amz-meta-a": Fate.DUPLICATED,
        "cookie": Fate.MERGED,
        "accept": Fate.REMOVED,
        "via": Fate.ADDED,
    }
    assert comparison.counts()[Fate.KEPT] == 1
    assert not comparison.survived


@pytest.mark.parametrize("at", range(5))
def test_only_what_moved_is_called_reordered(at: int) -> None:
    """One field taken elsewhere leaves the others where they were."""
    headers = tuple((name, "") for name in ("A", "B", "C", "D", "E", "F"))
    moved = (*headers[:at], *headers[at + 1 :], headers[at])
    names = {row.name for row in compare(head(headers), head(moved)).rows if row.fate is Fate.REORDERED}
    assert names == {headers[at][0].lower()}


def test_added_headers_stand_where_they_are_on_the_wire() -> None:
    """Rows read like the wire: the client's order, what was added behind its neighbour."""
    before = (("Host", "a"), ("Range", "b"))
    after = (("Via", "p"), ("Host", "a"), ("X-New", "1"), ("Range", "b"), ("X-Last", "2"))
    names = [row.name for row in compare(head(before), head(after)).rows]
    assert names == ["via", "host", "x-new", "range", "x-last"]


def test_case_is_told_and_survives() -> None:
    """HTTP gives the case of a name no meaning."""
    comparison = compare(head((("X-Amz-Meta-A", "1"),)), head((("x-amz-meta-a", "1"),)))
    assert rows(comparison)["x-amz-meta-a"].recased
    assert comparison.survived


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ((("Host", "gw:8000"),), (("Host", "minio:9000"),), "the backend's own name"),
        ((("Authorization", "a"),), (("Authorization", "b"),), "signed anew"),
        ((("X-Amz-Date", "a"),), (("X-Amz-Date", "b"),), "signed anew"),
        ((("x-amz-content-sha256", "a"),), (("X-Amz-Content-SHA256", "b"),), "signed anew"),
        ((("Connection", "Keep-Alive"),), (), "hop by hop"),
        ((("Connection", "X-Hop"), ("X-Hop", "1")), (), "the Connection header names it"),
        ((("Expect", "100-continue"),), (), "answered by the gateway"),
        ((("x-amz-security-token", "t"),), (), "never travels"),
        ((("x-amz-security-token", "t"),), (("x-amz-security-token", "u"),), "own session token"),
        ((), (("x-amz-server-side-encryption", "aws:kms"),), "encryption: SSE-KMS by encryption[0]"),
    ],
)  # fmt: skip
def test_what_a_gateway_has_to_change_has_a_reason(before: Pairs, after: Pairs, told: str) -> None:
    """And is not lost."""
    comparison = compare(head(before), head(after), added_by="SSE-KMS by encryption[0]")
    assert told in comparison.rows[-1].reason
    assert comparison.survived


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((("Connection", "x-amz-meta-a"), ("x-amz-meta-a", "1")), ()),
        ((("Authorization", "a"),), ()),
        ((("Host", "a"),), (("Host", "b"), ("Host", "c"))),
        ((("amz-sdk-retry", "0/0/500"),), ()),
        ((("User-Agent", "a  b"),), (("User-Agent", "a b"),)),
        ((("Accept-Encoding", "identity"),), (("Accept-Encoding", "gzip"),)),
        ((("x-amz-server-side-encryption", "aws:kms"),), ()),
        ((("Content-Length", "3"),), ()),
    ],
)
def test_what_no_gateway_has_to_change_is_lost(before: Pairs, after: Pairs) -> None:
    """Not even ``Connection`` takes an ``x-amz-*`` header away with it."""
    comparison = compare(head(before), head(after))
    assert [row.name for row in comparison.lost] == [before[-1][0].lower()]
    assert not comparison.survived


def test_the_operator_may_allow_a_name() -> None:
    """With a reason of their own."""
    before = (("Accept-Encoding", "identity"),)
    comparison = compare(head(before), head(), allowed={"accept-encoding": "our CDN"})
    assert rows(comparison)["accept-encoding"].reason == "allowed: our CDN"
    assert comparison.survived


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("/b/k?a=1", "/b/k?a=1", ""),
        ("/k", "/b/k", "the bucket moved from the host name into the path"),
        (
            "/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&versionId=1&X-Amz-Signature=00&X-Amz-SignedHeaders=host",
            "/b/k?versionId=1",
            "the presigned parameters became a signature in the headers",
        ),
        ("/k?X-Amz-Expires=1", "/b/k", "the bucket moved from the host name into the path; the presigned"),
    ],
)
def test_a_target_that_has_to_change(before: str, after: str, told: str) -> None:
    """Virtual-host style and presigned URLs."""
    comparison = compare(head((("Host", "b.s3.example:8000"),), before), head((("Host", "b.s3.example:8000"),), after))
    assert comparison.line.reason.startswith(told)
    assert bool(comparison.line.reason) == bool(told)
    assert comparison.survived


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("/b/a%2Fb", "/b/a/b"),
        ("/b/a+b", "/b/a%20b"),
        ("/b/k?a=1&b=2", "/b/k?b=2&a=1"),
        ("/k", "/c/k"),
        ("/k?uploads", "/k?uploads="),
    ],
)
def test_a_target_that_was_rewritten(before: str, after: str) -> None:
    """Every byte of it counts."""
    comparison = compare(head((("Host", "b.s3.example"),), before), head((("Host", "b.s3.example"),), after))
    assert comparison.line.fate is Fate.CHANGED
    assert not comparison.survived


def test_a_method_that_was_rewritten() -> None:
    """HEAD made GET, as caches do."""
    assert not compare(head(method="HEAD"), head(method="GET")).survived
    presigned = head(method="HEAD", target="/b/k?X-Amz-Expires=1")
    assert not compare(presigned, head(method="GET")).survived


CREDENTIAL = "AWS4-HMAC-SHA256 Credential=K/20260131/us-east-1/s3/aws4_request"


def test_a_signed_header_that_was_dropped_is_the_culprit() -> None:
    """The original incident: survival has its reason, and the request is refused all the same."""
    authorization = ("Authorization", f"{CREDENTIAL}, SignedHeaders=connection;host, Signature=<redacted>")
    before = (("Host", "a"), authorization, ("Connection", "Keep-Alive"))
    comparison = compare(head(before), head((("Host", "b"), authorization)))
    (fault,) = comparison.faults
    assert (fault.name, fault.kind) == ("Connection", Kind.SIGNED_NOT_SENT)
    assert "Connection is in the outgoing SignedHeaders but not on the wire" in fault.sentence
    assert rows(comparison)["connection"].signed_after
    assert comparison.survived


@pytest.mark.parametrize(
    ("name", "told"), [("te", "hop-by-hop"), ("expect", "mitmproxy"), ("range", "refuses the request")]
)
def test_a_dropped_header_comes_with_its_remedy(name: str, told: str) -> None:
    """Where there is one to tell."""
    (fault,) = compare(head((("Host", ""),)), head((("Host", ""),), signed=f"host;{name}")).faults
    assert (fault.name, fault.kind) == (name, Kind.SIGNED_NOT_SENT)
    assert told in fault.sentence
    assert fault.sentence.count("hop-by-hop") == (name == "te")


@pytest.mark.parametrize(
    ("headers", "signed", "kinds"),
    [
        ((("Host", ""), ("x-amz-acl", "")), "host", [("x-amz-acl", Kind.SENT_NOT_SIGNED)]),
        ((("Host", ""), ("x-amz-content-sha256", ""), ("Range", "")), "host", []),
        ((("Host", ""), ("TE", "")), "host;te", [("TE", Kind.HOP_BY_HOP_SIGNED)]),
        ((("Host", ""), ("x-amz-date", "")), "x-amz-date", [("Host", Kind.HOST_NOT_SIGNED)]),
        ((("Host", ""), ("x-amz-date", "")), "", []),
    ],
)
def test_other_faults_of_a_signature(headers: Pairs, signed: str, kinds: list[tuple[str, Kind]]) -> None:
    """Told of the outgoing head only; without a signature there is none to contradict."""
    comparison = compare(head(headers), head(headers, signed=signed))
    assert [(fault.name, fault.kind) for fault in comparison.faults] == kinds


def test_signed_headers_are_read_from_a_presigned_query() -> None:
    """Escaped or not."""
    presigned = head((("Host", ""),), "/b/k?X-Amz-Expires=1&X-Amz-SignedHeaders=host%3Bx-amz-acl&X-Amz-Signature=0")
    (fault,) = compare(presigned, presigned).faults
    assert fault.name == "x-amz-acl"


def test_no_secret_is_kept() -> None:
    """Compared by value, shown redacted; what a capture has redacted already stays as it is."""
    signature = "0123456789abcdef" * 4
    before = (
        ("Authorization", f"{CREDENTIAL}, SignedHeaders=host, Signature={signature}"),
        ("x-amz-security-token", "TOKEN"),
        ("x-amz-server-side-encryption-customer-key", "KEY"),
    )
    after = ((before[0][0], before[0][1].replace("0", "1")), *before[1:])
    comparison = compare(head(before, f"/b/k?X-Amz-Signature={signature}"), head(after, "/b/k"))
    assert rows(comparison)["authorization"].fate is Fate.CHANGED
    assert rows(comparison)["x-amz-security-token"].fate is Fate.KEPT
    for secret in (signature, "TOKEN", "KEY'"):
        assert secret not in repr(comparison)
    captured = tuple((one.name, one.value) for row in comparison.rows for one in row.before)
    again = rows(compare(head(captured), head(captured)))
    assert again["authorization"].before[0].value == captured[0][1]
    assert again["x-amz-security-token"].reason == "redacted on both sides: not compared"


def test_an_exchange_names_its_rule() -> None:
    """And has no comparison if nothing went out."""
    exchange = Exchange("1", "", tls=False, incoming=head(), sse="SSE-S3", rule="encryption[1]")
    assert compare_exchange(exchange) is None
    added = head((("x-amz-server-side-encryption", "AES256"),))
    sent = Exchange("1", "", tls=False, incoming=head(), outgoing=added, sse="SSE-S3", rule="encryption[1]")
    comparison = compare_exchange(sent)
    assert comparison is not None
    assert comparison.rows[0].reason == "encryption: SSE-S3 by encryption[1]"
