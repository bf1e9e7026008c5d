"""scripts/setup: finds a Python wherever it hides, or says what is missing in one line; a second run just looks."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_SETUP = Path(__file__).resolve().parents[2] / "scripts" / "setup"
_SYSTEM_PATH = "/usr/bin:/bin"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the script and an empty lock: what is installed is pip's affair, where it goes is ours."""
    root = tmp_path / "a checkout"
    (root / "scripts").mkdir(parents=True)
    shutil.copy(_SETUP, root / "scripts" / "setup")
    (root / "requirements.lock").write_text("# empty\n")
    return root


def _setup(checkout: Path, path: str, **env: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": path, "HOME": str(checkout.parent)} | env
    command = [str(checkout / "scripts" / "setup")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def _shims(folder: Path) -> Path:
    """What a version manager leaves on PATH when no version is chosen: names that run and fail."""
    folder.mkdir()
    for name in ("python", "python3", "python3.12", "python3.13", "python3.14"):
        (folder / name).write_text('#!/bin/sh\necho "pyenv: $0: command not found" >&2\nexit 127\n')
        (folder / name).chmod(0o755)
    return folder


def _interpreter() -> str:
    return os.path.realpath(sys.executable)


def test_a_python_under_pyenv_is_found_behind_broken_shims(checkout: Path) -> None:
    version = checkout.parent / ".pyenv" / "versions" / "{}.{}.{}".format(*sys.version_info[:3]) / "bin"
    version.mkdir(parents=True)
    (version / "python3").symlink_to(_interpreter())
    shims = _shims(checkout.parent / "shims")

    first = _setup(checkout, f"{shims}:{_SYSTEM_PATH}")
    assert first.returncode == 0, first.stderr
    python = checkout / ".venv" / "bin" / "python"
    assert subprocess.run([python, "-c", "import sys; assert sys.version_info >= (3, 12)"], check=False).returncode == 0

    second = _setup(checkout, f"{shims}:{_SYSTEM_PATH}")
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")


def test_a_changed_lock_or_a_broken_environment_is_set_up_again(checkout: Path) -> None:
    for change in (lambda: None, lambda: (checkout / "requirements.lock").write_text("# another\n")):
        change()
        assert "ready" in _setup(checkout, _SYSTEM_PATH, PYTHON=_interpreter()).stderr
    python = checkout / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nonexistent")
    assert "ready" in _setup(checkout, _SYSTEM_PATH, PYTHON=_interpreter()).stderr


def test_a_python_that_does_not_run_is_named_in_one_line(checkout: Path) -> None:
    ended = _setup(checkout, _SYSTEM_PATH, PYTHON="/nonexistent/python3")
    assert ended.returncode == 1
    assert ended.stderr == "setup: PYTHON=/nonexistent/python3 is not a CPython >= 3.12 that runs\n"


def test_no_python_at_all_is_one_line(checkout: Path) -> None:
    """Only where the system itself has none, as its folders are searched too."""
    folders = [Path(folder) for folder in ("/usr/local/bin", "/usr/bin", "/opt/homebrew/bin")]
    folders += [folder / "bin" for folder in Path("/opt").glob("*")]
    new_enough = (3, 12), (3, 13), (3, 14)
    if any((folder / "python{}.{}".format(*version)).exists() for folder in folders for version in new_enough):
        pytest.skip("this system has a Python >= 3.12 of its own")
    shims = _shims(checkout.parent / "shims")
    ended = _setup(checkout, f"{shims}:{_SYSTEM_PATH}")
    assert ended.returncode == 1
    assert ended.stderr.startswith("setup: no Python >= 3.12 found")
    assert ended.stderr.count("\n") == 1
