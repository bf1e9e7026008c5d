"""What the scripts answer to a command line that they cannot use: one line, status 2, and nothing done yet."""

import re
import subprocess
from pathlib import Path

import pytest

from lab import CHECKOUT


def script(name: str, *arguments: str | Path, cwd: Path = CHECKOUT) -> subprocess.CompletedProcess[str]:
    """Run one as a user does."""
    command = [CHECKOUT / "scripts" / name, *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("name", ["make_env", "test"])
def test_shell_scripts_tell_what_they_do_and_do_nothing(tmp_path: Path, name: str) -> None:
    """Their help is the comment at their top; nothing is written, checked or run."""
    for option in ("-h", "--help"):
        ended = script(name, option, cwd=tmp_path)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert re.search(f"^  scripts/{name}", ended.stdout, re.MULTILINE)
        assert "#" not in ended.stdout
        assert "== " not in ended.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--force"], "--force is no option; for a file of that name give ./--force"),
        (["a", "b"], "one FILE at most; see --help"),
        (["."], ". is a folder; name a file"),
        (["absent/env"], "absent is no folder that can be written; make it, or name another file"),
    ],
)
def test_make_env_refuses(tmp_path: Path, arguments: list[str], told: str) -> None:
    ended = script("make_env", *arguments, cwd=tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", f"make_env: {told}\n")
    assert list(tmp_path.iterdir()) == []


def test_make_env_takes_a_name_with_a_dash_where_it_is_a_path(tmp_path: Path) -> None:
    assert script("make_env", "./-env", cwd=tmp_path).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["-env"]
