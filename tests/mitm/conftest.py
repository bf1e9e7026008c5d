"""Gateways with a copy of the addon's code, and a backend that only notes who comes."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from lab import CHECKOUT
from lab.certs import Certs
from lab.ports import free_port
from lab.recorder import Recorder
from tests.watched import WatchedGateway

ENTRY = CHECKOUT / "addons" / "s3_gateway.py"


class Nobody:
    """A backend that is down: what a recorder in front of it sees is all that was ever tried."""

    access_key, secret_key, region = "backend-key", "backend-secret-of-the-lab", "us-east-1"

    def __init__(self, certs: Certs) -> None:
        self.endpoint = f"https://127.0.0.1:{free_port()}"
        self.ca_file = certs.ca


@pytest.fixture
def unreached(certs: Certs) -> Iterator[Recorder]:
    """A recorder that must stay without connections."""
    with Recorder(Nobody(certs), certs) as relay:
        yield relay


class CopiedGateway(WatchedGateway):
    """A gateway that runs a copy of ``addons/``, which a test may break."""

    def __init__(self, config: dict[str, Any], addons: Path, **options: Any) -> None:
        super().__init__(config, **options)
        self.addons = addons

    def command(self) -> list[str]:
        return [str(self.addons / ENTRY.name) if part == str(ENTRY) else part for part in super().command()]


class Copies(Protocol):
    """Start gateways of a copy; ``patch`` is appended to the module ``of`` it (a path below ``s3gateway``)."""

    def __call__(self, config: dict[str, Any], of: str = "", patch: str = "", **options: Any) -> CopiedGateway:
        """Start it."""


@pytest.fixture
def copied_gateway(tmp_path: Path) -> Iterator[Copies]:
    with ExitStack() as running:

        def start(config: dict[str, Any], of: str = "", patch: str = "", **options: Any) -> CopiedGateway:
            addons = tmp_path / "addons"
            shutil.copytree(ENTRY.parent, addons, ignore=shutil.ignore_patterns("__pycache__"))
            if of:
                with (addons / "s3gateway" / of).open("a", encoding="utf-8") as file:
                    file.write(patch)
            return running.enter_context(CopiedGateway(config, addons, **options))

        yield start
