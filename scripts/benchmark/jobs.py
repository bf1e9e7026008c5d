"""Spark 3.5 jobs, timed whole, JVM and all, as their users wait for them."""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmark.targets import Target
from lab.spark import MAGIC_COMMITTER, Spark, s3a_conf

_BEGIN: Final = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
base = sys.argv[1]
"""

_TABLE: Final = """
rows = spark.range(6_000_000).selectExpr(
    "id", "id % 97 as shop", "sha2(cast(id as string), 256) as buyer", "rand(1) as amount")
rows.write.parquet(f"{base}/sales")
sales = spark.read.parquet(f"{base}/sales")
shops = sales.groupBy("shop").agg({"amount": "sum", "buyer": "approx_count_distinct"}).toDF("shop", "total", "buyers")
shops.write.parquet(f"{base}/shops")
joined = sales.where("amount > 0.5").join(spark.read.parquet(f"{base}/shops"), "shop")
assert joined.selectExpr("max(buyer)", "count(distinct shop)").first()[1] == 97
"""

_SMALL_FILES: Final = """
for part in range(3):
    rows = spark.range(200_000).selectExpr("id", "id % 7 as p", "cast(id as string) as s")
    rows.write.partitionBy("p").parquet(f"{base}/{part}")
    assert spark.read.parquet(f"{base}/{part}").count() == 200_000
"""

JOBS: Final = {
    "a table written, read, joined and summed up (500 MB)": (_TABLE, MAGIC_COMMITTER),
    "42 files of 40 kB, renamed into place (1300 requests)": (_SMALL_FILES, {}),
}
"""What it does -> its script, and its configuration beside the endpoint's."""


def run(targets: Sequence[Target], rounds: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Give each job's median seconds by target, taken in turns so that a noisy moment hits them alike."""
    spark = Spark.v35()
    for name, (script, conf) in JOBS.items():
        times: dict[str, list[float]] = {target.name: [] for target in targets}
        for number in range(rounds):
            for target in targets:
                sys.stderr.write(f"\r\033[K{name}: {number + 1} of {rounds}, {target.name}")
                times[target.name].append(_seconds(spark, target, _BEGIN + script, conf))
        sys.stderr.write("\r\033[K")
        yield name, {target: statistics.median(values) for target, values in times.items()}


def _seconds(spark: Spark, target: Target, script: str, conf: Mapping[str, str]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder) / "job.py"
        job.write_text(script, encoding="utf-8")
        endpoint = s3a_conf(target.endpoint, target.access_key, target.secret_key)
        began = time.perf_counter()
        done = spark.submit(job, {**endpoint, **conf}, [f"s3a://bench/spark-{time.time_ns()}"], trust=target.ca_file)
        if done.returncode:
            sys.exit(f"bench: the Spark job failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return time.perf_counter() - began
