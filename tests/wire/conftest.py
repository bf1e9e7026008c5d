"""One gateway for all the requests of the tables."""

from collections.abc import Iterator

import pytest

from lab.certs import Certs
from lab.gateway import gateway_config
from lab.minio import Minio
from tests.conftest import GatewayFactory
from tests.refusing import CLIENTS
from tests.sent import WatchedRecorder
from tests.wire.front import BUCKET, Front
from tests.wire.inprocess import Keeping


@pytest.fixture(scope="session")
def _front(_recorder: WatchedRecorder, minio: Minio, certs: Certs, session_gateway: GatewayFactory) -> Front:
    config = gateway_config(
        _recorder,
        clients=CLIENTS,
        certificate=certs.gateway,
        addressing={"domains": ["s3.example.com"]},
        limits={"refusal_linger": 1},
        log={"explain": False},  # thousands of forgeries: where flows are written each would wait for its explanation
    )
    s3 = minio.client()
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="old", Body=b"old")
    return Front(session_gateway(config), _recorder, minio, s3, certs.ca)


@pytest.fixture(scope="module")
def keeping(certs: Certs) -> Iterator[Keeping]:
    """A scripted backend that keeps its connections, for gateways in this process."""
    with Keeping(certs) as backend:
        yield backend


@pytest.fixture
def front(_front: Front, recorder: WatchedRecorder) -> Iterator[Front]:
    """The table's gateway, with the recorder cleared; nothing stays open."""
    _front.begin()
    yield _front
    _front.settle()
