"""scripts/soak for its minute, as a user runs it; and that it fails when there is something to find."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from lab import CHECKOUT
from lab.minio import Minio
from tests.test_demo import left_over

GULLIBLE = """

Signature.matches = lambda self, other: True
"""


def findings(report: str) -> dict[str, int]:
    """What was found at the backend, by kind."""
    (line,) = re.findall(r"^found +(.*)$", report, re.MULTILINE)
    return {name: int(count) for name, count in (part.rsplit(" ", 1) for part in line.split(", "))}


def test_a_minute(minio: Minio) -> None:
    """With at least one crash and one reload: nothing lost, nothing half-written, no growth."""
    command = [str(CHECKOUT / "scripts/soak"), "--clients", "4"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
    told = ended.stdout
    assert ended.returncode == 0, told + ended.stderr
    assert told.startswith("soak: 60 s, 4 clients, ")
    assert "passed: none lost, none half-written, no growth" in told
    found = findings(told)
    assert found.pop("intact") > 5
    assert found == {"lost": 0, "overwritten and back": 0, "unwanted": 0, "half-written": 0}
    assert len(re.findall(r"^ *[0-9]+:[0-9]{2}  acknowledged", told, re.MULTILINE)) >= 5  # it tells as it goes
    for line in (r"^backend +[1-9]", r"^reloads +[1-9]", r"^memory +[1-9]", r"^at rest +[1-9]", r"^objects +[1-9]"):
        assert re.search(line, told, re.MULTILINE), line


def test_a_gateway_that_lets_forgeries_in_fails(minio: Minio, tmp_path: Path) -> None:
    """A copy of the project whose gateway takes every signature for right: exit status 1, and why."""
    for folder in ("addons", "scripts"):
        shutil.copytree(CHECKOUT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "addons/s3gateway/sigv4/model.py").open("a") as file:
        file.write(GULLIBLE)
    command = [sys.executable, "-m", "soaking", "--seconds", "8", "--clients", "4"]
    env = os.environ | {"PYTHONPATH": str(tmp_path / "scripts")}
    ended = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=500)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert re.search(r"^FAULT +refusal: .*: 200", ended.stdout, re.MULTILINE)
    assert "soak: FAILED" in ended.stdout


def test_ctrl_c(minio: Minio, tmp_path: Path) -> None:
    """One line, a shell's status for it, and none of its servers goes on."""
    command = [str(CHECKOUT / "scripts/soak"), "5", "--clients", "2"]
    env = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as soak:
        assert soak.stdout
        assert soak.stderr
        assert any("acknowledged" in line for line in soak.stdout)  # it is under way
        os.killpg(soak.pid, signal.SIGINT)
        soak.stdout.read()
        told = soak.stderr.read()
    assert soak.returncode == 130, told
    assert told.splitlines()[-1] == "soak: stopped; nothing is left running"
    assert "Traceback" not in told
    assert left_over(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
