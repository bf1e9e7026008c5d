"""Which of the gateway's own keys signs: a new one when the backend has taken it, another one when it is refused."""

import asyncio
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from s3gateway.config.gateway_yaml import parse
from s3gateway.config.model import Config
from s3gateway.signer import CredentialsError, CredentialSource, Signer
from s3gateway.wire import own_keys
from s3gateway.wire.own_keys import OwnKeys, TrialResult

TAKEN, REFUSED, UNKNOWN = TrialResult.TAKEN, TrialResult.REFUSED, TrialResult.UNKNOWN


def config(*names: str, host: str = "h", term: str = "") -> Config:
    keys = ", ".join(f"{{access_key_id: {name}, secret_access_key: s-{name}{term}}}" for name in names)
    given = f"{{keys: [{keys}]}}" if len(names) > 1 or term else keys
    text = f"backend: {{endpoint: 'https://{host}', credentials: {given}}}\n"
    return parse(text + "clients: [{name: a, access_key_id: K, secret_access_key: s}]", Path())


class Backend:
    """Says of each key what the test has it say; TAKEN of others."""

    def __init__(self, **verdicts: TrialResult) -> None:
        self.verdicts = verdicts
        self.asked: list[str] = []

    async def __call__(self, config: Config, signer: Signer) -> TrialResult:
        self.asked.append(name := signer._keys.access_key_id)
        await asyncio.sleep(0)
        return self.verdicts.get(name, TAKEN)


def using(first: Config, backend: Backend) -> OwnKeys:
    keys = OwnKeys(first, CredentialSource(first.credentials))
    keys.try_out = backend
    return keys


async def turn(keys: OwnKeys, new: Config) -> str:
    await keys.turn_to(new, CredentialSource(new.credentials))
    await keys.look()
    return keys.keys.access_key_id


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    now = loop.time() + seconds
    monkeypatch.setattr(loop, "time", lambda: now)


async def test_a_new_key_signs_once_it_is_taken(caplog: pytest.LogCaptureFixture) -> None:
    """And the log says so in one line."""
    backend = Backend()
    keys = using(config("OLD"), backend)
    told: list[str] = []
    keys.on_change = lambda: told.append(keys.keys.access_key_id)
    with caplog.at_level(logging.WARNING, "s3gateway"):
        assert await turn(keys, config("NEW")) == "NEW"
    assert (backend.asked, told) == (["NEW"], ["NEW"])
    assert [record.getMessage() for record in caplog.records] == ["backend credentials: NEW signs now, in place of OLD"]


@pytest.mark.parametrize("verdict", [REFUSED, UNKNOWN])
async def test_the_old_one_stays_until_then(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, verdict: TrialResult
) -> None:
    """It is tried again, though not at each look, and told of once."""
    backend = Backend(NEW=verdict)
    keys = using(config("OLD"), backend)
    assert await turn(keys, config("NEW")) == "OLD"
    await keys.look()
    assert backend.asked == ["NEW"]
    later(monkeypatch, own_keys.RETRY_SECONDS + 1)
    await keys.look()
    assert backend.asked == ["NEW", "NEW"]
    assert len(caplog.records) == 1
    assert "NEW is not used, as the backend" in caplog.text
    backend.verdicts.clear()
    later(monkeypatch, own_keys.RETRY_SECONDS + 1)
    await keys.look()
    assert keys.keys.access_key_id == "NEW"


async def test_another_backend_has_other_keys() -> None:
    """The old one would be of no use there."""
    backend = Backend(NEW=REFUSED)
    assert await turn(using(config("OLD"), backend), config("NEW", host="other")) == "NEW"
    assert backend.asked == []


async def test_a_refused_key_is_left_for_one_that_works(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Many requests find it out at the same time, and the backend is asked once; later the first is tried again."""
    backend = Backend(A=REFUSED)
    keys = using(config("A", "B"), backend)
    signer = keys.signer
    assert await asyncio.gather(*(keys.refused(signer) for _ in range(20))) == [True] * 20
    assert (keys.keys.access_key_id, backend.asked) == ("B", ["A", "B"])
    assert [record.getMessage() for record in caplog.records] == [
        "backend credentials: B signs now, A is refused there"
    ]
    await keys.look()
    assert keys.keys.access_key_id == "B"
    backend.verdicts.clear()
    later(monkeypatch, own_keys.RETRY_SECONDS + 1)
    await keys.look()
    assert keys.keys.access_key_id == "A"


async def test_one_that_works_is_not_left() -> None:
    """One odd answer says nothing of the key."""
    backend = Backend()
    keys = using(config("A", "B"), backend)
    assert await keys.refused(keys.signer) is False
    assert (keys.keys.access_key_id, backend.asked) == ("A", ["A"])


async def test_none_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of requests does not become a flood of trials."""
    backend = Backend(A=REFUSED, B=REFUSED)
    keys = using(config("A", "B"), backend)
    assert await asyncio.gather(*(keys.refused(keys.signer) for _ in range(20))) == [False] * 20
    assert backend.asked == ["A", "B"]


async def test_a_single_key_has_nothing_to_try() -> None:
    backend = Backend(A=REFUSED)
    keys = using(config("A"), backend)
    assert not keys.has_others
    assert await keys.refused(keys.signer) is False
    assert backend.asked == []


async def test_the_old_one_is_refused_before_the_new_one_was_taken() -> None:
    """Then the new one is tried at once."""
    backend = Backend(NEW=REFUSED)
    keys = using(config("OLD"), backend)
    await turn(keys, config("NEW"))
    backend.verdicts = {"OLD": REFUSED}
    assert await keys.refused(keys.signer) is True
    assert keys.keys.access_key_id == "NEW"


def test_none_counts_now() -> None:
    """At the start that is said in one line."""
    first = config("A", "B", term=", not_after: 2020-01-01")
    with pytest.raises(CredentialsError, match=r"^backend\.credentials\.keys: none of them counts now; add one"):
        OwnKeys(first, CredentialSource(first.credentials))


async def test_a_key_that_ends_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the next one that counts."""
    first = config("A", "B")
    keys = using(first, Backend())
    ended = config("A", "B").own_keys[1:]
    monkeypatch.setattr(keys, "_config", _with(first, ended))
    await keys.look()
    assert keys.keys.access_key_id == "B"


def _with(config: Config, keys: Any) -> Config:

    return replace(config, own_keys=keys)
