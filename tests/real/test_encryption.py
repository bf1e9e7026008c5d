"""Encryption by policy, as MinIO itself reports it of objects that clients without such a setting wrote."""

import base64
import io
from hashlib import md5
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from lab.certs import Certs
from lab.gateway import SPARK_CLIENT, Gateway, gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from tests.conftest import GatewayFactory
from tests.real.conftest import Traffic
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import Target, put_plain

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 1 << 20
CUSTOMER_KEY = bytes(range(65, 97))
OTHER_CLIENT = {
    "name": "etl",
    "access_key_id": "ETLKEY",
    "secret_access_key": "etl-secret-of-the-lab",
    "buckets": ["*"],
}
KMS_KEY = "x-amz-server-side-encryption-aws-kms-key-id"


def _rules(folder: Path) -> list[dict[str, object]]:
    raw, text = folder / "customer.key", folder / "customer.b64"
    raw.write_bytes(CUSTOMER_KEY)
    text.write_text(base64.b64encode(CUSTOMER_KEY).decode() + "\n")
    return [
        {"bucket": "sse-*", "prefix": "plain/", "none": True},
        {"bucket": "sse-*", "prefix": "kms/", "sse-kms": "my-key"},
        {"bucket": "sse-*", "prefix": "kms/never", "sse-s3": True},
        {"bucket": "sse-*", "prefix": "c/", "sse-c": str(raw)},
        {"bucket": "sse-*", "prefix": "c64/", "sse-c": str(text)},
        {"bucket": "sse-*", "client": "etl", "sse-kms": "my-key"},
        {"bucket": "sse-?*", "sse-s3": True},
    ]


@pytest.fixture(scope="module")
def encrypting(
    _recorder: Recorder, certs: Certs, session_gateway: GatewayFactory, tmp_path_factory: pytest.TempPathFactory
) -> Gateway:
    return session_gateway(
        gateway_config(
            _recorder,
            clients=(SPARK_CLIENT, OTHER_CLIENT),
            certificate=certs.gateway,
            encryption=_rules(tmp_path_factory.mktemp("keys")),
        )
    )


@pytest.fixture
def traffic(encrypting: Gateway, wire: Recorder) -> Traffic:
    return Traffic(encrypting, wire)


@pytest.fixture(params=["http", "tls"])
def s3(request: pytest.FixtureRequest, traffic: Traffic) -> "S3Client":
    return traffic.client(tls=request.param == "tls")


@pytest.fixture
def bucket(minio: Minio) -> str:
    name = f"sse-{uuid4().hex[:12]}"
    minio.client().create_bucket(Bucket=name)
    return name


def _reported(minio: Minio, bucket: str, key: str) -> tuple[str | None, str | None]:
    head = minio.client().head_object(Bucket=bucket, Key=key)
    return head.get("ServerSideEncryption"), head.get("SSEKMSKeyId")


KMS = ("aws:kms", "arn:aws:kms:my-key")
S3 = ("AES256", None)


def _write_all(s3: "S3Client", bucket: str, prefix: str) -> list[str]:
    """One object by each of the operations that make one."""
    keys = [f"{prefix}{name}" for name in ("put", "empty", "multipart", "copy", "copied-over")]
    s3.put_object(Bucket=bucket, Key=keys[0], Body=b"put")
    s3.put_object(Bucket=bucket, Key=keys[1], Body=b"")
    transfer = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    s3.upload_fileobj(io.BytesIO(b"m" * (6 * MIB)), bucket, keys[2], Config=transfer)
    s3.copy_object(Bucket=bucket, Key=keys[3], CopySource={"Bucket": bucket, "Key": keys[0]})
    s3.copy_object(
        Bucket=bucket,
        Key=keys[4],
        CopySource={"Bucket": bucket, "Key": keys[2]},
        Metadata={"a": "b"},
        MetadataDirective="REPLACE",
    )
    return keys


def _check_readable(s3: "S3Client", bucket: str, keys: list[str]) -> None:
    for key, expected in zip(keys, (b"put", b"", b"m" * (6 * MIB), b"put", b"m" * (6 * MIB)), strict=True):
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == expected
        assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] == len(expected)
    if keys[0].startswith("kms"):
        assert s3.get_object(Bucket=bucket, Key=keys[2], Range="bytes=5242870-5242890")["Body"].read() == b"m" * 21


@pytest.mark.parametrize(
    ("prefix", "expected"), [("kms/", KMS), ("", S3), ("plain/", (None, None)), ("kms/never", KMS)]
)
def test_every_way_to_make_an_object_follows_the_rule(
    s3: "S3Client", minio: Minio, bucket: str, prefix: str, expected: tuple[str | None, str | None]
) -> None:
    """PutObject, multipart and CopyObject are encrypted by the first rule that matches bucket and prefix."""
    keys = _write_all(s3, bucket, prefix)
    assert [_reported(minio, bucket, key) for key in keys] == [expected] * len(keys)
    _check_readable(s3, bucket, keys)


def test_the_client_decides_the_rule(traffic: Traffic, minio: Minio, bucket: str) -> None:
    """A rule for one client leaves the others to the rules below it."""
    traffic.client(name="etl").put_object(Bucket=bucket, Key="k", Body=b"x")
    assert _reported(minio, bucket, "k") == KMS
    traffic.client(name="spark").put_object(Bucket=bucket, Key="k", Body=b"x")
    assert _reported(minio, bucket, "k") == S3
    traffic.client(name="etl").put_object(Bucket=bucket, Key="plain/k", Body=b"x")
    assert _reported(minio, bucket, "plain/k") == (None, None)


def test_a_bucket_that_no_rule_names_stays_as_it_is(traffic: Traffic, minio: Minio) -> None:
    """Without a matching rule nothing is added."""
    name = f"other-{uuid4().hex[:12]}"
    minio.client().create_bucket(Bucket=name)
    traffic.client().put_object(Bucket=name, Key="kms/k", Body=b"x")
    assert _reported(minio, name, "kms/k") == (None, None)


@pytest.mark.parametrize("prefix", ["c/", "kms/", ""])
def test_what_head_tells_can_go_into_a_copy(s3: "S3Client", bucket: str, prefix: str) -> None:
    """S3A renames so: HEAD, and CopyObject with the encryption that HEAD told of, but for a key that it never had."""
    s3.put_object(Bucket=bucket, Key=f"{prefix}a", Body=b"x")
    head = s3.head_object(Bucket=bucket, Key=f"{prefix}a")
    told = {name: value for name, value in head.items() if name.startswith(("ServerSide", "SSE"))}
    source = {"Bucket": bucket, "Key": f"{prefix}a"}
    s3.copy_object(Bucket=bucket, Key=f"{prefix}b", CopySource=source, CopySourceIfMatch=head["ETag"], **told)  # type: ignore[arg-type]
    assert s3.get_object(Bucket=bucket, Key=f"{prefix}b")["Body"].read() == b"x"


@pytest.mark.parametrize("prefix", ["c/", "c64/"])
def test_a_customer_key_by_policy(s3: "S3Client", minio: Minio, bucket: str, prefix: str) -> None:
    """SSE-C: the client reads, copies and resumes as if there were no key; without the gateway nobody reads it."""
    keys = _write_all(s3, bucket, prefix)
    _check_readable(s3, bucket, keys)
    for key in keys:
        for call in (minio.client().head_object, minio.client().get_object):
            with pytest.raises(ClientError) as refused:
                call(Bucket=bucket, Key=key)
            assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        with_key = minio.client().head_object(
            Bucket=bucket, Key=key, SSECustomerAlgorithm="AES256", SSECustomerKey=CUSTOMER_KEY.decode()
        )
        assert with_key["SSECustomerKeyMD5"] == base64.b64encode(md5(CUSTOMER_KEY).digest()).decode()


def test_a_multipart_upload_under_a_customer_key_step_by_step(s3: "S3Client", bucket: str) -> None:
    """Parts with and without checksums are listed and completed."""
    for more in ({"ChecksumAlgorithm": "CRC32"}, {}):
        upload = s3.create_multipart_upload(Bucket=bucket, Key="c/k", **more)["UploadId"]  # type: ignore[arg-type]
        names = {"Bucket": bucket, "Key": "c/k", "UploadId": upload}
        part = s3.upload_part(**names, PartNumber=1, Body=b"p" * 100, **more)  # type: ignore[arg-type]
        (listed,) = s3.list_parts(**names)["Parts"]  # type: ignore[arg-type]
        assert (listed["ETag"], listed.get("ChecksumCRC32")) == (part["ETag"], part.get("ChecksumCRC32"))
        done = {name: value for name, value in listed.items() if name in {"PartNumber", "ETag", "ChecksumCRC32"}}
        s3.complete_multipart_upload(**names, MultipartUpload={"Parts": [done]})  # type: ignore[arg-type,list-item]
        assert s3.get_object(Bucket=bucket, Key="c/k")["Body"].read() == b"p" * 100


def test_a_copy_from_under_a_customer_key(s3: "S3Client", minio: Minio, bucket: str) -> None:
    """CopyObject and UploadPartCopy carry the source's key, and the destination's own encryption."""
    s3.put_object(Bucket=bucket, Key="c/source", Body=b"s" * (5 * MIB + 10))
    for key, expected in (("kms/copy", KMS), ("copy", S3), ("plain/copy", (None, None))):
        s3.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": "c/source"})
        assert _reported(minio, bucket, key) == expected
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"s" * (5 * MIB + 10)
    for key in ("parts", "c/parts"):
        upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
        copied = s3.upload_part_copy(
            Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, CopySource={"Bucket": bucket, "Key": "c/source"}
        )
        parts = [{"PartNumber": 1, "ETag": copied["CopyPartResult"]["ETag"]}]
        s3.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})  # type: ignore[typeddict-item]
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"s" * (5 * MIB + 10)
    assert _reported(minio, bucket, "parts") == S3


def test_what_the_client_sets_is_never_overridden(traffic: Traffic, minio: Minio, bucket: str) -> None:
    """A client's SSE-S3, SSE-KMS or SSE-C stands, whatever the rule says, and goes out as it was sent."""
    s3 = traffic.client(tls=True)
    s3.put_object(Bucket=bucket, Key="kms/k", Body=b"x", ServerSideEncryption="AES256")
    assert _reported(minio, bucket, "kms/k") == S3
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId="my-key")
    assert _reported(minio, bucket, "k") == KMS
    own = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
    for key in ("kms/own", "c/own"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"own", **own)  # type: ignore[arg-type]
        assert s3.get_object(Bucket=bucket, Key=key, **own)["Body"].read() == b"own"  # type: ignore[arg-type]
        with pytest.raises(ClientError):
            s3.get_object(Bucket=bucket, Key=key)


def test_a_customer_key_over_plain_http_is_refused(encrypting: Gateway, wire: Recorder, bucket: str) -> None:
    """The backend would not see that it travelled in the clear."""
    headers = [
        ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
        ("x-amz-server-side-encryption-customer-key", base64.b64encode(CUSTOMER_KEY).decode()),
        ("x-amz-server-side-encryption-customer-key-MD5", base64.b64encode(md5(CUSTOMER_KEY).digest()).decode()),
    ]
    with Raw(encrypting.port) as raw:
        answer = raw.ask(put_plain(Target(bucket, "k"), b"x", headers).wire)
    assert (answer.status, answer.code) == (400, "InvalidRequest")
    assert "secure connection" in answer.error["Message"]
    assert wire.requests() == []


def test_the_kms_key_id_is_hidden_on_head_over_http_only(traffic: Traffic, bucket: str) -> None:
    """SDK v1 needs it on PUT and GET, and must not see it on HEAD when it may not send it over http."""

    def told(answer: object) -> bool:
        headers: dict[str, str] = answer["ResponseMetadata"]["HTTPHeaders"]  # type: ignore[index]
        assert headers["x-amz-server-side-encryption"] == "aws:kms"
        return headers.get(KMS_KEY) == "arn:aws:kms:my-key"

    for tls in (False, True):
        s3 = traffic.client(tls=tls)
        assert told(s3.put_object(Bucket=bucket, Key="kms/k", Body=b"x"))
        assert told(s3.get_object(Bucket=bucket, Key="kms/k"))
        assert told(s3.head_object(Bucket=bucket, Key="kms/k")) is tls
        upload = s3.create_multipart_upload(Bucket=bucket, Key="kms/k")["UploadId"]
        assert told(s3.upload_part(Bucket=bucket, Key="kms/k", UploadId=upload, PartNumber=1, Body=b"x"))
        s3.abort_multipart_upload(Bucket=bucket, Key="kms/k", UploadId=upload)
