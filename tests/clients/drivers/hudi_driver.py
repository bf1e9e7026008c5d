"""Hudi in Spark: a copy-on-write table, upserted and cleaned."""

import case
import sparks
from sparks import counted

spark = sparks.session(
    **{
        "spark.serializer": "org.apache.spark.serializer.KryoSerializer",
        "spark.sql.extensions": "org.apache.spark.sql.hudi.HoodieSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.hudi.catalog.HoodieCatalog",
        "spark.kryo.registrator": "org.apache.spark.HoodieSparkKryoRegistrar",
    }
)
TABLE = f"{sparks.BASE}/hudi"
OPTIONS = {
    "hoodie.table.name": "t", "hoodie.datasource.write.recordkey.field": "id",
    "hoodie.datasource.write.partitionpath.field": "part", "hoodie.datasource.write.precombine.field": "id",
    "hoodie.upsert.shuffle.parallelism": "2", "hoodie.insert.shuffle.parallelism": "2",
    "hoodie.bulkinsert.shuffle.parallelism": "2",
}  # fmt: skip


def write(rows, mode, operation="upsert"):
    made = sparks.frame(spark, rows).write.format("hudi").options(**OPTIONS)
    made.option("hoodie.datasource.write.operation", operation).mode(mode).save(TABLE)


def rows(expected):
    counted(spark.read.format("hudi").load(TABLE).count(), expected)


case.run(
    {
        "put-small": lambda: (write(100, "overwrite", "bulk_insert"), rows(100)),
        "put-stream": lambda: (write(1000, "append"), rows(1000)),
        "ranges": lambda: counted(spark.read.format("hudi").load(TABLE).where("part = 3").count(), 250),
        "delete-many": lambda: (write(100, "overwrite"), rows(100)),
    }
)
