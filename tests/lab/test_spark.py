"""lab.spark: each version runs, with S3A and the cloud committers on its class path, straight against MinIO."""

import json
from pathlib import Path

import pytest

from lab.minio import Minio
from lab.spark import MAGIC_COMMITTER, Spark, s3a_conf

_JOB = """\
import sys
from pyspark.sql import SparkSession
session = SparkSession.builder.getOrCreate()
session.range(10).write.parquet(sys.argv[1])
print(session.version, session.read.parquet(sys.argv[1]).count())
"""


@pytest.fixture
def job(tmp_path: Path) -> Path:
    script = tmp_path / "job.py"
    script.write_text(_JOB)
    return script


def _commits_by_magic(spark: Spark, minio: Minio, job: Path) -> None:
    """Over TLS; the magic committer leaves a _SUCCESS that names it."""
    bucket = f"lab-spark-{spark.version.replace('.', '-')}"
    minio.client().create_bucket(Bucket=bucket)
    conf = s3a_conf(minio.endpoint, minio.access_key, minio.secret_key) | dict(MAGIC_COMMITTER)
    ended = spark.submit(job, conf, [f"s3a://{bucket}/out"], trust=minio.ca_file, seconds=180)
    assert (ended.returncode, ended.stdout.split()) == (0, [spark.version, "10"]), ended.stderr[-4000:]
    success = minio.client().get_object(Bucket=bucket, Key="out/_SUCCESS")["Body"].read()
    assert json.loads(success)["committer"] == "magic"


def test_spark_35_writes_through_s3a_with_the_magic_committer(spark35: Spark, minio: Minio, job: Path) -> None:
    _commits_by_magic(spark35, minio, job)


def test_spark_4_writes_through_s3a_with_the_magic_committer(spark4: Spark, minio: Minio, job: Path) -> None:
    _commits_by_magic(spark4, minio, job)


def test_a_job_that_fails_says_so(spark35: Spark, tmp_path: Path) -> None:
    script = tmp_path / "fails.py"
    script.write_text("raise SystemExit('no such table')")
    ended = spark35.submit(script, {}, seconds=120)
    assert ended.returncode != 0
    assert "no such table" in ended.stdout
