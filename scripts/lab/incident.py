"""The incident that this project began with, to be had again: Spark behind a gateway that signs and then drops.

client --> mitmdump (records) --> lab/naive_gateway.py --> mitmdump (records) --> the backend

Run as a program (`python -m lab.incident FOLDER`), it makes the captures in scripts/captures/spark-400 anew: a Spark
3.5 job that fails so, as seen in front of the naive gateway and behind it, and the same job through this gateway.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from capturing.sources import read
from lab import CHECKOUT
from lab.backends import Backend
from lab.certs import make_certs
from lab.gateway import SPARK_CLIENT, Gateway, gateway_config
from lab.minio import Minio
from lab.ports import accepts, free_port
from lab.process import Command, start
from lab.spark import Spark, s3a_conf
from s3gateway.observed.capture import dump

_NAIVE: Final = CHECKOUT / "scripts" / "lab" / "naive_gateway.py"
JOB: Final = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
spark.range(1000).coalesce(1).write.parquet("s3a://warehouse/orders")
"""


@dataclass(frozen=True, slots=True)
class Incident:
    """Where a client connects, and the flow files, which are whole once the block has ended."""

    url: str
    front: Path
    behind: Path


@contextmanager
def incident(backend: Backend, folder: Path) -> Iterator[Incident]:
    """Run the three, with their files in `folder`, for a `with` block."""
    front, behind = folder / "front.flow", folder / "behind.flow"
    with ExitStack() as running:

        def mitmdump(name: str, to: str, *arguments: str, env: Mapping[str, str] | None = None) -> str:
            port = free_port()
            program = str(Path(sys.executable).with_name("mitmdump"))
            command = [program, "--mode", f"reverse:{to}@127.0.0.1:{port}", "--set", "keep_host_header=true"]
            command += ["--set", f"confdir={folder / 'confdir'}", *arguments]
            process = start(
                Command(name, command, folder / f"{name}.log", os.environ | (env or {})), lambda: accepts(port)
            )
            running.callback(process.stop)
            return f"http://127.0.0.1:{port}"

        trust = f"ssl_verify_upstream_trusted_ca={backend.ca_file}"
        second = mitmdump("behind", backend.endpoint, "-w", str(behind), "--set", trust)
        keys = {
            "NAIVE_ACCESS_KEY": backend.access_key,
            "NAIVE_SECRET_KEY": backend.secret_key,
            "NAIVE_BACKEND": urlsplit(backend.endpoint).netloc,
        }
        naive = mitmdump("naive", second, "-s", str(_NAIVE), env=keys)
        yield Incident(mitmdump("front", naive, "-w", str(front)), front, behind)


def main(folder: Path) -> None:
    """Write front.json, behind.json, gateway.jsonl and what Spark said, spark.txt, to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    spark = Spark.v35()
    with ExitStack() as stack:
        temporary = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="s3gw-incident-")))
        certs, _ = make_certs(temporary / "certs")
        minio = stack.enter_context(Minio(certs))
        minio.client().create_bucket(Bucket="warehouse")
        with incident(minio, temporary) as naive:
            failed = run_job(spark, naive.url, temporary)
        for flows in (naive.front, naive.behind):
            (folder / f"{flows.stem}.json").write_text(dump(read(flows)), encoding="ascii")
        (folder / "spark.txt").write_text(symptom(failed.stdout) + "\n", encoding="utf-8")
        captured = folder / "gateway.jsonl"
        captured.unlink(missing_ok=True)
        rules = [{"bucket": "warehouse", "sse-kms": minio.kms_key_id}]
        config = gateway_config(minio, encryption=rules, log={"format": "json", "capture": str(captured.resolve())})
        with Gateway(config) as gateway:
            done = run_job(spark, gateway.url, temporary)
    sys.stdout.write(f"through the naive gateway: status {failed.returncode}; through this one: {done.returncode}\n")


def run_job(spark: Spark, url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Have Spark write a small table to the bucket `warehouse`."""
    script = folder / "job.py"
    script.write_text(JOB, encoding="utf-8")
    conf = s3a_conf(url, SPARK_CLIENT["access_key_id"], SPARK_CLIENT["secret_access_key"])
    conf["spark.driver.extraJavaOptions"] = "-Dos.version=6.1.0"  # the SDK tells it in User-Agent
    return spark.submit(script, conf)


def symptom(output: str) -> str:
    """The one line of what Spark said that tells the most."""
    return next((line for line in output.splitlines() if "AWSBadRequestException" in line), "").removeprefix(": ")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
