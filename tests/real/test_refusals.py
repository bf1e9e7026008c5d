"""What must be refused, at the wire and with MinIO behind: S3's answer to the client, and nothing at the backend."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lab.certs import Certs
from lab.gateway import Gateway
from lab.minio import Minio
from lab.recorder import Recorder
from tests.real.conftest import LIMITED_CLIENT
from tests.real.rawhttp import Raw
from tests.real.s3errors import check_error
from tests.real.sdkv1 import (
    CHUNK,
    STREAMING,
    UNSIGNED,
    Key,
    Signed,
    Target,
    Upload,
    put_chunked,
    sign,
)

NOW = datetime.now(UTC)
Make = Callable[[str], Upload | Signed]


def _get(bucket: str, key: Key | None = None) -> Signed:
    return sign("GET", Target(bucket, "k"), key=key)


def _put(bucket: str, key: Key | None = None) -> Upload:
    return put_chunked(Target(bucket, "k"), b"x" * (CHUNK + 1), key=key)


def _of(kind: Callable[[str, Key | None], Upload | Signed], **key: str | datetime) -> Make:
    return lambda bucket: kind(bucket, Key(**key))  # type: ignore[arg-type]


def _resign(upload: Upload, request: Signed) -> Upload:
    return Upload(request, upload.frames)


def _presigned(bucket: str, *, expires: int = 600, at: datetime | None = None, extra: str = "") -> Signed:
    """A presigned URL of botocore's, with its clock set back."""
    # botocore's own signer and not boto3's client: with awscrt installed that one signs by another clock.
    signer = S3SigV4QueryAuth(Credentials(Key().access_key_id, Key().secret), "s3", "us-east-1", expires=expires)
    request = AWSRequest("PUT", f"http://127.0.0.1/{bucket}/k")
    with pytest.MonkeyPatch.context() as patch:
        if at is not None:
            patch.setattr("botocore.auth.get_current_datetime", lambda: at.replace(tzinfo=None))
        signer.add_auth(request)
    assert request.url is not None
    target = request.url.removeprefix("http://127.0.0.1") + extra
    return Signed("PUT", target.encode(), [(b"Host", b"127.0.0.1"), (b"Content-Length", b"1")], Key(), "")


CASES: dict[str, tuple[Make, int, str]] = {
    "no-authentication": (
        lambda b: Signed("PUT", f"/{b}/k".encode(), [(b"Host", b"h"), (b"Content-Length", b"9")], Key(), ""),
        403,
        "AccessDenied",
    ),
    "wrong-secret-get": (_of(_get, secret="wrong"), 403, "SignatureDoesNotMatch"),
    "wrong-secret-put": (_of(_put, secret="wrong"), 403, "SignatureDoesNotMatch"),
    "unknown-key-get": (_of(_get, access_key_id="NOBODY"), 403, "InvalidAccessKeyId"),
    "unknown-key-put": (_of(_put, access_key_id="NOBODY"), 403, "InvalidAccessKeyId"),
    "the-backend's-own-key": (
        _of(_put, access_key_id=Minio.access_key, secret=Minio.secret_key),
        403,
        "InvalidAccessKeyId",
    ),
    "another-region": (_of(_put, region="eu-west-3"), 400, "AuthorizationHeaderMalformed"),
    "from-the-past": (_of(_put, at=NOW - timedelta(minutes=16)), 403, "RequestTimeTooSkewed"),
    "from-the-future": (_of(_put, at=NOW + timedelta(hours=2)), 403, "RequestTimeTooSkewed"),
    "tampered-header": (lambda b: _get(b).changed("amz-sdk-retry", "9/9/9"), 403, "SignatureDoesNotMatch"),
    "tampered-length": (
        lambda b: _resign(_put(b), _put(b).request.changed("x-amz-decoded-content-length", "7")),
        403,
        "SignatureDoesNotMatch",
    ),
    "tampered-target": (
        lambda b: Signed("GET", f"/{b}/other".encode(), _get(b).headers, Key(), ""),
        403,
        "SignatureDoesNotMatch",
    ),
    "tampered-method": (
        lambda b: Signed("DELETE", _get(b).target, _get(b).headers, Key(), ""),
        403,
        "SignatureDoesNotMatch",
    ),
    "unsigned-copy-source": (
        lambda b: _resign(_put(b), _put(b).request.with_headers(("x-amz-copy-source", f"/{b}/secret"))),
        403,
        "AccessDenied",
    ),
    "unsigned-acl": (lambda b: _get(b).with_headers(("X-AMZ-ACL", "public-read")), 403, "AccessDenied"),
    "unsigned-sse": (
        lambda b: _resign(_put(b), _put(b).request.with_headers(("x-amz-server-side-encryption", "AES256"))),
        403,
        "AccessDenied",
    ),
    "unsigned-security-token": (lambda b: _get(b).with_headers(("x-amz-security-token", "t")), 400, "InvalidToken"),
    "presigned-expired": (lambda b: _presigned(b, expires=1, at=NOW - timedelta(minutes=5)), 403, "AccessDenied"),
    "presigned-extra-parameter": (lambda b: _presigned(b, extra="&acl"), 403, "SignatureDoesNotMatch"),
    "presigned-unsigned-header": (
        lambda b: _presigned(b).with_headers(("x-amz-copy-source", f"/{b}/secret")),
        403,
        "AccessDenied",
    ),
    "presigned-streaming": (
        lambda b: _presigned(b).with_headers(("x-amz-content-sha256", STREAMING)),
        501,
        "NotImplemented",
    ),
    "two-mechanisms": (
        lambda b: _presigned(b).with_headers(("Authorization", "AWS4-HMAC-SHA256 x")),
        400,
        "InvalidArgument",
    ),
    "minio-api": (lambda _: sign("GET", Target("minio", "admin/v3/info")), 403, "AccessDenied"),
    "sts": (lambda _: sign("POST", Target("", "", (("Action", "AssumeRole"),))), 501, "NotImplemented"),
    "x-minio-header": (
        lambda b: sign("GET", Target(b, "k"), headers=[("x-minio-source-mtime", "0")]),
        403,
        "AccessDenied",
    ),
    "streaming-list": (
        lambda b: sign("GET", Target(b), STREAMING, [("x-amz-decoded-content-length", "0")]),
        400,
        "InvalidRequest",
    ),
    "no-decoded-length": (
        lambda b: sign("PUT", Target(b, "k"), STREAMING, [("Content-Length", "100")]),
        411,
        "MissingContentLength",
    ),
    "unknown-streaming-mode": (
        lambda b: sign("PUT", Target(b, "k"), "STREAMING-AWS4-HMAC-SHA999", [("Content-Length", "100")]),
        400,
        "InvalidArgument",
    ),
    "dot-segments": (lambda b: sign("GET", Target(b, "a/../../other/k")), 400, "InvalidURI"),
}


@pytest.mark.parametrize(("make", "status", "code"), CASES.values(), ids=list(CASES))
def test_a_request_is_refused_before_its_body(
    raw: Raw, wire: Recorder, minio: Minio, bucket: str, make: Make, status: int, code: str
) -> None:
    """Head alone, the client waiting to send its body: the S3 error comes at once, and nothing reaches the backend."""
    request = make(bucket)
    head = request.request if isinstance(request, Upload) else request
    answer = raw.ask(head.head, head.method)
    check_error(answer, status, code, head)
    assert wire.requests() == []
    assert minio.client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.mark.parametrize("name", ["no-authentication", "wrong-secret-put", "unknown-key-put", "unsigned-copy-source"])
@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
def test_a_client_that_expects_100_gets_its_refusal_instead(
    usual_gateway: Gateway, certs: Certs, wire: Recorder, bucket: str, name: str, *, tls: bool
) -> None:
    """No ``100 Continue``, and the connection ends, since what follows on it might be a body."""
    make, status, code = CASES[name]
    request = make(bucket)
    head = request.request if isinstance(request, Upload) else request
    with Raw(usual_gateway.port, certs.ca if tls else None) as raw:
        answer = raw.ask(head.with_headers(("Expect", "100-continue")).head)
        check_error(answer, status, code, head)
        assert answer.header("Connection") == "close"
        assert raw.is_closed()
    assert wire.requests() == []


def test_a_bucket_that_the_client_may_not_use(raw: Raw, wire: Recorder, minio: Minio, bucket: str) -> None:
    """Neither directly nor as the source of a copy, nor in the list of all buckets."""
    key = Key(LIMITED_CLIENT["access_key_id"], LIMITED_CLIENT["secret_access_key"])  # type: ignore[arg-type]
    for request in (
        sign("GET", Target(bucket, "k"), key=key),
        sign("GET", Target("", ""), key=key),
        sign("PUT", Target("limited-x", "k"), headers=[("x-amz-copy-source", f"/{bucket}/k")], key=key),
        sign("PUT", Target("limited-x", "k"), headers=[("x-amz-copy-source", f"{bucket}%2Fk")], key=key),
    ):
        answer = raw.ask(request.head)
        assert (answer.status, answer.code) == (403, "AccessDenied")
    assert wire.requests() == []


def test_an_unsigned_payload_is_whoever_signed_the_head(raw: Raw, minio: Minio, bucket: str) -> None:
    """UNSIGNED-PAYLOAD over HTTP is S3, and is passed on as such."""
    request = sign("PUT", Target(bucket, "k"), UNSIGNED, [("Content-Length", "3")])
    assert raw.ask(request.head + b"abc").status == 200
    assert minio.client().get_object(Bucket=bucket, Key="k")["Body"].read() == b"abc"
