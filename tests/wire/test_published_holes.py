"""The holes that were found in others, one test for each, at the wire with MinIO behind the recorder.

The numbers are those of the list of published holes. Each test shows the refusal, and that the backend saw nothing or
committed nothing; where it is about what must work, that what was stored is what was sent.
"""

import ast
import contextlib
import re
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from urllib.parse import quote

import pytest

from lab import CHECKOUT
from lab.minio import Minio
from s3gateway.sigv4 import canonical
from tests import forms
from tests.accepted import MODES
from tests.admission import edited, with_header, without
from tests.real.rawhttp import Answer
from tests.real.waiting import eventually
from tests.refusing import (
    NARROW,
    PII,
    PRESIGNED,
    READER,
    UPLOADS,
    Made,
    Request,
    added,
    asking,
    auth,
    claimed,
    stream,
    then,
    url,
)
from tests.sigv4 import aws, streams
from tests.wire.front import BUCKET, Front, body_bytes, head_bytes, now, on_wire

SIGNED = MODES[:2]
THREE = (b"a" * 8192, b"b" * 8192, b"c" * 100)
PUT_PRESIGNED = url("PUT", "/bucket/key")
MECHANISMS: dict[str, Made] = {**UPLOADS, "presigned": PUT_PRESIGNED}


@pytest.fixture(autouse=True)
def _nothing_changes(front: Front) -> Iterator[None]:
    """Whatever a test has asked for, the bucket holds what it held."""
    before, buckets = front.stored(), _buckets(front)
    front.forget()
    yield
    assert (front.stored(), _buckets(front)) == (before, buckets)


def _buckets(front: Front) -> list[str]:
    return [bucket["Name"] for bucket in front.s3.list_buckets()["Buckets"]]


def denied(front: Front, request: Request, code: str = "", *, tls: bool = False) -> Answer:
    """Ask; it is refused (4xx or 501) with this code, and nobody has even connected to the backend."""
    answer = front.ask(request, tls=tls)
    assert 400 <= answer.status < 500 or answer.status == 501, answer
    if request.head.method != b"HEAD":
        assert code in {"", answer.code}
    assert front.untouched()
    return answer


def spoilt(front: Front, request: Request, *codes: str) -> None:
    """Ask, with a body that is at fault; the refusal has one of the codes, and the backend has no whole good upload."""
    answer = front.ask(request)
    assert 400 <= answer.status < 500, answer
    assert answer.code in codes
    assert all(not sent.complete or b"0" * 64 in sent.body for sent in front.recorder.requests())


def test_01_unsigned_trailers_signature_is_checked(front: Front) -> None:
    """CVE-2025-31489: STREAMING-UNSIGNED-PAYLOAD-TRAILER with a wrong secret, and a digit of the signature changed."""
    mode = aws.STREAMING_UNSIGNED_TRAILER
    wrong = auth("PUT", "/bucket/key", [("x-amz-decoded-content-length", "1")], {"secret": "wrong"}, payload=mode)
    denied(front, wrong(now()), "SignatureDoesNotMatch")
    changed = then(UPLOADS[mode], claimed(b"Signature=[0-9a-f]{64}", b"Signature=" + b"f" * 64))
    denied(front, changed(now()), "SignatureDoesNotMatch")


@pytest.mark.parametrize("headers", [[], [("x-amz-meta-snowball-auto-extract", "true")]], ids=["02", "03"])
@pytest.mark.parametrize("mode", MODES)
def test_02_03_a_credential_in_the_query_is_no_authentication(
    front: Front, headers: list[tuple[str, str]], mode: str
) -> None:
    """CVE-2026-41145 and, with the snowball header, CVE-2026-40344: X-Amz-Credential and no signature of a client's."""
    for access_key in (aws.CLIENT.access_key_id, Minio.access_key):
        wire = now()
        credential = quote(f"{access_key}/{wire.key.scope_text}", safe="")
        bare = without(stream(mode, (b"x",), headers=headers)(wire).head, b"authorization")
        algorithm = "X-Amz-Algorithm=AWS4-HMAC-SHA256"
        rest = f"X-Amz-Date={wire.key.timestamp}&X-Amz-Expires=600&X-Amz-SignedHeaders=host"
        body = streams.unsigned("body", (b"x",)).body
        for query in (
            f"X-Amz-Credential={credential}",
            f"{algorithm}&X-Amz-Credential={credential}",
            f"{algorithm}&X-Amz-Credential={credential}&{rest}&X-Amz-Signature={'f' * 64}",
        ):
            denied(front, Request(edited(bare, target=b"/bucket/key?" + query.encode()), body))


@pytest.mark.parametrize(
    "name",
    [
        "x-minio-replication-server-side-encryption-sealed-key",
        "X-Minio-Replication-Server-Side-Encryption-Iv",
        "x-minio-source-mtime",
        "x-minio-source-etag",
        "x-minio-source-replication-request",
        "x-minio-force-delete",
        "x-minio-extract",
        "x-minio-internal-anything",
    ],
)
def test_04_the_backends_own_headers(front: Front, name: str) -> None:
    """CVE-2026-34204: x-minio-* is refused from clients, signed or not, in header auth and presigned."""
    for made in (
        auth("PUT", "/bucket/key", [(name, "x")], payload=aws.UNSIGNED),
        then(UPLOADS[aws.UNSIGNED], added(name, "x")),
        url("PUT", "/bucket/key", [(name, "x")]),
        then(PUT_PRESIGNED, added(name, "x")),
        auth("DELETE", "/bucket/old", [(name, "true")]),
    ):
        denied(front, made(now()), "AccessDenied")


@pytest.mark.parametrize(
    "size", [b"ffffffff", b"7fffffffffffffff", b"8000000000000000", b"ffffffffffffffff", b"1" * 17]
)
@pytest.mark.parametrize("mode", MODES)
def test_05_a_false_chunk_size(front: Front, mode: str, size: bytes) -> None:
    """CVE-2021-21390: a chunk that claims more than there is, or more than fits, is refused by its header."""
    for decoded in ("300", "99999999999"):
        made = stream(mode, (b"a" * 300,), decoded=decoded, edit=lambda body: size + body[len(b"12c") :])
        spoilt(front, made(now()), "EntityTooLarge", "IncompleteBody")


@pytest.mark.parametrize("mode", MODES)
def test_05_a_chunk_longer_than_the_body(front: Front, mode: str) -> None:
    """CVE-2021-21390: the data of a chunk of which the rest never comes is not stored."""
    made = stream(mode, (b"a" * 300,), decoded="4096", edit=lambda body: b"1000" + body[len(b"12c") :])
    spoilt(front, made(now()), "IncompleteBody")


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (forms.without(*forms.SIGNING), "AccessDenied"),
        (forms.without("x-amz-signature"), "InvalidArgument"),
        (forms.without("policy"), "InvalidArgument"),
        (forms.changed("policy", "e30="), "SignatureDoesNotMatch"),
        (forms.changed("x-amz-signature", "f" * 64), "SignatureDoesNotMatch"),
        (
            forms.changed("x-amz-credential", lambda old: old.replace("SPARKKEY", Minio.access_key)),
            "InvalidAccessKeyId",
        ),
        (forms.changed("key", "other"), "AccessDenied"),
        (lambda fields: [*fields, ("x-amz-meta-a", "1")], "AccessDenied"),
    ],
    ids=["anonymous", "unsigned", "no policy", "another policy", "forged", "the backend's key", "another key", "added"],
)
def test_06_a_form_without_a_policy_that_holds(front: Front, edit: forms.Edit, code: str) -> None:
    """CVE-2021-21362: no upload by a form that nobody signed, or whose fields were changed, or signed otherwise."""
    exact = forms.conditions({"key": "key"})
    denied(front, forms.form(edit=edit, policy=exact)(now()), code)
    signed_too = auth("POST", "/bucket", [("Content-Type", forms.CONTENT_TYPE)], payload=aws.UNSIGNED, body=b"x")
    denied(front, signed_too(now()), "InvalidArgument")


def test_06_signatures_are_compared_in_constant_time() -> None:
    """MinIO #5334: one place compares, with hmac.compare_digest, and a Signature refuses ``==``."""
    sources = {path: path.read_text(encoding="utf-8") for path in (CHECKOUT / "addons").rglob("*.py")}
    places = [path.name for path, text in sources.items() for _ in range(text.count("compare_digest("))]
    assert places == ["model.py"]
    for path, text in sources.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Compare) and any(isinstance(op, (ast.Eq, ast.NotEq)) for op in node.ops):
                compared = [node.left, *node.comparators]
                names = {each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "") for each in compared}
                assert "signature" not in names, (path.name, node.lineno)


AMZ = """
abort-date abort-rule-id acl archive-status bucket-object-lock-enabled bucket-object-lock-token bucket-region
bypass-governance-retention checksum-algorithm checksum-crc32 checksum-crc32c checksum-crc64nvme checksum-mode
checksum-sha1 checksum-sha256 checksum-type client-token confirm-remove-self-bucket-access copy-source
copy-source-if-match copy-source-if-modified-since copy-source-if-none-match copy-source-if-unmodified-since
copy-source-range copy-source-server-side-encryption-customer-algorithm
copy-source-server-side-encryption-customer-key copy-source-server-side-encryption-customer-key-md5
copy-source-version-id create-session-mode date decoded-content-length delete-marker delete-type
expected-bucket-owner expiration fwd-error-code fwd-status grant-full-control grant-read grant-read-acp grant-write
grant-write-acp id-2 if-match-initiated-time if-match-last-modified-time if-match-size meta-a
meta-snowball-auto-extract metadata-directive mfa missing-meta mp-object-size mp-parts-count object-attributes
object-lock-legal-hold object-lock-mode object-lock-retain-until-date object-ownership optional-object-attributes
part-number-marker max-parts rename-source rename-source-if-match replication-status request-id request-payer
request-route request-token restore restore-output-path sdk-checksum-algorithm security-token
server-side-encryption server-side-encryption-aws-kms-key-id server-side-encryption-bucket-key-enabled
server-side-encryption-context server-side-encryption-customer-algorithm server-side-encryption-customer-key
server-side-encryption-customer-key-md5 skip-destination-validation source-expected-bucket-owner storage-class
tagging tagging-count tagging-directive trailer transition-default-minimum-object-size version-id
website-redirect-location write-offset-bytes cf-id apigw-id anything-else
"""
"""Every ``x-amz-*`` header that the S3 API and its front ends know, and one that nobody does. The payload's hash is
not among them: its value is signed as such."""


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_07_22_an_unsigned_header(front: Front, mechanism: str) -> None:
    """CVE-2026-54330 and its class (22 is the same in caches and forks): none can be added to what was signed.

    On one connection each: a whole good upload, signed or presigned, to which somebody adds one header.
    """
    for name in AMZ.split():
        header = f"x-amz-{name}"
        request = MECHANISMS[mechanism](now())
        if request.head.first(header.encode()) is not None:
            continue
        answer = front.ask(Request(added(header, "1")(request.head), request.body))
        expected = (400, "InvalidToken") if name == "security-token" and mechanism != "presigned" else None
        found = (answer.status, answer.code)
        assert found == (expected or (403, "AccessDenied")), header
        if expected is None:
            assert answer.error["HeadersNotSigned"] == header
    assert front.untouched()


@pytest.mark.parametrize("mechanism", ["header", "presigned"])
def test_07_a_url_gains_no_rights_from_a_header(front: Front, mechanism: str) -> None:
    """A signed GET or PUT does not become a copy, a listing of ACLs or another object by what is added to it."""
    for method in ("GET", "PUT"):
        made = (
            auth(method, "/bucket/old", payload=aws.UNSIGNED) if mechanism == "header" else url(method, "/bucket/old")
        )
        for name in ("x-amz-copy-source", "X-Amz-Acl", "x-AMZ-meta-a", "x-amz-tagging"):
            denied(front, then(made, added(name, "/bucket/old"))(now()), "AccessDenied")
        for piece in ("acl", "tagging", "uploadId=1&partNumber=1", "versionId=1", "x-id=1"):
            denied(front, then(made, asking(piece))(now()), "SignatureDoesNotMatch")


@pytest.mark.parametrize(
    "token", ["AWS4-HMAC-SHA256X", "aws4-hmac-sha256", "AWS4-HMAC-SHA512", "AWS4-HMAC-SHA1", "AWS4-HMAC", "AWS4"]
)
def test_08_the_algorithm_is_pinned(front: Front, token: str) -> None:
    """RustFS #7796: one token, in header auth and presigned."""
    for made in UPLOADS.values():
        denied(front, then(made, claimed(b"AWS4-HMAC-SHA256", token.encode()))(now()), "InvalidArgument")
    target = PRESIGNED(now()).head.target.replace(b"AWS4-HMAC-SHA256", token.encode())
    denied(front, Request(edited(PRESIGNED(now()).head, target=target)), "AuthorizationQueryParametersError")


STREAMING_VALUES = [
    *MODES,
    "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
    "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER",
    "STREAMING-UNSIGNED-PAYLOAD",
    "STREAMING-ANYTHING",
]


@pytest.mark.parametrize("mode", STREAMING_VALUES)
def test_09_anonymous_streams(front: Front, mode: str) -> None:
    """SeaweedFS #7954: no Authorization, whatever the payload is said to be."""
    for method, target, code in (
        ("PUT", "/bucket/key", "AccessDenied"),
        ("PUT", "/bucket/key?partNumber=1&uploadId=1", "AccessDenied"),
        ("POST", "/bucket", "PreconditionFailed"),  # it is no form
    ):
        body = streams.unsigned("b", (b"x",)).body
        made = auth(method, target, [("x-amz-decoded-content-length", "1")], payload=mode, body=body)
        denied(front, then(made, without, b"authorization")(now()), code)


@pytest.mark.parametrize("mode", STREAMING_VALUES[3:])
def test_10_unknown_streaming_modes(front: Front, mode: str) -> None:
    """SeaweedFS #7623: framing that nobody would take off is not stored as an object."""
    body = streams.unsigned("b", (b"x",)).body
    made = auth("PUT", "/bucket/key", [("x-amz-decoded-content-length", "1")], payload=mode, body=body)
    denied(front, made(now()))


def test_10_the_mode_is_told_by_the_signed_hash_alone(front: Front) -> None:
    """predastore #114: Content-Encoding says nothing about the framing, and a trailer's checksum is held to.

    With a hash, or none, for a body the bytes are stored as they are, aws-chunked or not; in a mode without it said,
    the decoded ones are (tests/wire/test_accepted.py).
    """
    framed = streams.unsigned("b", (b"x",)).body
    for payload in (aws.UNSIGNED,):
        fields = [("Content-Encoding", "aws-chunked"), ("x-amz-meta-a", "1")]
        assert front.ask(auth("PUT", "/bucket/key", fields, payload=payload, body=framed)(now())).status == 200
        assert front.s3.get_object(Bucket=BUCKET, Key="key")["Body"].read() == framed
        front.s3.delete_object(Bucket=BUCKET, Key="key")
    wrong = stream(aws.STREAMING_UNSIGNED_TRAILER, (b"x",), trailer=((b"x-amz-checksum-crc32c", b"AAAAAA=="),))
    front.forget()
    spoilt(front, wrong(now()), "BadDigest")


def _flips(mode: str) -> dict[str, Callable[[bytes], bytes]]:
    """Give, for each chunk, its data, its signature and its size, and the trailer's parts, one bit changed."""
    body = stream(mode, THREE)(now()).body or b""
    marks = [match.end() for match in re.finditer(rb"chunk-signature=", body)]
    places = {f"signature {n}": at + 31 for n, at in enumerate(marks)}
    places |= {f"data {n}": at + 64 + 2 + 50 for n, at in enumerate(marks[:3])}
    places |= {"final line end": marks[3] + 64, "size 1": marks[1] - len(";chunk-signature=") - 1}
    if mode == aws.STREAMING_TRAILER:
        places |= {"trailer value": body.index(b"x-amz-checksum") + 25, "trailer signature": body.rindex(b":") + 30}
        places |= {"trailer name": body.index(b"x-amz-checksum") + 15}
    return {name: lambda data, at=at: _flipped(data, at) for name, at in places.items()}  # type: ignore[misc]


def _flipped(data: bytes, at: int) -> bytes:
    """Change the lowest bit; a hex digit stays one."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize("mode", SIGNED)
def test_11_one_bit_in_each_chunk_and_each_signature(front: Front, mode: str) -> None:
    """HDDS-15141, versitygw #1147: with the chunk of no data, and the trailer. Each bit: bodies/test_body_faults.py."""
    for change in _flips(mode).values():
        front.forget()
        codes = "SignatureDoesNotMatch", "IncompleteBody", "MalformedTrailerError", "InvalidChunkSizeError"
        spoilt(front, stream(mode, THREE, edit=change)(now()), *codes)
        assert front.s3.list_objects_v2(Bucket=BUCKET, Prefix="key")["KeyCount"] == 0


def _boundaries(body: bytes) -> list[int]:
    """Every position at and right beside the edge of a size, a signature, a piece of data, a line or the trailer."""
    edges = {0, len(body)}
    for match in re.finditer(rb"chunk-signature=|\r\n|x-amz-[a-z0-9-]+:", body):
        edges |= {match.start(), match.end()}
    return sorted({near for edge in edges for near in (edge - 1, edge, edge + 1) if 0 < near < len(body)})


@pytest.mark.parametrize("mode", MODES)
def test_12_every_split_at_an_edge(front: Front, mode: str) -> None:
    """versitygw #1056, #512: a body that comes in two reads, split at or beside any edge of its grammar, is stored.

    Not every byte: in the middle of a datum nothing begins or ends, and tests/bodies/test_bodies.py takes all splits
    without the wire. Here they come over one kept-alive connection, and the two parts as separate writes.
    """
    data = (b"a" * 8192, b"b" * 8192, b"c")
    with front.connect() as raw:
        raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in _boundaries(stream(mode, data)(now()).body or b""):
            request = stream(mode, data)(now())
            raw.send(head_bytes(request) + body_bytes(request)[:at])
            eventually(lambda: [sent for sent in front.recorder.requests() if not sent.complete])
            raw.send(body_bytes(request)[at:])
            assert raw.read().status == 200, at
            front.recorder.clear()
    assert front.s3.get_object(Bucket=BUCKET, Key="key")["Body"].read() == b"".join(data)
    front.s3.delete_object(Bucket=BUCKET, Key="key")


def test_12_an_absent_signed_header_is_an_empty_one(front: Front) -> None:
    """versitygw #457: SignedHeaders may name what is not on the wire; it is signed as empty, and no 500."""
    empty = then(auth("GET", "/bucket/old", [("x-a", "")]), without, b"x-a")
    assert front.ask(empty(now())).body == b"old"
    front.forget()
    denied(front, then(auth("GET", "/bucket/old", [("x-a", "1")]), without, b"x-a")(now()), "SignatureDoesNotMatch")


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("/bucket/../other/key", "InvalidURI"),
        ("/bucket/a/../old", "InvalidURI"),
        ("/bucket/./old", "InvalidURI"),
        ("/bucket/%2e%2e/other", "InvalidURI"),
        ("/bucket/%2E./old", "InvalidURI"),
        ("/bucket/a%2f..%2fold", "InvalidURI"),
        ("/bucket%2fold", "InvalidBucketName"),
        ("/bucket%2Fold?acl", "InvalidBucketName"),
        ("//bucket/old", "InvalidBucketName"),
        ("/./bucket/old", "InvalidURI"),
        ("/%62ucket%2f..%2fother/key", "InvalidURI"),
    ],
)
def test_13_a_path_is_read_in_one_way(front: Front, target: str, code: str) -> None:
    """CVE-2026-42882: dots, escaped slashes and doubled ones are not a way around a client's buckets.

    That what passes goes on byte for byte: tests/wire/test_smuggling.py.
    """
    for who in ({}, NARROW, PII):
        uri = canonical.canonical_uri(target.partition("?")[0].encode())
        denied(front, auth("GET", target, who=who, uri=uri)(now()), code)


@pytest.mark.parametrize("mechanism", [*UPLOADS, "presigned"])
@pytest.mark.parametrize("minutes", [16, 60 * 24])
def test_14_a_replay_after_fifteen_minutes(front: Front, mechanism: str, minutes: int) -> None:
    """CVE-2020-12692: every mode, MinIO's exempt one as well; a URL when it has expired."""
    request = MECHANISMS[mechanism](now(timedelta(minutes=minutes)))
    code = "AccessDenied" if mechanism == "presigned" else "RequestTimeTooSkewed"
    assert denied(front, request, code).status == 403


@pytest.mark.parametrize("mechanism", [*UPLOADS, "presigned"])
def test_14_a_date_ahead_of_time(front: Front, mechanism: str) -> None:
    """Nor can one be signed today for tomorrow."""
    assert denied(front, MECHANISMS[mechanism](now(timedelta(minutes=-16)))).status == 403


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"X-Amz-Signature=", b"x-amz-signature=%b&X-Amz-Signature=" % (b"f" * 64)),
        (b"X-Amz-Signature=", b"X-AMZ-SIGNATURE=%b&X-Amz-Signature=" % (b"f" * 64)),
        (b"X-Amz-Expires=600", b"X-Amz-Expires=600&X-Amz-Expires=604800"),
        (b"X-Amz-Expires=600", b"X-Amz-Expires=604800&X-Amz-Expires=600"),
        (b"X-Amz-Expires=600", b"x-amz-expires=604800&X-Amz-Expires=600"),
        (b"X-Amz-Expires=600", b"X-Amz-%45xpires=604800&X-Amz-Expires=600"),
        (b"X-Amz-SignedHeaders=host", b"X-Amz-SignedHeaders=host&X-Amz-SignedHeaders=x"),
        (b"X-Amz-Credential=", b"X-Amz-Credential=x&X-Amz-Credential="),
    ],
)
def test_15_a_parameter_twice_or_in_other_letters(front: Front, old: bytes, new: bytes) -> None:
    """CVE-2022-2385: which of two counts is not for two servers to decide."""
    for made in (PRESIGNED, PUT_PRESIGNED):
        request = made(now())
        target = request.head.target.replace(old, new)
        assert target != request.head.target
        denied(front, Request(edited(request.head, target=target), request.body), "AuthorizationQueryParametersError")


def test_16_nothing_in_a_request_chooses_the_upstream(front: Front) -> None:
    """CVE-2020-16250: a signed Host or Forwarded names another server, and the backend is reached all the same.

    Absolute-form, CONNECT and the other headers: tests/wire/test_smuggling.py.
    """
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(0.2)
        authority = f"127.0.0.1:{other.getsockname()[1]}"
        fields = [("X-Forwarded-Host", authority), ("Forwarded", f"host={authority}"), ("X-Amz-Host", authority)]
        wire = now()
        elsewhere = type(wire)(wire.key, authority)
        assert front.ask(auth("GET", "/bucket/old", fields)(elsewhere)).body == b"old"
        with front.connect() as raw:
            raw.send(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
            with contextlib.suppress(ConnectionError):
                assert 400 <= raw.read().status < 500
        with pytest.raises(TimeoutError):
            other.accept()
    (sent,) = front.recorder.requests()
    assert sent.values("host") == [front.recorder.endpoint.removeprefix("https://").encode()]


def test_17_no_secret_in_an_answer_or_the_log(front: Front) -> None:
    """CVE-2018-16889: SSE-C keys, tokens and signatures in what is refused. The whole canary: tests/test_secrets.py."""
    canaries = {
        "x-amz-server-side-encryption-customer-key": "Q0FOQVJZLVNTRS1D",
        "x-amz-copy-source-server-side-encryption-customer-key": "Q0FOQVJZLUNPUFk",
        "x-amz-security-token": "CANARY-TOKEN",
    }
    wire = now()
    for name, value in canaries.items():
        for who in ({}, {"secret": "wrong"}, {"access_key_id": "NOBODY"}):
            for tls in (False, True):
                request = auth("PUT", "/bucket/key", [(name, value)], who, payload=aws.EMPTY)(wire)
                answer = front.ask(request, tls=tls)
                assert answer.status >= 400
                assert value.encode() not in answer.body
                front.forget()
                presigned = url("PUT", "/bucket/key", [], who, parameters=[(name, value)])(wire)
                assert value.encode() not in denied(front, presigned, tls=tls).body
    log = front.gateway.log()
    signature = (auth("GET", "/bucket/old")(wire).head.first(b"authorization") or b"")[-64:].decode()
    for value in (*canaries.values(), signature, aws.CLIENT.secret, Minio.secret_key):
        assert value not in log


@pytest.mark.parametrize(
    "value", [b"a\r\nx-amz-acl: public-read", b"a\rx-amz-acl: public-read", b"a\nx-amz-acl: public-read", b"a\0b"]
)
def test_18_control_characters_split_nothing(front: Front, value: bytes) -> None:
    """CVE-2021-3524, CVE-2020-10753: CR, LF and NUL in key, query and metadata, plain and escaped."""
    good = UPLOADS[aws.UNSIGNED](now())
    denied(front, Request(with_header(good.head, b"x-amz-meta-a", value), good.body))
    escaped = quote(value, safe="").encode()
    for target in (b"/bucket/" + value, b"/bucket/old?prefix=" + value):
        with front.connect() as raw:
            raw.send(b"GET " + target + on_wire(auth("GET", "/bucket/old")(now())).removeprefix(b"GET /bucket/old"))
            assert 400 <= raw.read().status < 500
    assert front.untouched()
    if b"\0" in value:
        denied(front, auth("GET", "/bucket/" + escaped.decode())(now()), "InvalidURI")
        return
    answer = front.ask(auth("GET", "/bucket/" + escaped.decode())(now()))
    assert answer.status in {400, 404}
    assert not any(name.lower() == "x-amz-acl" for name, _ in answer.headers)
    (sent,) = front.recorder.requests()
    assert (sent.target, sent.values("x-amz-acl")) == (b"/bucket/" + escaped, [])


@pytest.mark.parametrize(
    "source", ["", "/", "//", "/bucket", "/bucket/", "bucket", "/bucket/..", "//key", "?versionId=1"]
)
def test_19_an_empty_copy_source(front: Front, source: str) -> None:
    """CVE-2024-47866, CVE-2022-3854: no crash, and a 400 for a copy of nothing."""
    for target in ("/bucket/key", "/bucket/key?partNumber=1&uploadId=1"):
        denied(front, auth("PUT", target, [("x-amz-copy-source", source)], body=b"")(now()), "InvalidArgument")


@pytest.mark.parametrize("target", ["//", "/%20/key", "/ab", "//key", "/%00/key", "/?", "/%2f/key"])
def test_19_an_empty_bucket(front: Front, target: str) -> None:
    """An empty or impossible bucket is refused for what writes, and for what reads."""
    for method in ("PUT", "DELETE") if target != "/?" else ("PUT",):
        answer = denied(front, auth(method, target, payload=aws.UNSIGNED)(now()))
        assert answer.status in {400, 403, 405}


def test_20_smuggling(front: Front) -> None:
    """CVE-2021-39214, CVE-2022-24766, CVE-2025-43859: pinned versions; the requests are in test_smuggling.py."""
    lock = (CHECKOUT / "requirements.lock").read_text()
    versions = dict(re.findall(r"^(mitmproxy|h11)==([0-9.]+)", lock, re.MULTILINE))
    as_numbers = {name: tuple(map(int, text.split("."))) for name, text in versions.items()}
    assert as_numbers["mitmproxy"] >= (12, 2, 2)
    assert as_numbers["h11"] >= (0, 16)
    request = on_wire(UPLOADS[aws.UNSIGNED](now()))
    with front.connect() as raw:
        raw.send(request.replace(b"Content-Length: 1\r\n", b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"))
        assert raw.read().code == "InvalidRequest"
        assert raw.is_closed()
    assert front.untouched()


@pytest.mark.parametrize(
    "path", ["/", "/flows", "/events", "/static/x", "/index.html", "/mitm.it/cert/pem", "/bucket/old"]
)
def test_21_the_proxy_is_not_reached_through_itself(front: Front, path: str) -> None:
    """CVE-2025-23217, CVE-2018-14505: the gateway's own address, mitm.it and mitmweb's in Host and in the target."""
    own = f"127.0.0.1:{front.gateway.port}"
    for host in (own, "mitm.it", "localhost:8081", "127.0.0.1:8081"):
        for target in (path, f"http://{host}{path}"):
            request = f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
            answer = front.ask(request)
            assert (answer.status, answer.code) in {(403, "AccessDenied"), (400, "InvalidURI")}
    assert front.untouched()


# 6.1: our key at the backend is stronger than the client's.


@pytest.mark.parametrize(
    ("who", "source"),
    [
        (NARROW, "/bucket/old"),
        (NARROW, "bucket/old"),
        (NARROW, "bucket%2Fold"),
        (NARROW, "%2fbucket%2Fold"),
        (NARROW, "/bucket/old?versionId=null"),
        (NARROW, "/team-a/../bucket/old"),
        (NARROW, "arn:aws:s3:::bucket/old"),
        (PII, "/bucket/old"),
        (PII, "/bucket/pii/../old"),
        (READER, "/bucket/old"),
    ],
)
def test_confused_deputy_a_copy(front: Front, who: dict[str, str], source: str) -> None:
    """A copy reaches no source that its client may not read, however it is written."""
    bucket, key = ("team-a", "key") if who is NARROW else ("bucket", "pii/key")
    for target in (f"/{bucket}/{key}", f"/{bucket}/{key}?partNumber=1&uploadId=1"):
        request = auth("PUT", target, [("x-amz-copy-source", source)], who, body=b"")(now())
        assert denied(front, request).code in {"AccessDenied", "InvalidArgument"}


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/minio/admin/v3/info"),
        ("GET", "/minio/admin/v3/list-users"),
        ("POST", "/minio/kms/v1/key/create?key-id=x"),
        ("GET", "/minio/v2/metrics/cluster"),
        ("GET", "/minio/health/live"),
        ("GET", "/minio/prometheus/metrics"),
        ("GET", "/minio%2fadmin/v3/info"),
        ("GET", "/%6dinio/admin/v3/info"),
        ("POST", "/?Action=AssumeRole&Version=2011-06-15"),
        ("POST", "/?Action=AssumeRoleWithLDAPIdentity&LDAPUsername=a&LDAPPassword=b&Version=2011-06-15"),
        ("POST", "/"),
        ("GET", "/bucket?Action=AssumeRole"),
        ("POST", "/bucket/old?%41ction=AssumeRole"),
    ],
)
def test_confused_deputy_what_is_not_s3(front: Front, method: str, target: str) -> None:
    """Admin, KMS, metrics and STS would be executed with the gateway's rights: validly signed, and refused."""
    for made in (auth(method, target, payload=aws.UNSIGNED), url(method, target)):
        answer = denied(front, made(now()))
        assert answer.status in {400, 403, 405, 501}


@pytest.mark.parametrize("value", ["Bearer eyJhbGciOiJIUzI1NiJ9.e30.x", "Basic bWluaW9hZG1pbjp4", "AWS minioadmin:x"])
def test_confused_deputy_other_credentials(front: Front, value: str) -> None:
    """A JWT, a password or SigV2 is nothing that would be signed anew."""
    for target in ("/bucket/old", "/minio/v2/metrics/cluster"):
        request = auth("GET", target)(now())
        denied(front, Request(with_header(request.head, b"authorization", value.encode())))


def test_confused_deputy_tokens_do_not_travel(front: Front) -> None:
    """A session token is refused; a presigned request leaves with one mechanism, and without its parameters."""
    denied(front, auth("GET", "/bucket/old", [("x-amz-security-token", "t")])(now()), "InvalidToken")
    denied(front, url("GET", "/bucket/old", parameters=[("X-Amz-Security-Token", "t")])(now()), "InvalidToken")
    assert front.ask(url("GET", "/bucket/old")(now())).body == b"old"
    (sent,) = front.recorder.requests()
    assert sent.target == b"/bucket/old"


def test_confused_deputy_lists(front: Front) -> None:
    """The names of all buckets, and of keys beside one's own, are for those who may have them."""
    for who, target in (
        (NARROW, "/"),
        (PII, "/"),
        (READER, "/"),
        (PII, "/bucket"),
        (PII, "/bucket?list-type=2&prefix=p"),
    ):
        denied(front, auth("GET", target, who=who)(now()), "AccessDenied")
    assert front.ask(auth("GET", "/bucket", who=READER)(now())).status == 200
