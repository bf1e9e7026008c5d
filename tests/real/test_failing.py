"""What fails, fails closed and in S3's words: backend down or untrusted, clients that leave, a backend that dies."""

import json
import os
import socket
import struct
from collections.abc import Iterator

import pytest

from lab import tools
from lab.certs import Certs, make_certs
from lab.gateway import Gateway, gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from tests.conftest import GatewayFactory, _have
from tests.real.descriptors import connections_to
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import CHUNK, Target, put_chunked, put_plain, sign
from tests.real.waiting import eventually

BUCKET = "failing"


@pytest.fixture(scope="module")
def own_minio(certs: Certs) -> Iterator[Minio]:
    """A MinIO that these tests may kill."""
    with Minio(certs, program=_have(tools.minio)) as server:
        server.client().create_bucket(Bucket=BUCKET)
        server.client().put_object(Bucket=BUCKET, Key="large", Body=os.urandom(64 << 20))
        yield server


@pytest.fixture
def up(own_minio: Minio) -> Iterator[Minio]:
    """That MinIO, running before and after the test."""
    yield own_minio
    own_minio.restart()


def _records(gateway: Gateway) -> list[dict[str, object]]:
    return [json.loads(line) for line in gateway.log().splitlines() if line.startswith("{")]


def test_a_backend_that_is_down_and_comes_back(up: Minio, gateway: GatewayFactory) -> None:
    """503 in S3's words and one line with backend and cause; then it works, on the same client's next connection."""
    running = gateway(gateway_config(up))
    get = Target(BUCKET, "", (("location", ""),))
    with Raw(running.port) as raw:
        assert raw.ask(sign("GET", get).head).status == 200
        up.kill()
        answer = raw.ask(sign("GET", get).head)
        assert (answer.status, answer.code) == (503, "ServiceUnavailable")
        assert answer.error["RequestId"] == answer.header("x-amz-request-id")
        assert answer.header("Connection") == "close"
    with Raw(running.port) as raw:
        raw.send(put_chunked(Target(BUCKET, "k"), b"x" * 1000).wire)
        assert raw.read().code == "ServiceUnavailable"
    eventually(lambda: [record["status"] for record in _records(running)] == [200, 503, 503])
    lines = [line for line in running.log().splitlines() if f"backend {up.endpoint} failed" in line]
    assert len(lines) == 2, running.log()
    assert "Connect call failed" in lines[1]
    up.start()
    with Raw(running.port) as raw:
        assert raw.ask(put_chunked(Target(BUCKET, "k"), b"x" * 1000).wire).status == 200


def test_a_kept_alive_client_does_not_see_a_restart(up: Minio, gateway: GatewayFactory) -> None:
    """A backend that was restarted between two requests of one client connection is connected to anew."""
    running = gateway(gateway_config(up))
    get = Target(BUCKET, "", (("location", ""),))
    with Raw(running.port) as raw:
        assert raw.ask(sign("GET", get).head).status == 200
        up.restart()
        eventually(lambda: not connections_to(running.pid, up.port), "the end of the connection is not read")
        assert raw.ask(sign("GET", get).head).status == 200
        assert raw.ask(put_chunked(Target(BUCKET, "k2"), b"x").wire).status == 200


def test_a_backend_whose_certificate_is_not_trusted(
    own_minio: Minio, gateway: GatewayFactory, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """503, a line that names backend and cause, and not a byte of the request for the stranger."""
    strangers, _ = make_certs(tmp_path_factory.mktemp("strangers"))
    config = gateway_config(own_minio)
    config["backend"]["ca_file"] = str(strangers.ca)
    running = gateway(config)
    with Raw(running.port) as raw:
        answer = raw.ask(sign("GET", Target(BUCKET, "large")).head)
    assert (answer.status, answer.code) == (503, "ServiceUnavailable")
    eventually(lambda: _records(running))
    (line,) = [line for line in running.log().splitlines() if f"backend {own_minio.endpoint} failed" in line]
    assert "certificate" in line.lower()


def test_a_backend_of_another_name_is_not_trusted(own_minio: Minio, gateway: GatewayFactory) -> None:
    """The certificate must be for the configured name, whatever name the client asked for."""
    config = gateway_config(own_minio)
    config["backend"]["endpoint"] = f"https://127.0.0.2:{own_minio.port}"  # loopback too, and not in the certificate
    running = gateway(config)
    with Raw(running.port) as raw:
        assert raw.ask(sign("GET", Target(BUCKET, "large"), host="127.0.0.1").head).status == 503


@pytest.mark.parametrize(
    "when", ["after-head", "mid-chunk", "before-final-chunk", "in-the-final-chunk", "in-the-trailer"]
)
@pytest.mark.parametrize("how", ["closed", "reset"])
def test_a_client_that_leaves_in_an_upload(
    gateway: GatewayFactory, wire: Recorder, usual_gateway: Gateway, minio: Minio, bucket: str, when: str, how: str
) -> None:
    """The upload is cut at the backend, which never has a whole one, and no trailer that has begun."""
    trailer = ("x-amz-checksum-crc32", "AAAAAA==") if when == "in-the-trailer" else None
    put = put_chunked(Target(bucket, "k"), os.urandom(3 * CHUNK), trailer=trailer)
    ends = [0]
    for frame in put.frames:
        ends.append(ends[-1] + len(frame))
    cut = {
        "after-head": 0,
        "mid-chunk": ends[1] + 1000,
        "before-final-chunk": ends[3],
        "in-the-final-chunk": ends[3] + 30,
        "in-the-trailer": ends[4] + 10,
    }[when]
    with Raw(usual_gateway.port) as raw:
        raw.send(put.head + put.body[:cut])
        (request,) = eventually(wire.requests)
        if how == "reset":
            raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    number = request.connection
    eventually(lambda: number not in wire._open_numbers(), "the backend's connection stays open")
    (request,) = wire.requests()
    assert not request.complete
    assert b"\r\n0;chunk-signature=" not in request.body
    assert minio.client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_client_that_leaves_in_a_plain_upload(
    wire: Recorder, usual_gateway: Gateway, minio: Minio, bucket: str
) -> None:
    """So is one without chunks."""
    put = put_plain(Target(bucket, "k"), b"x" * 300_000)
    with Raw(usual_gateway.port) as raw:
        raw.send(put.wire[:-1])
        (request,) = eventually(wire.requests)
    eventually(lambda: request.connection not in wire._open_numbers())
    assert not wire.requests()[0].complete
    assert minio.client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_backend_that_dies_in_a_download(up: Minio, gateway: GatewayFactory) -> None:
    """The client sees a broken transfer and never a short success."""
    running = gateway(gateway_config(up))
    with Raw(running.port) as raw:
        raw.send(sign("GET", Target(BUCKET, "large")).head)
        assert raw.read_head().header("Content-Length") == str(64 << 20)
        raw.read_exactly(1 << 20)
        up.kill()
        with pytest.raises(ConnectionError):
            raw.read_exactly(63 << 20)
    record = eventually(lambda: _records(running))[-1]
    assert (record["operation"], bool(record["fault"])) == ("GetObject", True)


def test_a_backend_that_dies_in_an_upload(up: Minio, gateway: GatewayFactory) -> None:
    """503 or a broken connection; and the next upload works when it is back."""
    running = gateway(gateway_config(up))
    put = put_chunked(Target(BUCKET, "half"), os.urandom(4 * CHUNK))
    with Raw(running.port) as raw:
        raw.send(put.wire[: len(put.wire) // 2])
        eventually(lambda: connections_to(running.pid, up.port))
        up.kill()
        try:
            raw.send(put.wire[len(put.wire) // 2 :])
            assert raw.read().code == "ServiceUnavailable"
        except ConnectionError:
            pass
    up.start()
    with Raw(running.port) as raw:
        assert raw.ask(sign("HEAD", Target(BUCKET, "half")).head, "HEAD").status == 404
        assert raw.ask(put_chunked(Target(BUCKET, "half"), b"x").wire).status == 200
