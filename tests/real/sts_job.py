"""A small job with the credentials of an assumed role: what it may do, and what it may not. Tells of both."""

import json
import sys

from pyspark.sql import SparkSession  # type: ignore[import-not-found]  # Spark's own, when it runs this

base, elsewhere = sys.argv[1:]
spark = SparkSession.builder.getOrCreate()
spark.range(1000).selectExpr("id", "id % 2 AS half").write.partitionBy("half").parquet(f"{base}/numbers")
rows = spark.read.parquet(f"{base}/numbers").count()
try:
    spark.range(10).write.parquet(f"{elsewhere}/numbers")
    refused = ""
except Exception as error:  # noqa: BLE001 - it is told
    refused = "AccessDenied" if "403" in str(error) else str(error)[:1000]
print("TOLD", json.dumps({"rows": rows, "refused": refused}))  # noqa: T201 - for the test
