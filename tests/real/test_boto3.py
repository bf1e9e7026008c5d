"""boto3 through the gateway to MinIO, over HTTP and over TLS: what it reads back is what the backend itself holds."""

import hashlib
import io
import os
from typing import TYPE_CHECKING, Any, Literal

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from lab.minio import Minio
from tests.real.conftest import Traffic

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 1 << 20
ODD_KEYS = (
    "a+b c/é ~*'()!.txt",
    "per%25cent%2Fslash",
    "q?x=1&y=2#z",
    "eq=a;b,c:d@e$f",
    "日本/ключ 1",
    'back\\slash|{}[]^`"<>',
    "trailing/",
)


@pytest.fixture(params=["http", "tls"])
def s3(request: pytest.FixtureRequest, traffic: Traffic) -> "S3Client":
    return traffic.client(tls=request.param == "tls")


def _status(error: ClientError) -> int:
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


def test_buckets_are_made_listed_and_removed(s3: "S3Client", minio: Minio, bucket: str) -> None:
    """CreateBucket, HeadBucket, ListBuckets, GetBucketLocation and DeleteBucket do at the backend what they say."""
    name = f"{bucket}-made"
    s3.create_bucket(Bucket=name)
    assert minio.client().head_bucket(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert name in [known["Name"] for known in s3.list_buckets()["Buckets"]]
    assert s3.get_bucket_location(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"] == 200
    s3.delete_bucket(Bucket=name)
    with pytest.raises(ClientError) as missing:
        s3.head_bucket(Bucket=name)
    assert _status(missing.value) == 404


def test_objects_of_odd_keys_are_stored_listed_and_deleted(s3: "S3Client", minio: Minio, bucket: str) -> None:
    """Keys with + % = ~ ' ( ) * //, unicode and controls of URLs arrive at the backend as they were named."""
    for key in ODD_KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    direct = minio.client()
    stored = [known["Key"] for known in direct.list_objects_v2(Bucket=bucket)["Contents"]]
    listed = [known["Key"] for known in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert sorted(stored) == sorted(listed) == sorted(ODD_KEYS)
    for key in ODD_KEYS:
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
        assert direct.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    prefixed = s3.list_objects_v2(Bucket=bucket, Prefix="a+b c/é", Delimiter="/", EncodingType="url", MaxKeys=1)
    assert prefixed["KeyCount"] == 1
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in ODD_KEYS]})
    assert sorted(gone["Key"] for gone in deleted["Deleted"]) == sorted(ODD_KEYS)
    assert direct.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_an_empty_object(s3: "S3Client", minio: Minio, bucket: str) -> None:
    """An empty body is stored as an empty object, and read back as one."""
    s3.put_object(Bucket=bucket, Key="empty")
    s3.upload_fileobj(io.BytesIO(b""), bucket, "empty-file")
    for key in ("empty", "empty-file"):
        assert minio.client().head_object(Bucket=bucket, Key=key)["ContentLength"] == 0
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b""


def test_ranges_and_conditions(s3: "S3Client", bucket: str) -> None:
    """Range, If-Match, If-None-Match and If-Modified-Since reach the backend, and its 206, 304 and 412 the client."""
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")["ETag"]
    part = s3.get_object(Bucket=bucket, Key="k", Range="bytes=2-5")
    assert (part["Body"].read(), part["ContentRange"]) == (b"2345", "bytes 2-5/10")
    assert s3.get_object(Bucket=bucket, Key="k", Range="bytes=-3", IfMatch=etag)["Body"].read() == b"789"
    with pytest.raises(ClientError) as unchanged:
        s3.get_object(Bucket=bucket, Key="k", IfNoneMatch=etag)
    assert _status(unchanged.value) == 304
    with pytest.raises(ClientError) as changed:
        s3.head_object(Bucket=bucket, Key="k", IfMatch='"0"')
    assert _status(changed.value) == 412
    with pytest.raises(ClientError) as exists:
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", IfNoneMatch="*")
    assert _status(exists.value) == 412


def test_what_is_absent_is_a_404_of_the_backend(s3: "S3Client", bucket: str) -> None:
    """A missing key, bucket and upload are told in the backend's own words."""
    for call, code in (
        (lambda: s3.get_object(Bucket=bucket, Key="none"), "NoSuchKey"),
        (lambda: s3.list_objects_v2(Bucket=f"{bucket}-none"), "NoSuchBucket"),
        (lambda: s3.list_parts(Bucket=bucket, Key="k", UploadId="none"), "NoSuchUpload"),
        (lambda: s3.head_object(Bucket=bucket, Key="none"), "404"),
    ):
        with pytest.raises(ClientError) as missing:
            call()
        assert (missing.value.response["Error"]["Code"], _status(missing.value)) == (code, 404)


def test_metadata_and_content_headers_arrive_as_they_were_sent(s3: "S3Client", minio: Minio, bucket: str) -> None:
    """Double spaces, percent escapes and content headers of an object are what the client gave."""
    metadata = {"two": "a  b   c", "percent": "%C3%A9%20x", "empty": "", "punct": 'a,b;c="d"'}
    s3.put_object(
        Bucket=bucket,
        Key="k",
        Body=b"x",
        Metadata=metadata,
        ContentType="text/x-odd; charset=utf-8",
        ContentDisposition="attachment;  filename=a.txt",
        CacheControl="max-age=5",
    )
    through, direct = s3.head_object(Bucket=bucket, Key="k"), minio.client().head_object(Bucket=bucket, Key="k")
    for head in (through, direct):
        assert head["Metadata"] == metadata
        assert head["ContentType"] == "text/x-odd; charset=utf-8"
        assert head["CacheControl"] == "max-age=5"
    assert through["ContentDisposition"] == direct["ContentDisposition"]


def test_copy_of_odd_keys(s3: "S3Client", minio: Minio, bucket: str) -> None:
    """CopyObject takes an encoded source, and replaced metadata."""
    s3.put_object(Bucket=bucket, Key=ODD_KEYS[0], Body=b"data")
    s3.copy_object(
        Bucket=bucket,
        Key="copy+of é",
        CopySource={"Bucket": bucket, "Key": ODD_KEYS[0]},
        Metadata={"new": "1"},
        MetadataDirective="REPLACE",
    )
    copied = minio.client().get_object(Bucket=bucket, Key="copy+of é")
    assert (copied["Body"].read(), copied["Metadata"]) == (b"data", {"new": "1"})


@pytest.mark.parametrize("checksum", ["CRC32", "SHA1", "SHA256"])
def test_checksums(s3: "S3Client", bucket: str, checksum: Literal["CRC32", "SHA1", "SHA256"]) -> None:
    """Each checksum algorithm, in a header over HTTP and in an unsigned trailer over TLS, is accepted and returned."""
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 300_000, ChecksumAlgorithm=checksum)
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    name = f"Checksum{checksum}"
    assert dict(got)[name] == dict(put)[name]
    assert got["Body"].read() == b"x" * 300_000


def test_a_multipart_upload_in_parallel(s3: "S3Client", minio: Minio, bucket: str) -> None:
    """upload_fileobj with parts in several threads makes one object of them."""
    data = os.urandom(17 * MIB)
    transfer = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=3)
    s3.upload_fileobj(io.BytesIO(data), bucket, "parts", Config=transfer)
    stored = minio.client().get_object(Bucket=bucket, Key="parts")
    assert stored["ETag"].endswith('-4"')
    assert hashlib.sha256(stored["Body"].read()).digest() == hashlib.sha256(data).digest()
    into = io.BytesIO()
    s3.download_fileobj(bucket, "parts", into, Config=transfer)
    assert into.getvalue() == data


def test_multipart_step_by_step(s3: "S3Client", minio: Minio, bucket: str) -> None:
    """Parts, a copied part, listing, abort and completion do what they say."""
    minio.client().put_object(Bucket=bucket, Key="source", Body=b"s" * (6 * MIB))
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k+ é")["UploadId"]
    names: Any = {"Bucket": bucket, "Key": "k+ é", "UploadId": upload}
    source: Any = {"Bucket": bucket, "Key": "source"}
    one = s3.upload_part(**names, PartNumber=1, Body=b"1" * (5 * MIB))["ETag"]
    copied = s3.upload_part_copy(**names, PartNumber=2, CopySource=source, CopySourceRange="bytes=0-5")
    two = copied["CopyPartResult"]["ETag"]
    assert [part["PartNumber"] for part in s3.list_parts(**names)["Parts"]] == [1, 2]
    parts: Any = [{"PartNumber": 1, "ETag": one}, {"PartNumber": 2, "ETag": two}]
    s3.complete_multipart_upload(**names, MultipartUpload={"Parts": parts})
    assert minio.client().get_object(Bucket=bucket, Key="k+ é")["Body"].read() == b"1" * (5 * MIB) + b"ssssss"
    upload = s3.create_multipart_upload(Bucket=bucket, Key="aborted")["UploadId"]
    s3.abort_multipart_upload(Bucket=bucket, Key="aborted", UploadId=upload)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_a_download_of_64_mib_is_what_was_uploaded(s3: "S3Client", minio: Minio, bucket: str) -> None:
    """A large body streams through unchanged."""
    data = os.urandom(MIB) * 64
    minio.client().put_object(Bucket=bucket, Key="large", Body=data)
    digest = hashlib.sha256()
    for piece in s3.get_object(Bucket=bucket, Key="large")["Body"].iter_chunks(MIB):
        digest.update(piece)
    assert digest.digest() == hashlib.sha256(data).digest()


def test_an_upload_over_tls_uses_an_unsigned_trailer(traffic: Traffic, bucket: str) -> None:
    """The mode that boto3 chooses for TLS is on the wire, and the trailer with it."""
    traffic.client(tls=True).upload_fileobj(io.BytesIO(b"x" * 100_000), bucket, "k")
    (put,) = [r for r in traffic.recorded() if r.method == "PUT"]
    assert put.header("x-amz-content-sha256") == b"STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    assert put.body.rstrip().rpartition(b"\r\n")[2].startswith(b"x-amz-checksum-crc32:")


@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
def test_a_payload_that_is_not_signed(traffic: Traffic, minio: Minio, bucket: str, *, tls: bool) -> None:
    """UNSIGNED-PAYLOAD stays that, for the backend's SHA-256 is the client's."""
    config = Config(s3={"payload_signing_enabled": False, "addressing_style": "path"})
    config = config.merge(Config(request_checksum_calculation="when_required"))
    traffic.client(tls=tls, config=config).put_object(Bucket=bucket, Key="k", Body=b"x" * 1000)
    (put,) = [r for r in traffic.recorded() if r.method == "PUT"]
    assert put.header("x-amz-content-sha256") == b"UNSIGNED-PAYLOAD"
    assert minio.client().get_object(Bucket=bucket, Key="k")["Body"].read() == b"x" * 1000
