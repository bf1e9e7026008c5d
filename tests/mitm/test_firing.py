"""Hooks reach the addons that mitmproxy's own dispatch reaches, in its order."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from mitmproxy import exceptions
from mitmproxy.hooks import Hook, UpdateHook
from mitmproxy.test import taddons

from s3gateway.mitm import internals
from s3gateway.mitm.firing import Firing


class Listener:
    """Notes each ``update`` in ``seen``, and may raise."""

    def __init__(self, name: str, seen: list[str], raises: Exception | None = None) -> None:
        self.name = name
        self._seen = seen
        self._raises = raises

    def update(self, flows: object) -> None:
        self._seen.append(self.name)
        if self._raises is not None:
            raise self._raises


class Later(Listener):
    """A listener whose hook is a coroutine."""

    async def update(self, flows: object) -> None:  # type: ignore[override]  # mitmproxy takes either
        super().update(flows)


def _hook() -> Hook:
    return UpdateHook([])


async def _both(context: taddons.context, seen: list[str]) -> tuple[list[str], list[str]]:
    """What mitmproxy's own dispatch has reached, and what ours has."""
    await context.master.addons.trigger_event(_hook())
    theirs = seen[:]
    seen.clear()
    await Firing(context.master.addons).trigger(_hook())
    return theirs, seen[:]


@pytest.mark.parametrize("raised", [None, ValueError("no"), exceptions.AddonHalt()], ids=["well", "fault", "halt"])
async def test_as_mitmproxy_does(raised: Exception | None, caplog: pytest.LogCaptureFixture) -> None:
    """Addons below others too, coroutines and functions; a fault is logged and stops nobody, a halt stops the rest."""
    seen: list[str] = []
    script = SimpleNamespace(name="script", addons=[Listener("below", seen)])
    with taddons.context() as context:
        for addon in (Listener("first", seen), object(), script, Later("raises", seen, raised), Listener("last", seen)):
            context.master.addons.chain.append(addon)
        with caplog.at_level(logging.CRITICAL, "mitmproxy.addonmanager"):
            theirs, ours = await _both(context, seen)
    assert (
        theirs == ours == ["first", "below", "raises", *([] if isinstance(raised, exceptions.AddonHalt) else ["last"])]
    )


async def test_who_comes_and_goes() -> None:
    """An addon that comes later, one in another's place, and a script that was loaded anew."""
    seen: list[str] = []
    script: Any = SimpleNamespace(name="script", addons=[])
    with taddons.context() as context:
        chain = context.master.addons.chain
        chain[:] = [script, Listener("old", seen)]
        firing = Firing(context.master.addons)
        await firing.trigger(_hook())
        chain[1] = Listener("new", seen)
        script.addons = [Listener("below", seen)]
        await firing.trigger(_hook())
        chain.append(Listener("last", seen))
        await firing.trigger(_hook())
    assert seen == ["old", "below", "new", "below", "new", "last"]


async def test_mitmproxy_fires_with_it() -> None:
    """What mitmproxy's own parts fire goes the same way."""
    fired: list[Hook] = []

    async def trigger(event: Hook) -> None:
        fired.append(event)

    with taddons.context() as context:
        internals.fire_hooks_with(trigger)
        hook = _hook()
        await context.master.addons.handle_lifecycle(hook)
    assert fired == [hook]
