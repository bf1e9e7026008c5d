"""What data engineers do with S3A, in one Spark session: run by spark-submit with a base folder and a size.

Prints one line of JSON: what it read back of what it wrote.
"""

import json
import sys
from typing import Any

from pyspark.sql import SparkSession  # type: ignore[import-not-found]

ODD_FOLDER = "dir x+y=1/é"
MAGIC = {
    "fs.s3a.committer.name": "magic",
    "mapreduce.outputcommitter.factory.scheme.s3a": "org.apache.hadoop.fs.s3a.commit.S3ACommitterFactory",
    "spark.sql.sources.commitProtocolClass": "org.apache.spark.internal.io.cloud.PathOutputCommitProtocol",
    "spark.sql.parquet.output.committer.class": "org.apache.spark.internal.io.cloud.BindingParquetOutputCommitter",
}


def main(base: str, rows: int) -> dict[str, Any]:
    """Write, read, append, overwrite, rename and delete below ``base``."""
    spark = SparkSession.builder.getOrCreate()
    jvm = spark._jvm
    files = jvm.org.apache.hadoop.fs.Path(base).getFileSystem(spark._jsc.hadoopConfiguration())
    told: dict[str, Any] = {"version": spark.version}

    def path(name: str) -> Any:
        return jvm.org.apache.hadoop.fs.Path(f"{base}/{name}")

    frame = spark.range(rows).selectExpr("id", "id % 4 as part", "concat('value ', id) as text")
    table = f"{base}/table"
    frame.write.partitionBy("part").parquet(table)
    told["partitioned"] = [spark.read.parquet(table).count(), spark.read.parquet(table).where("part = 3").count()]
    frame.limit(1000).write.mode("append").partitionBy("part").parquet(table)
    told["appended"] = spark.read.parquet(table).count()
    frame.limit(10).write.mode("overwrite").partitionBy("part").parquet(table)
    told["overwritten"] = spark.read.parquet(table).count()

    odd = f"{base}/{ODD_FOLDER}"
    frame.limit(100).coalesce(1).write.option("header", "true").csv(odd)
    told["csv"] = spark.read.option("header", "true").csv(odd).count()
    by_text = frame.limit(5).selectExpr("id", "concat('a+b c/é%=~*', id) as name")
    by_text.write.partitionBy("name").csv(f"{base}/by name")
    told["odd partitions"] = [
        row.name for row in spark.read.csv(f"{base}/by name").select("name").sort("name").collect()
    ]

    # Random text does not compress: one file of about 100 bytes a row, uploaded and renamed in parts.
    large = spark.range(rows).selectExpr(
        "id", "sha2(cast(rand(1) as string), 256) as a", "md5(cast(id as string)) as b"
    )
    large.coalesce(1).write.option("compression", "none").parquet(f"{base}/large")
    told["large"] = spark.read.parquet(f"{base}/large").selectExpr("count(*)", "sum(length(a))").first().asDict()
    told["renamed"] = files.rename(path("large"), path("moved to"))
    told["moved"] = spark.read.parquet(f"{base}/moved to").count()

    for name, value in MAGIC.items():
        spark.conf.set(name, value)
    frame.write.partitionBy("part").parquet(f"{base}/magic")
    told["magic"] = spark.read.parquet(f"{base}/magic").count()

    frame.limit(1).write.mode("overwrite").parquet(f"{base}/gone")
    told["deleted"] = [files.delete(path("gone"), True), files.exists(path("gone"))]
    told["made"] = [files.mkdirs(path("folder/é")), files.getFileStatus(path("folder/é")).isDirectory()]
    return told


if __name__ == "__main__":
    sys.stdout.write("TOLD " + json.dumps(main(sys.argv[1], int(sys.argv[2]))) + "\n")
