"""live.py: a changed file counts once it has stopped changing, and what cannot be used leaves the old in force."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from s3gateway.config import gateway_yaml
from s3gateway.config.model import Config, KeyPair
from s3gateway.mitm.start.live import Live
from s3gateway.signer import CredentialsError, CredentialSource

HALF = """
backend: {endpoint: "https://h", credentials: {access_key_id: a, secret_access_key: b}}
clients: [{name: spark, access_key_id: K, secret_access_key: s}]
"""
WHOLE = HALF + "encryption: [{sse-s3: true}]\n"
MORE = HALF + "encryption: [{sse-s3: true}, {none: true}]\n"
BROKEN = HALF + "encryption: [{prefix: x/*, sse-s3: true}]\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.yaml"
    path.write_text(WHOLE)
    return path


def _rules_after(
    monkeypatch: pytest.MonkeyPatch, path: Path, contents: list[str], load: Callable[[], Config] | None = None
) -> list[int]:
    """Write each of these before a look at the files; how many encryption rules are in force after each look."""
    live = Live(load or (lambda: gateway_yaml.load(path)))
    waiting, seen = list(contents), []

    async def sleep(seconds: float) -> None:
        assert 2 * seconds <= 1
        if len(waiting) < len(contents):
            seen.append(len(live.current.config.encryption))
        if not waiting:
            raise asyncio.CancelledError
        path.write_text(waiting.pop(0))  # noqa: ASYNC240 - nothing else runs here

    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(live.watch(lambda _: None))
    return seen


def test_half_a_file_never_goes_live(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Truncated and written again in place: cut before ``encryption:`` it is valid, and would encrypt nothing."""
    assert _rules_after(monkeypatch, path, [HALF, "", HALF, MORE, MORE]) == [1, 1, 1, 1, 2]


def test_a_change_counts_at_the_second_look(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Which is within a second."""
    assert _rules_after(monkeypatch, path, [MORE, MORE, WHOLE, WHOLE]) == [1, 2, 2, 1]


def test_a_file_that_changes_while_it_is_read(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """What was read is not what was looked at; it is left, and read again when it rests."""
    reads = 0

    def load() -> Config:
        nonlocal reads
        reads += 1
        if reads == 2:
            path.write_text(HALF)
        return gateway_yaml.load(path)

    assert _rules_after(monkeypatch, path, [MORE, MORE, MORE, MORE], load) == [1, 1, 2, 2]


def test_what_is_broken_is_told_once(
    monkeypatch: pytest.MonkeyPatch, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And the old rules stay, until it is corrected, were it to what it was."""
    with caplog.at_level(logging.WARNING, logger="s3gateway"):
        assert _rules_after(monkeypatch, path, [BROKEN] * 4 + [WHOLE, WHOLE, MORE, MORE]) == [1] * 7 + [2]
    told = [record.getMessage() for record in caplog.records if "not reloaded" in record.getMessage()]
    assert len(told) == 1
    assert told[0].endswith("stays in force: encryption[0].prefix: 'x/*' is taken literally; write 'x/'")


def _errors_after(monkeypatch: pytest.MonkeyPatch, live: Live, fail: Callable[[], object], looks: int) -> None:
    """Have something fail before the first look, and look on."""
    seen = 0

    async def sleep(_: float) -> None:
        nonlocal seen
        if seen == 0:
            fail()
        elif seen > looks:
            raise asyncio.CancelledError
        seen += 1

    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(live.watch(lambda _: None))


def test_a_file_that_cannot_be_read_any_more_is_told_once(
    monkeypatch: pytest.MonkeyPatch, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By its key, as at the start, and temporary credentials are followed all the same."""
    secret = path.with_name("secret")
    secret.write_text("s")
    path.write_text(WHOLE.replace("secret_access_key: s}", "secret_access_key_file: secret}"))
    live = Live(lambda: gateway_yaml.load(path))
    good, asked = CredentialSource.current, list[CredentialSource]()

    def current(source: CredentialSource) -> KeyPair:
        asked.append(source)
        return good(source)

    monkeypatch.setattr(CredentialSource, "current", current)

    def fail() -> None:
        secret.unlink()
        secret.symlink_to("/proc/self/mem")  # a file that root cannot read either

    _errors_after(monkeypatch, live, fail, 5)
    (told,) = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert "the old one stays in force: clients[0].secret_access_key_file: cannot read" in told
    assert len(asked) == 5


def test_credentials_that_cannot_be_renewed_are_told_once(
    monkeypatch: pytest.MonkeyPatch, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not twice a second until they can; and again when they fail again."""
    live = Live(lambda: gateway_yaml.load(path))
    good = CredentialSource.current
    outcomes = iter([False, False, False, True, False, False])

    def current(source: CredentialSource) -> KeyPair:
        if next(outcomes):
            return good(source)
        raise CredentialsError("backend.credentials: CredentialRetrievalError")

    _errors_after(monkeypatch, live, lambda: monkeypatch.setattr(CredentialSource, "current", current), 5)
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(told) == 2
    assert all(line.endswith("backend.credentials: CredentialRetrievalError") for line in told)
