"""Clients that sign for another region: each heals itself with what the refusal tells, HEAD included."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from lab.backends import s3_client
from lab.certs import Certs
from lab.gateway import SPARK_CLIENT, Gateway, gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from tests.conftest import GatewayFactory
from tests.real.conftest import Traffic
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import Key, Target, sign

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEYS = SPARK_CLIENT["access_key_id"], SPARK_CLIENT["secret_access_key"]
OPERATIONS: dict[str, Callable[["S3Client", str], Any]] = {
    "head": lambda s3, bucket: s3.head_object(Bucket=bucket, Key="k"),
    "head of a bucket": lambda s3, bucket: s3.head_bucket(Bucket=bucket),
    "get": lambda s3, bucket: s3.get_object(Bucket=bucket, Key="k"),
    "put": lambda s3, bucket: s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 70_000),
    "list": lambda s3, bucket: s3.list_objects_v2(Bucket=bucket),
    "delete": lambda s3, bucket: s3.delete_object(Bucket=bucket, Key="k"),
}


@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_boto3_heals(traffic: Traffic, minio: Minio, certs: Certs, bucket: str, name: str, *, tls: bool) -> None:
    """A client of another region asks twice, and has its answer; the backend has had one request."""
    minio.client().put_object(Bucket=bucket, Key="k", Body=b"1")
    url = traffic.gateway.tls_url if tls else traffic.gateway.url
    client = s3_client(url, *KEYS, region="eu-west-1", ca_file=certs.ca if tls else None)
    assert OPERATIONS[name](client, bucket)["ResponseMetadata"]["HTTPStatusCode"] in {200, 204}
    assert len(traffic.recorded()) == 1


def test_a_refused_head_names_the_region(raw: Raw, wire: Recorder, bucket: str) -> None:
    """The document cannot: there is none."""
    key = Key(region="eu-west-1")
    for target in (Target(bucket), Target(bucket, "k"), Target("", "")):
        answer = raw.ask(sign("HEAD", target, key=key).head, "HEAD")
        assert (answer.status, answer.header("x-amz-bucket-region")) == (400, "us-east-1")
    assert wire.requests() == []


def test_whoever_asks_for_a_buckets_region_is_told(traffic: Traffic, minio: Minio, bucket: str, raw: Raw) -> None:
    """HeadBucket and GetBucketLocation say it when they are answered, and when they are refused; not of no bucket."""
    assert traffic.client().head_bucket(Bucket=bucket)["BucketRegion"] == "us-east-1"
    answer = raw.ask(sign("GET", Target(bucket, "", (("location", ""),))).head)
    assert (answer.status, answer.header("x-amz-bucket-region")) == (200, "us-east-1")
    denied = raw.ask(sign("HEAD", Target(bucket), key=Key("LIMITEDKEY", "limited-secret-of-the-lab")).head, "HEAD")
    assert (denied.status, denied.header("x-amz-bucket-region")) == (403, "us-east-1")
    del minio


@pytest.fixture
def elsewhere(recorder: Recorder, gateway: GatewayFactory) -> Gateway:
    """A gateway whose clients sign for a region that is not its backend's."""
    config = gateway_config(recorder)
    config["listen"]["regions"] = ["eu-*", "eu-central-1"]
    return gateway(config)


def test_a_gateway_of_another_region_than_its_backend(elsewhere: Gateway, bucket: str) -> None:
    """Tells its own: whoever believed the backend would be refused."""
    client = s3_client(elsewhere.url, *KEYS, region="us-east-1")
    answer = client.head_bucket(Bucket=bucket)
    assert answer["BucketRegion"] == "eu-central-1"
    assert client.get_bucket_location(Bucket=bucket)["LocationConstraint"] == "eu-central-1"
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    again = s3_client(elsewhere.url, *KEYS, region="eu-north-1").get_bucket_location(Bucket=bucket)
    assert again["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"] == "eu-central-1"
