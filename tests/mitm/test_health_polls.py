"""Health polls at a running gateway: answered as configured, not logged one by one, not captured, never passed on."""

import os
import subprocess
from pathlib import Path

import pytest

from lab.gateway import SPARK_CLIENT, gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from tests.conftest import GatewayFactory
from tests.real.rawhttp import Raw

POLL = b" /minio/health/cluster HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.mark.parametrize(("status", "answers"), [(403, [403, 403]), (200, [200, 200])])
def test_polls(
    minio: Minio, recorder: Recorder, gateway: GatewayFactory, tmp_path: Path, status: int, answers: list[int]
) -> None:
    """Two of them on one connection, and then one line that counts both."""
    del minio
    config = gateway_config(recorder, log={"capture": str(tmp_path / "captured"), "format": "json"})
    config["listen"]["health_polls"] = status
    running = gateway(config)
    with Raw(running.port) as raw:
        told = [raw.ask(b"GET" + POLL), raw.ask(b"HEAD" + POLL, "HEAD")]
    assert [answer.status for answer in told] == answers
    assert (told[0].body == b"") == (status == 200)
    running.stop()
    log = running.log()
    assert f"in the last minute: 2 /minio/health/cluster answered {status}" in log
    assert log.count("/minio/health") == 1
    captured = tmp_path / "captured"
    assert not captured.exists() or captured.read_bytes() == b""
    assert recorder.requests() == []


def test_mc_ready(minio: Minio, mc: Path, gateway: GatewayFactory, tmp_path: Path) -> None:
    """MinIO's own client takes the gateway for ready where that is configured."""
    config = gateway_config(minio)
    config["listen"]["health_polls"] = 200
    running = gateway(config)
    keys = f"{SPARK_CLIENT['access_key_id']}:{SPARK_CLIENT['secret_access_key']}"
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "MC_HOST_gateway": f"http://{keys}@127.0.0.1:{running.port}",
    }
    done = subprocess.run([mc, "ready", "gateway"], env=env, capture_output=True, timeout=60, check=False)
    assert (done.returncode, b"is ready" in done.stdout) == (0, True), done
