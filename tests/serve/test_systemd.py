"""The units of scripts/deploy/systemd: systemd takes them, and what they start is what there is."""

import configparser
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from lab import CHECKOUT
from s3gateway.serve.__main__ import _options

UNITS = CHECKOUT / "scripts" / "deploy" / "systemd"
PLACE = "/opt/s3-gateway"


def _service() -> str:
    return (UNITS / "s3-gateway.service").read_text(encoding="utf-8")


def test_systemd_takes_them(tmp_path: Path) -> None:
    """Without a word: each key is known, and the program is there."""
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("no systemd-analyze on PATH: install systemd")
    python = Path(shutil.which("python3") or "")
    text = _service().replace(f"{PLACE}/.venv/bin/python", str(python)).replace("User=s3-gateway", "User=root")
    (tmp_path / "s3-gateway.service").write_text(text)
    shutil.copy(UNITS / "s3-gateway.socket", tmp_path)
    units = [str(tmp_path / f"s3-gateway.{kind}") for kind in ("service", "socket")]
    checked = subprocess.run([tool, "verify", "--man=no", *units], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_what_they_start_is_there() -> None:
    """The module, with options that it takes, from where the comment says that the checkout is."""
    unit = configparser.RawConfigParser(strict=False)
    unit.read_string(_service())
    program, dash_p, dash_m, module, *options = shlex.split(unit["Service"]["ExecStart"])
    assert (program, dash_p, dash_m, module) == (f"{PLACE}/.venv/bin/python", "-P", "-m", "s3gateway.serve")
    assert unit["Service"]["Environment"] == f"PYTHONPATH={PLACE}/addons"
    taken = _options(options)
    assert (taken.config, taken.workers) == (Path("/etc/s3-gateway/gateway.yaml"), None)
    assert f"confdir=/var/lib/{unit['Service']['StateDirectory']}" in taken.set
