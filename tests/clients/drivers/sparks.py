"""A Spark session whose S3A goes to the door, and what drivers of Spark and of table formats share."""

import os
from pathlib import Path

import case
from pyspark.sql import SparkSession

BASE = f"s3a://{case.BUCKET}/base"
ROWS = 60_000  # about 6 MB in one file, where it does not compress: more than a part

_S3A = {
    "endpoint": case.ENDPOINT, "endpoint.region": case.REGION, "access.key": case.KEY, "secret.key": case.SECRET,
    "path.style.access": "true", "connection.ssl.enabled": str(case.TLS).lower(), "attempts.maximum": "1",
    "retry.limit": "1", "multipart.size": "5M", "multipart.threshold": "5M", "committer.magic.enabled": "true",
}  # fmt: skip


def session(**more: str) -> SparkSession:
    """One JVM with two threads. Drivers keep to DataFrames and SQL, so that no Python worker is ever started."""
    java = Path("java.options").read_text(encoding="utf-8").split("\n")
    conf = {
        "spark.driver.memory": "1g",
        "spark.driver.extraJavaOptions": " ".join(option for option in java if not option.startswith("-Xmx")),
        "spark.driver.extraClassPath": f"{os.environ['CLIENT_JARS']}/*",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.local.dir": str(case.WORK),
        "spark.hadoop.hadoop.tmp.dir": str(case.WORK),
        "spark.sql.warehouse.dir": str(case.WORK / "warehouse"),
        "spark.sql.shuffle.partitions": "2",
    } | {f"spark.hadoop.fs.s3a.{name}": value for name, value in _S3A.items()}
    builder = SparkSession.builder.master("local[2]")
    for name, value in (conf | more).items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def frame(spark, rows=ROWS):
    return spark.range(rows).selectExpr("id", "id % 4 as part", "concat('value ', id) as text")


def random(spark):
    """Text that does not compress."""
    return spark.range(ROWS).selectExpr("id", "sha2(cast(rand(1) as string), 256) as a", "md5(string(id)) as b")


def counted(found, expected):
    if found != expected:
        raise AssertionError(f"{found} rows, not {expected}")
