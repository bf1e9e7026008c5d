"""Which SSE headers policy adds to which operation: a table of operations against kinds of encryption."""

import base64
from hashlib import md5

import pytest

from s3gateway.rules.encryption import EncryptionRule, Sse, SseKms, SseS3, apply, hide_kms_key_id, sse_c
from s3gateway.rules.operations import Operation
from s3gateway.sigv4.model import Headers, RequestHead

KEY = bytes(range(32))
ENCODED, DIGEST = base64.b64encode(KEY), base64.b64encode(md5(KEY).digest())
KMS = ((b"x-amz-server-side-encryption", b"aws:kms"), (b"x-amz-server-side-encryption-aws-kms-key-id", b"my-key"))
S3 = ((b"x-amz-server-side-encryption", b"AES256"),)
C = (
    (b"x-amz-server-side-encryption-customer-algorithm", b"AES256"),
    (b"x-amz-server-side-encryption-customer-key", ENCODED),
    (b"x-amz-server-side-encryption-customer-key-md5", DIGEST),
)
C_SOURCE = tuple((name.replace(b"x-amz-", b"x-amz-copy-source-", 1), value) for name, value in C)

CREATING = ["PutObject", "CopyObject", "CreateMultipartUpload"]
NEEDING_THE_KEY = [
    *CREATING,
    *(
        "CompleteMultipartUpload",
        "ListParts",
        "UploadPart",
        "UploadPartCopy",
        "GetObject",
        "HeadObject",
        "GetObjectAttributes",
        "SelectObjectContent",
    ),
]
OTHERS = [
    *("DeleteObject", "AbortMultipartUpload", "ListObjectsV2"),
    *("DeleteObjects", "PutObjectTagging", "GetObjectAcl", "CreateBucket", "ListBuckets"),
]


def rule(sse: Sse, bucket: str = "*", prefix: str = "", client: str = "*") -> EncryptionRule:
    return EncryptionRule(bucket, prefix, client, sse)


def operation(name: str, source: tuple[str, str] | None = None) -> Operation:
    return Operation(name, "bucket", "pii/key", b"/bucket/pii/key", source)


def added(rules: list[EncryptionRule], wanted: Operation, *headers: tuple[bytes, bytes]) -> tuple[Headers, str]:
    applied = apply(tuple(rules), wanted, RequestHead(b"PUT", b"/bucket/pii/key", headers), "spark")
    return applied.headers, applied.label


@pytest.mark.parametrize("name", CREATING)
@pytest.mark.parametrize(
    ("sse", "expected", "label"),
    [(SseKms("my-key"), KMS, "SSE-KMS"), (SseS3(), S3, "SSE-S3"), (sse_c(KEY), C, "SSE-C")],
)
def test_what_creates_an_object(name: str, sse: Sse, expected: Headers, label: str) -> None:
    """Every kind goes on the operations that decide how an object is encrypted."""
    assert added([rule(sse)], operation(name)) == (expected, label)


@pytest.mark.parametrize("name", [*NEEDING_THE_KEY, *OTHERS])
@pytest.mark.parametrize("sse", [SseKms("my-key"), SseS3()])
def test_kms_and_s3_go_nowhere_else(name: str, sse: Sse) -> None:
    """MinIO answers 400 to them on GET and HEAD, ignores them on UploadPart and has no KMS UploadPartCopy."""
    assert bool(added([rule(sse)], operation(name))[0]) is (name in CREATING)


@pytest.mark.parametrize("name", [*NEEDING_THE_KEY, *OTHERS])
def test_a_customer_key_goes_wherever_data_does(name: str) -> None:
    """Under SSE-C every read and write of the object needs the key."""
    assert added([rule(sse_c(KEY))], operation(name)) == ((C, "SSE-C") if name in NEEDING_THE_KEY else ((), ""))


@pytest.mark.parametrize("name", ["CopyObject", "UploadPartCopy"])
def test_a_copys_source_has_a_key_of_its_own(name: str) -> None:
    """A source under SSE-C needs its key in copy-source headers, whatever the destination's rule is."""
    rules = [rule(sse_c(KEY), bucket="vault"), rule(SseKms("my-key"))]
    headers, _ = added(rules, operation(name, ("vault", "k")))
    assert headers == ((*KMS, *C_SOURCE) if name == "CopyObject" else C_SOURCE)
    both = added([rule(sse_c(KEY))], operation(name, ("vault", "k")))
    assert both == ((*C, *C_SOURCE), "SSE-C")


def test_other_kinds_of_source_need_nothing() -> None:
    """The backend decrypts SSE-S3 and SSE-KMS sources by itself."""
    assert added([rule(SseKms("my-key"), bucket="vault")], operation("CopyObject", ("vault", "k"))) == ((), "")


@pytest.mark.parametrize("name", CREATING)
@pytest.mark.parametrize(
    "header", [b"X-Amz-Server-Side-Encryption", KMS[1][0], C[0][0], b"x-amz-server-side-encryption-context"]
)
@pytest.mark.parametrize("sse", [SseKms("my-key"), SseS3(), sse_c(KEY)])
def test_never_over_the_clients_own(name: str, header: bytes, sse: Sse) -> None:
    """A client that set encryption itself, in any part, gets none on top: MinIO answers 400 to two kinds."""
    assert added([rule(sse)], operation(name), (header, b"x")) == ((), "client")


@pytest.mark.parametrize("name", CREATING)
@pytest.mark.parametrize("repeated", [C[:1], C[2:], (C[0], C[2])], ids=["algorithm", "MD5", "both"])
def test_a_rules_key_that_a_client_repeats_from_head(name: str, repeated: Headers) -> None:
    """S3A's CopyObject repeats what HEAD told, but for the key, which it never had: the same rule adds the rest."""
    missing = tuple(pair for pair in C if pair not in repeated)
    assert added([rule(sse_c(KEY))], operation(name), *repeated) == (missing, "SSE-C")
    for other in (sse_c(bytes(32)), SseS3(), None):
        agrees = isinstance(other, type(sse_c(KEY))) and repeated == C[:1]
        assert (added([rule(other)], operation(name), *repeated)[1] == "SSE-C") is agrees
    assert added([rule(sse_c(KEY))], operation(name), *repeated, S3[0]) == ((), "client")


@pytest.mark.parametrize("name", ["CopyObject", "UploadPartCopy"])
def test_a_rules_source_key_that_a_client_repeats_from_head(name: str) -> None:
    """So does S3A with SDK v2 for the source; who has a key of its own for it keeps that."""
    rules = [rule(sse_c(KEY), bucket="vault")]
    repeated = (C_SOURCE[0], C_SOURCE[2])
    assert added(rules, operation(name, ("vault", "k")), *repeated)[0] == (C_SOURCE[1],)
    assert added(rules, operation(name, ("vault", "k")), *C_SOURCE)[0] == ()
    assert added([rule(sse_c(bytes(32)))], operation(name, ("vault", "k")), C[1], *repeated)[0] == ()


@pytest.mark.parametrize("header", [b"bucket-key-enabled", b"anything", b"customer-key-"])
def test_what_asks_for_no_encryption_turns_none_off(header: bytes) -> None:
    """A header that a backend ignores does not take a request out of the policy."""
    name = b"x-amz-server-side-encryption-" + header
    assert added([rule(SseS3())], operation("PutObject"), (name, b"true")) == (S3, "SSE-S3")


def test_never_over_the_clients_own_source_key() -> None:
    """A client's own copy-source key stays alone; the destination's encryption is another matter."""
    headers, label = added([rule(sse_c(KEY))], operation("CopyObject", ("vault", "k")), (C_SOURCE[1][0], b"x"))
    assert (headers, label) == (C, "SSE-C")
    headers, label = added([rule(sse_c(KEY))], operation("CopyObject", ("vault", "k")), (C[1][0], b"x"))
    assert (headers, label) == (C_SOURCE, "client")


def test_reads_with_the_clients_own_key() -> None:
    """A client that reads with its own customer key gets no other."""
    assert added([rule(sse_c(KEY))], operation("GetObject"), (C[1][0], b"x")) == ((), "")


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], ""),
        ([rule(None), rule(SseS3())], ""),
        ([rule(SseS3()), rule(SseKms("k"))], "SSE-S3"),
        ([rule(SseS3(), bucket="buck*"), rule(SseKms("k"))], "SSE-S3"),
        ([rule(SseS3(), bucket="other"), rule(SseKms("k"))], "SSE-KMS"),
        ([rule(SseS3(), bucket="BUCKET"), rule(SseKms("k"))], "SSE-KMS"),
        ([rule(SseS3(), prefix="pii/"), rule(SseKms("k"))], "SSE-S3"),
        ([rule(SseS3(), prefix="pii/*"), rule(SseKms("k"))], "SSE-KMS"),
        ([rule(SseS3(), prefix="ii/"), rule(SseKms("k"))], "SSE-KMS"),
        ([rule(SseS3(), client="spa??"), rule(SseKms("k"))], "SSE-S3"),
        ([rule(SseS3(), client="Spark"), rule(SseKms("k"))], "SSE-KMS"),
        ([rule(SseS3(), bucket="other"), rule(SseKms("k"), client="x")], ""),
        ([rule(SseS3(), bucket="bucket", prefix="pii/", client="other")], ""),
    ],
)
def test_the_first_match_decides(rules: list[EncryptionRule], expected: str) -> None:
    """Rules are tried in order; bucket and client are patterns, the prefix is literal, and all three must match."""
    assert added(rules, operation("PutObject"))[1] == expected


@pytest.mark.parametrize(
    ("name", "number", "client_sets"),
    [("PutObject", 1, False), ("PutObject", None, True), ("HeadObject", None, False), ("DeleteObject", None, False)],
)
def test_the_rule_that_decided_is_named(name: str, number: int | None, *, client_sets: bool) -> None:
    """By its number from 0; none had a say where the client chose, or where nothing is added and nothing created."""
    headers = (S3[0],) if client_sets else ()
    rules = (rule(SseS3(), prefix="other/"), rule(SseKms("k")))
    assert apply(rules, operation(name), RequestHead(b"PUT", b"/bucket/pii/key", headers), "spark").rule == number


def test_a_rule_that_ends_the_search_has_decided() -> None:
    """``none`` leaves the request as it was, and that is a decision."""
    applied = apply((rule(None), rule(SseS3())), operation("PutObject"), RequestHead(b"PUT", b"/", ()), "spark")
    assert (applied.headers, applied.label, applied.rule) == ((), "", 0)


RESPONSE = ((b"ETag", b"x"), (b"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", b"k"), S3[0])


@pytest.mark.parametrize("method", [b"HEAD", b"GET", b"PUT", b"POST", b"DELETE"])
@pytest.mark.parametrize("tls", [True, False])
def test_the_key_id_comes_off_head_over_http_only(method: bytes, tls: bool) -> None:
    """SDK v1 stumbles over a key id in HEAD answers over HTTP, and over its absence anywhere else."""
    expected = (RESPONSE[0], RESPONSE[2]) if method == b"HEAD" and not tls else RESPONSE
    assert hide_kms_key_id(RESPONSE, method=method, tls=tls) == expected


def test_customer_key_headers_stay_on_responses() -> None:
    """Clients compare them with what they sent."""
    assert hide_kms_key_id(C, method=b"HEAD", tls=False) == C


@pytest.mark.parametrize(
    ("pattern", "roles", "expected"),
    [
        ("*", (), True),
        ("*", ("etl",), True),
        ("etl", ("etl",), True),
        ("e*", ("staff", "etl"), True),
        ("etl", ("staff",), False),
        ("etl", (), False),
        ("?*", (), False),
    ],
)
def test_a_rule_for_roles(pattern: str, roles: tuple[str, ...], expected: bool) -> None:
    """With a pattern it is for sessions that have such a role, among others; without for everybody."""
    rules = (EncryptionRule("*", "", "*", SseS3(), pattern),)
    applied = apply(rules, operation("PutObject"), RequestHead(b"PUT", b"/bucket/pii/key", ()), "spark", roles)
    assert bool(applied.headers) is expected
