"""output.py under the real mitmdump: a log that is read as it is written, and one that cannot be written."""

import contextlib
import io
import os
from pathlib import Path
from typing import Any

import pytest

from lab.certs import Certs
from lab.gateway import gateway_config
from s3gateway.mitm.output import Output
from tests.conftest import GatewayFactory
from tests.mitm.conftest import Nobody
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import Target, sign
from tests.real.waiting import eventually
from tests.watched import WatchedGateway

LOST = "s3_gateway: standard output cannot be written ({}); lines are lost until it can"


@pytest.fixture
def config(certs: Certs) -> dict[str, Any]:
    return gateway_config(Nobody(certs))


class Redirected(WatchedGateway):
    """A gateway whose standard output is this file; ``log()`` has its standard error alone."""

    def __init__(self, config: dict[str, Any], output: Path) -> None:
        super().__init__(config, watched=False, env={"PYTHONUNBUFFERED": ""})
        self._output = output

    def command(self) -> list[str]:
        return ["sh", "-c", 'exec "$@" >"$0"', str(self._output), *super().command()]


def _ask(running: WatchedGateway) -> int:
    with Raw(running.port) as raw:
        return raw.ask(sign("GET", Target("bucket", "key")).head).status


def test_a_line_leaves_at_once(gateway: GatewayFactory, config: dict[str, Any]) -> None:
    """Where no terminal reads it, either: nobody may ask anything for hours after a configuration was refused."""
    running = gateway(config, watched=False, env={"PYTHONUNBUFFERED": ""})
    eventually(lambda: f"S3 gateway on 127.0.0.1:{running.port} " in running.log(), "where it listens is not told")
    running.write_config(config | {"clients": []})
    eventually(lambda: "configuration not reloaded" in running.log(), "a refused configuration is not told")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a file that is always full")
def test_a_full_disk_ends_nothing(config: dict[str, Any]) -> None:
    """Every answer is given; that its line is lost is told once, where there may be room."""
    with Redirected(config, Path("/dev/full")) as running:
        assert [_ask(running) for _ in range(3)] == [503] * 3
        eventually(lambda: LOST.format("No space left on device") in running.log(), running.log())
        assert [_ask(running) for _ in range(3)] == [503] * 3
        assert running.log().count("standard output") == 1, running.log()


def test_a_reader_that_is_started_anew(config: dict[str, Any], tmp_path: Path) -> None:
    """It goes on serving without one, and the next reads on in whole lines."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with Redirected(config, pipe) as running:
        assert _ask(running) == 503
        os.close(reader)
        assert [_ask(running) for _ in range(3)] == [503] * 3
        eventually(lambda: LOST.format("Broken pipe") in running.log(), running.log())
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        assert _ask(running) == 503
        eventually(lambda: "standard output is written again" in running.log(), running.log())
        read = bytearray()

        def has_the_line() -> bool:  # lines of requests wait a little for others, lines of events do not
            with contextlib.suppress(BlockingIOError):
                read.extend(os.read(reader, 1 << 20))
            return b'"status": 503' in read and read.endswith(b"\n")

        eventually(has_the_line)
    os.close(reader)
    lines = read.decode().splitlines()
    assert all(line.startswith(("{", "[")) for line in lines), lines


def test_many_lines_are_written_in_pieces_of_whole_ones() -> None:
    """Several workers write to one pipe, and the kernel keeps apart what is no longer than PIPE_BUF (pipe(7))."""
    written: list[str] = []

    class Pipe(io.StringIO):
        def write(self, text: str) -> int:
            written.append(text)
            return len(text)

    lines = [f"{number} {'x' * (number % 1000)}\n" for number in range(1000)]
    long = "y" * 10_000 + "\n"
    Output(Pipe()).write("".join(lines) + long)
    assert "".join(written) == "".join(lines) + long
    assert all(piece.endswith("\n") for piece in written)
    assert max(map(len, written[:-1])) <= 4096
    assert written[-1] == long
