"""Presigned URLs of boto3: verified, stripped of their signature, and signed anew in a header."""

import urllib.error
import urllib.request
from email.message import Message
from urllib.parse import urlsplit

import pytest
from botocore.config import Config

from lab import CHECKOUT
from lab.backends import s3_client, verified_opener
from lab.certs import Certs
from lab.gateway import SPARK_CLIENT, Gateway
from lab.minio import Minio
from lab.recorder import Recorder
from tests.real import invariant

S3V4 = Config(signature_version="s3v4")
README = CHECKOUT / "README.md"
KEY = "a+b c/é ~*'()!.txt"


def _open(certs: Certs, request: urllib.request.Request) -> tuple[int, bytes, Message]:
    try:
        with verified_opener(certs.ca).open(request, timeout=120) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), error.headers


def test_boto3_presigns_with_sigv2_unless_told_otherwise(usual_gateway: Gateway, certs: Certs, bucket: str) -> None:
    """As the README says: refused, with words that name it."""
    client = s3_client(usual_gateway.url, SPARK_CLIENT["access_key_id"], SPARK_CLIENT["secret_access_key"])
    url = client.generate_presigned_url("get_object", {"Bucket": bucket, "Key": KEY})
    assert "AWSAccessKeyId=" in url
    status, body, _ = _open(certs, urllib.request.Request(url))
    assert (status, b"<Code>InvalidRequest</Code>" in body) == (400, True)
    assert 'Config(signature_version="s3v4")' in README.read_text(encoding="utf-8")


@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
def test_presigned_put_get_and_head(
    usual_gateway: Gateway, wire: Recorder, certs: Certs, minio: Minio, bucket: str, *, tls: bool
) -> None:
    """No parameter of the client's signature travels; all others do, byte for byte, and the headers with them."""
    s3 = usual_gateway.client(tls=tls, config=S3V4)
    put = s3.generate_presigned_url(
        "put_object", {"Bucket": bucket, "Key": KEY, "ContentType": "text/odd", "Metadata": {"two": "a  b"}}
    )
    headers = {"Content-Type": "text/odd", "x-amz-meta-two": "a  b"}
    status, body, _ = _open(certs, urllib.request.Request(put, data=b"data", method="PUT", headers=headers))
    assert (status, body) == (200, b"")
    stored = minio.client().get_object(Bucket=bucket, Key=KEY)
    assert (stored["Body"].read(), stored["ContentType"]) == (b"data", "text/odd")
    get = s3.generate_presigned_url(
        "get_object", {"Bucket": bucket, "Key": KEY, "ResponseContentType": "a/b+c", "ResponseCacheControl": "x y"}
    )
    status, body, answer = _open(certs, urllib.request.Request(get, headers={"Range": "bytes=1-2"}))
    assert (status, body, answer["Content-Type"], answer["Cache-Control"]) == (206, b"at", "a/b+c", "x y")
    head = s3.generate_presigned_url("head_object", {"Bucket": bucket, "Key": KEY})
    assert _open(certs, urllib.request.Request(head, method="HEAD"))[0] == 200
    sent = wire.requests()
    assert [request.method for request in sent] == ["PUT", "GET", "HEAD"]
    for request, url in zip(sent, (put, get, head), strict=True):
        assert b"X-Amz-" not in request.target
        rest = [piece for piece in urlsplit(url).query.split("&") if not piece.startswith("X-Amz-")]
        path = urlsplit(url).path
        assert request.target.decode() == (f"{path}?{'&'.join(rest)}" if rest else path)
        assert request.header("x-amz-content-sha256") == b"UNSIGNED-PAYLOAD"
    names = [(name.encode(), value.encode()) for name, value in headers.items()]
    kept = [(n.lower(), v) for n, v in sent[0].headers if n.lower() in {name.lower() for name, _ in names}]
    assert sorted(kept) == sorted((n.lower(), v) for n, v in names)
    invariant.check_all(sent)


def test_a_url_for_one_thing_is_good_for_no_other(
    usual_gateway: Gateway, wire: Recorder, certs: Certs, bucket: str
) -> None:
    """Another method, key, parameter, host or signed header than was signed is refused."""
    s3 = usual_gateway.client(config=S3V4)
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"})
    put = s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "k", "ContentType": "a/b"})
    for request in (
        urllib.request.Request(url, method="DELETE"),
        urllib.request.Request(url.replace("/k?", "/other?")),
        urllib.request.Request(url + "&versionId=1"),
        urllib.request.Request(url + "&acl"),
        urllib.request.Request(url, headers={"Host": "another:80"}),
        urllib.request.Request(url.replace("Expires=3600", "Expires=36000")),
        urllib.request.Request(put, data=b"x", method="PUT", headers={"Content-Type": "c/d"}),
    ):
        status, body, _ = _open(certs, request)
        assert (status, b"<Code>SignatureDoesNotMatch</Code>" in body) == (403, True), request.full_url
    assert wire.requests() == []


def test_a_sigv2_url_is_refused(usual_gateway: Gateway, wire: Recorder, certs: Certs, bucket: str) -> None:
    """MinIO would take it; SigV2 protects neither body nor headers."""
    client = s3_client(
        usual_gateway.url,
        SPARK_CLIENT["access_key_id"],
        SPARK_CLIENT["secret_access_key"],
        config=Config(signature_version="s3"),
    )
    url = client.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"})
    assert "AWSAccessKeyId=" in url
    status, body, _ = _open(certs, urllib.request.Request(url))
    assert (status, b"AWS4-HMAC-SHA256" in body) == (400, True)
    assert wire.requests() == []
