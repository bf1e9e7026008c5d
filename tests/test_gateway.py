"""From what came in to what goes out: whole requests through ``admit`` and ``forward``."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gateway.bodies.chunked import ChunkedBody
from s3gateway.bodies.whole import HashedBody, PlainBody
from s3gateway.errors import S3Error
from s3gateway.gateway import forward, guess
from s3gateway.sigv4.model import RequestHead
from tests.admission import (
    CONFIG,
    SIGNER,
    TEMPORARY,
    admitted,
    assert_outgoing,
    configured,
    edited,
    forwarded,
    outgoing_head,
)
from tests.sigv4 import aws
from tests.sigv4.aws import CLIENT, GATEWAY, authorized, presigned

GET = authorized("GET", "/bucket/key")
_odd = (b"", b" ", b"a  b", b"caf\xc3\xa9", b"\xff\xfe", b"0/0/500", b"close", b"x-amz-date, x-hop", b"X-Hop")
_CONTROLS = bytes({*range(32), 127} - {9})  # refused: tests/refusals.py, r47
_values = st.one_of(st.sampled_from(_odd), st.binary(max_size=8).map(lambda value: value.translate(None, _CONTROLS)))
_names = st.sampled_from(
    [
        *("x-amz-meta-a", "X-Amz-Meta-A", "X-AMZ-META-B", "amz-sdk-retry", "amz-sdk-invocation-id", "Content-Type"),
        *("content-TYPE", "user-agent", "X-Custom", "x-custom", "X-Hop", "x-hop", "Cache-Control", "Expect", "Range"),
        *("Content-MD5", "x-amz-acl", "x-amz-tagging"),
    ]
)
_hops = st.sampled_from(
    ["Connection", "connection", "Keep-Alive", "TE", "Trailer", "Upgrade", "Proxy-Authorization", "Proxy-Connection"]
)
_fields = st.lists(st.one_of(st.tuples(_names, _values), st.tuples(_hops, _values)), max_size=10)


@given(_fields, st.sets(st.sampled_from(["user-agent", "x-custom", "connection", "expect", "content-type"])))
def test_headers_survive(fields: list[tuple[str, bytes]], unsigned: set[str]) -> None:
    """Invariant: whatever headers a client sends, all end-to-end ones go on unchanged, and none that goes is signed."""
    head = authorized("PUT", "/bucket/key", fields, unsigned=unsigned)
    tokens = {token.strip().lower() for value in head.all(b"connection") for token in value.split(b",")}
    assert_outgoing(head, forwarded(head), named=tokens & {b"x-hop", b"x-custom"})


@pytest.mark.parametrize(
    "name", b"x-amz-date x-amz-content-sha256 x-amz-meta-a host authorization content-type".split()
)
def test_connection_cannot_remove(name: bytes) -> None:
    """``Connection`` that names an end-to-end header removes nothing but itself."""
    fields = [("x-amz-meta-a", b"1"), ("Content-Type", b"text/plain"), ("Connection", b"close, " + name)]
    assert_outgoing(head := authorized("PUT", "/bucket/key", fields), out := forwarded(head))
    assert (b"x-amz-meta-a", b"1") in out.headers
    assert b"connection" not in outgoing_head(b"PUT", out).names


def test_the_request_that_spark_sends() -> None:
    """SDK v1 signs its amz-sdk headers and user-agent: they survive signed; ``Connection`` goes, unsigned."""
    fields = [
        ("amz-sdk-invocation-id", "5a7e"),
        ("amz-sdk-request", "ttl=20240229T120200Z;attempt=1;max=21"),
        ("amz-sdk-retry", "0/0/500"),
        ("Content-Length", "0"),
        ("Content-Type", "application/octet-stream"),
        ("User-Agent", "Hadoop 3.3.4, aws-sdk-java/1.12.367"),
        ("Connection", "Keep-Alive"),
        ("Expect", "100-continue"),
    ]
    head = authorized("PUT", "/bucket/dir/", fields, unsigned=["connection", "expect"])
    out = forwarded(head)
    assert_outgoing(head, out)
    assert b";".join(out.signed_headers) == (
        b"amz-sdk-invocation-id;amz-sdk-request;amz-sdk-retry;content-length;content-type;host;user-agent;"
        b"x-amz-content-sha256;x-amz-date"
    )


def test_order_case_and_number() -> None:
    """Fields that change keep their place and spelling; additions follow at the end."""
    head = authorized("PUT", "/bucket/key", [("X-AMZ-meta-A", "1"), ("x-amz-META-a", "2")])
    config = configured(encryption=[{"sse-s3": True}])
    out = forwarded(head, config=config, signer=TEMPORARY)
    assert [name for name, _ in out.headers] == [
        b"Host",
        b"x-amz-date",
        b"x-amz-content-sha256",
        b"X-AMZ-meta-A",
        b"x-amz-META-a",
        b"Authorization",
        b"x-amz-server-side-encryption",
        b"X-Amz-Security-Token",
    ]
    assert {b"x-amz-security-token", b"x-amz-server-side-encryption"} <= set(out.signed_headers)
    assert (out.headers[-1][1], out.sse) == (b"temporary-token", "SSE-S3")


def test_the_clients_token_never_travels() -> None:
    """A security token that a client signed is dropped; the gateway's own goes."""
    head = presigned("GET", "/bucket/key", [("x-amz-security-token", "theirs")])
    assert b"x-amz-security-token" not in outgoing_head(b"GET", forwarded(head)).names
    own = outgoing_head(b"GET", forwarded(head, signer=TEMPORARY))
    assert own.all(b"x-amz-security-token") == [b"temporary-token"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"headers": (*GET.headers, (b"x-a", b"a\rb"))}, "InvalidRequest"),
        ({"headers": (*GET.headers, (b"Transfer-Encoding", b"gzip, chunked"))}, "NotImplemented"),
        ({"target": b"/bucket/../other/key"}, "InvalidURI"),
        ({"target": b"/minio/admin/v3/info"}, "AccessDenied"),
        ({"method": b"PATCH"}, "MethodNotAllowed"),
    ],
)
def test_what_an_operator_edits_is_read_in_one_way_too(change: dict[str, Any], code: str) -> None:
    """It is signed with the gateway's rights: a slip is refused, as it would have been from a client."""
    proven = admitted(GET)
    assert forward(proven, edited(GET, target=b"/bucket/other"), CONFIG, SIGNER, GATEWAY.now).target == b"/bucket/other"
    with pytest.raises(S3Error) as raised:
        forward(proven, edited(GET, **change), CONFIG, SIGNER, GATEWAY.now)
    assert raised.value.code == code


def test_a_presigned_request_leaves_without_what_presigned_it() -> None:
    """All of it, the payload's hash included, and nothing else: two mechanisms are one too many for a backend."""
    target = "/bucket/key?response-content-type=a%2Fb&x-id=GetObject"
    head = presigned("GET", target, parameters=[("X-Amz-Content-Sha256", aws.EMPTY)], payload=aws.EMPTY)
    out = forwarded(head)
    assert (out.target, outgoing_head(b"GET", out).all(b"x-amz-content-sha256")) == (
        target.encode(),
        [aws.EMPTY.encode()],
    )


@pytest.mark.parametrize("source", ["/secret/key", "secret%2Fkey"])
def test_access_covers_copy_sources(source: str) -> None:
    """A client reads no bucket by copying from it."""
    key = aws.Key("NARROWKEY", "narrow")
    assert admitted(authorized("PUT", "/team-a/key", key=key)).client.name == "narrow"
    with pytest.raises(S3Error) as raised:
        admitted(authorized("PUT", "/team-a/key", [("x-amz-copy-source", source)], key=key))
    assert raised.value.code == "AccessDenied"


@pytest.mark.parametrize(
    "name", ["x-amz-server-side-encryption-customer-key", "x-amz-copy-source-server-side-encryption-customer-key"]
)
def test_customer_keys_need_tls(name: str) -> None:
    """A customer key that came over plain HTTP is refused: everybody may have read it."""
    head = authorized("GET", "/bucket/key", [(name, "x")])
    assert admitted(head, tls=True).operation.name == "GetObject"
    with pytest.raises(S3Error) as raised:
        admitted(head, tls=False)
    assert (raised.value.status, raised.value.code) == (400, "InvalidRequest")


@pytest.mark.parametrize(
    ("payload", "body"),
    [
        ("0" * 64, HashedBody),
        (aws.UNSIGNED, PlainBody),
        (aws.STREAMING, ChunkedBody),
        (aws.STREAMING_TRAILER, ChunkedBody),
        (aws.STREAMING_UNSIGNED_TRAILER, ChunkedBody),
    ],
)
def test_the_payload_mode_chooses_the_transformer(payload: str, body: type) -> None:
    """Each payload mode has its body transformer, and its text goes out as it came in."""
    trailer = [("x-amz-trailer", "x-amz-checksum-crc32")] if payload.endswith("TRAILER") else []
    head = authorized("PUT", "/bucket/key", [("x-amz-decoded-content-length", "1"), *trailer], payload=payload)
    out = forwarded(head)
    assert type(out.body) is body
    assert dict(out.headers)[b"x-amz-content-sha256"] == payload.encode()


def test_no_body_no_transformer() -> None:
    """Without a body there is nothing to transform."""
    assert forwarded(authorized("GET", "/bucket/key")).body is None


@pytest.mark.parametrize("payload", [aws.STREAMING, aws.STREAMING_TRAILER, aws.STREAMING_UNSIGNED_TRAILER])
def test_a_streaming_mode_needs_a_body(payload: str) -> None:
    """Without one the final chunk is missing."""
    with pytest.raises(S3Error) as raised:
        admitted(authorized("PUT", "/bucket/key", payload=payload), has_body=False)
    assert raised.value.code == "IncompleteBody"


def test_signed_again_later() -> None:
    """The outgoing date is the gateway's, so a request held for long goes out with a fresh one."""
    proven = admitted(authorized("GET", "/bucket/key"))
    out = forward(proven, proven.head, CONFIG, SIGNER, GATEWAY.now + timedelta(hours=20))
    assert dict(out.headers)[b"x-amz-date"] == b"20240301T080001Z"


@pytest.mark.parametrize(
    ("head", "who", "name"),
    [
        (authorized("GET", "/bucket/key", key=replace(CLIENT, secret="wrong")), "spark?", "GetObject"),
        (authorized("GET", "/minio/x", key=replace(CLIENT, access_key_id="K" * 99)), f"{'K' * 20}", None),
        (RequestHead(b"GET", b"/bucket/key", ((b"Authorization", b"junk"),)), "", "GetObject"),
        (RequestHead(b"GET", b"*", ()), "", None),
    ],
)
def test_guess(head: RequestHead, who: str, name: str | None) -> None:
    """For the log, a refused request has who it claims to be, marked as unproven, and what it asks for."""
    guessed, operation = guess(head, CONFIG)
    assert (guessed.startswith(who), bool(guessed) is guessed.endswith("?")) == (True, True)
    assert (len(guessed) < 99, operation.name if operation else None) == (True, name)
