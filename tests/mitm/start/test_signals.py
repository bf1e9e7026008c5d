"""SIGTERM, SIGHUP and a terminal that is closed, at a single mitmdump."""

import os
import pty
import signal
from pathlib import Path
from typing import Any

import pytest

from lab.certs import Certs
from lab.fixed import Fixed
from lab.gateway import SPARK_CLIENT, gateway_config
from lab.ports import accepts, free_port
from tests.conftest import GatewayFactory
from tests.mitm.pushing import keeps
from tests.mitm.test_admin import get
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import CHUNK, Key, Target, put_chunked, sign
from tests.real.waiting import eventually
from tests.watched import WatchedGateway


@pytest.fixture
def fixed(certs: Certs) -> Any:
    with Fixed(certs) as server:
        yield server


def _status(running: WatchedGateway, key: Key | None = None) -> int:
    with Raw(running.port) as raw:
        return raw.ask(sign("GET", Target("bucket", "1k"), key=key).head).status


def _poll(running: WatchedGateway) -> int:
    with Raw(running.port) as raw:
        return raw.ask(b"GET /minio/health/ready HTTP/1.1\r\nHost: h\r\n\r\n").status


def _ended(running: WatchedGateway) -> int:
    """The exit status."""
    return running._running().wait(60)


def test_it_drains(gateway: GatewayFactory, fixed: Fixed) -> None:
    """Not ready and listening, then no longer; a transfer comes to its end, an idle connection to its last answer."""
    admin = free_port()
    config = gateway_config(fixed, admin={"port": admin}, shutdown={"delay": 1.5, "grace": 60})
    config["listen"]["health_polls"] = 200
    running = gateway(config)
    assert _poll(running) == 200
    put = put_chunked(Target("bucket", "up"), os.urandom(4 * CHUNK))
    with Raw(running.port) as upload, Raw(running.port) as idle:
        upload.send(put.wire[:CHUNK])
        assert idle.ask(keeps()).status == 403
        os.kill(running.pid, signal.SIGTERM)
        eventually(lambda: get(admin, "/readyz")[0] == 503)
        assert (_status(running), _poll(running)) == (200, 503)
        eventually(lambda: not accepts(running.port))
        answer = idle.ask(keeps())
        assert (answer.status, answer.header("connection")) == (403, "close")
        upload.send(put.wire[CHUNK:])
        assert upload.read().status == 200
    assert _ended(running) == 0


def test_a_second_one_ends_it(gateway: GatewayFactory, fixed: Fixed) -> None:
    """At once, with status 0 as well."""
    running = gateway(gateway_config(fixed, shutdown={"grace": 3600}))
    with Raw(running.port) as idle:
        assert idle.ask(keeps()).status == 403
        os.kill(running.pid, signal.SIGTERM)
        eventually(lambda: "ending: waits at most 3600 s for" in running.log())
        os.kill(running.pid, signal.SIGTERM)
        assert _ended(running) == 0


def test_it_waits_no_longer_than_the_grace(gateway: GatewayFactory, fixed: Fixed) -> None:
    """What then runs is cut, and that is told."""
    running = gateway(gateway_config(fixed, shutdown={"grace": 0.5}))
    with Raw(running.port) as upload:
        upload.send(put_chunked(Target("bucket", "up"), os.urandom(4 * CHUNK)).wire[:CHUNK])
        eventually(lambda: _status(running) == 200)
        os.kill(running.pid, signal.SIGTERM)
        assert _ended(running) == 0
        assert upload.is_closed()
    assert "ending: 1 transfers are cut; shutdown.grace is over" in running.log()


def test_sighup_reloads(gateway: GatewayFactory, fixed: Fixed) -> None:
    """What has not changed, too; what is broken is told, and the old one stays."""
    config = gateway_config(fixed)
    running = gateway(config)
    os.kill(running.pid, signal.SIGHUP)
    eventually(lambda: running.log().count("configuration reloaded") == 1, running.log())
    running.write_config("clients: [")
    os.kill(running.pid, signal.SIGHUP)
    eventually(lambda: "configuration not reloaded, the old one stays in force" in running.log())
    assert _status(running) == 200
    running.write_config(config | {"clients": [{**SPARK_CLIENT, "secret_access_key": "another-secret-of-the-lab"}]})
    os.kill(running.pid, signal.SIGHUP)
    eventually(lambda: _status(running, Key(secret="another-secret-of-the-lab")) == 200, running.log())


def test_a_terminal_that_is_closed_ends_it(fixed: Fixed, tmp_path: Path) -> None:
    """That is a SIGHUP as well, and nobody asks for a reload then."""
    config = gateway_config(fixed)
    with WatchedGateway(config, watched=False) as running:
        command = running.command()
        running.stop()
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(command[0], command)
        eventually(lambda: accepts(config["listen"]["port"]))
        os.close(terminal)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
