"""A MinIO server over TLS with a KMS key, for as long as a `with` block."""

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lab import tools
from lab.backends import REGION, s3_client, verified_opener
from lab.certs import Certs
from lab.ports import free_port
from lab.process import Command, start
from lab.server import TlsServer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_KMS_KEY_BYTES: Final = base64.b64encode(bytes(range(32))).decode()


class Minio(TlsServer):
    """MinIO on a free loopback port, data in a folder that goes when the server does. A `lab.backends.Backend`.

    `env` has further variables of its own.
    """

    access_key: Final = "minioadmin"
    secret_key: Final = "minio-secret-of-the-lab"
    region: Final = REGION
    kms_key_id: Final = "my-key"

    def __init__(self, certs: Certs, *, program: Path | None = None, env: Mapping[str, str] | None = None) -> None:
        super().__init__("minio", free_port(), certs)
        self._env = dict(env or {})
        self._program = program or tools.minio()

    def client(self, config: Config | None = None) -> "S3Client":
        """A boto3 client straight to the server, with its administrator's keys."""
        return s3_client(
            self.endpoint, self.access_key, self.secret_key, region=self.region, ca_file=self.ca_file, config=config
        )

    def temporary_credentials(self) -> dict[str, Any]:
        """AccessKeyId, SecretAccessKey and SessionToken from the server's own STS."""
        sts = boto3.client(
            "sts",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            verify=str(self.ca_file),
            config=Config(proxies={}),
        )
        return dict(sts.assume_role(RoleArn="arn:xxx:xxx:xxx:xxxx", RoleSessionName="gateway")["Credentials"])

    def start(self) -> None:
        """Start, on the port and data that it had before; return when it is healthy."""
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        arguments = ["server", "--quiet", "--address", f"127.0.0.1:{self.port}"]
        arguments += ["--certs-dir", str(self._certs.backend), str(data)]
        env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.folder),  # not the user's ~/.minio
            "MINIO_ROOT_USER": self.access_key,
            "MINIO_ROOT_PASSWORD": self.secret_key,
            "MINIO_KMS_SECRET_KEY": f"{self.kms_key_id}:{_KMS_KEY_BYTES}",
            "MINIO_SITE_REGION": self.region,  # without it MinIO takes a signature for any region
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
        } | self._env
        command = Command("minio", [str(self._program), *arguments], self.log_path, env)
        self._process = start(command, self._serves)

    def kill(self) -> None:
        """Stop without a word to anyone who is connected."""
        self._running().kill()

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def _serves(self) -> bool:
        """Whether it is alive and past its own start: until then `live` is 200 too, and every request 503."""
        try:
            with verified_opener(self.ca_file).open(f"{self.endpoint}/minio/health/live", timeout=10) as response:
                if response.headers["X-Minio-Server-Status"] == "offline":
                    return False
            self.client().list_buckets()
        except (OSError, BotoCoreError, ClientError):
            return False
        return True
