"""Each kind of request that S3A makes, in one small Spark session: run by spark-submit with a base folder."""

import sys

from pyspark.sql import SparkSession  # type: ignore[import-not-found]

_ROWS = 60_000  # about 6 MB in one file: more than a part of 5 MiB, so it is uploaded and copied in parts


def main(base: str) -> None:
    """Write, read, rename and delete below `base`, with names that have to be escaped."""
    spark = SparkSession.builder.getOrCreate()
    jvm = spark._jvm  # noqa: SLF001 - Hadoop's FileSystem has no other door
    files = jvm.org.apache.hadoop.fs.Path(base).getFileSystem(spark._jsc.hadoopConfiguration())  # noqa: SLF001

    frame = spark.range(100).selectExpr("id", "id % 2 as part", "concat('value ', id) as text")
    frame.write.partitionBy("part").parquet(f"{base}/table")
    spark.read.parquet(f"{base}/table").where("part = 1").count()
    frame.limit(5).coalesce(1).write.option("header", "true").csv(f"{base}/dir x+y=1/é")
    spark.read.option("header", "true").csv(f"{base}/dir x+y=1/é").count()

    large = spark.range(_ROWS).selectExpr("id", "sha2(cast(rand(1) as string), 256) as a", "md5(string(id)) as b")
    large.coalesce(1).write.option("compression", "none").parquet(f"{base}/large")
    spark.read.parquet(f"{base}/large").selectExpr("sum(length(a))").first()
    files.rename(jvm.org.apache.hadoop.fs.Path(f"{base}/large"), jvm.org.apache.hadoop.fs.Path(f"{base}/moved to"))
    files.mkdirs(jvm.org.apache.hadoop.fs.Path(f"{base}/folder/é"))
    files.delete(jvm.org.apache.hadoop.fs.Path(f"{base}/table"), True)  # noqa: FBT003 - Hadoop's recursive


if __name__ == "__main__":
    main(sys.argv[1])
