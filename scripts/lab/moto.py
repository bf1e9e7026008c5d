"""The embedded S3 backend: moto's server over TLS, for as long as a `with` block. What there is where MinIO is not.

moto checks the signatures of requests, against one IAM user made at the start; never those of chunks.
"""

import json
import os
import sys
import urllib.request
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config

from lab.backends import REGION, s3_client, verified_opener
from lab.certs import Certs
from lab.ports import accepts, free_port
from lab.process import Command, start
from lab.server import TlsServer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MAY_ALL: Final = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


class Moto(TlsServer):
    """moto on a free loopback port, data in its memory. A `lab.backends.Backend`; the keys are known once it runs."""

    region: Final = REGION

    def __init__(self, certs: Certs, *, check_signatures: bool = True) -> None:
        super().__init__("moto", free_port(), certs)
        self._check_signatures = check_signatures
        self.access_key = "moto"
        self.secret_key = "moto-secret-of-the-lab"

    def client(self, config: Config | None = None) -> "S3Client":
        """A boto3 client straight to the server, with its user's keys."""
        return s3_client(
            self.endpoint, self.access_key, self.secret_key, region=self.region, ca_file=self.ca_file, config=config
        )

    def start(self) -> None:
        """Start empty, on the same port each time; return when it serves and checks signatures."""
        arguments = [sys.executable, "-m", "moto.server", "-p", str(self.port), "-s"]
        arguments += ["-c", str(self._certs.backend_certificate), "-k", str(self._certs.backend_key)]
        env = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "MOTO_"))}
        command = Command("moto", arguments, self.log_path, env | {"PYTHONUNBUFFERED": "1"})
        self._process = start(command, lambda: accepts(self.port))
        if self._check_signatures:
            self._make_user()

    def _make_user(self) -> None:
        iam = boto3.client(
            "iam",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            verify=str(self.ca_file),
            config=Config(proxies={}),
        )
        iam.create_user(UserName="gateway")
        iam.put_user_policy(UserName="gateway", PolicyName="all", PolicyDocument=json.dumps(_MAY_ALL))
        key = iam.create_access_key(UserName="gateway")["AccessKey"]
        self.access_key, self.secret_key = key["AccessKeyId"], key["SecretAccessKey"]
        # From now on no request passes unchecked.
        url, plain = f"{self.endpoint}/moto-api/reset-auth", {"Content-Type": "text/plain"}
        request = urllib.request.Request(url, data=b"0", headers=plain, method="POST")  # noqa: S310 - our own server
        verified_opener(self.ca_file).open(request, timeout=60).close()
