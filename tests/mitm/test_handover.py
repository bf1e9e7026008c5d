"""Connections that the gateway has taken over: mitmproxy's list, its hooks and its end stay true."""

import contextlib
import json
import os
import signal
import socket
import ssl
import struct
import time
from pathlib import Path
from typing import Any

import pytest

from lab.certs import Certs
from lab.gateway import gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from tests.conftest import GatewayFactory
from tests.mitm.conftest import Nobody
from tests.mitm.pushing import UNEXPLAINED, keeps
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import CHUNK, Target, put_chunked
from tests.real.waiting import eventually

PROBE = """
import asyncio, json, os
from mitmproxy import ctx

PATH = {path!r}
told = {{"connected": 0, "disconnected": 0, "listed": 0, "tls": 0, "errors": []}}

def write():
    told["listed"] = len(ctx.master.addons.get("proxyserver").connections)
    with open(PATH + ".part", "w") as file:
        json.dump(told, file)
    os.replace(PATH + ".part", PATH)

async def look():
    while True:
        write()
        await asyncio.sleep(0.05)

class Probe:
    def running(self):
        self.task = asyncio.get_running_loop().create_task(look())

    {connected}

    def client_disconnected(self, client):
        told["disconnected"] += 1
        told["tls"] += client.tls
        told["errors"].append(client.error or "")

addons = [Probe()]
"""
COUNTING = "def client_connected(self, client): told['connected'] += 1"
REFUSING = "def client_connected(self, client): told['connected'] += 1; client.error = 'not today'"
SLOWLY = """async def client_connected(self, client):
        told["connected"] += 1
        await asyncio.sleep(0.5)"""

HASTY = """
class Hasty:
    def running(self):
        ctx.options.tcp_timeout = 1

addons.append(Hasty())
"""


class Probed:
    """A gateway with a script that counts mitmproxy's hooks and looks at its list of connections."""

    def __init__(
        self, gateway: GatewayFactory, folder: Path, config: dict[str, Any], connected: str, more: str
    ) -> None:
        self._path = folder / "told"
        (folder / "probe.py").write_text(PROBE.format(path=str(self._path), connected=connected) + more)
        self.running = gateway(config, arguments=["-s", str(folder / "probe.py")])
        eventually(self._path.exists)

    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._path.read_text())
        return found

    def is_over(self, connections: int) -> bool:
        """Whether that many connections were told of, and have ended, and none is listed."""
        told = self.told()
        return (told["connected"], told["disconnected"], told["listed"]) == (connections, connections, 0)


@pytest.fixture
def config(certs: Certs) -> dict[str, Any]:
    return gateway_config(Nobody(certs), certificate=certs.gateway, log=UNEXPLAINED)


def _probed(
    gateway: GatewayFactory, folder: Path, config: dict[str, Any], connected: str = COUNTING, more: str = ""
) -> Probed:
    probed = Probed(gateway, folder, config, connected, more)
    eventually(lambda: probed.told()["connected"] > 0)  # whoever asked whether the port accepts
    eventually(lambda: probed.is_over(probed.told()["connected"]))
    return probed


def test_the_list_and_the_hooks_are_true(
    gateway: GatewayFactory, certs: Certs, config: dict[str, Any], tmp_path: Path
) -> None:
    """Plain and TLS, served and silent, closed by the client: each is told once at its begin and once at its end."""
    probed = _probed(gateway, tmp_path, config)
    before = probed.told()["connected"]
    with Raw(probed.running.port) as plain, Raw(probed.running.port, certs.ca) as tls, Raw(probed.running.port):
        assert [raw.ask(keeps()).status for raw in (plain, tls, plain, tls)] == [403] * 4
        eventually(lambda: probed.told()["listed"] == 3, str(probed.told()))
        assert probed.told()["disconnected"] == before
    eventually(lambda: probed.is_over(before + 3), str(probed.told()))
    assert probed.told()["tls"] == 1
    assert probed.told()["errors"] == [""] * (before + 3)


def test_a_tls_handshake_that_fails(
    gateway: GatewayFactory, certs: Certs, config: dict[str, Any], tmp_path: Path
) -> None:
    """It is a connection even so, and has ended."""
    probed = _probed(gateway, tmp_path, config)
    before = probed.told()["connected"]
    context = ssl.create_default_context()  # which does not know the CA
    for _ in range(3):
        with Raw(probed.running.port) as raw, pytest.raises(ssl.SSLError):
            context.wrap_socket(raw.socket, server_hostname="127.0.0.1")
    eventually(lambda: probed.is_over(before + 3), str(probed.told()))


def test_another_addon_refuses(gateway: GatewayFactory, config: dict[str, Any], tmp_path: Path) -> None:
    """mitmproxy closes the connection, and nothing of it is served."""
    probed = _probed(gateway, tmp_path, config, REFUSING)
    before = probed.told()["connected"]
    for _ in range(3):
        with Raw(probed.running.port) as raw:
            assert raw.is_closed()
    eventually(lambda: probed.is_over(before + 3), str(probed.told()))


def test_over_a_limit(gateway: GatewayFactory, config: dict[str, Any], tmp_path: Path) -> None:
    """The same where the gateway refuses."""
    probed = _probed(gateway, tmp_path, config | {"limits": {"connections": 1}})
    before = probed.told()["connected"]
    with Raw(probed.running.port) as one:
        assert one.ask(keeps()).status == 403
        for _ in range(3):
            with Raw(probed.running.port) as raw:
                assert raw.is_closed()
        assert one.ask(keeps()).status == 403
    eventually(lambda: probed.is_over(before + 4), str(probed.told()))
    assert set(probed.told()["errors"]) == {"", "limits.connections"}


def test_idle_ones_that_are_cut(gateway: GatewayFactory, certs: Certs, config: dict[str, Any], tmp_path: Path) -> None:
    """By the gateway's own limits: before a head, between two, in a TLS handshake."""
    probed = _probed(gateway, tmp_path, config | {"limits": {"head_timeout": 2, "keep_alive": 1}})
    before = probed.told()["connected"]
    with Raw(probed.running.port) as silent, Raw(probed.running.port) as begun, Raw(probed.running.port) as served:
        begun.send(b"\x16\x03\x01")
        assert served.ask(keeps()).status == 403
        assert [raw.is_closed() for raw in (silent, begun, served)] == [True] * 3
        eventually(lambda: probed.is_over(before + 3), str(probed.told()))


@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
def test_bytes_that_come_before_the_hook_is_over_are_not_lost(
    gateway: GatewayFactory, certs: Certs, config: dict[str, Any], tmp_path: Path, *, tls: bool
) -> None:
    """mitmproxy's reader has them by then: another addon takes its time first."""
    probed = _probed(gateway, tmp_path, config, SLOWLY)
    with Raw(probed.running.port, certs.ca if tls else None) as raw:
        request = keeps()
        raw.send(request[:20])
        assert raw.ask(request[20:] + request).status == 403
        assert raw.read().status == 403


def test_a_client_that_has_gone_before_the_hook_is_over(
    gateway: GatewayFactory, config: dict[str, Any], tmp_path: Path
) -> None:
    """Whether it ended its side, or was reset, nobody is told of it a second time: it must not stay in the books."""
    probed = _probed(gateway, tmp_path, config | {"limits": {"connections": 4, "head_timeout": 3600}}, SLOWLY)
    before = probed.told()["connected"]
    for how in ("ended", "reset", "asked and ended"):
        with Raw(probed.running.port) as raw:
            if how == "reset":
                raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif how == "asked and ended":
                raw.send(keeps())
    eventually(lambda: probed.is_over(before + 3))


def test_the_watchdog_cuts_nothing(gateway: GatewayFactory, recorder: Recorder, minio: Minio, tmp_path: Path) -> None:
    """mitmproxy's own time-out sees nothing of what happens on the connection; also where another addon was slow."""
    bucket = f"watchdog-{os.getpid()}"
    minio.client().create_bucket(Bucket=bucket)
    probed = _probed(gateway, tmp_path, gateway_config(recorder), SLOWLY, HASTY)
    put = put_chunked(Target(bucket, "k"), os.urandom(CHUNK))
    with Raw(probed.running.port) as raw:
        raw.send(put.wire[:-1000])
        time.sleep(4)  # for what must not happen
        raw.send(put.wire[-1000:])
        assert raw.read().status == 200
    assert "Closing" not in probed.running.log()


def test_it_ends_while_an_upload_runs(gateway: GatewayFactory, recorder: Recorder, minio: Minio, certs: Certs) -> None:
    """Also with connections that wait: the program ends by itself, the line says why, and nothing is stored."""
    bucket = f"ended-{os.getpid()}"
    minio.client().create_bucket(Bucket=bucket)
    at_once, log = {"grace": 0}, {"format": "json"}
    running = gateway(gateway_config(recorder, certificate=certs.gateway, log=log, shutdown=at_once))
    put = put_chunked(Target(bucket, "k"), os.urandom(4 * CHUNK))
    with Raw(running.port) as raw, Raw(running.port, certs.ca) as idle, Raw(running.port):
        assert idle.ask(keeps()).status == 403
        raw.send(put.wire[: 2 * CHUNK])
        eventually(recorder.requests)
        os.kill(running.pid, signal.SIGTERM)
        eventually(lambda: _has_ended(running.pid), running.log())
        with contextlib.suppress(OSError):
            assert raw.is_closed()
    running.stop()
    assert '"fault": "the gateway was stopped"' in running.log()
    assert minio.client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def _has_ended(pid: int) -> bool:
    """Whether the process has, and only waits to be noticed."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
