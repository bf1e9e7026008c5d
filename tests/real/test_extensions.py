"""What MinIO makes of requests in a way of its own, asked of MinIO itself, and of the gateway before it."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError

from lab.gateway import SPARK_CLIENT, Gateway, gateway_config
from lab.minio import Minio
from tests.conftest import GatewayFactory

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NO_TAGS = {
    "name": "no-tags",
    "access_key_id": "NOTAGSKEY",
    "secret_access_key": "no-tags-secret-of-the-lab",
    "buckets": ["*"],
    "operations": ["GetObject", "HeadObject", "CopyObject", "ListObjectsV2", "CreateBucket"],
}


@pytest.fixture
def narrow(gateway: GatewayFactory, minio: Minio) -> Gateway:
    return gateway(gateway_config(minio, clients=(SPARK_CLIENT, NO_TAGS)))


def with_header(client: "S3Client", name: str, value: str) -> "S3Client":
    """Let each request have this header, signed, as it is."""

    def add(request: Any, **_: object) -> None:
        del request.headers[name]
        request.headers[name] = value

    client.meta.events.register("before-sign.s3", add)
    return client


def with_query(client: "S3Client", query: str) -> "S3Client":
    """Let each request have this at the end of its query."""

    def add(request: Any, **_: object) -> None:
        request.url += f"&{query}"

    client.meta.events.register("before-sign.s3", add)
    return client


def code(raised: pytest.ExceptionInfo[ClientError]) -> str:
    return raised.value.response["Error"]["Code"]


def test_tags_that_come_with_an_object(minio: Minio, narrow: Gateway, bucket: str) -> None:
    """MinIO tells them to whoever may read the object; here they are for those who may read tags."""
    minio.client().put_object(Bucket=bucket, Key="key", Tagging="secret=tag")
    ask = ("x-amz-tagging-directive", "ACCESS")
    told = with_header(minio.client(), *ask).get_object(Bucket=bucket, Key="key")
    assert told["ResponseMetadata"]["HTTPHeaders"]["x-amz-tagging"] == "secret=tag"
    assert with_header(narrow.client(), *ask).get_object(Bucket=bucket, Key="key")["TagCount"] == 1
    client = narrow.client(name="no-tags")
    assert "x-amz-tagging" not in client.get_object(Bucket=bucket, Key="key")["ResponseMetadata"]["HTTPHeaders"]
    with pytest.raises(ClientError) as raised:
        with_header(client, *ask).get_object(Bucket=bucket, Key="key")
    assert code(raised) == "AccessDenied"


def test_tags_that_come_with_a_listing(minio: Minio, narrow: Gateway, bucket: str) -> None:
    """So does its way to list."""
    minio.client().put_object(Bucket=bucket, Key="key", Tagging="secret=tag")
    bodies: list[bytes] = []
    teller = with_query(minio.client(), "metadata=true")
    teller.meta.events.register("before-parse.s3", lambda response_dict, **_: bodies.append(response_dict["body"]))
    teller.list_objects_v2(Bucket=bucket)
    assert b"secret=tag" in bodies[0]
    client = narrow.client(name="no-tags")
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
    with pytest.raises(ClientError) as raised:
        with_query(client, "metadata=true").list_objects_v2(Bucket=bucket)
    assert code(raised) == "AccessDenied"


@pytest.mark.parametrize(
    ("written", "read"), [("team#1/key", "team"), ("te%61m/100%", "te%61m/100%"), ("te%61m/a\tb", "te%61m/a\tb")]
)
def test_a_copy_of_another_key(minio: Minio, narrow: Gateway, bucket: str, written: str, read: str) -> None:
    """MinIO takes a copy source for a URL, and where it is none it copies what is written there, letter by letter."""
    minio.client().put_object(Bucket=bucket, Key=read, Body=b"another")
    source = ("x-amz-copy-source", f"{bucket}/{written}")
    anything = {"Bucket": bucket, "Key": "copy", "CopySource": quote(f"{bucket}/any")}
    with_header(minio.client(), *source).copy_object(**anything)  # type: ignore[arg-type]
    assert minio.client().get_object(Bucket=bucket, Key="copy")["Body"].read() == b"another"
    with pytest.raises(ClientError) as raised:
        with_header(narrow.client(), *source).copy_object(**anything)  # type: ignore[arg-type]
    assert code(raised) == "InvalidArgument"
    escaped = ("x-amz-copy-source", quote(f"{bucket}/{read}"))
    with_header(narrow.client(), *escaped).copy_object(**anything)  # type: ignore[arg-type]


def test_what_an_answer_tells_besides(minio: Minio, narrow: Gateway, bucket: str) -> None:
    """AWS and MinIO leave a lock and the number of tags out for those who may not ask for them."""
    locked = f"{bucket}-locked"
    minio.client().create_bucket(Bucket=locked, ObjectLockEnabledForBucket=True)
    minio.client().put_object(Bucket=locked, Key="key", Tagging="a=b", ObjectLockLegalHoldStatus="ON")
    until = datetime.now(UTC) + timedelta(hours=1)
    minio.client().put_object_retention(
        Bucket=locked, Key="key", Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until}
    )
    fields = {"ObjectLockMode", "ObjectLockRetainUntilDate", "ObjectLockLegalHoldStatus", "TagCount"}
    for told, client in ((fields, narrow.client()), (set(), narrow.client(name="no-tags"))):
        for ask in (client.head_object, client.get_object):
            assert fields & ask(Bucket=locked, Key="key").keys() == told


def test_a_bucket_with_a_lock(minio: Minio, narrow: Gateway, bucket: str) -> None:
    """Who may create buckets may not lock and version them: MinIO asks for that too, but the gateway's key may."""
    client = narrow.client(name="no-tags")
    with pytest.raises(ClientError) as raised:
        client.create_bucket(Bucket=f"{bucket}-a", ObjectLockEnabledForBucket=True)
    assert code(raised) == "AccessDenied"
    client.create_bucket(Bucket=f"{bucket}-b")
    narrow.client().create_bucket(Bucket=f"{bucket}-c", ObjectLockEnabledForBucket=True)
    assert minio.client().get_bucket_versioning(Bucket=f"{bucket}-c")["Status"] == "Enabled"
