"""A real Prometheus (Debian's) that scrapes what it is told to, once a second; and `promtool`."""

import json
import shutil
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, override

import yaml

from lab import CHECKOUT, debian
from lab.ports import accepts, free_port
from lab.process import Command, start
from lab.server import Server

RULES: Final = CHECKOUT / "scripts" / "deploy" / "prometheus"
SCRAPE_SECONDS: Final = 1

Series = list[tuple[dict[str, str], list[tuple[float, float]]]]
"""Each series' labels, and its points: seconds since the epoch, value."""


def prometheus() -> Path:
    """The server. `MissingPartError` if there is none."""
    return debian.program("prometheus", "usr/bin/prometheus", "prometheus")


def promtool() -> Path:
    """Its tool. `MissingPartError` if there is none."""
    return debian.program("prometheus", "usr/bin/promtool", "promtool")


class Prometheus(Server):
    """Scrapes `targets` (host:port) as job `s3gateway`, with the rules of scripts/deploy/prometheus."""

    def __init__(self, targets: Sequence[str]) -> None:
        super().__init__("prometheus", free_port())
        self._program = prometheus()
        self._targets = list(targets)

    @property
    def url(self) -> str:
        """`http://127.0.0.1:port`."""
        return f"http://127.0.0.1:{self.port}"

    @override
    def start(self) -> None:
        config = yaml.safe_load((RULES / "prometheus.yml").read_text(encoding="utf-8"))
        config["global"] = {"scrape_interval": f"{SCRAPE_SECONDS}s", "evaluation_interval": f"{SCRAPE_SECONDS}s"}
        config["scrape_configs"][0]["static_configs"] = [{"targets": self._targets}]
        shutil.copy(RULES / "alerts.yml", self.folder)
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        arguments = [str(self._program), f"--config.file={self.folder}/prometheus.yml"]
        arguments += [f"--storage.tsdb.path={self.folder}/data", f"--web.listen-address=127.0.0.1:{self.port}"]
        command = Command("prometheus", arguments, self.log_path, None, self.folder)
        self._process = start(command, lambda: accepts(self.port) and self._is_ready())

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The instant vector that an expression gives now."""
        found: list[dict[str, Any]] = self._ask("query", query=expression)["result"]
        return found

    def query_range(self, expression: str, begin: float, end: float, step: float = SCRAPE_SECONDS) -> Series:
        """The series that an expression gives in an interval, in seconds since the epoch."""
        found = self._ask("query_range", query=expression, start=str(begin), end=str(end), step=str(step))["result"]
        return [(one["metric"], [(at, float(value)) for at, value in one["values"]]) for one in found]

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that are pending or fire."""
        found: list[dict[str, Any]] = self._ask("alerts")["alerts"]
        return found

    def targets(self) -> list[dict[str, Any]]:
        """What is scraped, and how that goes."""
        found: list[dict[str, Any]] = self._ask("targets")["activeTargets"]
        return found

    def _ask(self, what: str, **parameters: str) -> Any:
        url = f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - our own
            return json.load(answer)["data"]

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=10) as answer:  # noqa: S310 - our own
                return bool(answer.status == 200)  # noqa: PLR2004
        except OSError:
            return False
