"""Where the backend names itself, the client reads the address and the scheme that it used itself."""

import gzip
import http.client
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from botocore.config import Config

from lab.certs import Certs
from lab.gateway import Gateway
from lab.minio import Minio
from lab.recorder import Recorder
from tests.real import invariant
from tests.real.conftest import Traffic
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import Target, put_chunked, sign

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def _completed(s3: "S3Client", bucket: str, key: str) -> str:
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=b"x")
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    done = s3.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})  # type: ignore[typeddict-item]
    assert done["ETag"].endswith('-1"')
    return done["Location"]


@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
def test_a_completed_multipart_upload(traffic: Traffic, bucket: str, *, tls: bool) -> None:
    """The Location element is the client's URL of the object."""
    base = traffic.gateway.tls_url if tls else traffic.gateway.url
    assert _completed(traffic.client(tls=tls), bucket, "k") == f"{base}/{bucket}/k"


def test_a_completed_multipart_upload_of_a_long_key(traffic: Traffic, minio: Minio, bucket: str) -> None:
    """MinIO compresses an answer of 1000 bytes for clients that take it: it stays so, with the client's URL in it."""
    s3, key = minio.client(), "/".join(["k" * 200] * 4)
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    tag = s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    part = f"<Part><PartNumber>1</PartNumber><ETag>{tag}</ETag></Part>"
    body = f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>".encode()
    headers = [("Accept-Encoding", "gzip"), ("Content-Length", str(len(body)))]
    request = sign("POST", Target(bucket, key, (("uploadId", upload),)), sha256(body).hexdigest(), headers)
    with Raw(traffic.gateway.port) as raw:
        answer = raw.ask(request.head + body)
    assert (answer.status, answer.header("Content-Encoding")) == (200, "gzip")
    document = gzip.decompress(answer.body).decode()
    assert f"<Location>http://127.0.0.1/{bucket}/{key}</Location>" in document


@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
def test_a_new_bucket(traffic: Traffic, bucket: str, *, tls: bool) -> None:
    """The Location header names the backend nowhere."""
    made = traffic.client(tls=tls).create_bucket(Bucket=f"{bucket}-made")
    location = made["ResponseMetadata"]["HTTPHeaders"]["location"]
    assert location in {f"/{bucket}-made", f"{traffic.gateway.url}/{bucket}-made"}


def test_no_answer_names_the_backend(traffic: Traffic, wire: Recorder, minio: Minio, bucket: str) -> None:
    """Neither its port nor the recorder's is in any header or document."""
    seen: list[str] = []
    s3 = traffic.client()
    s3.meta.events.register("after-call.s3", lambda http_response, **_: seen.append(_text(http_response)))
    _completed(s3, bucket, "k")
    s3.list_objects_v2(Bucket=bucket)
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k"})
    assert len(seen) == 5
    for text in seen:
        assert f":{minio.port}" not in text
        assert f":{wire.port}" not in text


def _text(answer: object) -> str:
    return f"{answer.headers} {answer.content}"  # type: ignore[attr-defined]


@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
def test_virtual_host_style(
    usual_gateway: Gateway, wire: Recorder, certs: Certs, minio: Minio, bucket: str, *, tls: bool
) -> None:
    """A bucket in the host goes into the path behind the gateway, and Location speaks of the host again."""
    host = f"{bucket}.s3.test:{usual_gateway.port}"
    scheme = "https" if tls else "http"
    key = "a+b c/é ~*"
    target = Target(bucket, key)
    with Raw(usual_gateway.port, certs.ca if tls else None, server_name="s3.test" if tls else "127.0.0.1") as raw:
        put = put_chunked(_InHost(bucket, key), b"data", host=host)
        assert raw.ask(put.wire).status == 200
        (request,) = wire.requests()
        assert request.target == target.wire
        assert request.header("host") == f"127.0.0.1:{wire.port}".encode()
        invariant.check_headers_kept(put.request.headers, request)
        assert minio.client().get_object(Bucket=bucket, Key=key)["Body"].read() == b"data"
        listing = raw.ask(sign("GET", _InHost(bucket, "", (("list-type", "2"),)), host=host).head)
        assert (listing.status, b"<KeyCount>1</KeyCount>" in listing.body) == (200, True)
        start = raw.ask(
            sign("POST", _InHost(bucket, "k", (("uploads", ""),)), headers=[("Content-Length", "0")], host=host).head
        )
        upload = start.body.decode().partition("<UploadId>")[2].partition("<")[0]
        part = put_chunked(_InHost(bucket, "k", (("partNumber", "1"), ("uploadId", upload))), b"x", host=host)
        etag = raw.ask(part.wire).header("ETag")
        from hashlib import sha256  # noqa: PLC0415

        body = (
            f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>"
            "</CompleteMultipartUpload>"
        ).encode()
        done = raw.ask(
            sign(
                "POST",
                _InHost(bucket, "k", (("uploadId", upload),)),
                sha256(body).hexdigest(),
                [("Content-Length", str(len(body)))],
                host=host,
            ).head
            + body
        )
        assert f"<Location>{scheme}://{host}/k</Location>" in done.body.decode()


class _InHost(Target):
    """A target whose bucket is in the Host header."""

    @property
    def uri(self) -> str:
        return super().uri.removeprefix(f"/{self.bucket}")


def test_boto3_in_virtual_host_style(
    traffic: Traffic, minio: Minio, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """boto3 with a domain of the gateway's, every name of which is this machine."""
    import socket  # noqa: PLC0415

    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *more, **kw: real("127.0.0.1" if "s3.test" in str(host) else host, *more, **kw),
    )
    from lab.backends import s3_client  # noqa: PLC0415
    from lab.gateway import SPARK_CLIENT  # noqa: PLC0415

    s3 = s3_client(
        f"http://s3.test:{traffic.gateway.port}",
        SPARK_CLIENT["access_key_id"],
        SPARK_CLIENT["secret_access_key"],
        config=Config(s3={"addressing_style": "virtual"}),
    )
    s3.put_object(Bucket=bucket, Key="a+b é", Body=b"virtual")
    assert minio.client().get_object(Bucket=bucket, Key="a+b é")["Body"].read() == b"virtual"
    assert _completed(s3, bucket, "k") == f"http://{bucket}.s3.test:{traffic.gateway.port}/k"


def test_a_host_that_is_no_bucket_is_not_one(usual_gateway: Gateway, wire: Recorder) -> None:
    """A sub-domain that cannot be a bucket is refused, whatever path comes with it."""
    for host in ("a/b.s3.test", "%2e%2e.s3.test", "a..s3.test"):
        connection = http.client.HTTPConnection("127.0.0.1", usual_gateway.port, timeout=120)
        connection.putrequest("GET", "/k", skip_host=True)
        connection.putheader("Host", host)
        connection.endheaders()
        assert connection.getresponse().status in {400, 403}
        connection.close()
    assert wire.requests() == []
