"""Fixtures: the real parts. What this machine lacks skips its tests with the remedy; where CI=true it fails them.

MinIO, moto and the recorder start once a worker. What a test asks for marks it: `minio`, `mc` or `recorder` make it
`real`, `spark35` or `spark4` make it `spark`; Spark's tests share one worker (a JVM takes two cores by itself) and go
first, as they are the longest.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import settings

from lab import MissingPartError, tools
from lab.certs import Certs, make_certs
from lab.minio import Minio
from lab.moto import Moto
from lab.oidc import OidcProvider
from lab.oidc import oidc_provider as _oidc_module
from lab.seaweedfs import SeaweedFS, weed
from lab.slapd import Slapd
from lab.slapd import slapd as _slapd_program
from lab.spark import Spark
from lab.wire import RecordedRequest
from tests.canary import CANARY
from tests.real.waiting import eventually
from tests.sent import WatchedRecorder
from tests.watched import WatchedGateway
from tests.wire.scripted import Scripted

# How long an example takes says how busy the machine is, nothing else.
settings.register_profile("suite", parent=settings(), deadline=None)
settings.load_profile("suite")

_REAL = {"minio", "mc", "recorder"}
_SPARK = {"spark35", "spark4"}


class GatewayFactory(Protocol):
    """Start a gateway that stops with the fixture, and is searched for secrets then; see `tests.watched`."""

    def __call__(self, config: dict[str, Any], **options: Any) -> WatchedGateway:
        """Start it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-pictures", action="store_true", help="write the documentation's pictures anew")
    parser.addoption("--seaweedfs", action="store_true", help="also with SeaweedFS, which takes minutes to build")
    parser.addoption("--downloads", action="store_true", help="also with Nessie and Spark 4.2, downloads of 1.5 GB")


def pytest_configure() -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # run with `&` by a script; all children would inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs large parts, and leave out what needs downloads that CI does not make."""
    if not config.getoption("--downloads"):
        items[:] = [item for item in items if item.get_closest_marker("download") is None]
    for item in items:
        wanted = set(getattr(item, "fixturenames", ()))
        if wanted & (_REAL | _SPARK):
            item.add_marker(pytest.mark.real)
        if wanted & _SPARK:
            item.add_marker(pytest.mark.spark)
            item.add_marker(pytest.mark.xdist_group("spark"))
    items.sort(key=lambda item: item.get_closest_marker("spark") is None)


@pytest.fixture(scope="session", autouse=True)
def _own_environment() -> Iterator[None]:
    """No credentials, profile, endpoint or proxy of whoever runs the tests reaches a client or a gateway."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("AWS_") or name.lower() in {"http_proxy", "https_proxy", "all_proxy"}:
                patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


def _have[T](make: Callable[[], T]) -> T:
    """Give a real part; without it the test is skipped, or fails under ``CI=true``."""
    try:
        return make()
    except MissingPartError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Certs:
    """A CA, and certificates of it for backend and gateway."""
    return make_certs(tmp_path_factory.mktemp("certs"))[0]


@pytest.fixture(scope="session")
def minio(certs: Certs) -> Iterator[Minio]:
    """MinIO over TLS with a KMS key. Shared: use a bucket of your own, and leave it running."""
    with Minio(certs, program=_have(tools.minio)) as server:
        yield server


@pytest.fixture(scope="session")
def mc() -> Path:
    """MinIO's client program."""
    return _have(tools.mc)


@pytest.fixture(scope="session")
def moto_backend(certs: Certs) -> Iterator[Moto]:
    """moto over TLS, checking signatures. Shared, as `minio`."""
    with Moto(certs) as server:
        yield server


@pytest.fixture(scope="session")
def slapd(certs: Certs) -> Iterator[Slapd]:
    """An LDAP directory. Shared: change nothing, and leave it running."""
    with Slapd(certs, program=_have(_slapd_program)) as server:
        yield server


@pytest.fixture(scope="session")
def oidc_provider(certs: Certs) -> Iterator[OidcProvider]:
    """An OpenID provider. Shared; its keys may be other ones from test to test."""
    with OidcProvider(certs, module=_have(_oidc_module)) as server:
        yield server


@pytest.fixture(scope="session")
def seaweedfs(certs: Certs) -> Iterator[SeaweedFS]:
    """SeaweedFS over TLS with a KMS key, for tests that ask for it where `--seaweedfs` is given. Shared, as `minio`."""
    with SeaweedFS(certs, program=_have(weed)) as server:
        yield server


@pytest.fixture(scope="session")
def _recorder(minio: Minio, certs: Certs) -> Iterator[WatchedRecorder]:
    with WatchedRecorder(minio, certs) as relay:
        CANARY.watch_source(lambda: (_signature(request) for request in relay.requests()))
        yield relay


def _signature(request: RecordedRequest) -> bytes:
    return (request.header("authorization") or b"").rpartition(b"Signature=")[2]


@pytest.fixture
def recorder(_recorder: WatchedRecorder) -> Iterator[WatchedRecorder]:
    """The wire recorder in front of `minio`, cleared, with nothing of an earlier test still to come.

    Whatever a test has sent, at its end each name in each SignedHeaders was on the wire, and each header of a client.
    """
    eventually(lambda: not _recorder.is_behind(), "the recorder does not get to the end of what there is")
    _recorder.forget()
    yield _recorder
    CANARY.collect()
    _recorder.check()


def _gateways(*, shared: bool) -> Iterator[GatewayFactory]:
    with ExitStack() as running:

        def start(config: dict[str, Any], **options: Any) -> WatchedGateway:
            return running.enter_context(WatchedGateway(config, shared=shared, **options))

        yield start


@pytest.fixture
def gateway() -> Iterator[GatewayFactory]:
    """Start gateways for one test."""
    yield from _gateways(shared=False)


@pytest.fixture(scope="module")
def scripted(certs: Certs) -> Iterator[Scripted]:
    """A backend that answers as the test says."""
    with Scripted(certs) as backend:
        yield backend


@pytest.fixture(scope="session")
def session_gateway() -> Iterator[GatewayFactory]:
    """Start gateways for fixtures of a wider scope."""
    yield from _gateways(shared=True)


@pytest.fixture(scope="session")
def spark35() -> Spark:
    """PySpark 3.5 with Hadoop 3.3's S3A (AWS SDK v1)."""
    return _have(Spark.v35)


@pytest.fixture(scope="session")
def spark4() -> Spark:
    """PySpark 4 with Hadoop 3.4's S3A (AWS SDK v2)."""
    return _have(Spark.v4)
