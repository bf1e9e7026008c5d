"""Delta Lake in Spark: its log by S3A, which has no conditional put there; one driver writes."""

import case
import sparks
from sparks import ROWS, counted

spark = sparks.session(
    **{
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.databricks.delta.retentionDurationCheck.enabled": "false",
        "spark.databricks.delta.snapshotPartitions": "2",  # for 50 tasks of nothing at each look at the log
    }
)
TABLE = f"{sparks.BASE}/delta x+y/é"


def read():
    return spark.read.format("delta").load(TABLE)


def write():
    sparks.frame(spark, 1000).write.format("delta").partitionBy("part").save(TABLE)
    counted(read().where("part = 3").count(), 250)


def grow():
    sparks.frame(spark).write.format("delta").mode("append").save(TABLE)
    counted(read().count(), ROWS + 1000)


def changed():
    spark.sql(f"UPDATE delta.`{TABLE}` SET text = 'é' WHERE id = 7")
    spark.sql(f"DELETE FROM delta.`{TABLE}` WHERE part = 1")
    counted(read().count(), (ROWS + 1000) * 3 // 4)


def compacted():
    spark.sql(f"OPTIMIZE delta.`{TABLE}`")
    spark.sql(f"VACUUM delta.`{TABLE}` RETAIN 0 HOURS")
    counted(read().count(), (ROWS + 1000) * 3 // 4)


case.run(
    {
        "put-small": write,
        "put-stream": grow,
        "copy": changed,
        "ranges": lambda: counted(spark.read.option("versionAsOf", 0).format("delta").load(TABLE).count(), 1000),
        "list": lambda: spark.sql(f"DESCRIBE HISTORY delta.`{TABLE}`").collect(),
        "delete-many": compacted,
        "if-none-match": lambda: case.refused(
            lambda: sparks.frame(spark, 1).write.format("delta").mode("error").save(TABLE), "already exists", "EXIST"
        ),
    }
)
