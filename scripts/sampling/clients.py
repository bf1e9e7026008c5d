"""The clients whose requests are captured: each does what its users do, with a few small objects.

A client is a function of a running gateway. Its first half goes over plain HTTP, its second, where the client signs
bodies otherwise there, over TLS.
"""

import os
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from lab import tools
from lab.backends import verified_opener
from lab.gateway import Gateway
from lab.spark import Spark, s3a_conf

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET: Final = "lake"
PART: Final = 5 << 20
_ODD: Final = "dir x+y=1/é ~*'().txt"
_JOB: Final = Path(__file__).with_name("spark_job.py")


class ClientError(Exception):
    """A client did not do what it was asked; the text ends with what it said."""


Sampled = Callable[[Gateway, dict[str, Any], Path], str]
"""Runs a client against a gateway, as the configured client given, trusting the CA; says which client it was."""


def boto3(gateway: Gateway, known: dict[str, Any], ca_file: Path) -> str:
    """boto3: over HTTP it signs payloads, over TLS it sends unsigned trailers."""
    import boto3 as module  # noqa: PLC0415 - for its version only

    for tls in (False, True):
        client = gateway.client(tls=tls, name=known["name"], config=Config(signature_version="s3v4"))
        _use_boto3(client, f"tls={tls}")
        opener = verified_opener(ca_file)
        url = client.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": _ODD})
        opener.open(url, timeout=120).close()
        url = client.generate_presigned_url("put_object", {"Bucket": BUCKET, "Key": "presigned"})
        put = urllib.request.Request(url, b"presigned", method="PUT")  # noqa: S310 - the gateway's own address
        opener.open(put, timeout=120).close()
    return f"boto3 {module.__version__}"


def _use_boto3(client: "S3Client", folder: str) -> None:
    client.list_buckets()
    client.put_object(Bucket=BUCKET, Key=_ODD, Body=b"odd", Metadata={"a": "b  c"}, ContentType="text/plain")
    client.put_object(Bucket=BUCKET, Key=f"{folder}/empty", Body=b"")
    client.put_object(Bucket=BUCKET, Key="open/plain", Body=b"not encrypted", ChecksumAlgorithm="SHA256")
    client.head_object(Bucket=BUCKET, Key=_ODD)
    client.get_object(Bucket=BUCKET, Key=_ODD, Range="bytes=1-")["Body"].read()
    client.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": _ODD})
    client.put_object_tagging(Bucket=BUCKET, Key="copy", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    client.list_objects_v2(Bucket=BUCKET, Prefix="dir x+y=1/", Delimiter="/")
    with tempfile.NamedTemporaryFile() as file:
        file.truncate(PART + 1)
        transfer = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=1)
        client.upload_file(file.name, BUCKET, f"{folder}/large", Config=transfer)
        client.copy({"Bucket": BUCKET, "Key": f"{folder}/large"}, BUCKET, "large copy", Config=transfer)
    upload = client.create_multipart_upload(Bucket=BUCKET, Key="given up")["UploadId"]
    client.abort_multipart_upload(Bucket=BUCKET, Key="given up", UploadId=upload)
    client.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "copy"}, {"Key": "large copy"}]})
    client.delete_object(Bucket=BUCKET, Key=f"{folder}/empty")


def mc(gateway: Gateway, known: dict[str, Any], ca_file: Path) -> str:
    """MinIO's client: over HTTP signed trailers, over TLS unsigned ones."""
    program = tools.mc()
    for url in (gateway.url, gateway.tls_url):
        with tempfile.TemporaryDirectory(prefix="s3gw-mc-") as name:
            _use_mc(program, Path(name), (url, known["access_key_id"], known["secret_access_key"]), ca_file)
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    built = program.name.partition("-")[2]  # one that was built with Go does not know its version
    return f"mc {built or said.split()[2]}"


def _use_mc(program: Path, folder: Path, alias: tuple[str, str, str], ca_file: Path) -> None:
    authorities = folder / "certs" / "CAs"
    authorities.mkdir(parents=True)
    shutil.copy(ca_file, authorities / "ca.crt")
    small, large = folder / "small", folder / "large"
    small.write_bytes(b"small")
    large.write_bytes(bytes(PART + 1))
    at = f"gw/{BUCKET}"
    for arguments in (
        ("alias", "set", "gw", *alias),
        ("ls", at),
        ("cp", "--checksum", "CRC32C", str(small), f"{at}/{_ODD}"),
        ("cp", str(small), f"{at}/open/plain"),
        ("put", "--part-size", "5MiB", str(large), f"{at}/large"),
        ("stat", f"{at}/large"),
        ("cat", f"{at}/{_ODD}"),
        ("cp", f"{at}/{_ODD}", f"{at}/copied"),
        ("tag", "set", f"{at}/copied", "a=b"),
        ("ls", "--recursive", at),
        ("rm", f"{at}/copied"),
        ("rm", "--recursive", "--force", f"{at}/dir x+y=1/"),
    ):
        command = [str(program), "--config-dir", str(folder), "--json", "--quiet", *arguments]
        env = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder)}
        _run(command, env)


def _run(command: list[str], env: dict[str, str]) -> None:
    ended = subprocess.run(
        command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300
    )
    if ended.returncode:
        raise ClientError(f"{' '.join(command[5:])} failed: {ended.stdout} {ended.stderr}")


def spark35(gateway: Gateway, known: dict[str, Any], _ca_file: Path) -> str:
    """Spark 3.5: S3A with AWS SDK v1, which signs every chunk over plain HTTP."""
    return _use_spark(Spark.v35(), gateway, known)


def spark4(gateway: Gateway, known: dict[str, Any], _ca_file: Path) -> str:
    """Spark 4: S3A with AWS SDK v2."""
    return _use_spark(Spark.v4(), gateway, known)


def _use_spark(spark: Spark, gateway: Gateway, known: dict[str, Any]) -> str:
    parts = {f"spark.hadoop.fs.s3a.multipart.{name}": "5M" for name in ("size", "threshold")}
    conf = s3a_conf(gateway.url, known["access_key_id"], known["secret_access_key"]) | parts
    ended = spark.submit(_JOB, conf, [f"s3a://{BUCKET}/base"])
    if ended.returncode:
        raise ClientError(f"the Spark job failed:\n{ended.stderr[-3000:]}")
    return f"Spark {spark.version} with {spark.packages[0]}"


CLIENTS: Final[dict[str, Sampled]] = {"boto3": boto3, "mc": mc, "spark-3.5": spark35, "spark-4.0": spark4}
"""The name of each golden file, and what makes it."""
