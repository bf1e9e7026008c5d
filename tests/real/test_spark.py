"""Spark's jobs against an encrypted MinIO: the endpoint is the gateway's, and nothing else about them changes."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from lab.certs import Certs
from lab.gateway import SPARK_CLIENT, Gateway, gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from lab.spark import Spark, s3a_conf
from tests.conftest import GatewayFactory
from tests.real import invariant
from tests.real.tap import Tap

JOB = Path(__file__).with_name("spark_job.py")
SMALL_PARTS = {
    "spark.hadoop.fs.s3a.multipart.size": "5M",
    "spark.hadoop.fs.s3a.multipart.threshold": "5M",
    "spark.hadoop.fs.s3a.committer.magic.enabled": "true",
}
NAMES = [f"a+b c/é%=~*{number}" for number in range(5)]


@pytest.fixture
def spark_bucket(minio: Minio) -> str:
    name = f"spark-{uuid4().hex[:12]}"
    minio.client().create_bucket(Bucket=name)
    return name


@pytest.fixture
def encrypting(recorder: Recorder, gateway: GatewayFactory, certs: Certs) -> Gateway:
    """SSE-KMS by policy, plain HTTP and TLS."""
    rules = [{"bucket": "spark-*", "sse-kms": "my-key"}]
    return gateway(gateway_config(recorder, encryption=rules, certificate=certs.gateway))


def _conf(url: str) -> dict[str, str]:
    return s3a_conf(url, SPARK_CLIENT["access_key_id"], SPARK_CLIENT["secret_access_key"]) | SMALL_PARTS


def _run(spark: Spark, bucket: str, rows: int, conf: Mapping[str, str], trust: Path | None = None) -> dict[str, Any]:
    ended = spark.submit(JOB, conf, [f"s3a://{bucket}/base", str(rows)], trust=trust, seconds=400)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-6000:]
    (line,) = [line for line in ended.stdout.splitlines() if line.startswith("TOLD ")]
    told: dict[str, Any] = json.loads(line.removeprefix("TOLD "))
    return told


def _check_told(told: Mapping[str, Any], version: str, rows: int) -> None:
    large = told["large"]
    assert dict(told) == {
        "version": version,
        "partitioned": [rows, rows // 4],
        "appended": rows + 1000,
        "overwritten": 10,
        "csv": 100,
        "odd partitions": NAMES,
        "large": {"count(1)": rows, "sum(length(a))": rows * 64},
        "renamed": True,
        "moved": rows,
        "magic": rows,
        "deleted": [True, False],
        "made": [True, True],
    }, large


def _check_encrypted(minio: Minio, bucket: str) -> list[str]:
    """Every object that the job left is encrypted with the policy's key, as MinIO reports it."""
    client = minio.client()
    keys = [
        known["Key"]
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for known in page["Contents"]
    ]
    for key in keys:
        head = client.head_object(Bucket=bucket, Key=key)
        found = head.get("ServerSideEncryption"), head.get("SSEKMSKeyId")
        assert found == ("aws:kms", "arn:aws:kms:my-key"), key
    assert any(key.startswith("base/dir x+y=1/é/part-") for key in keys)
    return keys


def _operations(gateway: Gateway) -> set[str]:
    """What the gateway's log says was done: all of it well, but for questions about what is not there."""
    records = [json.loads(line) for line in gateway.log().splitlines() if line.startswith("{")]
    bad = [r for r in records if r["status"] not in {200, 204, 206, 404} or r.get("refusal") or r.get("fault")]
    assert bad == []
    told = [line for line in gateway.log().splitlines() if "error" in line.lower() and not line.startswith("{")]
    assert all("TLS Error: (-1, 'Unexpected EOF')" in line for line in told), told  # a JVM that ends says no goodbye
    return {record["operation"] for record in records}


def _check_wire(tap: Tap, recorder: Recorder) -> int:
    """Every request of the job is on the wire behind the gateway, with its target and every header."""
    got = recorder.requests()
    invariant.check_all(got)
    behind = {invariant.invocation(request.headers): request for request in got}
    sent = tap.requests()
    for request in sent:
        match = behind.pop(invariant.invocation(request.headers))
        assert (match.method, match.target, match.body_length) == (request.method, request.target, request.body_length)
        invariant.check_headers_kept(request.headers, match)
    assert behind == {}
    return len(sent)


def test_spark_35_over_http_with_sse_kms_by_policy(
    spark35: Spark, encrypting: Gateway, recorder: Recorder, minio: Minio, spark_bucket: str
) -> None:
    """Parquet, CSV, odd names, append, overwrite, multipart upload and copy, rename, delete, the magic committer."""
    with Tap(encrypting.port) as tap:
        told = _run(spark35, spark_bucket, 200_000, _conf(tap.url))
        assert _check_wire(tap, recorder) > 100
    _check_told(told, "3.5.8", 200_000)
    keys = _check_encrypted(minio, spark_bucket)
    _check_magic(minio, spark_bucket)
    large = max(
        minio.client().head_object(Bucket=spark_bucket, Key=key)["ContentLength"] for key in keys if "moved" in key
    )
    assert large > 10 << 20
    done = _operations(encrypting)
    assert {"PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "CopyObject"} <= done
    assert {"UploadPartCopy", "DeleteObjects", "HeadObject", "GetObject", "ListObjectsV2"} <= done


def _check_magic(minio: Minio, bucket: str) -> None:
    success = minio.client().get_object(Bucket=bucket, Key="base/magic/_SUCCESS")["Body"].read()
    assert json.loads(success)["committer"] == "magic"


def test_spark_4_over_http_with_sse_kms_by_policy(
    spark4: Spark, encrypting: Gateway, recorder: Recorder, minio: Minio, spark_bucket: str
) -> None:
    """The same with SDK v2."""
    with Tap(encrypting.port) as tap:
        told = _run(spark4, spark_bucket, 80_000, _conf(tap.url))
        assert _check_wire(tap, recorder) > 100
    _check_told(told, "4.0.1", 80_000)
    _check_encrypted(minio, spark_bucket)
    _check_magic(minio, spark_bucket)
    assert {"PutObject", "UploadPart", "CompleteMultipartUpload", "CopyObject", "HeadObject"} <= _operations(encrypting)


def test_spark_35_over_tls_sets_sse_kms_itself(
    spark35: Spark, recorder: Recorder, gateway: GatewayFactory, certs: Certs, minio: Minio, spark_bucket: str
) -> None:
    """``fs.s3a.encryption.algorithm=SSE-KMS`` through the gateway's own TLS; the policy, which differs, keeps off."""
    running = gateway(
        gateway_config(recorder, certificate=certs.gateway, encryption=[{"bucket": "spark-*", "sse-s3": True}])
    )
    own = {
        "spark.hadoop.fs.s3a.encryption.algorithm": "SSE-KMS",
        "spark.hadoop.fs.s3a.encryption.key": "my-key",
    }
    told = _run(spark35, spark_bucket, 80_000, _conf(running.tls_url) | own, certs.ca)
    _check_told(told, "3.5.8", 80_000)
    _check_encrypted(minio, spark_bucket)
    _operations(running)
    invariant.check_all(recorder.requests())


@pytest.mark.parametrize("spark", ["spark35", "spark4"])
def test_a_customer_key_by_policy(
    request: pytest.FixtureRequest,
    spark: str,
    recorder: Recorder,
    gateway: GatewayFactory,
    minio: Minio,
    spark_bucket: str,
    tmp_path: Path,
) -> None:
    """SSE-C over plain HTTP: the job never has the key, and repeats in each rename what HEAD told of it."""
    key = os.urandom(32)
    (tmp_path / "key").write_bytes(key)
    running = gateway(gateway_config(recorder, encryption=[{"bucket": "spark-*", "sse-c": str(tmp_path / "key")}]))
    job: Spark = request.getfixturevalue(spark)
    told = _run(job, spark_bucket, 80_000, _conf(running.url))
    _check_told(told, told["version"], 80_000)
    _operations(running)
    client = minio.client()
    keys = [known["Key"] for known in client.list_objects_v2(Bucket=spark_bucket)["Contents"]]
    assert any(key.startswith("base/dir x+y=1/é/part-") for key in keys)
    for name in keys:
        with pytest.raises(ClientError, match="400"):
            client.head_object(Bucket=spark_bucket, Key=name)
        head = client.head_object(Bucket=spark_bucket, Key=name, SSECustomerAlgorithm="AES256", SSECustomerKey=key)
        assert head["SSECustomerAlgorithm"] == "AES256"
    invariant.check_all(recorder.requests())
