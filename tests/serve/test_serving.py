"""Several workers on one port: counted together, replaced without loss, mended, ended; all of it for real."""

import json
import os
import shutil
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from lab.fixed import Fixed
from lab.gateway import SPARK_CLIENT, gateway_config
from lab.ports import accepts, free_port
from lab.process import ProcessError
from lab.serving import children
from tests.mitm.pushing import keeps
from tests.mitm.test_admin import get, samples
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import CHUNK, Target, put_chunked, sign
from tests.real.waiting import eventually
from tests.serve.conftest import Start
from tests.serve.load import Load

GET = Target("bucket", "1k")


@pytest.fixture
def admin() -> int:
    return free_port()


@pytest.fixture
def config(fixed: Fixed, admin: int) -> dict[str, Any]:
    return gateway_config(fixed, admin={"port": admin}, log={"format": "json", "explain": False})


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Connections that end with the test."""
    with ExitStack() as stack:
        yield stack


def _ask(port: int) -> int:
    with Raw(port) as raw:
        return raw.ask(sign("GET", GET).head).status


def _clients_of(pid: int, port: int) -> int:
    """How many established connections at that port of this machine the process has accepted."""
    own = {os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")}  # noqa: PTH115, PTH208
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "01" and f"socket:[{row[9]}]" in own for row in rows)


def _requests(admin: int) -> float:
    found = samples(admin)
    return sum(value for (name, _), value in found.items() if name == "s3gateway_requests_total")


def test_two_workers_are_one_gateway(serve: Start, config: dict[str, Any], admin: int, opened: ExitStack) -> None:
    """Connections are spread evenly, one listener tells of all, and their lines are in one log, each whole."""
    running = serve(config)
    pids = running.pids()
    assert sorted(children(running.pid)) == sorted(pids)
    clients = [opened.enter_context(Raw(running.port)) for _ in range(16)]
    assert [client.ask(keeps()).status for client in clients] == [403] * 16
    assert sorted(_clients_of(pid, running.port) for pid in pids) in (
        [8, 8],
        [7, 9],
    )  # a busy machine may be late by one

    assert (get(admin, "/healthz"), get(admin, "/readyz")[0]) == ((200, "ok\n"), 200)
    assert [one["worker"] for one in json.loads(get(admin, "/backends")[1])] == [1, 2]
    found = samples(admin)
    assert found["s3gateway_connections", ()] == 16
    assert found["s3gateway_workers", (("state", "serving"),)] == 2
    assert found["s3gateway_refusals_total", (("code", "SignatureDoesNotMatch"), ("reason", ""))] == 16
    assert {labels for name, labels in found if name == "process_resident_memory_bytes"} == {
        (("worker", "1"),), (("worker", "2"),)
    }  # fmt: skip
    running.stop()
    lines = [line for line in running.log().splitlines() if line.startswith("{")]
    refused = [line for line in map(json.loads, lines) if line.get("refusal") == "SignatureDoesNotMatch"]
    assert len(refused) == 16


def test_a_worker_that_dies_is_replaced(serve: Start, config: dict[str, Any], admin: int) -> None:
    """Its end is explained, what it had counted stays counted, and the other serves meanwhile."""
    running = serve(config)
    for _ in range(8):
        assert _ask(running.port) == 200
    eventually(lambda: _requests(admin) == 8)
    victim = running.pids()[0]
    os.kill(victim, signal.SIGKILL)
    assert _ask(running.port) == 200
    eventually(lambda: "worker 1 serves again" in running.log())
    assert f"worker 1 (pid {victim}) was killed (SIGKILL), by somebody or by the kernel" in running.log()
    assert victim not in running.pids()
    assert _requests(admin) == 9
    found = samples(admin)
    assert found["s3gateway_workers_lost_total", ()] == 1


def test_limits_hold_for_all_together(serve: Start, config: dict[str, Any], opened: ExitStack) -> None:
    """Five of seven connections are served, however they are spread; a rate of one is one for all workers."""
    running = serve(config | {"limits": {"connections": 5, "request_rate": 0.01}})
    clients = [opened.enter_context(Raw(running.port)) for _ in range(7)]
    served = []
    for client in clients:
        try:
            served.append(client.ask(keeps()).status)
        except OSError:
            served.append(0)
    assert sorted(served) == [0, 0, 403, 403, 403, 403, 403]
    statuses = [
        client.ask(sign("GET", GET).head).status for client, status in zip(clients, served, strict=True) if status
    ]
    assert sorted(statuses) == [200, 503, 503, 503, 503]


def test_a_rolling_restart_loses_nothing(serve: Start, config: dict[str, Any], admin: int) -> None:
    """Under load, with an upload that began before; each worker is another process afterwards."""
    running = serve(config)
    put = put_chunked(Target("bucket", "up"), os.urandom(4 * CHUNK))
    with Load(running.port) as load, Raw(running.port) as raw:
        raw.send(put.wire[:CHUNK])
        before = running.pids()
        running.signal(signal.SIGUSR2)
        eventually(lambda: "restarted: " in running.log(), running.log())
        assert set(before).isdisjoint(running.pids())
        assert len(running.pids()) == 2
        raw.send(put.wire[CHUNK:])
        assert raw.read().status == 200
    assert load.failures == []
    eventually(lambda: sorted(children(running.pid)) == sorted(running.pids()))
    assert _requests(admin) == load.answered + 1


def test_a_configuration_that_cannot_be_loaded(serve: Start, config: dict[str, Any]) -> None:
    """At a reload each worker says so; at a restart the old ones stay; a good one is taken by all."""
    running = serve(config)
    before = running.pids()
    running.write_config("clients: [")
    running.signal(signal.SIGHUP)
    for number in (1, 2):
        told = f"worker {number}: configuration not reloaded, the old one stays in force"
        eventually(lambda told=told: told in running.log(), running.log())  # type: ignore[misc]
    running.signal(signal.SIGUSR2)
    eventually(lambda: "not restarted: a new worker did not start; the old ones stay" in running.log(), running.log())
    assert (_ask(running.port), sorted(children(running.pid))) == (200, sorted(before))
    running.write_config(config | {"clients": [{**SPARK_CLIENT, "secret_access_key": "another-secret-of-the-lab"}]})
    running.signal(signal.SIGHUP)
    eventually(lambda: running.log().count("configuration reloaded") == 2, running.log())
    with Raw(running.port) as raw:
        assert raw.ask(sign("GET", GET).head).code == "SignatureDoesNotMatch"


def test_it_drains(serve: Start, config: dict[str, Any], admin: int) -> None:
    """Not ready for a while and listening, then no longer; what runs comes to its end; exit status 0."""
    running = serve(config | {"shutdown": {"delay": 1.5, "grace": 60}})
    put = put_chunked(Target("bucket", "up"), os.urandom(4 * CHUNK))
    with Raw(running.port) as upload, Raw(running.port) as idle:
        upload.send(put.wire[:CHUNK])
        assert idle.ask(keeps()).status == 403
        running.signal(signal.SIGTERM)
        eventually(lambda: get(admin, "/readyz")[0] == 503)
        assert json.loads(get(admin, "/readyz")[1])["reasons"] == ["the gateway is ending"]
        assert _ask(running.port) == 200
        eventually(lambda: not accepts(running.port))
        answer = idle.ask(sign("GET", GET).head)
        assert (answer.status, answer.header("connection")) == (200, "close")
        assert idle.is_closed()
        upload.send(put.wire[CHUNK:])
        answer = upload.read()
        assert (answer.status, answer.header("connection")) == (200, "close")
    assert running.wait(60) == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it(serve: Start, config: dict[str, Any], how: signal.Signals) -> None:
    """At once, with status 0; what runs is cut, and what is idle."""
    running = serve(config | {"shutdown": {"grace": 3600}}, workers=1)
    with Raw(running.port) as upload:
        upload.send(put_chunked(Target("bucket", "up"), os.urandom(4 * CHUNK)).wire[:CHUNK])
        running.signal(signal.SIGTERM)
        eventually(lambda: running.log().count("ending: waits at most 3600 s for") >= 1, running.log())
        running.signal(how)
        assert running.wait(60) == 0
        assert upload.is_closed()


def test_without_its_parent_a_worker_serves_to_the_end(serve: Start, config: dict[str, Any]) -> None:
    """And takes no new connection."""
    running = serve(config)
    put = put_chunked(Target("bucket", "up"), os.urandom(4 * CHUNK))
    with Raw(running.port) as upload:
        upload.send(put.wire[:CHUNK])
        pids = running.pids()
        running.signal(signal.SIGKILL)
        eventually(lambda: not accepts(running.port))
        upload.send(put.wire[CHUNK:])
        assert upload.read().status == 200
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


@pytest.mark.parametrize("section", ["listen", "admin"])
def test_a_port_in_use(serve: Start, config: dict[str, Any], section: str) -> None:
    """Is told in one line, with the remedy."""
    port = config[section]["port"]
    told = f"serve: {section}.port: {port} on 127.0.0.1 is in use; choose another or stop what listens there"
    with socket.create_server(("127.0.0.1", port)), pytest.raises(ProcessError, match=told) as refused:
        serve(config)
    assert "status 1" in str(refused.value)


def test_a_configuration_that_is_refused(serve: Start, config: dict[str, Any]) -> None:
    """Is told once, and not by each worker; the port for operators cannot be that of S3."""
    config["admin"]["port"] = config["listen"]["port"]
    with pytest.raises(
        ProcessError, match=r"serve: admin.port: \d+ is listen.port, where S3 is; choose another"
    ) as told:
        serve(config)
    assert str(told.value).count("choose another") == 1


def test_workers_that_cannot_start(serve: Start, config: dict[str, Any]) -> None:
    """What only a worker finds ends it all, with status 1 and the worker's own line."""
    with pytest.raises(ProcessError, match="ended with status 1") as told:
        serve(config, arguments=["--set", "proxyauth=any"])
    assert "s3_gateway: --set proxyauth: would do nothing under the gateway" in str(told.value)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--set", "save_stream_file=x"], "save_stream_file cannot be set for several workers; all workers would"),
        (["--set", "nonsense"], "'nonsense' is not NAME=VALUE"),
        (["--workers", "0"], "'0' is not a number > 0"),
    ],
)
def test_command_lines_that_make_no_sense(
    serve: Start, config: dict[str, Any], arguments: list[str], told: str
) -> None:
    with pytest.raises(ProcessError, match="status 2") as refused:
        serve(config, arguments=arguments)
    assert told in str(refused.value)


def test_systemd_is_told(serve: Start, config: dict[str, Any], tmp_path: Path) -> None:
    """Ready when its workers serve, after a reload again, and how long an end may take."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(tmp_path / "notify"))
        notify.settimeout(60)
        told = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
        running = serve(config | {"shutdown": {"grace": 40}}, workers=1, env=told)
        assert notify.recv(4096).decode().startswith("READY=1\nSTATUS=workers 1 (pid ")
        running.signal(signal.SIGHUP)
        assert notify.recv(4096).decode().startswith("RELOADING=1\nMONOTONIC_USEC=")
        assert notify.recv(4096).decode().startswith("READY=1\n")
        running.signal(signal.SIGTERM)
        stopping = dict(line.split("=") for line in notify.recv(4096).decode().splitlines())
        assert stopping["STOPPING"] == "1"
        assert int(stopping["EXTEND_TIMEOUT_USEC"]) > 40_000_000
        assert running.wait(60) == 0


def test_a_socket_of_systemds_is_taken(serve: Start, config: dict[str, Any]) -> None:
    """The very connection that has activated it is served, and nothing is bound here."""
    tool = shutil.which("systemd-socket-activate")
    if tool is None:
        pytest.skip("no systemd-socket-activate on PATH: install systemd")
    answered: list[int] = []

    def first() -> None:
        eventually(lambda: accepts(config["listen"]["port"]))
        answered.append(_ask(config["listen"]["port"]))

    client = threading.Thread(target=first)
    client.start()
    environment = [f"--setenv={name}" for name in ("PYTHONPATH", "PATH", "HOME", "PYTHONUNBUFFERED")]
    running = serve(config, workers=1, before=[tool, *environment, "-l", f"127.0.0.1:{config['listen']['port']}"])
    client.join(60)
    assert answered == [200]
    assert _ask(running.port) == 200
