"""The canary against MinIO, and against backends that fail in the ways it is there for."""

import asyncio
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from canarying.__main__ import main
from lab.gateway import gateway_config
from lab.minio import Minio
from lab.moto import Moto
from lab.ports import free_port
from tests.canary import CANARY
from tests.conftest import GatewayFactory
from tests.mitm.test_admin import get, samples
from tests.real.waiting import eventually
from tests.tools.conftest import Run, in_process

BUCKET = "canary-bucket"
CANARY_OF = {"bucket": BUCKET, "client": "spark", "timeout": 60}


@pytest.fixture(scope="module")
def store(minio: Minio) -> Minio:
    minio.client().create_bucket(Bucket=BUCKET)
    return minio


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return in_process(main, capsys)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[dict[str, Any]], Path]:
    def put(config: dict[str, Any]) -> Path:
        CANARY.watch_config(config)
        path = tmp_path / "gateway.yaml"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        return path

    return put


Write = Callable[[dict[str, Any]], Path]
KMS, S3 = {"sse-kms": Minio.kms_key_id}, {"sse-s3": True}


@pytest.mark.parametrize(
    ("rule", "told"), [(KMS, "SSE-KMS"), (S3, "SSE-S3"), (None, "no encryption rule"), ("c", "SSE-C")]
)
def test_all_ways_to_sign_pass(store: Minio, run: Run, write: Write, tmp_path: Path, rule: Any, told: str) -> None:
    """And nothing is left behind."""
    if rule == "c":
        (tmp_path / "key").write_bytes(bytes(range(32)))
        rule = {"sse-c": str(tmp_path / "key")}
    config = gateway_config(store, encryption=[rule] if rule else [], canary=CANARY_OF)
    status, out, err = run(write(config))
    assert (status, err) == (0, "")
    assert out.startswith("canary: 6 ways to sign passed in ")
    assert f"({BUCKET}, {told})" in out
    assert "Contents" not in store.client().list_objects_v2(Bucket=BUCKET)


def wrong_key(config: dict[str, Any]) -> None:
    config["backend"]["credentials"]["secret_access_key"] = "not-the-secret-of-the-lab"


def wrong_region(config: dict[str, Any]) -> None:
    config["backend"]["region"] = "eu-west-1"


def wrong_kms_key(config: dict[str, Any]) -> None:
    config["encryption"] = [{"sse-kms": "no-such-key"}]


def no_ca(config: dict[str, Any]) -> None:
    del config["backend"]["ca_file"]


def no_backend(config: dict[str, Any]) -> None:
    config["backend"]["endpoint"] = f"https://127.0.0.1:{free_port()}"


def no_bucket(config: dict[str, Any]) -> None:
    config["canary"] = CANARY_OF | {"bucket": "not-there"}


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (wrong_key, "`backend.credentials`"),
        (wrong_region, "`backend.region`"),
        (wrong_kms_key, "its KMS has no key of this id; create the key there, or correct `sse-kms` in the rule"),
        (no_ca, "set `backend.ca_file` to the CA that signed its certificate"),
        (no_backend, "nothing listens there: is it running, is `backend.endpoint` right?"),
        (no_bucket, "NoSuchBucket"),
    ],
)
def test_what_is_wrong_is_told_in_words(
    store: Minio, run: Run, write: Write, spoil: Callable[[dict[str, Any]], None], told: str
) -> None:
    """In one sentence, once for all six ways, with what to mend."""
    config = gateway_config(store, canary=CANARY_OF)
    spoil(config)
    status, out, err = run(write(config))
    assert (status, out) == (1, "")
    assert err.startswith("canary: PutObject: ")
    assert told in err
    assert err.count("\n") == 1
    CANARY.check({"what the canary says": err.encode()})


def test_a_backend_that_encrypts_nothing(moto_backend: Moto, run: Run, write: Write) -> None:
    """moto keeps what it is told of a KMS key, and takes SSE-C for granted: what HEAD does not tell, fails."""
    moto_backend.client().create_bucket(Bucket=BUCKET)
    key = write({}).with_name("key")
    key.write_bytes(bytes(range(32)))
    config = gateway_config(moto_backend, encryption=[{"sse-c": str(key)}], canary=CANARY_OF)
    status, _, err = run(write(config))
    assert status == 1
    assert "HeadObject: encryption[0] asks for AES256 with a customer's key, and HEAD tells of none" in err


def test_a_gateway_that_runs(store: Minio, gateway: GatewayFactory, run: Run, write: Write) -> None:
    """Over the network, plain and TLS."""
    config = gateway_config(store, certificate=store._certs.gateway)
    running = gateway(config)
    path = write(config)
    who = ("--bucket", BUCKET, "--client", "spark", "--timeout", "60")
    assert run(path, *who, "--gateway", running.url)[0] == 0
    status, out, err = run(path, *who, "--gateway", running.tls_url, "--ca-file", store.ca_file)
    assert (status, err) == (0, "")
    assert "6 ways to sign passed" in out
    status, _, err = run(path, *who, "--gateway", f"http://127.0.0.1:{free_port()}")
    assert status == 1
    assert "PutObject: no connection (" in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "--bucket: is not given, and the configuration has no canary; give --bucket and --client"),
        (("--bucket", "b"), "--client: is not given"),
        (("--bucket", "b", "--client", "x"), "canary.client: 'x' is no client's name; known here: spark"),
        (("--ca-file", "f"), "--ca-file: is of --gateway; name that as well"),
        (("--bucket", "b", "--client", "spark", "--gateway", "h:1"), "--gateway: 'h:1' is no http(s) address"),
    ],
)
def test_a_command_line_that_cannot_be_used(
    store: Minio, run: Run, write: Write, arguments: tuple[str, ...], told: str
) -> None:
    status, out, err = run(write(gateway_config(store)), *arguments)
    assert (status, out) == (2, "")
    assert err.startswith(f"canary: {told}")


def test_until_it_passes_the_gateway_is_not_ready(store: Minio, gateway: GatewayFactory) -> None:
    """503 with the sentence; requests are served; it is tried again, and passes once the bucket is there."""
    port, bucket = free_port(), f"later-{time.time_ns()}"
    canary = CANARY_OF | {"bucket": bucket, "retry": 0.2}
    running = gateway(gateway_config(store, admin={"port": port}, canary=canary), watched=False)
    eventually(lambda: "NoSuchBucket" in get(port, "/readyz")[1])
    status, text = get(port, "/readyz")
    assert status == 503
    (reason,) = json.loads(text)["reasons"]
    assert reason.startswith("canary: PutObject: ")
    assert get(port, "/healthz")[0] == 200
    assert samples(port)["s3gateway_canary_up", (("client", "spark"),)] == 0
    running.client().create_bucket(Bucket=bucket)
    eventually(lambda: get(port, "/readyz")[0] == 200)
    assert samples(port)["s3gateway_canary_up", (("client", "spark"),)] == 1
    assert running.log().count("(not ready; tried again each 0.2 s)") == 1
    assert "6 ways to sign passed" in running.log()
    assert "Contents" not in store.client().list_objects_v2(Bucket=bucket)


def test_a_reload_tries_anew(store: Minio, gateway: GatewayFactory) -> None:
    """A KMS key that is not there takes the gateway out of service before a job finds it."""
    port = free_port()
    config = gateway_config(store, admin={"port": port}, canary=CANARY_OF)
    running = gateway(config, watched=True)  # nor does who watches see it: it is nobody's request
    eventually(lambda: get(port, "/readyz")[0] == 200)
    running.write_config(config | {"encryption": [{"sse-kms": "no-such-key"}]})
    eventually(lambda: get(port, "/readyz")[0] == 503)
    assert "its KMS has no key of this id" in get(port, "/readyz")[1]
    running.write_config(config | {"encryption": [KMS]})
    eventually(lambda: get(port, "/readyz")[0] == 200)


async def relay(to: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on, both ways."""
    other_reader, other_writer = await asyncio.open_connection("127.0.0.1", to)

    async def pump(one: asyncio.StreamReader, other: asyncio.StreamWriter) -> None:
        while data := await one.read(65536):
            other.write(data)
        other.close()

    await asyncio.gather(pump(reader, other_writer), pump(other_reader, writer))


async def test_a_certificate_for_another_name(store: Minio, run: Run, write: Write) -> None:
    """MinIO at an address that its certificate does not name."""
    server = await asyncio.start_server(lambda r, w: relay(store.port, r, w), "127.0.0.2", 0)
    config = gateway_config(store, canary=CANARY_OF)
    config["backend"]["endpoint"] = f"https://127.0.0.2:{server.sockets[0].getsockname()[1]}"
    status, _, err = await asyncio.to_thread(run, write(config))
    server.close()
    assert status == 1
    assert "its certificate is for another name; write that one in `backend.endpoint`" in err


def test_nothing_waits_for_it_for_ever(run: Run, write: Write, store: Minio) -> None:
    """A backend that takes the connection and says nothing: told when the time is over."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config = gateway_config(store, canary=CANARY_OF | {"timeout": 0.3})
        config["backend"]["endpoint"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        del config["backend"]["ca_file"]
        status, _, err = run(write(config))
    assert (status, err) == (1, "canary: PutObject: no answer within 0.3 s\n")
