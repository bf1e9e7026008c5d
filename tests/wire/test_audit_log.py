"""Audit lines on their way to a file, a webhook and standard output: nothing waits for them, and losses are counted."""

import asyncio
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from s3gateway.config.observing import Audit, Webhook
from s3gateway.sigv4.model import Secret
from s3gateway.wire import audit_log, webhook
from s3gateway.wire.appending import append
from s3gateway.wire.audit_log import AuditLog
from tests.real.waiting import LIMIT


class Collector(ThreadingHTTPServer):
    """A webhook. ``statuses`` are its next answers, 200 after them; while ``hangs`` is set it answers nothing."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.statuses: list[int] = []
        self.goes_on = threading.Event()
        self.goes_on.set()

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for body in self.bodies for line in body.splitlines()]


class _Asked(BaseHTTPRequestHandler):
    server: Collector
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.goes_on.wait(LIMIT)
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        if status == 200:
            self.server.bodies.append(body)
        self.server.headers.append(dict(self.headers) | {"target": self.path})
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.goes_on.set()
        server.shutdown()
        thread.join(LIMIT)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_log, "_BATCH_SECONDS", 0.0)
    monkeypatch.setattr(audit_log, "_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(webhook, "_BATCH_SECONDS", 0.0)


def to(file: Path | None = None, *, required: bool = False, stdout: bool = False, hook: Webhook | None = None) -> Audit:
    return Audit(file, required, stdout, hook, "")


def at(collector: Collector, *, queue: int = 100, timeout: float = 60, token: str = "") -> Webhook:
    secret = Secret(token) if token else None
    return Webhook("http", "127.0.0.1", collector.server_address[1], "/audit?x=1", secret, None, queue, timeout)


async def until(look: Callable[[], object]) -> None:
    async with asyncio.timeout(LIMIT):
        while not look():  # noqa: ASYNC110 - what is looked at knows no event
            await asyncio.sleep(0.005)


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


async def test_a_file_that_is_moved_away(tmp_path: Path) -> None:
    """As logrotate does: what is written from then on is in a new one."""
    log, path = AuditLog(print), tmp_path / "audit"
    log.use(to(path))
    log.write('{"a": 1}\n')
    await until(lambda: text(path) == '{"a": 1}\n')
    assert path.stat().st_mode & 0o777 == 0o600
    path.rename(tmp_path / "audit.1")
    log.write('{"a": 2}\n')
    await until(lambda: text(path) == '{"a": 2}\n')
    log.write('{"a": 3}\n')
    log.stop()
    assert text(path) == '{"a": 2}\n{"a": 3}\n'
    assert log.lost == {}


async def test_a_full_disk(tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is told of once; lines wait, up to a bound, and the rest is lost and counted. Then it goes on."""
    monkeypatch.setattr(audit_log, "MOST_WAITING", 20)
    path = tmp_path / "audit"
    path.symlink_to("/dev/full")
    log = AuditLog(print)
    log.use(to(path))
    for number in range(5):
        log.write(f'{{"a": {number}}}\n')
    await until(lambda: "No space left on device" in caplog.text)
    await asyncio.sleep(0.05)
    assert caplog.text.count("cannot be written") == 1
    assert log.lost == {"file": 3}
    assert log.refusal() is None
    path.unlink()
    await until(lambda: text(path) == '{"a": 0}\n{"a": 1}\n')
    assert "is written again; 3 lines were lost" in caplog.text
    log.stop()


async def test_what_cannot_be_written_down_is_not_done(tmp_path: Path) -> None:
    """With ``audit.required``: every request is 503 until the file can be written, from the first one on."""
    path = tmp_path / "missing" / "audit"
    log = AuditLog(print)
    log.use(to(path, required=True))
    await until(lambda: log.problem)
    refusal = log.refusal()
    assert refusal is not None
    assert (refusal.status, refusal.code) == (503, "ServiceUnavailable")
    assert log.problem == "the audit log cannot be written (No such file or directory)"
    path.parent.mkdir()
    await until(lambda: not log.problem)
    assert log.refusal() is None
    log.stop()


async def test_a_webhook(collector: Collector) -> None:
    """Lines of JSON, several in one request over one connection, with the token."""
    log = AuditLog(print)
    log.use(to(hook=at(collector, queue=1000, token="Bearer s3cr3t")))
    for number in range(1000):
        log.write(f'{{"a": {number}}}\n')
    await until(lambda: len(collector.lines) == 1000)
    assert collector.lines == [{"a": number} for number in range(1000)]
    assert len(collector.bodies) < 50
    told = collector.headers[0]
    assert (told["Authorization"], told["Content-Type"]) == ("Bearer s3cr3t", "application/x-ndjson")
    assert told["target"] == "/audit?x=1"
    log.stop()


async def test_a_webhook_that_hangs(collector: Collector, caplog: pytest.LogCaptureFixture) -> None:
    """Stalls nobody: lines wait, the queue is bounded, what is lost is counted; it is told of once."""
    collector.goes_on.clear()
    log = AuditLog(print)
    log.use(to(hook=at(collector, queue=10, timeout=0.05)))
    for number in range(15):
        log.write(f'{{"a": {number}}}\n')
    assert log.lost == {"webhook": 5}
    await until(lambda: "did not answer within 0.05 s; up to 10 lines wait for it" in caplog.text)
    collector.goes_on.set()
    await until(lambda: "takes lines again; 5 were lost" in caplog.text)
    assert {"a": 9} in collector.lines
    log.stop()
    assert "s3cr3t" not in caplog.text


async def test_a_webhook_that_refuses(collector: Collector, caplog: pytest.LogCaptureFixture) -> None:
    """Of what it will never take it is asked once; anything else is tried again."""
    collector.statuses = [413]
    log = AuditLog(print)
    log.use(to(hook=at(collector)))
    log.write('{"a": 1}\n')
    await until(lambda: log.lost == {"webhook": 1})
    await until(lambda: "answered 413, and 1 lines are lost" in caplog.text)
    collector.statuses = [503]
    log.write('{"a": 2}\n')
    await until(lambda: collector.lines == [{"a": 2}])
    log.stop()


async def test_the_end_waits_for_a_moment(collector: Collector) -> None:
    """What is in the queue is posted; what hangs is lost and told."""
    log = AuditLog(print)
    log.use(to(hook=at(collector)))
    log.write('{"a": 1}\n')
    await asyncio.to_thread(log.stop)
    assert collector.lines == [{"a": 1}]


async def test_nobody_is_there(caplog: pytest.LogCaptureFixture) -> None:
    """Told with the address, and without what may be a token."""
    log = AuditLog(print)
    log.use(to(hook=Webhook("http", "127.0.0.1", 1, "/?token=s3cr3t", None, None, 10, 1)))
    log.write("{}\n")
    await until(lambda: "audit.webhook: http://127.0.0.1:1 Connection refused" in caplog.text)
    assert "s3cr3t" not in caplog.text
    log.use(None)


async def test_targets_come_and_go(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A reload keeps what it leaves as it was, and what was lost stays counted."""
    lines: list[str] = []
    log = AuditLog(lines.append)
    assert not log.is_on
    log.use(to(tmp_path / "one", stdout=True))
    log.write("{}\n")
    log.use(to(tmp_path / "two"))
    log.write("[]\n")
    log.stop()
    assert (text(tmp_path / "one"), text(tmp_path / "two"), lines) == ("{}\n", "[]\n", ["{}\n"])


def test_two_processes_append_to_one_file(tmp_path: Path) -> None:
    """A line of one is whole beside those of the other, and what one takes back is its own."""
    path = tmp_path / "audit"
    children = []
    for number in range(2):
        if not (child := os.fork()):
            for _ in range(200):
                append(path, (f"{number}" * 5000 + "\n").encode())
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    lines = path.read_text().splitlines()
    assert sorted(lines) == ["0" * 5000] * 200 + ["1" * 5000] * 200
