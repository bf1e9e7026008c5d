"""How many connections and requests there may be, through a real mitmdump."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from lab.certs import Certs
from lab.gateway import SPARK_CLIENT, Gateway, gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from tests.conftest import GatewayFactory
from tests.mitm.conftest import Nobody
from tests.mitm.pushing import UNEXPLAINED, keeps
from tests.real.descriptors import open_files
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import Key, Signed, Target, put_chunked, sign
from tests.real.waiting import eventually
from tests.watched import WatchedGateway

OTHER_CLIENT = {**SPARK_CLIENT, "name": "other", "access_key_id": "OTHERKEY"}


@pytest.fixture
def closed(certs: Certs, gateway: GatewayFactory) -> Callable[..., Gateway]:
    """Start a gateway with limits, whose backend nobody reaches."""
    return lambda **limits: gateway(gateway_config(Nobody(certs), limits=limits, log=UNEXPLAINED))


@pytest.fixture
def opened() -> Iterator[list[Raw]]:
    """Connections that end with the test."""
    connections: list[Raw] = []
    yield connections
    for one in connections:
        one.close()


def _served(connection: Raw) -> bool:
    """Whether a request is answered; False if the connection has ended."""
    try:
        return connection.ask(keeps()).status == 403
    except OSError:
        return False


def _open(running: Gateway, opened: list[Raw], sources: Sequence[str]) -> list[bool]:
    """Open a connection from each address, and tell which are served."""
    served = []
    for source in sources:
        opened.append(Raw(running.port, source=source))
        served.append(_served(opened[-1]))
    return served


def test_connections_from_one_address(closed: Callable[..., Gateway], opened: list[Raw]) -> None:
    """Three of five from one address are served, two of another; what is over a limit ends without an answer."""
    running = closed(connections=5, connections_per_address=3)
    served = _open(running, opened, ["127.0.0.2"] * 4 + ["127.0.0.3"] * 3)
    assert served == [True, True, True, False, True, True, False]
    assert [_served(one) for one in (*opened[:3], *opened[4:6])] == [True] * 5
    log = running.log()
    assert "limits.connections_per_address reached" in log
    assert "limits.connections reached" in log


def test_a_connection_that_ends_makes_room(closed: Callable[..., Gateway], opened: list[Raw]) -> None:
    """For the next one; the log says once for a flood that there is none."""
    running = closed(connections=2)
    assert _open(running, opened, ["127.0.0.1"] * 12) == [True] * 2 + [False] * 10
    assert running.log().count("limits.connections reached") == 1
    opened[0].close()
    assert eventually(lambda: _open(running, opened, ["127.0.0.1"]) == [True])


def test_a_lower_limit_counts_without_a_restart(certs: Certs, gateway: GatewayFactory, opened: list[Raw]) -> None:
    """Connections that are in stay; further ones are closed."""
    config = gateway_config(Nobody(certs), log=UNEXPLAINED)
    running = gateway(config)
    assert _open(running, opened, ["127.0.0.1"] * 3) == [True] * 3
    running.write_config(config | {"limits": {"connections": 2}})
    eventually(lambda: "configuration reloaded" in running.log())
    assert [_served(one) for one in opened] == [True] * 3
    assert _open(running, opened, ["127.0.0.1"]) == [False]


def test_the_process_may_have_the_descriptors_that_the_limit_needs(closed: Callable[..., Gateway]) -> None:
    """Two for each connection, whatever it was given at its start."""
    running = closed(connections=600)

    def allowed() -> int:
        lines = Path(f"/proc/{running.pid}/limits").read_text().splitlines()
        return int(next(line.split()[3] for line in lines if line.startswith("Max open files")))

    assert eventually(lambda: allowed() >= 2 * 600)


def test_a_limit_beyond_what_the_process_may_have(closed: Callable[..., Gateway]) -> None:
    """Is told at the start, with the remedy."""
    running = closed(connections=1 << 40)
    assert eventually(lambda: "lower limits.connections" in running.log())


class Narrow(WatchedGateway):
    """A gateway that may have 256 files, and no more whatever it asks for."""

    def command(self) -> list[str]:
        return ["sh", "-c", 'ulimit -n 256; exec "$@"', "sh", *super().command()]


def test_a_flood_does_not_take_all_descriptors(certs: Certs, opened: list[Raw]) -> None:
    """Where there are fewer than the limit needs, fewer connections are taken, and those are served."""
    with Narrow(gateway_config(Nobody(certs), log=UNEXPLAINED)) as running:
        eventually(lambda: "lower limits.connections" in running.log())
        opened += [Raw(running.port) for _ in range(400)]
        eventually(lambda: "limits.connections reached" in running.log())
        eventually(lambda: len(list(open_files(running.pid))) < 128, "the flood's connections stay open")
        assert [_served(one) for one in opened[:3]] == [True] * 3


ONCE_A_DAY = {"request_rate": 1 / 86400}
NO_BUCKET = "no-bucket-of-any-test"


@pytest.fixture
def slow(gateway: GatewayFactory, recorder: Recorder, certs: Certs) -> Gateway:
    """A gateway that lets each key have one request."""
    clients = (SPARK_CLIENT, OTHER_CLIENT)
    config = gateway_config(recorder, clients=clients, certificate=certs.gateway, limits=ONCE_A_DAY, log=UNEXPLAINED)
    return gateway(config)


def _location(key: Key | None = None) -> Signed:
    return sign("GET", Target(NO_BUCKET, "", (("location", ""),)), key=key)


@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
def test_a_greedy_key_is_slowed_down(slow: Gateway, recorder: Recorder, certs: Certs, *, tls: bool) -> None:
    """503 SlowDown in AWS's words, on a connection that goes on; another key is served, strangers charge nobody."""
    other = Key("OTHERKEY")
    with Raw(slow.port, certs.ca if tls else None) as raw:
        for _ in range(5):
            assert raw.ask(_location(Key(secret="wrong")).head).code == "SignatureDoesNotMatch"
        assert raw.ask(_location().head).code == "NoSuchBucket"  # MinIO's answer
        answer = raw.ask(_location().head)
        assert (answer.status, answer.code) == (503, "SlowDown")
        assert answer.error["Message"] == "Please reduce your request rate."
        assert answer.header("Connection") is None
        assert [raw.ask(_location(other).head).code for _ in range(2)] == ["NoSuchBucket", "SlowDown"]
    with Raw(slow.port) as raw:
        answer = raw.ask(put_chunked(Target("bucket", "k"), b"x").head)
        assert (answer.code, answer.header("Connection")) == ("SlowDown", "close")
        assert raw.is_closed()
    assert len(recorder.requests()) == 2


def test_boto3_waits_and_asks_again(gateway: GatewayFactory, minio: Minio) -> None:
    """Under a limit of four a second, thirty requests and ten uploads all succeed, some of them after a SlowDown."""
    bucket = f"rate-{os.urandom(6).hex()}"
    minio.client().create_bucket(Bucket=bucket)
    running = gateway(gateway_config(minio, limits={"request_rate": 4}))
    client = running.client(config=Config(retries={"mode": "standard", "max_attempts": 20}))
    for _ in range(30):
        client.get_bucket_location(Bucket=bucket)
    for number in range(10):
        client.put_object(Bucket=bucket, Key=f"k{number}", Body=b"x" * 1000)
    assert minio.client().list_objects_v2(Bucket=bucket)["KeyCount"] == 10

    def slowed_down() -> bool:
        client.get_bucket_location(Bucket=bucket)  # on a machine that is busy all may have been slow enough so far
        lines = [json.loads(line) for line in running.log().splitlines() if line.startswith("{")]
        return any(line.get("refusal") == "SlowDown" for line in lines)

    eventually(slowed_down, "never over the limit")


def test_boto3_reports_what_it_does_not_retry(slow: Gateway) -> None:
    """As the S3 error that it is."""
    client = slow.client(config=Config(retries={"total_max_attempts": 1}))
    codes = []
    for _ in range(2):
        with pytest.raises(ClientError) as raised:
            client.get_bucket_location(Bucket=NO_BUCKET)
        codes.append(raised.value.response["Error"]["Code"])
    assert codes == ["NoSuchBucket", "SlowDown"]


def test_a_higher_rate_counts_without_a_restart(gateway: GatewayFactory, recorder: Recorder) -> None:
    """The next requests are let through."""
    config = gateway_config(recorder, limits=ONCE_A_DAY)
    running = gateway(config)
    with Raw(running.port) as raw:
        assert [raw.ask(_location().head).status for _ in range(2)] == [404, 503]
        running.write_config(config | {"limits": {"request_rate": 1000}})
        assert eventually(lambda: raw.ask(_location().head).status == 404)
