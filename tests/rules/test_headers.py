"""Which headers go, how one is replaced in place, and what is redacted before anything is stored."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gateway.rules.headers import (
    HOP_BY_HOP,
    redacted,
    redacted_canonical_request,
    redacted_target,
    removed,
    replaced,
    rewritten,
    wants_close,
    without_hop_by_hop,
)
from s3gateway.sigv4.model import Headers, RequestHead
from tests.real.waiting import ends

MIXED = ((b"A", b"1"), (b"b", b"2"), (b"B", b"3"), (b"C", b"4"))


@pytest.mark.parametrize("name", sorted(HOP_BY_HOP))
def test_hop_by_hop(name: bytes) -> None:
    """Fields of one connection go, in any case and number."""
    assert without_hop_by_hop((MIXED[0], (name.title(), b"x"), MIXED[1], (name, b"y"))) == MIXED[:2]


@pytest.mark.parametrize(
    "name",
    b"x-amz-date x-amz-meta-a amz-sdk-retry content-length content-type content-encoding host date authorization range "
    b"if-match if-none-match cache-control expires user-agent transfer-encoding".split(),
)
def test_connection_cannot_name_these_away(name: bytes) -> None:
    """What S3 gives a meaning survives ``Connection: name``."""
    assert without_hop_by_hop(((name, b"x"), (b"Connection", b"close, " + name.upper()))) == ((name, b"x"),)


def test_connection_names_others_away() -> None:
    """Any other name in Connection is hop-by-hop (RFC 9110 section 7.6.1), white space and case aside."""
    headers = ((b"X-Hop", b"1"), (b"Connection", b"keep-alive ,\tx-HOP"), (b"x-two", b"2"), (b"connection", b"X-Two,,"))
    assert without_hop_by_hop(headers) == ()


def test_a_folded_line_becomes_one() -> None:
    """RFC 9112 section 5.2: each fold is a space, and nothing else changes."""
    headers = ((b"A", b"1\r\n 2 \t\r\n\t  3"), (b"b", b"4  5"), (b"a", b"\r\n 6"))
    assert rewritten(RequestHead(b"GET", b"/", headers), ()) == ((b"A", b"1 2 3"), (b"b", b"4  5"), (b"a", b" 6"))


_pairs = st.lists(st.tuples(st.sampled_from([b"a", b"A", b"b", b"X-C"]), st.binary(max_size=3)), max_size=8)


@given(_pairs, st.sampled_from([b"a", b"X-c", b"new"]), st.binary(max_size=3))
def test_replaced(pairs: list[tuple[bytes, bytes]], name: bytes, value: bytes) -> None:
    """Invariant: one field of the name is left, with the value, where the first stood; all others are untouched."""
    out = replaced(tuple(pairs), (name, value))
    assert [pair for pair in out if pair[0].lower() != name.lower()] == [
        pair for pair in pairs if pair[0].lower() != name.lower()
    ]
    places = [at for at, pair in enumerate(pairs) if pair[0].lower() == name.lower()]
    assert [(at, v) for at, (n, v) in enumerate(out) if n.lower() == name.lower()] == [
        (places[0] if places else len(pairs), value)
    ]


def test_replaced_at_once() -> None:
    """Several fields are replaced in one pass; those that are missing follow in the order given."""
    out = replaced(MIXED, (b"new", b"5"), (b"B", b""), (b"c", b"7"), (b"More", b"8"))
    assert out == ((b"A", b"1"), (b"b", b""), (b"C", b"7"), (b"new", b"5"), (b"More", b"8"))


def test_removed() -> None:
    """Names are compared in lower case."""
    assert removed(MIXED, b"b") == (MIXED[0], MIXED[3])


@pytest.mark.parametrize(
    ("values", "expected"),
    [([], False), ([b"keep-alive"], False), ([b"close"], True), ([b"Keep-Alive, CLOSE"], True), ([b"closed"], False)],
)
def test_wants_close(values: list[bytes], expected: bool) -> None:
    """``close`` counts anywhere in any Connection field."""
    assert wants_close(RequestHead(b"GET", b"/", tuple((b"Connection", value) for value in values))) is expected


SECRET = b"SENTINEL"
SECRETS: Headers = (
    (b"X-Amz-Security-Token", SECRET),
    (b"x-amz-server-side-encryption-customer-key", SECRET),
    (b"X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key", SECRET),
    (b"X-Amz-S3session-Token", SECRET),
    (b"Proxy-Authorization", SECRET),
    (b"Cookie", SECRET),
    (b"Authorization", SECRET),
    (b"Authorization", b"Basic " + SECRET),
    (b"Authorization", b"AWS4-HMAC-SHA256 Credential=K/s, SignedHeaders=host, Signature=5e47"),
)


def test_redacted_headers() -> None:
    """Keys, tokens and signatures are replaced; names, order and the rest stay."""
    out = redacted((*MIXED, *SECRETS))
    assert out[:4] == MIXED
    assert [name for name, _ in out[4:]] == [name for name, _ in SECRETS]
    assert [value for _, value in out[4:-1]] == [b"<redacted>"] * 8
    assert out[-1][1] == b"AWS4-HMAC-SHA256 Credential=K/s, SignedHeaders=host, Signature=<redacted>"


def test_what_is_redacted_stays_as_it_is() -> None:
    """A capture is redacted again when it is compared."""
    assert redacted(redacted(SECRETS)) == redacted(SECRETS)


SIGNATURE = b"0123456789abcdef" * 4


@pytest.mark.parametrize("at", range(len(b"X-Amz-Signature") * 8))
def test_a_misspelled_signature(at: int) -> None:
    """A bit of its name is another: nothing takes it for a signature, and it is the good one all the same."""

    def spoilt(line: bytes) -> bytes:
        return b"".join(bytes([byte ^ (1 << at % 8 if i == at // 8 else 0)]) for i, byte in enumerate(line))

    name = spoilt(b"Authorization")
    header = (name, b"AWS4-HMAC-SHA256 Credential=K/s, SignedHeaders=host, Signature=" + SIGNATURE)
    scheme = (b"Authorization", spoilt(b"Credential=K/s") + b", Signature=" + SIGNATURE)
    word = (b"Authorization", b"Credential=K/s, " + spoilt(b"Signature=") + SIGNATURE)
    assert SIGNATURE not in repr(redacted((header, scheme, word))).encode()
    if at >= len(b"X-Amz-") * 8:
        parameter = spoilt(b"X-Amz-Signature")
        assert SIGNATURE not in redacted_target(b"/b/k?a=1&" + parameter + b"=" + SIGNATURE + b"&b=2")
        canonical = b"GET\n/b/k\n" + parameter + b"=" + SIGNATURE + b"\nhost:h\n\nhost\n"
        assert SIGNATURE not in redacted_canonical_request(canonical)


@pytest.mark.parametrize(
    "target",
    [
        b"/b/k?X-Amz-Content-Sha256=" + SIGNATURE,
        b"/b/k?x-amz-meta-sha256=" + SIGNATURE,
        b"/b?prefix=" + SIGNATURE,
        b"/b/X-Amz-Signature=" + SIGNATURE,
    ],
)
def test_other_hashes_are_no_secrets(target: bytes) -> None:
    """They are wanted to send a captured request once more."""
    assert redacted_target(target) == target
    assert redacted(((b"x-amz-content-sha256", SIGNATURE),)) == ((b"x-amz-content-sha256", SIGNATURE),)


def test_the_md5_of_a_key_is_no_secret() -> None:
    """It is echoed in answers, and helps to see which key was used."""
    pair = (b"x-amz-server-side-encryption-customer-key-md5", b"abc")
    assert redacted((pair,)) == (pair,)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (b"/b/k?X-Amz-Signature=SENTINEL&a=1", b"/b/k?X-Amz-Signature=<redacted>&a=1"),
        (b"/b/k?a=1&x-amz-security-token=SENTINEL", b"/b/k?a=1&x-amz-security-token=<redacted>"),
        (b"/b/k?X-Amz-Credential=SENTINEL", b"/b/k?X-Amz-Credential=<redacted>"),
        (b"/b/k?AWSAccessKeyId=SENTINEL&Signature=SENTINEL", b"/b/k?AWSAccessKeyId=<redacted>&Signature=<redacted>"),
        (b"/b/k?X-Amz-Old-Signature=SENTINEL", b"/b/k?X-Amz-Old-Signature=<redacted>"),
        (b"/b/Signature=k?prefix=Signature", b"/b/Signature=k?prefix=Signature"),
        (b"/b/k?X-Amz-%53ignature=SENTINEL&a%2Fb=c", b"/b/k?X-Amz-%53ignature=<redacted>&a%2Fb=c"),
        (b"/b/k?a=1&%78-amz-security-%74oken=SENTINEL", b"/b/k?a=1&%78-amz-security-%74oken=<redacted>"),
        (b"/b/k?%58-Amz-Meta=1", b"/b/k?%58-Amz-Meta=1"),
        (
            b"/b/k?x-amz-server-side-encryption-customer-key=SENTINEL%3D&a=1",
            b"/b/k?x-amz-server-side-encryption-customer-key=<redacted>&a=1",
        ),
        (
            b"/b/k?X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key=SENTINEL",
            b"/b/k?X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key=<redacted>",
        ),
        (
            b"/b/k?x-amz-server-side-encryption-customer-%6Bey=SENTINEL",
            b"/b/k?x-amz-server-side-encryption-customer-%6Bey=<redacted>",
        ),
        (
            b"/b/k?x-amz-server-side-encryption-customer-key-MD5=abc",
            b"/b/k?x-amz-server-side-encryption-customer-key-MD5=abc",
        ),
        (b"/b/k?X-Amz-S3session-Token=SENTINEL", b"/b/k?X-Amz-S3session-Token=<redacted>"),
    ],
)
def test_redacted_targets(target: bytes, expected: bytes) -> None:
    """A presigned URL is a bearer token: what makes it one is replaced, and keys that some SDKs presign with it."""
    assert redacted_target(target) == expected


def test_a_presigned_url_in_a_referer() -> None:
    """It is the same bearer token there."""
    assert redacted(((b"Referer", b"https://gw/b/k?X-Amz-Signature=SENTINEL"),)) == (
        (b"Referer", b"https://gw/b/k?X-Amz-Signature=<redacted>"),
    )


def test_redacted_canonical_requests() -> None:
    """Values of secret headers and a token in the query go; lines stay where they were."""
    request = (
        b"PUT\n/b/x-amz-security-token:k\nX-Amz-Date=1&X-Amz-Security-Token=SENTINEL%2F&a=b\n"
        b"authorization:SENTINEL\nhost:h\nx-amz-server-side-encryption-customer-key:SENTINEL\n"
        b"x-amz-server-side-encryption-customer-key-md5:abc\nx-amz-security-token:SENTINEL,SENTINEL\n\n"
        b"host;x-amz-security-token\nUNSIGNED-PAYLOAD"
    )
    assert redacted_canonical_request(request) == (
        b"PUT\n/b/x-amz-security-token:k\nX-Amz-Date=1&X-Amz-Security-Token=<redacted>&a=b\n"
        b"authorization:<redacted>\nhost:h\nx-amz-server-side-encryption-customer-key:<redacted>\n"
        b"x-amz-server-side-encryption-customer-key-md5:abc\nx-amz-security-token:<redacted>\n\n"
        b"host;x-amz-security-token\nUNSIGNED-PAYLOAD"
    )


@pytest.mark.parametrize(
    "name",
    [
        b"X-Amz-Security-Token",
        b"x-amz-server-side-encryption-customer-key",
        b"X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key",
    ],
)
@pytest.mark.parametrize("before", [b"", b"a=1&"])
def test_redacted_canonical_queries(name: bytes, before: bytes) -> None:
    """A secret in the query goes wherever in it it stands; what comes behind it stays."""
    request = b"GET\n/b/k\n%b%b=%b&z=1\nhost:h\n\nhost\nUNSIGNED-PAYLOAD"
    assert redacted_canonical_request(request % (before, name, b"SENTINEL%3D")) == request % (
        before,
        name,
        b"<redacted>",
    )


def in_a_referer(value: bytes) -> bytes:
    return redacted(((b"Referer", value),))[0][1]


def folded(value: bytes) -> bytes:
    return rewritten(RequestHead(b"GET", b"/", ((b"A", value + b"x\n b"),)), ())[0][1]


@pytest.mark.parametrize("redact", [redacted_target, in_a_referer, redacted_canonical_request, folded])
@pytest.mark.parametrize(
    ("piece", "number"),
    [
        (b"?%", 50_000),
        (b"%", 800_000),
        (b"?", 800_000),
        (b"?X-Amz-", 400_000),
        (b"?Signature", 400_000),
        (b" ", 1_600_000),
    ],
)
def test_each_byte_is_looked_at_a_few_times(redact: Callable[[bytes], bytes], piece: bytes, number: int) -> None:
    """Strangers choose what is redacted: a target within the limits must not hold the gateway up for an hour."""
    value = b"/b?" + piece * number
    with ends():
        redact(value)
