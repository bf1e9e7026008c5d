"""The state file: shared, whole at any time, for its owner alone."""

import json
import multiprocessing
from pathlib import Path

import pytest

from s3gateway.config.check import ConfigError
from s3gateway.config.model import KeyPair
from s3gateway.rules.key_use import Use
from s3gateway.sigv4.model import Secret
from s3gateway.wire import state_file

KEYS = KeyPair("K", Secret("c4n4ry-s3cr3t"))
AT = 4_000_000_000.0  # far ahead, so that nothing is old


def _add(path: Path, times: int) -> None:
    for _ in range(times):
        state_file.add(path, [(KEYS, Use(AT, AT, {1_111_111: 1}))])


def test_it_is_its_owners_alone(tmp_path: Path) -> None:
    """Whatever the umask, and whatever it was before; no secret is in it."""
    path = tmp_path / "state.json"
    state_file.check(path)
    path.chmod(0o644)
    _add(path, 1)
    assert {one.name: one.stat().st_mode & 0o777 for one in tmp_path.iterdir()} == {
        "state.json": 0o600,
        "state.json.lock": 0o600,
    }
    assert b"c4n4ry" not in path.read_bytes()


def test_processes_add_up(tmp_path: Path) -> None:
    """What several write at a time is all there."""
    path = tmp_path / "state.json"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_add, args=(path, 20)) for _ in range(2)]
    for writer in writers:
        writer.start()
    _add(path, 20)
    for writer in writers:
        writer.join()
    found = state_file.add(path, []).use("K", KEYS.secret)
    assert found is not None
    assert found.hours == {1_111_111: 60}


@pytest.mark.parametrize("content", ["", "{", "{}", "[1]", "backend: {}", "[" * 100_000, "\udcff"])
def test_another_file_is_never_overwritten(tmp_path: Path, content: str) -> None:
    """As a path that names the configuration by mistake."""
    path = tmp_path / "gateway.yaml"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError, match=r"^state: .*gateway\.yaml' is no state file of a gateway; name another file"):
        state_file.add(path, [(KEYS, Use(AT, AT))])
    assert path.read_bytes() == content.encode("utf-8", "surrogateescape")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^state: cannot write .*No such file or directory\); make the folder"):
        state_file.check(tmp_path / "none" / "state.json")


def test_a_crash_leaves_the_old_one(tmp_path: Path) -> None:
    """What was written beside it and not renamed is in nobody's way."""
    path = tmp_path / "state.json"
    _add(path, 1)
    (tmp_path / "state.json.part").write_text("half")
    _add(path, 1)
    assert json.loads(path.read_text())["keys"]["K"].popitem()[1]["hours"] == {"1111111": 2}
