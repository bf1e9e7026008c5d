"""Runs the tools that fetch and build what the lab needs: Maven, Go, pip, apt."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab import MissingPartError


def run(
    command: Sequence[str], folder: Path, seconds: float, *, env: Mapping[str, str] | None = None, remedy: str = ""
) -> None:
    """Run one in `folder`; `env` is added to the environment.

    Raises `MissingPartError` with its last words, and the `remedy`, when it fails or takes longer than `seconds`.
    """
    name, advice = Path(command[0]).name, f": {remedy}" if remedy else ""
    try:
        ended = subprocess.run(
            command, cwd=folder, env=os.environ | dict(env or {}), stdin=subprocess.DEVNULL, capture_output=True,
            text=True, check=False, timeout=seconds,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise MissingPartError(f"{name} took more than {seconds:g} s{advice}") from None
    if ended.returncode:
        said = [line for line in (ended.stdout + ended.stderr).splitlines() if line.strip()]
        raise MissingPartError(f"{name} failed: {' | '.join(said[-3:])[:300]}{advice}")
