"""``log.capture`` of a running gateway: what is appended, to which file, and what happens if that does not work."""

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from capturing import sources
from lab.gateway import Gateway, gateway_config
from lab.recorder import Recorder
from s3gateway.observed.capture import dump_line, load
from tests.conftest import GatewayFactory
from tests.mitm.conftest import Nobody
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import Key, Target, sign
from tests.real.waiting import eventually, whole_lines


@dataclass
class Capturing:
    """A gateway before a backend that is down, and its configuration."""

    running: Gateway
    config: dict[str, Any]
    folder: Path

    def ask(self, key: str) -> None:
        with Raw(self.running.port) as raw:
            assert raw.ask(sign("GET", Target("bucket", key), key=Key(secret="wrong")).head).status == 403

    def reload(self, **log: str) -> None:
        done = self.running.log().count("configuration reloaded")
        self.running.write_config(self.config | {"log": self.config["log"] | log})
        eventually(lambda: self.running.log().count("configuration reloaded") > done)

    def keys(self, name: str) -> list[str]:
        text = whole_lines(self.folder / name)
        return [exchange.key for exchange in load(text)] if text else []


@pytest.fixture
def capturing(gateway: GatewayFactory, unreached: Recorder, tmp_path: Path) -> Capturing:
    config = gateway_config(unreached, log={"explain": False})  # which would be waited for
    return Capturing(gateway(config, arguments=["-w", str(tmp_path / "flows")]), config, tmp_path)


def test_switched_on_and_off(capturing: Capturing) -> None:
    """A reload switches to a file, to another, and off; each has what ended while it was named, and only that."""
    capturing.ask("before")
    for name in ("one", "two"):
        capturing.reload(capture=str(capturing.folder / name))
        eventually((capturing.folder / name).exists)
        capturing.ask(f"in-{name}")
        capturing.ask(f"also-in-{name}")
        eventually(lambda: len(capturing.keys(name)) == 2)  # noqa: B023 - called at once
    capturing.reload()
    capturing.ask("after")
    capturing.running.stop()
    assert capturing.keys("one") == ["in-one", "also-in-one"]
    assert capturing.keys("two") == ["in-two", "also-in-two"]
    assert stat.S_IMODE((capturing.folder / "one").stat().st_mode) == 0o600
    flows = {exchange.id: exchange for exchange in sources.read(capturing.folder / "flows")}
    assert len(flows) == 6
    for exchange in sources.read(capturing.folder / "one"):
        assert dump_line(exchange) == dump_line(flows[exchange.id])


def test_a_relative_name_is_beside_the_configuration(capturing: Capturing) -> None:
    """As every file name in the configuration."""
    capturing.reload(capture="beside.jsonl")
    eventually((capturing.running.folder / "beside.jsonl").exists)


def test_a_file_that_cannot_be_written(capturing: Capturing) -> None:
    """Said in one line, once; requests are served, and captured as soon as they can be."""
    path = capturing.folder / "missing" / "file"
    capturing.reload(capture=str(path))
    told = f"log.capture: {path} cannot be written (No such file or directory); exchanges are not captured until it can"
    eventually(lambda: told in capturing.running.log())
    capturing.ask("lost")
    capturing.ask("lost too")
    path.parent.mkdir()
    eventually(lambda: _asked(capturing) and "is written again" in capturing.running.log())
    eventually(lambda: "kept" in capturing.keys("missing/file"))
    assert capturing.running.log().count("cannot be written") == 1


def _asked(capturing: Capturing) -> bool:
    capturing.ask("kept")
    return True


def test_a_file_that_is_moved_away(capturing: Capturing) -> None:
    """As logrotate does: the next exchange begins a new file."""
    capturing.reload(capture=str(capturing.folder / "live"))
    capturing.ask("old")
    eventually(lambda: (capturing.folder / "live").exists() and capturing.keys("live"))
    (capturing.folder / "live").rename(capturing.folder / "live.1")
    capturing.ask("new")
    eventually(lambda: (capturing.folder / "live").exists() and capturing.keys("live"))
    assert (capturing.keys("live.1"), capturing.keys("live")) == (["old"], ["new"])


def test_without_a_flow_file(gateway: GatewayFactory, unreached: Recorder, tmp_path: Path) -> None:
    """``log.capture`` needs no ``-w``; what has ended is in the file when the gateway has stopped."""
    path = tmp_path / "live"
    running = gateway(gateway_config(unreached, log={"capture": str(path)}))
    eventually(path.exists)
    for number in range(20):
        with Raw(running.port) as raw:
            raw.ask(sign("GET", Target("bucket", f"k{number}")).head)
    running.stop()
    exchanges = sources.read(path)
    assert [exchange.key for exchange in exchanges] == [f"k{number}" for number in range(20)]
    assert {exchange.code for exchange in exchanges} == {"ServiceUnavailable"}
    assert all(exchange.outgoing for exchange in exchanges)
    assert Nobody.secret_key not in path.read_text()
