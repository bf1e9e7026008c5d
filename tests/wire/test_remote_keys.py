"""Access keys that somebody else knows: how often that somebody is asked, and what counts meanwhile."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from s3gateway.errors import S3Error
from s3gateway.identity.login import LDAP, Login
from s3gateway.sigv4.model import Secret
from s3gateway.wire.remote_keys import MOST_KEPT, USABLE_SECONDS, CannotAskError, Found, RemoteKeys, Terms

ROBOT = Found(Secret("secret"), Login(LDAP, "robot", "uid=robot"))


class Elsewhere:
    """Whoever knows the key ROBOT, with a clock."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.asked: list[str] = []
        self.known = {"ROBOT": ROBOT}
        self.is_down = False
        self.keys = RemoteKeys(self.ask, Terms(120, 30, 5), lambda: self.time)

    async def ask(self, access_key_id: str) -> Found | None:
        self.asked.append(access_key_id)
        await asyncio.sleep(0)
        if self.is_down:
            raise CannotAskError("it is down")
        return self.known.get(access_key_id)


@pytest.fixture
def elsewhere() -> Elsewhere:
    return Elsewhere()


async def refusal(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(S3Error) as caught:
        await call()  # type: ignore[misc]
    return caught.value.status, caught.value.code


async def test_an_answer_counts_for_a_while(elsewhere: Elsewhere) -> None:
    """That there is none counts for a shorter one."""
    for _ in range(3):
        assert await elsewhere.keys.find("ROBOT") is ROBOT
        assert await elsewhere.keys.find("NOBODY") is None
    assert elsewhere.asked == ["ROBOT", "NOBODY"]
    elsewhere.time += 30
    elsewhere.known["NOBODY"] = ROBOT
    assert await elsewhere.keys.find("NOBODY") is ROBOT
    elsewhere.time += 90
    del elsewhere.known["ROBOT"]
    assert await elsewhere.keys.find("ROBOT") is None
    assert elsewhere.asked == ["ROBOT", "NOBODY", "NOBODY", "ROBOT"]


async def test_many_who_ask_for_one_key_cost_one_question(elsewhere: Elsewhere) -> None:
    found = await asyncio.gather(*(elsewhere.keys.find("ROBOT") for _ in range(50)))
    assert found == [ROBOT] * 50
    assert elsewhere.asked == ["ROBOT"]


async def test_a_flood_of_random_keys(elsewhere: Elsewhere) -> None:
    """So many a second are asked for; the others are told to come back, and a key that is known is served."""
    await elsewhere.keys.find("ROBOT")
    told = [await elsewhere.keys.find(f"K{i}") for i in range(4)]
    assert told == [None] * 4
    for i in range(100):
        assert await refusal(lambda i=i: elsewhere.keys.find(f"L{i}")) == (503, "SlowDown")  # type: ignore[misc]
    assert len(elsewhere.asked) == 5
    assert await elsewhere.keys.find("ROBOT") is ROBOT
    elsewhere.time += 0.5
    assert [await elsewhere.keys.find(f"M{i}") for i in range(2)] == [None] * 2
    assert await refusal(lambda: elsewhere.keys.find("M2")) == (503, "SlowDown")


async def test_while_nobody_can_be_asked(elsewhere: Elsewhere, caplog: pytest.LogCaptureFixture) -> None:
    """The last good answer serves, for a bounded time; the log says so once."""
    await elsewhere.keys.find("ROBOT")
    elsewhere.is_down = True
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            elsewhere.time += 200
            assert await elsewhere.keys.find("ROBOT") is ROBOT
        assert await refusal(lambda: elsewhere.keys.find("OTHER")) == (503, "ServiceUnavailable")
    assert [record.message for record in caplog.records] == [
        "access keys cannot be looked up, those that were found serve for 3600 s: it is down"
    ]
    elsewhere.time += USABLE_SECONDS
    assert await refusal(lambda: elsewhere.keys.find("ROBOT")) == (503, "ServiceUnavailable")
    elsewhere.is_down = False
    assert await elsewhere.keys.find("ROBOT") is ROBOT


async def test_what_is_kept_is_bounded(elsewhere: Elsewhere) -> None:
    """Keys that nobody has push out no key that was found."""
    await elsewhere.keys.find("ROBOT")
    for i in range(MOST_KEPT + 10):
        elsewhere.time += 0.001
        elsewhere.keys._tokens = 5
        await elsewhere.keys.find(f"K{i}")
    assert len(elsewhere.keys._missing) == MOST_KEPT
    asked = len(elsewhere.asked)
    assert await elsewhere.keys.find("ROBOT") is ROBOT
    assert len(elsewhere.asked) == asked
