"""Access keys that somebody else knows: how often whom is asked, and what counts meanwhile."""

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import replace

import pytest

from s3gateway import remote_client
from s3gateway.config.model import Client, Config
from s3gateway.errors import S3Error
from s3gateway.identity import remote_keys
from s3gateway.identity.login import LOOKUP, Login
from s3gateway.identity.remote_keys import CannotAskError, FoundKey, Terms
from s3gateway.sigv4.model import Secret
from s3gateway.wire.remote_keys import KeyProvider, RemoteKeys
from tests.admission import CONFIG

DOWN = (503, "ServiceUnavailable")
BUSY = (503, "SlowDown")


class Desk:
    """Somebody who knows keys."""

    def __init__(self, name: str, *keys: str) -> None:
        self.name = name
        self.keys = set(keys)
        self.asked: list[str] = []
        self.fails: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.terms = Terms(cache=120, negative_cache=30, last_good=3600, per_second=5)
        self.settings = name

    async def ask(self, access_key_id: str) -> FoundKey | None:
        self.asked.append(access_key_id)
        await self.gate.wait()
        if self.fails is not None:
            raise self.fails
        user = f"{access_key_id} of {self.name}"
        return FoundKey(Secret("secret"), Login(LOOKUP, user, user)) if access_key_id in self.keys else None


class Asking:
    """A gateway that asks these, with a clock. ``reload`` reads its configuration anew."""

    def __init__(self, *desks: Desk) -> None:
        self.time = 1000.0
        self.desks = desks
        self.config = CONFIG
        self.keys = RemoteKeys(lambda: self.config, self._providers, lambda: self.time)

    def _providers(self) -> tuple[KeyProvider, ...]:
        return tuple(
            KeyProvider(desk.name, f"{desk.name}.bound", desk.terms, desk.settings, desk.ask) for desk in self.desks
        )

    def reload(self) -> None:
        self.config = replace(CONFIG)

    async def who(self, access_key_id: str) -> str:
        """The client's name; empty for nobody. As an exchange asks."""
        known = self.keys.known(access_key_id, self.config)
        return name_in(known or await self.keys.find(access_key_id, self.config), access_key_id)

    async def all_of(self, *access_key_ids: str) -> list[str]:
        return [await self.who(access_key_id) for access_key_id in access_key_ids]


def name_in(config: Config, access_key_id: str) -> str:
    client = config.clients.get(access_key_id)
    return client.name if client is not None else ""


async def turns() -> None:
    """Let everything go on until it waits."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
def desk() -> Desk:
    return Desk("portal", "ROBOT")


@pytest.fixture
def asking(desk: Desk) -> Asking:
    return Asking(desk)


async def refusal(asked: Awaitable[object]) -> tuple[int, str]:
    with pytest.raises(S3Error) as caught:
        await asked
    return caught.value.status, caught.value.code


async def test_an_answer_counts_for_a_while(asking: Asking, desk: Desk) -> None:
    """That nobody has a key counts for a shorter one; a key that is taken back counts no longer than that."""
    assert await asking.all_of(*["ROBOT", "NOBODY"] * 3) == ["ROBOT of portal", ""] * 3
    assert desk.asked == ["ROBOT", "NOBODY"]
    asking.time += 30
    desk.keys = {"NOBODY"}
    assert await asking.all_of("ROBOT", "NOBODY") == ["ROBOT of portal", "NOBODY of portal"]
    asking.time += 90
    assert await asking.all_of("ROBOT") == [""]
    assert desk.asked == ["ROBOT", "NOBODY", "NOBODY", "ROBOT"]


async def test_the_client_is_made_once(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    """For one answer under one configuration."""
    made: list[Config] = []
    of_key = remote_client.of_key

    def note(access_key_id: str, found: FoundKey, config: Config) -> Client:
        made.append(config)
        return of_key(access_key_id, found, config)

    monkeypatch.setattr(remote_client, "of_key", note)
    await asking.all_of("ROBOT", "ROBOT")
    asking.reload()
    await asking.all_of("ROBOT", "ROBOT")
    assert [config is asking.config for config in made] == [False, True]


async def test_many_who_ask_for_one_key_cost_one_question(asking: Asking, desk: Desk) -> None:
    """Also where the one who asked first goes."""
    desk.gate.clear()
    waiting = [asyncio.create_task(asking.who("ROBOT")) for _ in range(50)]
    await turns()
    waiting[0].cancel()
    desk.gate.set()
    told = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(told[0], asyncio.CancelledError)
    assert told[1:] == ["ROBOT of portal"] * 49
    assert desk.asked == ["ROBOT"]


async def test_a_flood_of_random_keys(asking: Asking, desk: Desk) -> None:
    """So many a second are asked for, others are told to come back; who is known is served, and asked for again."""
    await asking.who("ROBOT")
    assert await asking.all_of(*(f"K{i}" for i in range(4))) == [""] * 4
    for i in range(100):
        assert await refusal(asking.who(f"L{i}")) == BUSY
    assert len(desk.asked) == 5
    asking.time += 0.5
    assert await asking.all_of("M0", "M1") == ["", ""]
    assert await refusal(asking.who("M2")) == BUSY
    asking.time += 120
    for i in range(5):
        await asking.who(f"N{i}")
    assert await refusal(asking.who("O")) == BUSY
    assert await asking.who("ROBOT") == "ROBOT of portal"
    assert desk.asked[-1] == "ROBOT"


async def test_a_slow_flood_keeps_no_known_key_waiting(asking: Asking, desk: Desk) -> None:
    """However many questions for random keys are open."""
    desk.terms = replace(desk.terms, per_second=200)
    await asking.who("ROBOT")
    asking.time += 120
    desk.gate.clear()
    flood = [asyncio.create_task(asking.who(f"K{i}")) for i in range(200)]
    await turns()
    again = asyncio.create_task(asking.who("ROBOT"))
    await turns()
    assert desk.asked[-1] == "ROBOT"
    desk.gate.set()
    assert (await again, await asyncio.gather(*flood)) == ("ROBOT of portal", [""] * 200)


async def test_more_known_keys_than_the_bound_allows(asking: Asking, desk: Desk) -> None:
    """Those that cannot be asked for again now count on."""
    for turn in range(2):
        desk.keys |= {f"K{turn}{i}" for i in range(5)}
        await asking.all_of(*(f"K{turn}{i}" for i in range(5)))
        asking.time += 1
    asking.time += 120
    known = sorted(desk.keys - {"ROBOT"})
    assert await asking.all_of(*known) == [f"{key} of portal" for key in known]
    assert desk.asked[10:] == known[:5]


async def test_while_nobody_can_be_asked(asking: Asking, desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """The last good answer counts, for a bounded time and without anybody waiting; the log says so."""
    await asking.who("ROBOT")
    asking.time += 120
    desk.fails = CannotAskError("it is down")
    with caplog.at_level(logging.WARNING):
        assert await asking.all_of("ROBOT", "ROBOT") == ["ROBOT of portal"] * 2
        assert await refusal(asking.who("OTHER")) == DOWN
        assert desk.asked == ["ROBOT"] * 2  # the rest was in the pause after that
        asking.time += 2
        desk.gate.clear()
        async with asyncio.timeout(60):
            assert await asking.who("ROBOT") == "ROBOT of portal"  # though the question has no answer yet
        await turns()
        assert desk.asked == ["ROBOT"] * 3
        asking.time += 3600
        desk.gate.set()
        assert await refusal(asking.who("ROBOT")) == DOWN
        asking.time += 2
        desk.fails = None
        assert await asking.who("ROBOT") == "ROBOT of portal"
    lines = "portal fails: it is down; keys that it named within 3600 s still count, others are answered 503"
    assert [record.message for record in caplog.records] == [lines, lines, "portal answers again"]


@pytest.mark.parametrize("error", [CannotAskError("it answered 500", is_down=False), ZeroDivisionError()], ids=repr)
async def test_an_odd_answer_is_about_one_key(asking: Asking, desk: Desk, error: Exception) -> None:
    """Strangers choose what is asked: the others are asked for at once, and it is not taken for nobody's."""
    desk.fails = error
    assert await refusal(asking.who("ODD")) == DOWN
    desk.fails = None
    assert await asking.all_of("ROBOT", "ODD") == ["ROBOT of portal", ""]


async def test_what_is_kept_is_bounded(asking: Asking, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that nobody has push out no key that was found."""
    monkeypatch.setattr(remote_keys, "MOST_KEPT", 3)
    await asking.who("ROBOT")
    for i in range(5):
        asking.time += 1
        await asking.who(f"K{i}")
    asked = len(desk.asked)
    assert await asking.all_of("ROBOT", "K4", "K3", "K2") == ["ROBOT of portal", "", "", ""]
    assert len(desk.asked) == asked
    await asking.who("K1")
    assert len(desk.asked) == asked + 1


async def test_two_are_asked_in_their_order() -> None:
    """The second one where the first has said that it does not have the key; who named one is asked first again."""
    first, second = Desk("first", "BOTH", "ONE"), Desk("second", "BOTH", "TWO")
    asking = Asking(first, second)
    keys = ("BOTH", "ONE", "TWO", "NOBODY")
    assert await asking.all_of(*keys) == ["BOTH of first", "ONE of first", "TWO of second", ""]
    assert (first.asked, second.asked) == (list(keys), ["TWO", "NOBODY"])
    asking.time += 120
    first.keys, second.keys = {"TWO"}, {"ONE"}
    assert await asking.all_of("ONE", "TWO") == ["ONE of second", "TWO of first"]
    assert (first.asked[4:], second.asked[2:]) == (["ONE", "TWO"], ["ONE", "TWO"])


async def test_the_second_does_not_speak_for_the_first() -> None:
    """While that is down, what the second has named counts, and nothing new does."""
    first, second = Desk("first"), Desk("second", "TWO", "NEW")
    asking = Asking(first, second)
    assert await asking.who("TWO") == "TWO of second"
    first.fails = CannotAskError("it is down")
    assert await refusal(asking.who("NEW")) == DOWN
    asking.time += 120
    assert await asking.who("TWO") == "TWO of second"
    assert (first.asked, second.asked) == (["TWO", "NEW"], ["TWO", "TWO"])


async def test_the_shorter_negative_cache_counts() -> None:
    first, second = Desk("first"), Desk("second")
    second.terms = replace(second.terms, negative_cache=10)
    asking = Asking(first, second)
    await asking.who("NEW")
    asking.time += 10
    second.keys.add("NEW")
    assert await asking.who("NEW") == "NEW of second"


async def test_a_reload_of_something_else_forgets_nothing(asking: Asking, desk: Desk) -> None:
    """One that asks of others does, and what these were still asked for is told to those who wait alone."""
    await asking.who("ROBOT")
    asking.reload()
    assert await asking.who("ROBOT") == "ROBOT of portal"
    assert desk.asked == ["ROBOT"]
    desk.gate.clear()
    waiting = asyncio.create_task(asking.who("NEW"))
    await turns()
    other = Desk("other", "NEW")
    asking.desks = (other,)
    asking.reload()
    assert await asking.all_of("ROBOT", "NEW") == ["", "NEW of other"]
    desk.gate.set()
    assert await waiting == ""
    assert await asking.who("NEW") == "NEW of other"


async def test_none_is_asked_any_more(asking: Asking, desk: Desk) -> None:
    """Who waits then is told."""
    desk.gate.clear()
    waiting = asyncio.create_task(asking.who("ROBOT"))
    await turns()
    asking.keys.stop()
    assert await refusal(waiting) == DOWN
    assert await refusal(asking.who("OTHER")) == DOWN
    assert desk.asked == ["ROBOT"]
