"""Spark 3.5, 4.0 and 4.2 with S3A, installed into the cache, each with the jars that `--packages` resolves for it.

    Spark.v35().submit(script, s3a_conf(gateway.url, "SPARKKEY", "..."), ["argument"])

Jobs run as local[2] in one JVM. A script keeps to DataFrames and SQL, so that no Python worker is ever started.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from lab import MissingPartError
from lab.cache import cache_dir, locked
from lab.java import java_home, trust_options

_CLOUD_MODULE: Final = "org.apache.spark.internal.io.cloud.PathOutputCommitProtocol"
# What spark-hadoop-cloud would bring for other clouds, or in front of Spark's own copy.
_NOT_WANTED: Final = (
    "com.fasterxml.jackson.core:jackson-annotations",
    "com.fasterxml.jackson.core:jackson-databind",
    "com.fasterxml.jackson.dataformat:jackson-dataformat-cbor",
    "com.google.cloud.bigdataoss:gcs-connector",
    "com.squareup.okhttp3:okhttp",
    "com.squareup.okio:okio",
    "joda-time:joda-time",
    "org.apache.hadoop:hadoop-azure",
    "org.apache.hadoop:hadoop-client-api",
    "org.apache.hadoop:hadoop-client-runtime",
    "org.apache.hadoop:hadoop-cloud-storage",
    "org.apache.hadoop:hadoop-openstack",
    "org.apache.httpcomponents:httpclient",
    "org.apache.httpcomponents:httpcore",
    "org.eclipse.jetty:jetty-util",
    "org.eclipse.jetty:jetty-util-ajax",
    "org.slf4j:slf4j-api",
)

# What makes a job commit through S3A's magic committer.
MAGIC_COMMITTER: Final[Mapping[str, str]] = {
    "spark.hadoop.fs.s3a.committer.name": "magic",
    "spark.hadoop.fs.s3a.committer.magic.enabled": "true",
    "spark.hadoop.mapreduce.outputcommitter.factory.scheme.s3a": (
        "org.apache.hadoop.fs.s3a.commit.S3ACommitterFactory"
    ),
    "spark.sql.sources.commitProtocolClass": _CLOUD_MODULE,
    "spark.sql.parquet.output.committer.class": "org.apache.spark.internal.io.cloud.BindingParquetOutputCommitter",
}


def s3a_conf(endpoint: str, access_key: str, secret_key: str) -> dict[str, str]:
    """What an S3A user sets for an endpoint (`http://` or `https://`) that is not AWS's."""
    return {
        "spark.hadoop.fs.s3a.endpoint": endpoint,
        "spark.hadoop.fs.s3a.endpoint.region": "us-east-1",
        "spark.hadoop.fs.s3a.access.key": access_key,
        "spark.hadoop.fs.s3a.secret.key": secret_key,
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": str(endpoint.startswith("https:")).lower(),
        "spark.hadoop.fs.s3a.attempts.maximum": "1",  # a retry would hide what the tests look for
    }


@dataclass(frozen=True, slots=True)
class Spark:
    """One installed version of Spark. Made by `v35`, `v4` and `v42`; `MissingPartError` if it cannot be had."""

    version: str
    packages: tuple[str, ...]
    home: Path
    java_home: Path

    @classmethod
    def v35(cls) -> Self:
        """Spark 3.5.8 with hadoop-aws 3.3.4: AWS SDK v1."""
        return cls._installed("3.5.8", hadoop="3.3.4", scala="2.12")

    @classmethod
    def v4(cls) -> Self:
        """Spark 4.0.1 with hadoop-aws 3.4.1: AWS SDK v2."""
        return cls._installed("4.0.1", hadoop="3.4.1", scala="2.13")

    @classmethod
    def v42(cls) -> Self:
        """Spark 4.2.1 with hadoop-aws 3.5.0, without the committers' binding."""
        return cls._installed("4.2.1", hadoop="3.5.0")

    @classmethod
    def _installed(cls, version: str, *, hadoop: str, scala: str = "") -> Self:
        cloud = (f"org.apache.spark:spark-hadoop-cloud_{scala}:{version}",) if scala else ()
        packages = (f"org.apache.hadoop:hadoop-aws:{hadoop}", *cloud)
        java = java_home()
        with locked(f"spark-{version}"):
            spark = cls(version, packages, install_pyspark(version), java)
            spark._fetch_jars()
        return spark

    def submit(
        self,
        script: Path,
        conf: Mapping[str, str],
        arguments: Sequence[str] = (),
        *,
        trust: Path | None = None,
        env: Mapping[str, str] | None = None,
        seconds: float = 600,
    ) -> subprocess.CompletedProcess[str]:
        """Run `script` to its end: its status, all its output as stdout, Spark's log as stderr.

        `trust` is a CA certificate, for an https endpoint; nothing of AWS's environment counts but what is in `env`.
        `subprocess.TimeoutExpired` after `seconds`.
        """
        class_path = ":".join(str(jar) for jar in sorted(self._jars.glob("*.jar")))
        options = ["--driver-class-path", class_path]
        return self._run(script, options, conf, arguments, trust=trust, env=env or {}, seconds=seconds)

    @property
    def _ivy(self) -> Path:
        return cache_dir("ivy", self.version)

    @property
    def _jars(self) -> Path:
        return self._ivy / "jars"

    def _fetch_jars(self) -> None:
        """Have Spark resolve the packages once. Later jobs take the files as a class path: no network, no copies."""
        stamp = self._ivy / "complete"
        wanted = "\n".join((*self.packages, *_NOT_WANTED))
        if stamp.exists() and stamp.read_text() == wanted:
            return
        shutil.rmtree(self._jars, ignore_errors=True)
        sys.stderr.write(f"fetching the S3A jars of Spark {self.version} (300 to 600 MB, once)\n")
        sys.stderr.flush()
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder) / "nothing.py"
            script.write_text("")  # spark-submit resolves before it runs anything
            options = ["--packages", ",".join(self.packages), "--exclude-packages", ",".join(_NOT_WANTED)]
            conf = {"spark.jars.ivy": str(self._ivy)}
            ended = self._run(script, options, conf, (), trust=None, env={}, seconds=1800)
        if ended.returncode != 0:
            reasons = [line.strip() for line in ended.stderr.splitlines() if "rror" in line or "xception" in line]
            message = f"Spark {self.version} could not fetch its S3A jars: {' | '.join(reasons[:3])}"
            raise MissingPartError(message)
        stamp.write_text(wanted)

    def _run(
        self,
        script: Path,
        options: Sequence[str],
        conf: Mapping[str, str],
        arguments: Sequence[str],
        *,
        trust: Path | None,
        env: Mapping[str, str],
        seconds: float,
    ) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryDirectory(prefix="s3gw-spark-") as folder:
            base = {
                "spark.ui.enabled": "false",
                "spark.local.dir": folder,
                "spark.hadoop.hadoop.tmp.dir": folder,
                "spark.sql.warehouse.dir": f"{folder}/warehouse",
                "spark.sql.shuffle.partitions": "2",
            }
            settings = base | dict(conf)
            if trust is not None:
                java = settings.get("spark.driver.extraJavaOptions", "")
                settings["spark.driver.extraJavaOptions"] = f"{java} {trust_options(trust, Path(folder))}".strip()
            command = [
                str(self.home / "bin" / "spark-submit"),
                "--master",
                "local[2]",
                "--driver-memory",
                "1g",
                *options,
            ]
            for key, value in settings.items():
                command += ["--conf", f"{key}={value}"]
            return subprocess.run(
                [*command, str(script), *arguments],
                cwd=folder,
                env={**self._environment(), **env},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )

    def _environment(self) -> dict[str, str]:
        ours = {
            name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "PYSPARK_", "AWS_"))
        }
        return ours | {
            "SPARK_HOME": str(self.home),
            "JAVA_HOME": str(self.java_home),
            "PYTHONPATH": str(self.home.parent),
            "PYSPARK_PYTHON": sys.executable,
            "SPARK_LOCAL_IP": "127.0.0.1",
        }


def install_pyspark(version: str) -> Path:
    """PySpark's folder, which is a SPARK_HOME. Not a virtual environment: it must outlive this checkout's Python."""
    target = cache_dir("spark") / version
    if not target.exists():
        sys.stderr.write(f"installing PySpark {version} (300 to 450 MB, once)\n")
        sys.stderr.flush()
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            part = Path(folder) / "part"
            command = [*installer(), "--target", str(part), f"pyspark=={version}"]
            env = {"UV_SYSTEM_CERTS": "true"} | os.environ  # as scripts/setup
            ended = subprocess.run(
                command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
            )
            if ended.returncode != 0:
                last = (ended.stderr.strip().splitlines() or ["no message"])[-1]
                message = f"PySpark {version} could not be installed: {last}"
                raise MissingPartError(message)
            part.replace(target)
    return target / "pyspark"


def installer() -> list[str]:
    """What installs a package from PyPI: uv, or this Python's own pip."""
    uv = shutil.which("uv")
    if uv is not None:
        return [uv, "pip", "install", "--quiet", "--python", sys.executable]
    return [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
