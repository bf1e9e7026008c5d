"""scripts/bench as its users run it, with few and short measurements. No figure is asserted."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab import CHECKOUT

OPTIONS = ("--backend", "fixed", "--rounds", "1", "--seconds", "0.05", "--no-memory")
NO_GATEWAY = """
import yaml
from mitmproxy import ctx, http

class NoGateway:
    def load(self, loader):
        loader.add_option("s3_config", str, "", "")

    def running(self):
        with open(ctx.options.s3_config) as file:
            port = yaml.safe_load(file)["listen"]["port"]
        ctx.options.update(connection_strategy="lazy", mode=[f"reverse:http://127.0.0.1:9@127.0.0.1:{port}"])

    def request(self, flow):
        flow.response = http.Response.make(503)

addons = [NoGateway()]
"""


def bench(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "benchmark", *OPTIONS, *map(str, arguments)]
    env = os.environ | {"PYTHONPATH": str(CHECKOUT / "scripts")}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize("front", ["HTTP", "TLS"])
def test_beside_another_checkout(tmp_path: Path, front: str) -> None:
    """Each case has its figures of each target, and none failed."""
    file = tmp_path / "figures.json"
    more = ["--tls"] if front == "TLS" else ["--watched", "--no-bare", "--endpoints", "3", "--sessions"]
    ended = bench("--cases", "W1,W3,W9,W10", "--connections", "3", "--against", CHECKOUT, "--json", file, *more)
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
    result = json.loads(file.read_text())
    more_of_ours = {"gateway -w", "other -w", "several", "gateway session"}
    proxies = {"gateway", "other"} | ({"mitmdump"} if front == "TLS" else more_of_ours)
    assert result["front"] == front
    assert [row["case"] for row in result["rows"]] == ["W1", "W3", "W9", "W10"]
    for row in result["rows"]:
        assert row["failures"] == {}
        assert set(row["cpu_ms"]) == proxies
        assert set(row["per_second"]) == proxies | ({"direct"} if front == "TLS" else set())
        assert all(value > 0 for value in (*row["cpu_ms"].values(), *row["per_second"].values()))
        assert "gateway/other" in row["cpu_ratios"]
    assert set(result["peak_rss_mib"]) == proxies
    if front == "HTTP":
        assert len(result["shares"]) == 3
        assert sum(result["shares"].values()) == pytest.approx(1)
        assert {"several/gateway", "gateway session/gateway"} <= set(result["rows"][0]["cpu_ratios"])
    assert f"front: {front}; backend: a fixed answer over TLS" in ended.stdout


def test_a_gateway_that_fails_is_said(tmp_path: Path) -> None:
    """The other answers 503 to everything: exit status 1, because its column says nothing."""
    (tmp_path / "addons").mkdir()
    (tmp_path / "addons" / "s3_gateway.py").write_text(NO_GATEWAY)
    ended = bench("--cases", "W1", "--connections", "2", "--no-bare", "--against", tmp_path)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "other fails: HTTP/1.1 503 Service Unavailable" in ended.stdout


def test_workers(tmp_path: Path) -> None:
    """Two beside one, a rolling restart, an end in the middle of an upload: nothing fails, and each is told."""
    file = tmp_path / "figures.json"
    ended = bench("--workers", "--quick", "--json", file)
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
    found = json.loads(file.read_text())
    assert found["restarts"]["failures"] == found["drain"]["failures"] == []
    assert (found["drain"]["was_waited_for"], found["drain"]["exit_status"]) == (True, 0)
    assert all(figure > 0 for figure in (*found["ratio"]["requests_per_second"], *found["ratio"]["cpu_ms"]))
    assert "1 rolling restarts: " in ended.stdout


def test_logins(tmp_path: Path) -> None:
    """Requests at a rate beside logins of real users: none of either fails, and each figure is there."""
    file = tmp_path / "figures.json"
    ended = bench("--logins", "--quick", "--json", file)
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
    found = json.loads(file.read_text())
    assert found["failures"] == found["login_failures"] == []
    assert found["requests"] > 0
    assert found["logins"] > 1
    assert all(figure > 0 for figure in (*found["p50_ms"], *found["p99_ms"], found["full_with_logins_per_second"]))
    assert "logins a second of 50 users" in ended.stdout
