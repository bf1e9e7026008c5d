"""Flow files that end in the middle of a flow, because mitmproxy was killed: each script uses those before it."""

import json
from importlib import import_module
from io import BytesIO
from pathlib import Path

import pytest
from mitmproxy.io import FlowWriter
from mitmproxy.test.tflow import tflow

from replaying.stored import stored_bodies

Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def flows(tmp_path: Path) -> Path:
    """Two requests with their answers, and half of a third."""
    file = BytesIO()
    for _ in range(3):
        FlowWriter(file).add(tflow(resp=True))
    path = tmp_path / "flows"
    path.write_bytes(file.getvalue()[: len(file.getvalue()) * 5 // 6])
    return path


def call(capsys: Capsys, name: str, *arguments: object) -> tuple[int, str, str]:
    status = import_module(name).main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    return status, said.out, said.err


def told(flows: Path) -> str:
    return f"{flows}: ends in the middle of a flow; the 2 before it are used\n"


def test_capture_headers(flows: Path, capsys: Capsys) -> None:
    status, out, err = call(capsys, "capturing.__main__", flows)
    assert (status, err) == (0, told(flows))
    assert len(json.loads(out)["exchanges"]) == 2


def test_diff_headers(flows: Path, capsys: Capsys) -> None:
    status, out, err = call(capsys, "diffing.__main__", flows, flows, "--format", "json")
    assert (status, err) == (0, told(flows) * 2)
    assert len(json.loads(out)["requests"]) == 2


def test_explain(flows: Path, capsys: Capsys) -> None:
    status, out, err = call(capsys, "explaining.__main__", flows)
    assert (status, err) == (0, told(flows))
    assert "2 requests, not signed" in out


def test_replay_flows(flows: Path, tmp_path: Path, capsys: Capsys) -> None:
    """Offline, and the bodies that go out when it is online."""
    (tmp_path / "gateway.yaml").write_text("encryption: [{sse-s3: true}]")
    arguments = (flows, "--golden", tmp_path / "golden.json", "--config", tmp_path / "gateway.yaml", "--update")
    status, out, err = call(capsys, "replaying.__main__", *arguments)
    assert (status, err) == (0, told(flows))
    assert out.endswith("2 replayed, 2 differ, 0 not replayed\n")
    assert [bodies.request for bodies in stored_bodies(flows, 2)] == [b"content"] * 2
