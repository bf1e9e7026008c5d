"""The usual gateway of these tests, before the recorder before MinIO, and clients of it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from botocore.config import Config

from lab.certs import Certs
from lab.gateway import SPARK_CLIENT, Gateway, gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from lab.wire import RecordedRequest
from tests.conftest import GatewayFactory
from tests.real.rawhttp import Raw

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LIMITED_CLIENT = {
    "name": "limited",
    "access_key_id": "LIMITEDKEY",
    "secret_access_key": "limited-secret-of-the-lab",
    "buckets": ["limited-*"],
}


@pytest.fixture(scope="session")
def usual_gateway(_recorder: Recorder, certs: Certs, session_gateway: GatewayFactory) -> Gateway:
    """HTTP and TLS, two clients, no encryption rules, virtual-host style under s3.test."""
    config = gateway_config(
        _recorder,
        clients=(SPARK_CLIENT, LIMITED_CLIENT),
        certificate=certs.gateway,
        addressing={"domains": ["s3.test"]},
        limits={"refusal_linger": 1},
    )
    return session_gateway(config)


@pytest.fixture
def wire(recorder: Recorder) -> Recorder:
    """The recorder, before the usual gateway's backend."""
    return recorder


@pytest.fixture
def bucket(minio: Minio) -> str:
    """A bucket of the test's own, made at the backend."""
    name = f"real-{uuid4().hex[:12]}"
    minio.client().create_bucket(Bucket=name)
    return name


class Traffic:
    """boto3 clients of one gateway, and what the backend got of them."""

    def __init__(self, gateway: Gateway, recorder: Recorder) -> None:
        self.gateway = gateway
        self._recorder = recorder

    def client(self, *, tls: bool = False, name: str | None = None, config: Config | None = None) -> "S3Client":
        """A client, each header of which is looked for behind the gateway (tests/sent.py)."""
        return self.gateway.client(tls=tls, name=name, config=config)

    def recorded(self) -> list[RecordedRequest]:
        """Every request that the backend got."""
        return self._recorder.requests()


@pytest.fixture
def traffic(usual_gateway: Gateway, wire: Recorder) -> Traffic:
    """boto3 through the usual gateway."""
    return Traffic(usual_gateway, wire)


@pytest.fixture
def raw(usual_gateway: Gateway) -> Iterator[Raw]:
    """A plain-HTTP connection to the usual gateway."""
    with Raw(usual_gateway.port) as connection:
        yield connection
