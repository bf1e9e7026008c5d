"""Spark with its own S3A: what data engineers do."""

import case
import sparks
from sparks import BASE, ROWS, counted

spark = sparks.session()
jvm = spark._jvm
conf = spark._jsc.hadoopConfiguration()
files = jvm.org.apache.hadoop.fs.Path(BASE).getFileSystem(conf)
MAGIC = {
    "fs.s3a.committer.name": "magic",
    "mapreduce.outputcommitter.factory.scheme.s3a": "org.apache.hadoop.fs.s3a.commit.S3ACommitterFactory",
    "spark.sql.sources.commitProtocolClass": "org.apache.spark.internal.io.cloud.PathOutputCommitProtocol",
    "spark.sql.parquet.output.committer.class": "org.apache.spark.internal.io.cloud.BindingParquetOutputCommitter",
}
ODD = [f"a+b c/é%=~*{number}" for number in range(5)]


def path(name):
    return jvm.org.apache.hadoop.fs.Path(f"{BASE}/{name}")


def partitioned():
    frame, table = sparks.frame(spark), f"{BASE}/table"
    frame.write.partitionBy("part").parquet(table)
    counted(spark.read.parquet(table).where("part = 3").count(), ROWS // 4)
    frame.limit(1000).write.mode("append").partitionBy("part").parquet(table)
    counted(spark.read.parquet(table).count(), ROWS + 1000)
    frame.limit(10).write.mode("overwrite").partitionBy("part").parquet(table)
    counted(spark.read.parquet(table).count(), 10)


def odd():
    sparks.frame(spark, 100).coalesce(1).write.option("header", "true").csv(f"{BASE}/dir x+y=1/é")
    counted(spark.read.option("header", "true").csv(f"{BASE}/dir x+y=1/é").count(), 100)
    by_text = spark.range(5).selectExpr("id", "concat('a+b c/é%=~*', id) as name")
    by_text.write.partitionBy("name").csv(f"{BASE}/by name")
    found = [row.name for row in spark.read.csv(f"{BASE}/by name").select("name").sort("name").collect()]
    assert found == ODD, found


def large():
    sparks.random(spark).coalesce(1).write.option("compression", "none").parquet(f"{BASE}/large")
    counted(spark.read.parquet(f"{BASE}/large").selectExpr("sum(length(a))").first()[0], ROWS * 64)


def ranges():
    counted(spark.read.parquet(f"{BASE}/large").where("id = 7").select("b").count(), 1)


def renamed():
    assert files.rename(path("large"), path("moved to")), "rename says no"
    counted(spark.read.parquet(f"{BASE}/moved to").count(), ROWS)


def listed():
    of = jvm.org.apache.hadoop.fs.Path(f"s3a://{case.LISTING}/")
    found, keys = of.getFileSystem(conf).listFiles(of, True), []
    while found.hasNext():
        keys.append(found.next().getPath().toUri().getPath()[1:])
    case.listed(keys, in_order=False)


def magic():
    for name, value in MAGIC.items():
        spark.conf.set(name, value)
    sparks.frame(spark, 1000).write.partitionBy("part").parquet(f"{BASE}/magic")
    counted(spark.read.parquet(f"{BASE}/magic").count(), 1000)


def deleted():
    assert files.mkdirs(path("folder/é")), "mkdirs says no"
    assert files.delete(path("table"), True), "delete says no"
    assert not files.exists(path("table")), "is still there"


case.run(
    {
        "put-small": odd,
        "put-stream": partitioned,
        "multipart": large,
        "ranges": ranges,
        "list": listed,
        "copy": renamed,
        "delete-many": deleted,
        "magic": magic,
    }
)
