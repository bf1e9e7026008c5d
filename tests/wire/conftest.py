"""One gateway for all the requests of the tables."""

from collections.abc import Iterator

import pytest

from lab.certs import Certs
from lab.gateway import gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from tests.conftest import GatewayFactory
from tests.real import invariant
from tests.refusing import CLIENTS
from tests.wire.front import BUCKET, Front


@pytest.fixture(scope="session")
def _front(_recorder: Recorder, minio: Minio, certs: Certs, session_gateway: GatewayFactory) -> Front:
    config = gateway_config(
        _recorder,
        clients=CLIENTS,
        certificate=certs.gateway,
        addressing={"domains": ["s3.example.com"]},
        limits={"refusal_linger": 1},
    )
    s3 = minio.client()
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="old", Body=b"old")
    return Front(session_gateway(config), _recorder, minio, s3, certs.ca)


@pytest.fixture
def front(_front: Front, recorder: Recorder) -> Iterator[Front]:
    """The table's gateway, with the recorder cleared; what was signed is on the wire."""
    yield _front
    invariant.check_all(recorder.requests())
