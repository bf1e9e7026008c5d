"""Where the backend names itself, the client reads the address and the scheme that it used itself."""

import gzip
import http.client
import threading
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from botocore.config import Config

from lab.certs import Certs
from lab.gateway import Gateway, gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from tests.conftest import GatewayFactory
from tests.real import invariant
from tests.real.conftest import Traffic
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import Target, put_chunked, sign
from tests.real.waiting import LIMIT
from tests.wire.scripted import Exchange, Scripted

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


@pytest.fixture(scope="module")
def before_scripted(scripted: Scripted, certs: Certs, session_gateway: GatewayFactory) -> Gateway:
    config = gateway_config(scripted, certificate=certs.gateway, addressing={"domains": ["s3.test"]})
    return session_gateway(config)


ASKED = pytest.mark.parametrize(
    ("kind", "host", "path"),
    [(Target, "gw.test:8000", "/bucket/k"), (_InHost, "bucket.s3.test:8000", "/k")],
    ids=["path", "virtual host"],
)
BOTH = pytest.mark.parametrize("scheme", ["http", "https"])


@BOTH
@ASKED
@pytest.mark.parametrize("told", ["http", "https"])
def test_a_location_header(
    scripted: Scripted,
    before_scripted: Gateway,
    certs: Certs,
    kind: type[Target],
    host: str,
    path: str,
    scheme: str,
    told: str,
) -> None:
    """MinIO writes the Host that it was given into some answers; which scheme it names is not for sure."""

    def script(exchange: Exchange) -> None:
        exchange.read_request()
        where = f"{told}://127.0.0.1:{scripted.port}/bucket/k"
        exchange.send(f"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nLocation: {where}\r\n\r\n".encode())

    scripted.play(script)
    with Raw(before_scripted.port, certs.ca if scheme == "https" else None) as raw:
        answer = raw.ask(put_chunked(kind("bucket", "k"), b"data", host=host).wire)
    assert (answer.status, answer.header("Location")) == (200, f"{scheme}://{host}{path}")


@BOTH
@ASKED
def test_a_completion_that_takes_its_time(
    scripted: Scripted, before_scripted: Gateway, certs: Certs, kind: type[Target], host: str, path: str, scheme: str
) -> None:
    """A server keeps the client waiting by white space, before it says how long; that passes at once."""
    seen = threading.Event()

    def script(exchange: Exchange) -> None:
        exchange.read_request()
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n \r\n")
        assert seen.wait(LIMIT)
        where = f"https://127.0.0.1:{scripted.port}/bucket/k"
        document = f"<CompleteMultipartUploadResult><Location>{where}</Location><Key>k</Key>"
        for part in (document[:50], document[50:], "</CompleteMultipartUploadResult>", ""):
            exchange.send(f"{len(part):x}\r\n{part}\r\n".encode())

    scripted.play(script)
    headers = [("Content-Length", "0")]
    with Raw(before_scripted.port, certs.ca if scheme == "https" else None) as raw:
        raw.send(sign("POST", kind("bucket", "k", (("uploadId", "u"),)), headers=headers, host=host).head)
        assert raw.read_head().status == 200
        assert raw._chunk() == b" "
        seen.set()
        document = b"".join(iter(raw._chunk, b"")).decode()
    assert f"<Location>{scheme}://{host}{path}</Location><Key>k</Key>" in document
    assert str(scripted.port) not in document


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
