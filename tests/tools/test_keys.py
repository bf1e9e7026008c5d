"""`scripts/keys`: what it shows, and how it refuses."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from keylist.__main__ import main
from s3gateway.config.model import KeyPair
from s3gateway.rules.key_use import HOUR, Use
from s3gateway.sigv4.model import Secret
from s3gateway.wire import state_file
from tests.tools.conftest import Run, in_process

SECRET = "c4n4ry-s3cr3t"


@pytest.fixture
def keys(capsys: pytest.CaptureFixture[str]) -> Run:
    return in_process(main, capsys)


def write(folder: Path, state: bool = True, **entry: Any) -> Path:
    path = folder / "gateway.yaml"
    client = {"name": "spark", "access_key_id": "K", "secret_access_key": SECRET} | entry
    backend = {"endpoint": "https://h", "credentials": {"access_key_id": "a", "secret_access_key": "b"}}
    document = {"backend": backend, "clients": [client]} | ({"state": "state.json"} if state else {})
    path.write_text(json.dumps(document))
    return path


def end(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days, hours=1)).isoformat()


def used(folder: Path) -> None:
    """An hour ago, three times."""
    at = datetime.now(UTC).timestamp() - HOUR - 5
    state_file.add(folder / "state.json", [(KeyPair("K", Secret(SECRET)), Use(at, at, {int(at // HOUR): 3}))])


def test_nothing_to_do(keys: Run, tmp_path: Path) -> None:
    """The table, since when it counts, and 0."""
    used(tmp_path)
    status, out, _ = keys(write(tmp_path))
    heading, row, _, since = out.splitlines()
    assert status == 0
    assert heading.split("  ")[0] == "client"
    assert row.split() == ["spark", "K", "1", "of", "1", "valid", "1", "h", "1", "h", "ago", "3", "-"]
    assert since.startswith("counted since ")
    assert since.endswith(f" UTC in {tmp_path / 'state.json'}")


def test_a_key_that_ends(keys: Run, tmp_path: Path) -> None:
    """A warning, and 1; with fewer days ahead none."""
    path = write(tmp_path, not_after=end(9))
    status, out, _ = keys(path)
    assert status == 1
    assert "warning: client spark: access key K ends in 9 days, and no other one follows; add one" in out
    assert keys("--days", "5", path)[0] == 0


def test_json(keys: Run, tmp_path: Path) -> None:
    used(tmp_path)
    status, out, _ = keys(write(tmp_path, not_after=end(9)), "--json")
    document = json.loads(out)
    (key,) = document["keys"]
    assert status == 1
    assert (key["client"], key["access_key_id"], key["secret"], key["state"]) == ("spark", "K", 1, "valid")
    assert key["requests_last_day"] == 3
    assert round(key["days_left"]) == 9
    assert len(document["warnings"]) == 1
    assert SECRET not in out


@pytest.mark.parametrize(("state", "told"), [(True, "nothing is counted yet: "), (False, "nothing is counted: set")])
def test_without_a_state_file(keys: Run, tmp_path: Path, state: bool, told: str) -> None:
    status, out, _ = keys(write(tmp_path, state))
    assert (status, told in out) == (0, True)


def test_what_cannot_be_used(keys: Run, tmp_path: Path) -> None:
    """One line with the remedy, and 2."""
    path = write(tmp_path)
    (tmp_path / "state.json").write_text("{}")
    assert keys(path)[0::2] == (
        2,
        f"keys: state: '{tmp_path / 'state.json'}' is no state file of a gateway; name another file, or move it away\n",
    )
    path.write_text("clients: 1")
    assert keys(path)[0::2] == (2, "keys: clients: a value is not a list; start each entry of clients with '- '\n")
    assert keys(tmp_path / "none.yaml")[0] == 2
