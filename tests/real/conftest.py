"""The usual gateway of these tests, before the recorder before MinIO, and clients whose requests are known."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from botocore.config import Config

from lab.certs import Certs
from lab.gateway import SPARK_CLIENT, Gateway, gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from lab.wire import RecordedRequest
from tests.conftest import GatewayFactory
from tests.real import invariant
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
def wire(recorder: Recorder) -> Iterator[Recorder]:
    """The recorder; whatever a test has sent, at its end each name in each SignedHeaders was on the wire."""
    yield recorder
    invariant.check_all(recorder.requests())


@pytest.fixture
def bucket(minio: Minio) -> str:
    """A bucket of the test's own, made at the backend."""
    name = f"real-{uuid4().hex[:12]}"
    minio.client().create_bucket(Bucket=name)
    return name


class Traffic:
    """boto3 clients of one gateway, and every request they sent, so that each can be found behind it."""

    def __init__(self, gateway: Gateway, recorder: Recorder) -> None:
        self.gateway = gateway
        self._recorder = recorder
        self._sent: dict[bytes, list[tuple[bytes, bytes]]] = {}

    def client(self, *, tls: bool = False, name: str | None = None, config: Config | None = None) -> "S3Client":
        """A client whose requests are noted."""
        client = self.gateway.client(tls=tls, name=name, config=config)
        client.meta.events.register("before-send.s3", self._note)
        return client

    def recorded(self) -> list[RecordedRequest]:
        """Every request that the backend got."""
        return self._recorder.requests()

    def check(self) -> None:
        """Each request that reached the backend has each header that boto3 gave it."""
        found = 0
        for request in self._recorder.requests():
            sent = self._sent.get(invariant.invocation(request.headers) or b"")
            if sent is not None:
                ours = {name.lower() for name, _ in sent}
                added = [(n, v) for n, v in request.headers if n.lower() in {b"host", b"accept-encoding"} - ours]
                invariant.check_headers_kept([*added, *sent], request)
                found += 1
        assert found or not self._sent

    def _note(self, request: Any, **_: object) -> None:
        headers = [(_bytes(name), _bytes(value)) for name, value in request.headers.items()]
        identity = invariant.invocation(headers)
        assert identity is not None
        self._sent[identity] = headers


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


@pytest.fixture
def traffic(usual_gateway: Gateway, wire: Recorder) -> Iterator[Traffic]:
    """boto3 through the usual gateway; at the end every header that was sent is looked for behind it."""
    watched = Traffic(usual_gateway, wire)
    yield watched
    watched.check()


@pytest.fixture
def raw(usual_gateway: Gateway) -> Iterator[Raw]:
    """A plain-HTTP connection to the usual gateway."""
    with Raw(usual_gateway.port) as connection:
        yield connection
