"""boto3 through a running gateway: every checksum in a trailer, and the rules of a client with prefixes."""

from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from lab.certs import Certs
from lab.gateway import SPARK_CLIENT, Gateway, gateway_config
from lab.moto import Moto
from tests.conftest import GatewayFactory

PII = {
    "name": "pii",
    "access_key_id": "PIIKEY",
    "secret_access_key": "pii-secret",
    "buckets": ["rules-*"],
    "prefixes": ["pii/"],
}


@pytest.fixture
def running(gateway: GatewayFactory, moto_backend: Moto, certs: Certs) -> Gateway:
    return gateway(gateway_config(moto_backend, clients=[SPARK_CLIENT, PII], certificate=certs.gateway))


def narrow(running: Gateway) -> Any:
    """Give a client that has prefixes."""
    return boto3.client(
        "s3",
        endpoint_url=running.client().meta.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="PIIKEY",
        aws_secret_access_key="pii-secret",
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256", "SHA512", "XXHASH128"])
def test_boto3s_checksums(running: Gateway, algorithm: Any) -> None:
    """Over TLS boto3 sends them in a trailer; each is found right here, and the object is whole."""
    client = running.client(tls=True)
    client.create_bucket(Bucket="rules-sums")
    client.put_object(Bucket="rules-sums", Key="key", Body=b"data" * 100_000, ChecksumAlgorithm=algorithm)
    assert client.get_object(Bucket="rules-sums", Key="key")["Body"].read() == b"data" * 100_000


def test_a_multi_object_delete_respects_prefixes(running: Gateway) -> None:
    """One key outside and nothing is deleted; keys inside are."""
    every, client = running.client(), narrow(running)
    every.create_bucket(Bucket="rules-delete")
    for key in ("pii/a", "other"):
        every.put_object(Bucket="rules-delete", Key=key, Body=b"x")
    with pytest.raises(ClientError) as raised:
        client.delete_objects(Bucket="rules-delete", Delete={"Objects": [{"Key": "pii/a"}, {"Key": "other"}]})
    assert raised.value.response["Error"]["Code"] == "AccessDenied"
    assert [found["Key"] for found in every.list_objects_v2(Bucket="rules-delete")["Contents"]] == ["other", "pii/a"]
    client.delete_objects(Bucket="rules-delete", Delete={"Objects": [{"Key": "pii/a"}]})
    assert [found["Key"] for found in every.list_objects_v2(Bucket="rules-delete")["Contents"]] == ["other"]


def test_listings_stay_below_a_prefix(running: Gateway) -> None:
    """A listing without a prefix of its own is refused, one with it is not."""
    running.client().create_bucket(Bucket="rules-list")
    client = narrow(running)
    assert client.list_objects_v2(Bucket="rules-list", Prefix="pii/")["KeyCount"] == 0
    for refused in ({}, {"Prefix": "p"}):
        with pytest.raises(ClientError) as raised:
            client.list_objects_v2(Bucket="rules-list", **refused)
        assert raised.value.response["Error"]["Code"] == "AccessDenied"
