"""What is over is let go: no flow, with its connections and heads, stays in memory because of how it ended."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.certs import Certs
from lab.gateway import gateway_config
from lab.minio import Minio
from tests.conftest import GatewayFactory
from tests.mitm.conftest import Nobody
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import CHUNK, Key, Target, put_chunked, put_plain, sign
from tests.real.waiting import eventually

COUNTER = """
import asyncio, gc, os

async def count():
    while True:
        await asyncio.sleep(0.1)
        gc.collect()
        found = sum(type(thing).__name__ in {kinds!r} for thing in gc.get_objects())
        with open({path!r} + ".part", "w") as file:
            file.write(str(found))
        os.replace({path!r} + ".part", {path!r})

def running():
    global task
    task = asyncio.get_running_loop().create_task(count())
"""
"""Another script in the same mitmdump: it counts what is still there of some kinds after a collection."""

SLOW = """
import asyncio
from mitmproxy import ctx

class Slow:
    async def client_disconnected(self, client):
        await asyncio.sleep(2.5)

def running():
    ctx.master.addons.add(Slow())
"""
"""A script whose hook is the last of a connection's end, and takes its time."""

KINDS = ("HTTPFlow", "FlowWatch", "Exchange", "Transaction", "ClientConnection")
"""All that there is for one request; its connection has ended, too."""

DATA = b"x" * CHUNK
ENDS: dict[str, Callable[[str], bytes]] = {
    "accepted": lambda bucket: put_chunked(Target(bucket, "k"), DATA).wire,
    "refused by its head": lambda bucket: put_chunked(Target(bucket, "k"), DATA, key=Key(secret="wrong")).wire,
    "refused without a body": lambda bucket: sign("GET", Target(bucket, "k"), key=Key(secret="wrong")).head,
    "refused in its body": lambda bucket: put_chunked(Target(bucket, "k"), DATA).tampered(0, -50).wire,
    "refused at its end": lambda bucket: put_plain(Target(bucket, "k"), DATA).wire[:-1] + b"y",
    "cut by the client": lambda bucket: put_chunked(Target(bucket, "k"), DATA).wire[:-100],
    "no HTTP": lambda _: b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
}


def _counted(path: Path) -> int:
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_text())
    return -1


def _send(port: int, data: bytes, *, leave: bool) -> None:
    with Raw(port) as raw, contextlib.suppress(ConnectionError):
        raw.send(data)
        if not leave:
            raw.read()


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize(("backend", "watched"), [("up", True), ("down", True), ("up", False)])
def test_no_flow_is_held(
    gateway: GatewayFactory, minio: Minio, certs: Certs, tmp_path: Path, how: str, backend: str, *, watched: bool
) -> None:
    """Whatever ended a request, its flow and what the wire had of it are gone soon after."""
    bucket = f"held-{os.urandom(6).hex()}"
    if backend == "up":
        minio.client().create_bucket(Bucket=bucket)
    counted, script = tmp_path / "flows", tmp_path / "counter.py"
    script.write_text(COUNTER.format(kinds=KINDS, path=str(counted)))
    config = gateway_config(minio if backend == "up" else Nobody(certs))
    running = gateway(config, watched=watched, arguments=["-s", str(script)])
    for _ in range(5):
        _send(running.port, ENDS[how](bucket), leave=how == "cut by the client")
    eventually(lambda: running.log().count('"status"') >= 5, running.log())
    counted.unlink(missing_ok=True)
    eventually(lambda: _counted(counted) == 0, f"{_counted(counted)} flows are held")


def test_no_connection_is_watched_for_ever(gateway: GatewayFactory, certs: Certs, tmp_path: Path) -> None:
    """Also one that is looked at while it ends."""
    counted, counter, slow = tmp_path / "stalls", tmp_path / "counter.py", tmp_path / "slow.py"
    counter.write_text(COUNTER.format(kinds=("ClientConnection", "Front"), path=str(counted)))
    slow.write_text(SLOW)
    running = gateway(gateway_config(Nobody(certs)), arguments=["-s", str(counter), "-s", str(slow)])
    for _ in range(3):
        with Raw(running.port):
            eventually(lambda: _counted(counted) > 0, running.log())
    eventually(lambda: _counted(counted) == 0, f"{_counted(counted)} are still watched")
