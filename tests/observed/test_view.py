"""An exchange as text: everything that is known is told, whatever is not known, and nothing plays with a terminal."""

from dataclasses import replace

import pytest
from hypothesis import given

from s3gateway.observed import view
from s3gateway.observed.capture import Chunks, Exchange, Explanation, Head, Response
from tests.observed.test_capture import EXCHANGES

REQUEST = "PUT\n/bucket/key\n\nhost:gw:8000\nx-amz-date:D1\n\nhost;x-amz-date\nHASH"
INCOMING = Head(
    "PUT",
    "/bucket/key",
    (("Host", "gw:8000"), ("X-Amz-Date", "D1"), ("Connection", "Keep-Alive"), ("amz-sdk-retry", "0/0/500")),
    ("host", "x-amz-date"),
    REQUEST,
    "AWS4-HMAC-SHA256\nD1\n20260131/us-east-1/s3/aws4_request\nabc",
)
OUTGOING = Head(
    "PUT",
    "/bucket/key",
    (
        ("Host", "minio:9000"),
        ("X-Amz-Date", "D1"),
        ("amz-sdk-retry", "0/0/500"),
        ("x-amz-server-side-encryption", "aws:kms"),
    ),
    ("host", "x-amz-date", "x-amz-server-side-encryption"),
    REQUEST.replace("gw:8000", "minio:9000"),
    "AWS4-HMAC-SHA256\nD1\n20260131/us-east-1/s3/aws4_request\ndef",
)
ADMITTED = Exchange(
    "5F0C",
    "2026-01-31T12:00:00.000Z",
    tls=False,
    incoming=INCOMING,
    outgoing=OUTGOING,
    verdict="admitted",
    operation="PutObject",
    bucket="bucket",
    key="key",
    identity="spark",
    payload="STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    sse="SSE-KMS",
    rule="encryption[0]",
    chunks=Chunks(4, 262145, runs=((131072, 2), (1, 1), (0, 1))),
    response=Response(200, ()),
    timings={"verified": 0.0004, "ended": 0.0121},
)
EXPLAINED = Explanation("host-port", "the client signed Host `gw:8000`", REQUEST, REQUEST.replace("gw:8000", "gw"))
REFUSED = replace(
    ADMITTED,
    outgoing=None,
    verdict="refused",
    code="SignatureDoesNotMatch",
    message="It does not match.",
    identity="spark?",
    explanation=EXPLAINED,
)


def test_admitted() -> None:
    """Decision, header table and both sides' canonical texts, each line as a person reads it."""
    text = view.render(ADMITTED)
    wanted = """\
verdict:     admitted
operation:   PutObject  bucket/key
identity:    spark
request:     5F0C  2026-01-31T12:00:00.000Z  HTTP
payload:     STREAMING-AWS4-HMAC-SHA256-PAYLOAD
encryption:  SSE-KMS by rule encryption[0]
chunks:      4 verified, 262145 bytes of data (256.0KiB), none bad
              1-2       131072  signature matches
                3            1  signature matches
                4            0  signature matches, the final one
answer:      200
timings:     verified 0.4, ended 12.1 ms
 s Host: gw:8000                          ~ s Host: minio:9000
 s X-Amz-Date: D1                         = s X-Amz-Date: D1
   Connection: Keep-Alive                 -
   amz-sdk-retry: 0/0/500                 =   amz-sdk-retry: 0/0/500
                                          + s x-amz-server-side-encryption: aws:kms
   host:gw:8000                           ~   host:minio:9000
   abc                                    ~   def"""
    lines = text.splitlines()
    assert [line for line in wanted.splitlines() if line not in lines] == []
    assert max(map(len, lines)) <= 84


def test_refused() -> None:
    """The sentence, and the two canonical requests with the line that differs marked."""
    text = view.render(REFUSED)
    assert "because:     the client signed Host `gw:8000`\n" in text
    assert "   host:gw:8000                           ~   host:gw\n" in text
    assert "nothing was sent to the backend\n" in text
    assert "host:gw:8000" in view.explanation(REFUSED)


def test_a_bad_chunk_is_named() -> None:
    text = " ".join(view.render(replace(REFUSED, chunks=Chunks(2, 131072, 3, ((65536, 2),)))).split())
    assert (
        "chunks: 2 verified, 131072 bytes of data (128KiB), chunk 3 is the first bad one"
        " 1-2 65536 signature matches 3 SignatureDoesNotMatch answer:" in text
    )


@pytest.mark.parametrize(
    ("payload", "code", "row"),
    [
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "", "trailer signature matches"),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "SignatureDoesNotMatch", "trailer SignatureDoesNotMatch"),
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", "", "trailer verified"),
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", "BadDigest", "trailer BadDigest"),
    ],
)
def test_a_trailer_has_its_row(payload: str, code: str, row: str) -> None:
    exchange = replace(ADMITTED, payload=payload, code=code, chunks=Chunks(2, 9, None, ((9, 1), (0, 1))))
    assert f" {row} " in " ".join(view.render(exchange).split())


def test_chunks_of_too_many_sizes_are_summed_up() -> None:
    text = " ".join(view.render(replace(ADMITTED, chunks=Chunks(9, 99, None, ((5, 2), (6, 1))))).split())
    assert " 1-2 5 signature matches 3 6 signature matches 4-9 signature matches, of many sizes answer:" in text


def test_a_fault_of_the_outgoing_head_is_told() -> None:
    """A header that was signed and is not on the wire."""
    outgoing = replace(OUTGOING, signed_headers=("connection", "host", "x-amz-date", "x-amz-server-side-encryption"))
    for text in (
        view.render(replace(ADMITTED, outgoing=outgoing)),
        view.explanation(replace(ADMITTED, outgoing=outgoing)),
    ):
        assert "connection" in next(line for line in text.splitlines() if "FAULT" in line or "fault:" in line).lower()


@pytest.mark.parametrize(
    ("exchange", "line"),
    [
        (ADMITTED, "PutObject bucket/key spark SSE-KMS"),
        (replace(ADMITTED, sse="", key=""), "PutObject bucket spark"),
        (
            REFUSED,
            "refused SignatureDoesNotMatch PutObject bucket/key spark? SSE-KMS: the client signed Host `gw:8000`",
        ),
        (replace(ADMITTED, backend_error="AccessDenied"), "backend AccessDenied: PutObject bucket/key spark SSE-KMS"),
        (replace(ADMITTED, key="a\nb\x1b[31m"), "PutObject bucket/a\\nb\\x1b[31m spark SSE-KMS"),
    ],
)
def test_headline(exchange: Exchange, line: str) -> None:
    """Operation and verdict, in one line."""
    assert view.headline(exchange) == line


@given(EXCHANGES)
def test_whatever_is_in_it(exchange: Exchange) -> None:
    """Anything that a capture can hold becomes lines of printable text."""
    for text in (view.render(exchange), view.diff(exchange), view.explanation(exchange), view.headline(exchange)):
        assert all(line.isprintable() for line in text.split("\n"))
        text.encode()
