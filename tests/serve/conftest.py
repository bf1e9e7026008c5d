"""Several workers, real: a parent, its mitmdumps, and a backend that answers all alike."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import pytest

from lab.certs import Certs
from lab.fixed import Fixed
from lab.serving import Serving
from tests.canary import CANARY


class WatchedServing(Serving):
    """One whose log is searched for secrets when it stops."""

    def write_config(self, config: Any) -> None:
        CANARY.watch_config(config)
        super().write_config(config)

    def stop(self) -> None:
        super().stop()
        CANARY.check({"the log": self.log_path.read_bytes()})


class Start(Protocol):
    """Start one that stops with the test."""

    def __call__(self, config: dict[str, Any], **options: Any) -> WatchedServing:
        """Start it."""


@pytest.fixture
def serve() -> Iterator[Start]:
    with ExitStack() as running:
        yield lambda config, **options: running.enter_context(WatchedServing(config, **options))


@pytest.fixture(scope="session")
def fixed(certs: Certs) -> Iterator[Fixed]:
    """A backend that answers each GET with 1 KiB, and swallows each PUT."""
    with Fixed(certs) as server:
        yield server
