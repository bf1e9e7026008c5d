"""scripts/deploy/haproxy/haproxy.cfg: taken by a real HAProxy as it stands. tests/test_compose.py runs it."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from lab import CHECKOUT
from lab.proxies import haproxy_program
from s3gateway.config.gateway_yaml import build
from s3gateway.rules.connections import is_within
from tests.conftest import _have

RECIPE = CHECKOUT / "scripts" / "deploy" / "haproxy" / "haproxy.cfg"
TEXT = RECIPE.read_text(encoding="utf-8")


@pytest.mark.real
def test_haproxy_takes_it() -> None:
    """Without a warning but that its servers' names do not resolve where it is checked."""
    ended = subprocess.run(
        [_have(haproxy_program), "-c", "-V", "-f", RECIPE], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    warnings = [line for line in ended.stderr.splitlines() if "WARNING" in line]
    assert [line for line in warnings if "could not resolve address 'gateway" not in line] == []
    assert "Configuration file is valid" in ended.stdout + ended.stderr


def test_the_gateways_configuration_in_it_is_taken(tmp_path: Path) -> None:
    """And fits: the ports that HAProxy connects to and asks, and the address that it comes from."""
    lines = re.findall(r"^#   ((?:listen|admin): .*)$", TEXT, re.MULTILINE)
    (tmp_path / "gateway.pem").write_text("")
    document = yaml.safe_load("\n".join(lines)) | {"backend": {"endpoint": "https://minio.example.com:9000"}}
    config = build(document, tmp_path)
    assert config.admin is not None
    assert {int(port) for port in re.findall(r"^  server \S+ \S+:(\d+)$", TEXT, re.MULTILINE)} == {config.listen.port}
    assert re.findall(r"check port (\d+)", TEXT) == [str(config.admin.port)]
    assert is_within("10.0.0.10", config.listen.proxy_protocol)
    assert "send-proxy-v2" in TEXT


def test_it_waits_longer_than_the_gateway() -> None:
    """Who waits shorter cuts what the other still serves."""
    limits = build({"backend": {"endpoint": "https://minio.example.com"}}, Path()).limits
    for side in ("client", "server"):
        (seconds,) = re.findall(rf"^  timeout {side} (\d+)s$", TEXT, re.MULTILINE)
        assert int(seconds) > limits.backend_timeout
