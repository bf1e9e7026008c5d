"""Hadoop's S3A as a client of a lane, in a JVM of its own, with its own retries."""

import json
import threading
import time
from pathlib import Path
from typing import Any, Final

from lab.spark import Spark, s3a_conf
from soaking.cluster.lane import Lane

_JOB: Final = Path(__file__).with_name("s3a_job.py")
_FOLDER: Final = "s3a"


class Hadoop:
    """One JVM. `there` are the files that it leaves, by key, with the SHA-256 of each."""

    def __init__(self, lane: Lane, spark: Spark) -> None:
        self._lane, self._spark = lane, spark
        self.done = 0
        self.there: dict[str, str] = {}

    def run(self, seconds: float, stop: threading.Event) -> None:
        """Work for so long; what its retries did not hide is noted."""
        lane = self._lane
        conf = s3a_conf(f"http://127.0.0.1:{lane.s3a_port}", *lane.s3a_keys)
        del conf["spark.hadoop.fs.s3a.attempts.maximum"]  # as it comes, it tries again
        conf |= {"spark.hadoop.fs.s3a.multipart.size": "5M", "spark.hadoop.fs.s3a.multipart.threshold": "6M"}
        began = time.monotonic()
        arguments = [f"s3a://{lane.bucket}/{_FOLDER}", str(seconds)]
        ended = self._spark.submit(_JOB, conf, arguments, seconds=seconds + 600)
        if ended.returncode:
            lane.tally.give_up("s3a", f"ended with status {ended.returncode}: {ended.stderr[-2000:]}")
            return
        told: dict[str, Any] = json.loads(ended.stdout.strip().splitlines()[-1])
        self.done = told["done"]
        self.there = {f"{_FOLDER}/{name}": digest for name, digest in told["there"].items()}
        for failure in told["failures"]:
            lane.tally.give_up("s3a", failure)
        if not self.done and not stop.is_set():
            lane.tally.give_up("s3a", f"did nothing in {time.monotonic() - began:.0f} s")
