"""Arbitrary heads through the whole core: signed ones of any content, changed ones, and junk.

Invariant: any head whatever is admitted or refused with one coded S3 error, never another exception. What is admitted
can be forwarded, read on and answered under the same invariant.
"""

import string
import xml.etree.ElementTree as ET
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from s3gateway.errors import S3Error
from s3gateway.gateway import Arrival, admit, forward, guess
from s3gateway.rules.operations import NAMES, check_target, read_operation
from s3gateway.sigv4.claim import PRESIGN_PARAMETERS, read_claim
from s3gateway.sigv4.model import PayloadMode, RequestHead
from tests.admission import SIGNER, configured
from tests.refusing import CLIENTS, GETTER, NARROW, PII, READER
from tests.sigv4 import aws
from tests.sigv4.aws import CLIENT, GATEWAY, Key

CONFIG = configured(
    clients=CLIENTS,
    encryption=[{"bucket": "team-*", "sse-kms": "k"}, {"bucket": "bucket", "prefix": "pii/", "sse-s3": True}],
    addressing={"domains": ["s3.example.com"]},
)
KEYS = [
    CLIENT,
    *(Key(who["access_key_id"], who["secret"]) for who in (NARROW, PII, READER, GETTER)),
    Key("NOBODY", "nothing"),
]

SUB_RESOURCES = (
    *("uploads", "uploadId=x", "partNumber=1", "acl", "tagging", "delete", "list-type=2", "versions", "policy"),
    *("location", "select", "restore", "retention", "torrent", "Action=AssumeRole", "prefix=pii%2F", "prefix=", "x"),
    *("AWSAccessKeyId=a", "Signature=b", "X-Amz-Signature=c", "x-amz-date=d", "%zz", "a=%00", "a;b", "=", "&&", "+"),
)
HEADER_NAMES = (
    *("Host", "Date", "X-Amz-Date", "x-amz-content-sha256", "x-amz-decoded-content-length", "x-amz-trailer"),
    *("x-amz-copy-source", "x-amz-security-token", "x-amz-checksum-crc32c", "x-amz-checksum-sha256"),
    *("x-amz-server-side-encryption", "x-amz-server-side-encryption-customer-key", "x-amz-meta-a", "x-minio-source"),
    *("x-amz-server-side-encryption-customer-algorithm", "x-amz-server-side-encryption-customer-key-MD5"),
    *("x-amz-copy-source-server-side-encryption-customer-key", "x-amz-server-side-encryption-aws-kms-key-id"),
    *("Content-Length", "Transfer-Encoding", "Content-Type", "Content-Encoding", "Connection", "Expect", "TE"),
    *("x-amz-sdk-checksum-algorithm", "x-amz-meta-snowball-auto-extract", "X-Forwarded-Host", "Authorization"),
)
HEADER_VALUES = (
    *(b"", b"0", b"3", b"99999999999999999999", b"-1", b"1,2", b"AES256", b"aws:kms", b"gzip, aws-chunked", b"close"),
    *(b"x-amz-date, host", b"bucket/key", b"/bucket/pii/a?versionId=1", b"/bucket/..", b"%2Fbucket%2Fkey", b"bucket"),
    *(b"x-amz-checksum-crc32c", b"x-amz-checksum-crc32c, x-amz-checksum-sha1", b"x-amz-checksum-md5", b"chunked"),
    *(b"multipart/form-data", b"20240229T120000Z", b"Thu, 29 Feb 2024 12:00:00 GMT", b"30000101T000000Z", b"\xff\xfe"),
    *(b"a\r\n b", b"a\0b", b"a" * 3000, b"bucket.s3.example.com", b"a%2f.s3.example.com", b"s3.example.com:8000"),
    *(mode.value.encode() for mode in PayloadMode if mode.value),
    *(b"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", b"STREAMING-X", aws.EMPTY.encode(), aws.EMPTY.upper().encode()),
)

_text = st.text(string.ascii_letters + string.digits + "/%+=&?.~*'() ;:@é\x00\x7f\udcff", max_size=12)
_targets = st.one_of(
    st.builds(
        lambda path, queries: path + ("?" + "&".join(queries) if queries else ""),
        st.sampled_from(
            ["/", "/bucket", "/bucket/", "/bucket/key", "/bucket/pii/a", "/team-a/k", "/shared//x", "/minio/x", "/%62"]
        )
        | _text.map("/".__add__),
        st.lists(st.sampled_from(SUB_RESOURCES[:18]) | st.sampled_from(SUB_RESOURCES) | _text, max_size=3),
    ),
    st.sampled_from(["/bucket/key", "/bucket/key", "/bucket", "/bucket/pii/a", "/"]),
    _text,
)
_values = st.sampled_from(HEADER_VALUES) | st.binary(max_size=40)
_fields = st.lists(st.tuples(st.sampled_from(HEADER_NAMES), _values), max_size=6)
_few_fields: st.SearchStrategy[list[tuple[str, bytes]]] = (
    st.just([]) | st.just([("x-amz-decoded-content-length", b"3")]) | _fields
)
_payloads = st.sampled_from(
    [*(mode.value for mode in PayloadMode if mode.value), *[aws.EMPTY, aws.UNSIGNED] * 4, "e" * 64, "", "x"]
)
_keys = st.just(CLIENT) | st.sampled_from(KEYS)
_methods = st.sampled_from([*("GET", "PUT", "POST", "HEAD", "DELETE") * 6, "PATCH", "get", "", "PUT\0"])
_arrivals = st.builds(Arrival, tls=st.booleans(), has_body=st.booleans())


def _encoded(text: str) -> str:
    """So that a target can hold any byte."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def _presigned(method: str, target: str, key: Key, fields: list[tuple[str, bytes]], payload: str) -> RequestHead:
    headers = [(name, value.decode("latin-1")) for name, value in fields]
    return aws.presigned(method, target, headers, key=key, payload=payload)


_signed = st.builds(
    lambda method, target, fields, payload, key: aws.authorized(
        method, _encoded(target), fields, payload=payload, key=key
    ),
    *(_methods, _targets, _few_fields, _payloads, _keys),
) | st.builds(
    lambda method, target, fields, payload, key: _presigned(method, _encoded(target), key, fields, payload),
    *(_methods, _targets, _few_fields, _payloads, _keys),
)
"""Heads with a signature that is right, whatever they say."""


def _replaced(head: RequestHead, at: int, name: str, value: bytes) -> RequestHead:
    at %= len(head.headers)
    pairs = (*head.headers[:at], (name.encode() or head.headers[at][0], value), *head.headers[at + 1 :])
    return RequestHead(head.method, head.target, pairs)


def _dropped(head: RequestHead, at: int, *_: Any) -> RequestHead:
    at %= len(head.headers)
    return RequestHead(head.method, head.target, (*head.headers[:at], *head.headers[at + 1 :]))


def _repeated(head: RequestHead, at: int, *_: Any) -> RequestHead:
    return RequestHead(head.method, head.target, (*head.headers, head.headers[at % len(head.headers)]))


def _spliced(head: RequestHead, at: int, _name: str, value: bytes) -> RequestHead:
    at %= len(head.target) + 1
    return RequestHead(head.method, head.target[:at] + value[:20] + head.target[at + len(value) % 7 :], head.headers)


def _more_query(head: RequestHead, at: int, *_: Any) -> RequestHead:
    names = (*SUB_RESOURCES, *(f"{name.decode()}=1" for name in PRESIGN_PARAMETERS))
    mark = b"&" if b"?" in head.target else b"?"
    return RequestHead(head.method, head.target + mark + names[at % len(names)].encode(), head.headers)


def _other_authorization(head: RequestHead, at: int, _name: str, value: bytes) -> RequestHead:
    pairs = tuple((n, v[: at % (len(v) + 1)] + value[:9] if n == b"Authorization" else v) for n, v in head.headers)
    return RequestHead(head.method, head.target, pairs)


_changes: list[Callable[..., RequestHead]] = [
    *(_replaced, _dropped, _repeated, _spliced, _more_query, _other_authorization)
]
_mutations: st.SearchStrategy[list[tuple[Any, ...]]] = st.just([]) | st.lists(
    st.tuples(st.sampled_from(_changes), st.integers(0, 400), st.sampled_from(("", *HEADER_NAMES)), _values), max_size=3
)


def survive(head: RequestHead, arrival: Arrival, body: list[bytes]) -> str:
    """Take a head, and what follows it, as far as it goes; give the refusal's code, or the operation's name."""
    guess(head, CONFIG)  # for the log of a refused one: must never raise
    try:
        admitted = admit(head, arrival, CONFIG, CLIENT.now)
        outgoing = forward(admitted, head, CONFIG, SIGNER, GATEWAY.now)
        if outgoing.body:
            for data in body:
                outgoing.body.feed(data)
            outgoing.body.finish()
    except S3Error as refusal:
        return answered(refusal)
    assert admitted.operation.name in NAMES
    assert set(outgoing.signed_headers) <= set(RequestHead(b"", b"", outgoing.headers).names)
    return admitted.operation.name


def answered(refusal: S3Error) -> str:
    """Check that it can be answered, and give its code."""
    assert 400 <= refusal.status <= 501
    code = ET.fromstring(refusal.to_xml("/", "ID")).findtext("Code")
    assert code
    assert code == refusal.code
    return code


_bodies = st.lists(st.binary(max_size=40) | st.just(b"0\r\n\r\n") | st.just(b"<Delete></Delete>"), max_size=3)


@given(_signed, _mutations, _arrivals, _bodies)
def test_any_head(head: RequestHead, mutations: list[tuple[Any, ...]], arrival: Arrival, body: list[bytes]) -> None:
    """A head that was signed over anything, changed in up to three places or not at all."""
    for change, at, name, value in mutations:
        if head.headers:
            head = change(head, at, name, value)
    survive(head, arrival, body)


@given(st.binary(max_size=9), st.binary(max_size=60), st.lists(st.tuples(st.binary(max_size=30), _values), max_size=6))
def test_junk(method: bytes, target: bytes, fields: list[tuple[bytes, bytes]]) -> None:
    """Bytes that nobody signed, by each reader that sees them first."""
    head = RequestHead(method, target, tuple(fields))
    for read in (read_claim, check_target, lambda head: read_operation(head, CONFIG.domains)):
        with suppress(S3Error):
            read(head)
    assert survive(head, Arrival(tls=True, has_body=False), []) not in NAMES


def test_the_strategies_reach_everything() -> None:
    """What they start from is admitted: each mechanism, and an operation of each level."""
    arrival = Arrival(tls=True, has_body=False)
    assert survive(aws.authorized("GET", "/bucket/key"), arrival, []) == "GetObject"
    assert (
        survive(aws.authorized("GET", "/bucket?list-type=2&prefix=pii%2F", key=KEYS[2]), arrival, []) == "ListObjectsV2"
    )
    assert survive(_presigned("GET", "/bucket/key", CLIENT, [], "UNSIGNED-PAYLOAD"), arrival, []) == "GetObject"
