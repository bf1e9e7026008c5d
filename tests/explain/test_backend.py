"""What a real MinIO refuses is read off its answer and the head that was sent, by hand, as a bad gateway sends it."""

import base64
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import md5

import pytest

from capturing.sources import read
from lab import CHECKOUT
from lab.certs import Certs
from lab.minio import Minio
from s3gateway.explain.backend import Refusal, explain_backend, explain_head, read_refusal
from s3gateway.observed.capture import Explanation, Head, Response
from s3gateway.observed.redaction import captured_head, captured_response
from s3gateway.sigv4.model import RequestHead
from tests.explain.clients import Keys, botocore, drops
from tests.real import sdkv1
from tests.real.rawhttp import Raw

BUCKET = f"explain-{os.urandom(4).hex()}"
CUSTOMER_KEY = os.urandom(32)
SSE = "x-amz-server-side-encryption"
SSE_C = (
    (f"{SSE}-customer-algorithm", "AES256"),
    (f"{SSE}-customer-key", base64.b64encode(CUSTOMER_KEY).decode()),
    (f"{SSE}-customer-key-md5", base64.b64encode(md5(CUSTOMER_KEY).digest()).decode()),
)
KMS = ((SSE, "aws:kms"), (f"{SSE}-aws-kms-key-id", "no-such-key"))


@pytest.fixture(scope="module")
def at(minio: Minio) -> str:
    client = minio.client()
    client.create_bucket(Bucket=BUCKET)
    client.put_object(Bucket=BUCKET, Key="plain", Body=b"x")
    client.put_object(
        Bucket=BUCKET, Key="secret", Body=b"x", SSECustomerAlgorithm="AES256", SSECustomerKey=CUSTOMER_KEY
    )
    return minio.endpoint


def keys(minio: Minio) -> Keys:
    return Keys(minio.access_key, minio.secret_key)


def ask(minio: Minio, certs: Certs, head: RequestHead) -> Explanation | None:
    """Send it to MinIO over TLS and explain the answer."""
    wire = head.method + b" " + head.target + b" HTTP/1.1\r\n"
    wire += b"".join(name + b": " + value + b"\r\n" for name, value in head.headers)
    if head.method == b"PUT" and not head.all(b"content-length"):
        wire += b"Content-Length: 0\r\n"
    with Raw(minio.port, certs.ca) as raw:
        answer = raw.ask(wire + b"\r\n", head.method.decode())
    pairs = tuple((name.encode(), value.encode()) for name, value in answer.headers)
    refusal = read_refusal(captured_response(answer.status, pairs), answer.body.decode())
    assert refusal, (answer.status, "MinIO took it")
    return explain_backend(captured_head(head), refusal, tls=True)


def _old(keys_: Keys, at: str) -> RequestHead:
    moment = datetime.now(UTC) - timedelta(hours=2, seconds=5)
    key = sdkv1.Key(keys_.access_key_id, keys_.secret, at=moment)
    signed = sdkv1.sign("GET", sdkv1.Target(BUCKET, "plain"), key=key, host=at.removeprefix("https://"))
    return RequestHead(b"GET", signed.target, tuple(signed.headers))


Make = Callable[[Keys, str], RequestHead]
GET, HEAD, PUT = (f"/{BUCKET}/plain",) * 3
CASES: tuple[tuple[str, str, str, Make], ...] = (
    (
        "Connection is signed and dropped, on a HEAD that answers without a word",
        "signed-header-not-sent",
        "Connection is signed but not sent",
        lambda k, at: drops(botocore(k, "HEAD", HEAD, [("Connection", "Keep-Alive")], at=at), "Connection"),
    ),
    (
        "TE is signed and dropped",
        "signed-header-not-sent",
        "TE is signed but not sent",
        lambda k, at: drops(botocore(k, "GET", GET, [("TE", "trailers")], at=at), "TE"),
    ),
    (
        "SSE-S3 on a GET",
        "encryption-on-read",
        f"{SSE} is on a GET",
        lambda k, at: botocore(k, "GET", GET, [(SSE, "AES256")], at=at),
    ),
    (
        "SSE-S3 on a HEAD",
        "encryption-on-read",
        f"{SSE} is on a HEAD",
        lambda k, at: botocore(k, "HEAD", HEAD, [(SSE, "AES256")], at=at),
    ),
    (
        "two encryptions",
        "two-encryptions",
        "two encryptions at once",
        lambda k, at: botocore(k, "PUT", PUT, [(SSE, "AES256"), *SSE_C], at=at),
    ),
    (
        "SSE-C without its MD5",
        "customer-key-incomplete",
        f"{SSE}-customer-key-md5 did not come",
        lambda k, at: botocore(k, "PUT", PUT, SSE_C[:2], at=at),
    ),
    (
        "SSE-C with another MD5",
        "customer-key-incomplete",
        "MD5 is not that of the key",
        lambda k, at: botocore(k, "PUT", PUT, (*SSE_C[:2], (SSE_C[2][0], base64.b64encode(b"x" * 16).decode())), at=at),
    ),
    (
        "no key for an SSE-C object",
        "customer-key-missing",
        "encrypted with SSE-C and no key was sent",
        lambda k, at: botocore(k, "GET", f"/{BUCKET}/secret", at=at),
    ),
    (
        "a KMS key that is not there",
        "kms-key-unknown",
        "no key of this id",
        lambda k, at: botocore(k, "PUT", PUT, KMS, at=at),
    ),
    (
        "a KMS key id without aws:kms",
        "kms-key-without-kms",
        "send both or neither",
        lambda k, at: botocore(k, "PUT", PUT, KMS[1:], at=at),
    ),
    (
        "no such bucket",
        "no-such-bucket",
        "the bucket does not exist",
        lambda k, at: botocore(k, "GET", "/explain-not-there/k", at=at),
    ),
    (
        "a key that is too long",
        "key-too-long",
        "1024 bytes",
        lambda k, at: botocore(k, "PUT", f"/{BUCKET}/" + "/".join(["a" * 200] * 6), at=at),
    ),
    ("no such key", "no-such-key", "the object does not exist", lambda k, at: botocore(k, "GET", GET + "-not", at=at)),
    (
        "a bucket name that breaks the rules",
        "bucket-name",
        "naming rules",
        lambda k, at: botocore(k, "PUT", "/a", at=at),
    ),
    (
        "an unknown access key",
        "backend-access-key",
        "does not know the access key",
        lambda k, at: botocore(Keys("nobody-here", k.secret), "GET", GET, at=at),
    ),
    (
        "a wrong secret",
        "backend-secret",
        "secret in `backend.credentials` is most likely wrong",
        lambda k, at: botocore(Keys(k.access_key_id, "wrong-secret"), "GET", GET, at=at),
    ),
    (
        "a wrong region",
        "backend-region",
        "set `backend.region` to us-east-1",
        lambda k, at: botocore(Keys(k.access_key_id, k.secret, "eu-west-1"), "GET", GET, at=at),
    ),
    (
        "a clock that is off",
        "backend-clock",
        "the sender's clock is 2 h",
        _old,
    ),
    (
        "an upload that was aborted",
        "no-such-upload",
        "completed or aborted",
        lambda k, at: botocore(k, "PUT", PUT + "?partNumber=1&uploadId=bm9uZQ", at=at),
    ),
)


@pytest.mark.parametrize(("cause", "words", "make"), [one[1:] for one in CASES], ids=[one[0] for one in CASES])
def test_what_minio_refuses(minio: Minio, certs: Certs, at: str, cause: str, words: str, make: Make) -> None:
    """Its status, its code and what the request lacks."""
    why = ask(minio, certs, make(keys(minio), at))
    assert why
    assert why.cause == cause, why.sentence
    assert words in why.sentence
    assert why.sentence.startswith("the backend answered 4")
    assert base64.b64encode(CUSTOMER_KEY).decode() not in why.sentence + why.received


def test_a_date_alone(minio: Minio, certs: Certs, at: str) -> None:
    """MinIO takes no HTTP date, and botocore, given a Date, signs that one and drops X-Amz-Date."""
    date = f"{datetime.now(UTC):%a, %d %b %Y %H:%M:%S} GMT"
    head = botocore(keys(minio), "GET", GET, [("Date", date)], at=at)
    assert not head.all(b"x-amz-date")
    why = ask(minio, certs, head)
    assert why
    assert why.cause == "date-without-x-amz-date"
    assert "send X-Amz-Date" in why.sentence or "send it as X-Amz-Date" in why.sentence
    alone = explain_head(captured_head(head), tls=True)
    assert alone
    assert alone.cause == "date-without-x-amz-date"


def test_a_head_that_is_in_order(minio: Minio, at: str) -> None:
    """Nothing is said of it."""
    assert explain_head(captured_head(botocore(keys(minio), "GET", GET, at=at)), tls=True) is None


def test_an_answer_without_a_word_to_it() -> None:
    """An unknown code on a head that is in order is not explained; what is no refusal is none."""
    head = Head("GET", "/b/k", (("Host", "h"),))
    assert explain_backend(head, Refusal(418, "Teapot", "short and stout"), tls=True) is None
    assert read_refusal(Response(200, ())) is None


HEADS: tuple[tuple[str, Head, bool, str], ...] = (
    ("SSE-C without TLS", Head("PUT", "/b/k", SSE_C), False, "customer-key-without-tls"),
    (
        "unsigned x-amz",
        Head("PUT", "/b/k", (("Host", "h"), ("x-amz-date", "d"), ("X-Amz-Acl", "private")), ("host", "x-amz-date")),
        True,
        "x-amz-header-unsigned",
    ),
    ("host unsigned", Head("PUT", "/b/k", (("Date", "d"),), ("date",)), True, "host-unsigned"),
    ("no date", Head("GET", "/b/k", (("Host", "h"), ("Authorization", "<redacted>"))), True, "no-date"),
    (
        "signed names in Authorization",
        Head(
            "GET",
            "/b/k",
            (("Host", "h"), ("Authorization", "AWS4-HMAC-SHA256 SignedHeaders=host;te, Signature=<redacted>")),
        ),
        True,
        "signed-header-not-sent",
    ),
    (
        "signed names in the query",
        Head("GET", "/b/k?X-Amz-Algorithm=a&X-Amz-SignedHeaders=host%3Bx-amz-acl", (("Host", "h"),)),
        True,
        "signed-header-not-sent",
    ),
)


@pytest.mark.parametrize(("head", "tls", "cause"), [one[1:] for one in HEADS], ids=[one[0] for one in HEADS])
def test_heads_that_contradict_themselves(head: Head, tls: bool, cause: str) -> None:
    """Also where MinIO would let them through, and AWS would not."""
    why = explain_head(head, tls=tls)
    assert why
    assert why.cause == cause


def test_the_answers_own_words() -> None:
    """MinIO's headers say it where a HEAD has no body."""
    answer = Response(400, (("X-Minio-Error-Code", "AccessDenied"), ("X-Minio-Error-Desc", '"chunk too big: choose"')))
    assert read_refusal(answer) == Refusal(400, "AccessDenied", "chunk too big: choose")
    why = explain_backend(
        Head("PUT", "/b/k", (("Host", "h"),)), Refusal(400, "BadRequest", "chunk too big: choose"), tls=True
    )
    assert why
    assert why.cause == "chunk-too-big"


@pytest.mark.parametrize(
    "date", ["Sat, 31 Jan 2026 12:00:00 GMT", "Sat, 31 Jan 2026 12:00:00 -0000", "Sat Jan 31 12:00:00 2026"]
)
def test_every_form_of_a_date_is_utc(date: str) -> None:
    """RFC 9110 section 5.6.7 has a form without a zone as well."""
    head = Head("GET", "/b/k", (("Host", "h"), ("X-Amz-Date", "20260131T140000Z")))
    why = explain_backend(head, Refusal(403, "RequestTimeTooSkewed", "", date), tls=True)
    assert why
    assert "the sender's clock is 2 h ahead of the backend's" in why.sentence


def test_the_side_before_the_gateway_is_not_blamed() -> None:
    """The incident's front: MinIO speaks of the head that it got, and the client's is in order."""
    (front,) = read(CHECKOUT / "scripts" / "captures" / "spark-400" / "front.json")
    assert front.response
    refusal = read_refusal(front.response)
    assert refusal
    why = explain_backend(front.incoming, refusal, tls=False)
    assert why
    assert why.cause == "head-changed-behind"
    assert "this head has no such header, and none that is signed and missing" in why.sentence
    assert "scripts/diff_headers" in why.sentence
