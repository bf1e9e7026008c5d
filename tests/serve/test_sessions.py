"""Several processes give sessions only where each can open those of the others."""

from pathlib import Path

import pytest

from s3gateway.config.check import ConfigError
from s3gateway.serve.__main__ import _load
from tests.tools.test_usage import script

BACKEND = 'backend: {endpoint: "https://minio.example"}\n'


def test_the_ring_must_be_a_file(tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(BACKEND + "sts: {}\n")
    with pytest.raises(ConfigError, match=r"^sts\.ring: is not set, and each worker would seal sessions"):
        _load(config)
    assert script("make_ring", "ring.yaml", cwd=tmp_path).returncode == 0
    config.write_text(BACKEND + "sts: {ring: ring.yaml}\n")
    assert _load(config).sts is not None
