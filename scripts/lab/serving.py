"""The gateway in several processes, as `scripts/serve` starts it."""

import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from lab import CHECKOUT
from lab.gateway import Gateway
from lab.process import Command, start

_SERVING: Final = re.compile(r"workers \d+ \(pid ([\d, ]*)\)")


class Serving(Gateway):
    """A parent with `workers`, for as long as a `with` block. `before` stands before its command line."""

    def __init__(
        self, config: Mapping[str, Any], *, workers: int = 2, before: Sequence[str] = (), **options: Any
    ) -> None:
        super().__init__(config, **options)
        self._workers = workers
        self._before = tuple(before)

    def command(self) -> list[str]:
        """The command line."""
        serve = [sys.executable, "-P", "-m", "s3gateway.serve", "--workers", str(self._workers)]
        return [*self._before, *serve, "--set", f"confdir={self.folder}", *self._arguments, str(self.config_path)]

    def start(self) -> None:
        """Start; return when all workers serve."""
        self.write_config(self._config)
        ours = {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(CHECKOUT / "addons")}
        command = Command("serve", self.command(), self.log_path, dict(os.environ) | ours | self._env)
        self._process = start(command, lambda: "S3 gateway on" in self._read_log())

    def _read_log(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def pids(self) -> list[int]:
        """The workers that serve, as the log has last told it."""
        told = _SERVING.findall(self._read_log())
        return [int(pid) for pid in told[-1].split(", ")] if told and told[-1] else []

    def signal(self, number: signal.Signals) -> None:
        """Send it to the parent alone."""
        os.kill(self.pid, number)

    def wait(self, seconds: float) -> int:
        """The exit status, when it has ended by itself."""
        return self._running().wait(seconds)


def children(pid: int) -> list[int]:
    """The processes that a process has started and that have not ended."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [int(child) for child in found]
