"""What every S3 server here has in common, and the boto3 client for it."""

import ssl
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REGION: Final = "us-east-1"

# One attempt: a retry would hide what the tests look for.
_DEFAULTS: Final = Config(
    s3={"addressing_style": "path"},
    retries={"total_max_attempts": 1},
    connect_timeout=60,
    read_timeout=120,
    proxies={},
)


class Backend(Protocol):
    """An S3 server: where it is, whom it lets in, and the CA that vouches for it."""

    @property
    def endpoint(self) -> str:
        """`https://host:port`."""

    @property
    def access_key(self) -> str:
        """The administrator's access key id."""

    @property
    def secret_key(self) -> str:
        """The administrator's secret."""

    @property
    def region(self) -> str:
        """The region of its signatures."""

    @property
    def ca_file(self) -> Path:
        """The CA certificate, PEM."""


def s3_client(
    endpoint: str,
    access_key: str,
    secret_key: str,
    *,
    region: str = REGION,
    ca_file: Path | None = None,
    session_token: str | None = None,
    config: Config | None = None,
) -> "S3Client":
    """A boto3 client: path style, no retries, no proxy; `config` is merged over that. `ca_file` is for https."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        aws_session_token=session_token,
        verify=None if ca_file is None else str(ca_file),
        config=_DEFAULTS if config is None else _DEFAULTS.merge(config),
    )


def verified_opener(ca_file: Path) -> urllib.request.OpenerDirector:
    """An opener for plain requests over https: trusts that CA alone, uses no proxy."""
    context = ssl.create_default_context(cafile=ca_file)
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
