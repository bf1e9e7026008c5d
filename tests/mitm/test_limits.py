"""How long a connection may stand still, through a real mitmdump: slow clients, and backends that stop.

Each gateway has one short limit and leaves the others as they are. Nothing here looks at how long anything takes: what
must not end is held against something that must. A client of ours may be slower than the limit allows, on a machine
that is busy: what has to be served is tried anew.
"""

import contextlib
import json
import os
import ssl
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lab.certs import Certs
from lab.gateway import Gateway, gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from tests.conftest import GatewayFactory
from tests.mitm import stuck
from tests.mitm.conftest import Nobody
from tests.mitm.pushing import MAY_GROW, UNEXPLAINED, in_background, keeps, push
from tests.real import memory
from tests.real.descriptors import open_files
from tests.real.memory import MIB
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import CHUNK, UNSIGNED, Target, put_chunked, put_plain, sign
from tests.real.waiting import eventually

SHORT = 1
CONNECTING = (stuck.deaf, stuck.silent)
IDLE_WORDS = (
    "Your socket connection to the server was not read from or written to within the timeout period. "
    "Idle connections will be closed."
)


def _records(running: Gateway, **wanted: str) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in running.log().splitlines() if line.startswith("{")]
    return [record for record in records if wanted.items() <= record.items()]


@pytest.fixture(scope="module")
def impatient(certs: Certs, session_gateway: GatewayFactory) -> Gateway:
    """A gateway that gives a head little time."""
    limits = {"head_timeout": SHORT}
    config = gateway_config(Nobody(certs), certificate=certs.gateway, limits=limits, log=UNEXPLAINED)
    return session_gateway(config)


def _connected(running: Gateway, ca_file: Path | None) -> Raw:
    """Connect; anew, where the time for a head was over before the TLS handshake was."""

    def connect() -> Raw | None:
        with contextlib.suppress(OSError):
            return Raw(running.port, ca_file)
        return None

    connection = eventually(connect)
    assert connection is not None
    return connection


def _served(running: Gateway) -> Raw:
    """Connect and have a first request answered; anew, where the time for a head was over before it was sent."""

    def serve() -> Raw | None:
        connection = Raw(running.port)
        with contextlib.suppress(OSError):
            assert connection.ask(keeps()).status == 403
            return connection
        connection.close()
        return None

    connection = eventually(serve)
    assert connection is not None
    return connection


@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
@pytest.mark.parametrize("head", ["", "PUT /bucket/k HTTP/1.1\r\nHost: h\r\nX-A: "], ids=["nothing", "half a head"])
def test_a_head_that_does_not_come_ends_the_connection(
    impatient: Gateway, certs: Certs, head: str, *, tls: bool
) -> None:
    """Whoever connects and says nothing, or never ends its head, is cut; a byte now and then does not help."""
    with _connected(impatient, certs.ca if tls else None) as raw:
        with contextlib.suppress(OSError):  # it may be cut already
            raw.send(head.encode())
        raw.socket.settimeout(0.1)
        data: bytes | None = None

        def is_cut() -> bool:
            nonlocal data
            try:
                if head:
                    raw.send(b"a")
                data = raw.socket.recv(1)
            except TimeoutError:
                return False
            except OSError:
                data = b""
            return True

        eventually(is_cut)
        assert data == b""
    _served(impatient).close()


def test_a_tls_handshake_that_does_not_come_ends_the_connection(impatient: Gateway, certs: Certs) -> None:
    """The first bytes of a ClientHello, and no more."""
    hello = ssl.MemoryBIO()
    client = ssl.create_default_context(cafile=certs.ca).wrap_bio(ssl.MemoryBIO(), hello, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    with Raw(impatient.port) as raw:
        with contextlib.suppress(OSError):  # it may be cut already
            raw.send(hello.read()[:50])
        assert raw.is_closed()


def test_an_idle_connection_has_its_own_time(impatient: Gateway) -> None:
    """Between two requests it may wait longer than for the first; once the second has begun, no longer."""
    with _served(impatient) as served, Raw(impatient.port) as silent:
        assert silent.is_closed()
        assert served.ask(keeps()).status == 403
        served.send(b"GET / HTTP/1.1\r\n")
        assert served.is_closed()


def test_a_connection_that_stays_idle_is_closed(certs: Certs, gateway: GatewayFactory) -> None:
    """After `limits.keep_alive`; one that has said nothing yet has the time of a head."""
    limits = {"keep_alive": SHORT, "head_timeout": 300}
    running = gateway(gateway_config(Nobody(certs), limits=limits, log=UNEXPLAINED))
    with Raw(running.port) as served, Raw(running.port) as silent:
        assert served.ask(keeps()).status == 403
        assert served.is_closed()
        assert silent.ask(keeps()).status == 403


@pytest.fixture(scope="module")
def hasty(_recorder: Recorder, certs: Certs, session_gateway: GatewayFactory) -> Gateway:
    """A gateway that gives clients little time in the middle of a body."""
    return session_gateway(gateway_config(_recorder, certificate=certs.gateway, limits={"body_timeout": 2}))


@pytest.fixture
def bucket(minio: Minio) -> str:
    name = f"stops-{os.urandom(6).hex()}"
    minio.client().create_bucket(Bucket=name)
    return name


def _stalled(kind: str, bucket: str) -> bytes:
    """Give an upload that is not all there."""
    data = os.urandom(2 * CHUNK)
    if kind == "plain":
        put = put_plain(Target(bucket, "k"), data)
    else:
        trailer = ("x-amz-checksum-crc32", "AAAAAA==") if kind == "trailer" else None
        put = put_chunked(Target(bucket, "k"), data, trailer=trailer)
    return put.wire[: {"no body": len(put.head), "last byte": -1}.get(kind, len(put.head) + CHUNK + 1000)]


@pytest.mark.parametrize("kind", ["plain", "chunks", "trailer", "no body", "last byte"])
@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
def test_an_upload_that_stops(
    hasty: Gateway, recorder: Recorder, minio: Minio, certs: Certs, bucket: str, kind: str, *, tls: bool
) -> None:
    """AWS's RequestTimeout, the connection's end, and at the backend a cut upload and no object."""
    with Raw(hasty.port, certs.ca if tls else None) as raw:
        answer = raw.ask(_stalled(kind, bucket))
        assert (answer.status, answer.code, answer.error["Message"]) == (400, "RequestTimeout", IDLE_WORDS)
        assert answer.header("Connection") == "close"
        assert raw.is_closed()
    (request,) = eventually(recorder.requests)
    assert not request.complete
    eventually(lambda: request.connection not in recorder._open_numbers(), "the backend's connection stays open")
    assert minio.client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    (record,) = eventually(lambda: _records(hasty, bucket=bucket))
    assert (record["refusal"], record["status"]) == ("RequestTimeout", 400)


def test_an_upload_that_stops_where_it_is_held(minio: Minio, gateway: GatewayFactory, bucket: str) -> None:
    """With `s3_buffer_bodies` the backend is not connected to before a body is whole, and it is not to blame."""
    running = gateway(gateway_config(minio, limits={"body_timeout": 2}), arguments=["--set", "s3_buffer_bodies=1m"])
    with Raw(running.port) as raw:
        answer = raw.ask(_stalled("chunks", bucket))
        assert (answer.status, answer.code) == (400, "RequestTimeout")
        assert raw.is_closed()
    (record,) = eventually(lambda: _records(running, bucket=bucket))
    assert (record["refusal"], record["status"], "fault" in record) == ("RequestTimeout", 400, False)


@pytest.mark.parametrize("arguments", [[], ["--set", "s3_buffer_bodies=1m"]], ids=["streamed", "held"])
def test_an_upload_that_is_slow_and_goes_on(
    minio: Minio, gateway: GatewayFactory, bucket: str, arguments: list[str]
) -> None:
    """Is not cut: another one, which stops, is, while this one takes its time and then some."""
    running = gateway(gateway_config(minio, limits={"body_timeout": 8}), arguments=arguments)
    put = put_chunked(Target(bucket, "slow"), b"x" * CHUNK)
    done, sent = threading.Event(), []

    def drip(raw: Raw) -> None:
        for at in range(len(put.head), len(put.wire) - 1):
            raw.send(put.wire[at : at + 1])
            sent.append(at)
            if done.wait(0.1):
                raw.send(put.wire[at + 1 :])
                return

    with Raw(running.port) as slow:
        slow.send(put.head)
        sender = in_background(partial(drip, slow))
        with Raw(running.port) as other:
            other.send(_stalled("chunks", bucket))
            (record,) = eventually(lambda: _records(running, refusal="RequestTimeout"))
            assert record["key"] == "k"
        before = len(sent)
        eventually(lambda: len(sent) >= before + 30, "the slow one was cut")  # the gateway looks once a second
        done.set()
        assert slow.read().status == 200
        sender.join()


def test_a_client_that_takes_nothing_of_its_answer(hasty: Gateway, minio: Minio, bucket: str) -> None:
    """Is cut, and the backend with it; what it had taken is not taken for the whole."""
    minio.client().put_object(Bucket=bucket, Key="large", Body=b"x" * (64 * MIB))
    with Raw(hasty.port) as raw:
        raw.send(sign("GET", Target(bucket, "large")).head)
        assert raw.read_head().status == 200
        (record,) = eventually(lambda: _records(hasty, bucket=bucket))
        assert (record["operation"], "the client took" in record["fault"]) == ("GetObject", True)
        with pytest.raises(ConnectionError):
            raw.read_exactly(64 * MIB)


@pytest.fixture(
    scope="module",
    params=[stuck.deaf, stuck.silent, stuck.unreading, stuck.unanswering],
    ids=lambda behaviour: behaviour.__name__,
)
def behaviour(request: pytest.FixtureRequest) -> stuck.Behaviour:
    """Where a backend stops: before it connects, in its TLS handshake, in reading, before answering."""
    found: stuck.Behaviour = request.param
    return found


@pytest.fixture(scope="module")
def stopped(behaviour: stuck.Behaviour, certs: Certs) -> Iterator[stuck.Stuck]:
    """A backend that stops."""
    with stuck.Stuck(certs, behaviour) as backend:
        yield backend


@pytest.fixture(scope="module")
def waiting(behaviour: stuck.Behaviour, stopped: stuck.Stuck, session_gateway: GatewayFactory) -> Gateway:
    """A gateway before it."""
    limit = "connect_timeout" if behaviour in CONNECTING else "backend_timeout"
    return session_gateway(gateway_config(stopped, limits={limit: SHORT}))


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
def test_a_backend_that_stops(waiting: Gateway, behaviour: stuck.Behaviour, stopped: stuck.Stuck, method: str) -> None:
    """Is 503 in S3's words, a line that tells, and no connection stays open."""
    key = f"{method}-{os.urandom(6).hex()}"
    put = put_chunked(Target("bucket", key), b"x" * CHUNK).wire
    with Raw(waiting.port) as raw:
        answer = raw.ask(put if method == "PUT" else sign(method, Target("bucket", key)).head, method)
        assert answer.status == 503
        assert method == "HEAD" or answer.code == "ServiceUnavailable"
        assert raw.is_closed()
    (record,) = eventually(lambda: _records(waiting, key=key))
    fault = "not connected within 1 s" if behaviour in CONNECTING else "took and sent nothing for 1 s"
    assert (record["status"], record["fault"]) == (503, fault)
    assert f"backend {stopped.endpoint} failed" in waiting.log()
    eventually(lambda: _sockets(waiting.pid) == 1, "a connection stays open")  # the listener's


def test_an_upload_to_a_backend_that_stops_waits_at_the_client(waiting: Gateway) -> None:
    """While the backend is connected to, or does not read, nothing is queued in memory."""
    before = memory.reset_peak(waiting.pid)
    put = sign("PUT", Target("bucket", "k"), UNSIGNED, [("Content-Length", str(200 * MIB))])
    with Raw(waiting.port) as raw:
        raw.send(put.head)
        sender = push(raw, bytes(MIB), 200)
        assert raw.read().code == "ServiceUnavailable"
    sender.join(30)
    assert memory.peak(waiting.pid) - before < MAY_GROW
    eventually(lambda: _sockets(waiting.pid) == 1, "a connection stays open")  # also one that takes nothing


def test_a_backend_that_stops_in_its_answer(certs: Certs, gateway: GatewayFactory) -> None:
    """Is a broken transfer for the client, and never a short success."""
    with stuck.Stuck(certs, stuck.half_answering) as backend:
        running = gateway(gateway_config(backend, limits={"backend_timeout": SHORT}))
        with Raw(running.port) as raw:
            raw.send(sign("GET", Target("bucket", "k")).head)
            assert raw.read_head().header("Content-Length") == "1000000"
            with pytest.raises(ConnectionError, match="1000 of"):
                raw.read_exactly(1_000_000)


def _sockets(pid: int) -> int:
    """Count the TCP sockets of a process."""
    lines = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
    tcp = {f"socket:[{line.split()[9]}]" for line in lines}
    return sum(file in tcp for file in open_files(pid))
