"""The fuzz target itself: a bounded run finds nothing, and finds what is there to be found."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import CHECKOUT
from tests.fuzz import framing
from tests.sigv4 import streams

HAS_WHEEL = sys.platform == "linux" and platform.machine() == "x86_64" and sys.version_info < (3, 14)
"""Where pyproject.toml asks for atheris; there it must be installed."""

needs_atheris = pytest.mark.skipif(
    not HAS_WHEEL, reason=f"atheris has no wheel for {sys.platform} {platform.machine()} Python {sys.version[:4]}"
)

BROKEN = """

_before = ChunkReader._on_header

def _on_header(self, line, events):
    if line.startswith(b"1001"):
        raise KeyError("planted")
    _before(self, line, events)

ChunkReader._on_header = _on_header
"""


def fuzzed(addons: Path, folder: Path, runs: int, reader: str = "aws-chunked") -> subprocess.CompletedProcess[str]:
    """Run the fuzzer on the code in ``addons``; a finding leaves its file in ``folder``."""
    command = [
        sys.executable,
        "-m",
        "tests.fuzz",
        "500",
        "--reader",
        reader,
        "--runs",
        str(runs),
        "--folder",
        str(folder),
    ]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (addons, CHECKOUT / "scripts", CHECKOUT)))}
    return subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, check=False, timeout=550)


@needs_atheris
@pytest.mark.parametrize("reader", ["aws-chunked", "http1"])
def test_some_thousand_inputs(tmp_path: Path, reader: str) -> None:
    """A bounded run of the fuzzer, from the seeds, ends without a finding."""
    ended = fuzzed(CHECKOUT / "addons", tmp_path, 4000, reader)
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert "Done 4000 runs" in ended.stderr
    assert not list(tmp_path.glob("crash-*"))


@needs_atheris
def test_a_planted_fault_is_found(tmp_path: Path) -> None:
    """A reader that raises something else for one chunk size does not get through."""
    shutil.copytree(CHECKOUT / "addons", tmp_path / "addons", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "addons/s3gateway/sigv4/chunk_reader.py").open("a") as file:
        file.write(BROKEN)
    ended = fuzzed(tmp_path / "addons", tmp_path, 400_000)
    assert ended.returncode != 0
    assert "KeyError: 'planted'" in ended.stdout + ended.stderr
    assert len(list(tmp_path.glob("crash-*"))) == 1


_pieces = st.lists(st.one_of(st.sampled_from(framing.TOKENS), st.binary(max_size=30)), max_size=20)


@given(st.integers(0, 255), _pieces)
def test_what_holds_for_the_fuzzer_holds_for_hypothesis(mode: int, pieces: list[bytes]) -> None:
    """Invariant: any bytes lead to events or one refusal, whatever the reads, and the events are the bytes."""
    framing.run(bytes((mode,)) + b"".join(pieces))


def test_the_seeds_are_bodies(tmp_path: Path) -> None:
    """Every seed is read to its end."""
    framing.write_corpus(tmp_path)
    seeds = [path.read_bytes() for path in tmp_path.iterdir()]
    assert len(seeds) == 2 * len(streams.FRAMED) + 1
    assert {framing._read(seed[0], seed[1:], 7)[1] for seed in seeds} == {"done"}
