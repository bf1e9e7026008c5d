"""Flows that mitmproxy reads from a file are there to be looked at: nobody sends them, and they stay as stored."""

from pathlib import Path

import pytest

from capturing import sources
from lab.certs import Certs
from lab.gateway import gateway_config
from lab.recorder import Recorder
from tests.conftest import GatewayFactory
from tests.mitm.web import Web
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import CHUNK, Key, Target, put_chunked, sign
from tests.real.waiting import eventually
from tests.wire.scripted import Scripted


@pytest.fixture
def stored(gateway: GatewayFactory, certs: Certs, tmp_path: Path) -> Path:
    """A flow file of a download, a streamed upload, a refusal, and a request that the backend broke off."""
    path = tmp_path / "stored"
    with Scripted(certs) as backend:
        running = gateway(gateway_config(backend), arguments=["-w", str(path)])
        with Raw(running.port) as raw:
            assert raw.ask(sign("GET", Target("bucket", "k")).head).status == 200
        with Raw(running.port) as raw:
            assert raw.ask(put_chunked(Target("bucket", "k"), b"x" * CHUNK).wire, "PUT").status == 200
        with Raw(running.port) as raw:
            assert raw.ask(sign("GET", Target("bucket", "k"), key=Key(secret="wrong")).head).status == 403
        backend.play(lambda exchange: exchange.reset())
        with Raw(running.port) as raw:
            assert raw.ask(sign("GET", Target("bucket", "k")).head).status == 503
        eventually(lambda: running.log().count('"status"') == 4, running.log())
        running.stop()
    return path


def test_they_stay_as_they_were_stored(
    gateway: GatewayFactory, unreached: Recorder, stored: Path, tmp_path: Path
) -> None:
    """In mitmweb each shows its own answer and exchange; no line is logged, as no request was made."""
    captured = tmp_path / "captured.jsonl"
    config = gateway_config(unreached, log={"capture": str(captured), "format": "json"})
    running = gateway(config, program="mitmweb", arguments=["-r", str(stored)], watched=False)
    web = Web(running)
    flows = eventually(lambda: found if len(found := web.call("GET", "/flows")) == 4 else [])
    assert [(flow.get("response") or {}).get("status_code") for flow in flows] == [200, 200, 403, None]
    (tmp_path / "shown").write_bytes(web.dump().encode("latin-1"))
    assert sources.read(tmp_path / "shown") == sources.read(stored)
    running.stop()
    assert '"status"' not in running.log()
    assert captured.read_text() == ""
    assert unreached.connections() == []
