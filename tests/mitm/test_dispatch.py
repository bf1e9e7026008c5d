"""dispatch.ask_only_listeners: whoever mitmproxy would call is called, in its order, and nobody else is asked."""

import asyncio
import types
from collections.abc import Callable

import pytest
from mitmproxy import exceptions, hooks, options
from mitmproxy.addonmanager import AddonManager

from s3gateway.mitm.dispatch import ask_only_listeners

EVENT = hooks.RunningHook()

Said = list[str]


class Leaf:
    """An addon; with a ``running`` hook if it has something to say."""

    def __init__(self, name: str, running: Callable[[], object] | None = None) -> None:
        self.name = name
        if running is not None:
            self.running = running


class Parent(Leaf):
    """One that has others."""

    def __init__(self, name: str, addons: list[object]) -> None:
        super().__init__(name)
        self.addons = addons


def speaker(name: str, said: Said) -> Leaf:
    return Leaf(name, lambda: said.append(name))


def waiting(name: str, said: Said) -> Leaf:
    async def running() -> None:
        await asyncio.sleep(0)
        said.append(name)

    return Leaf(name, running)


def failing(name: str, error: Exception) -> Leaf:
    def running() -> None:
        raise error

    return Leaf(name, running)


def chain(said: Said) -> list[object]:
    """Of every kind, one behind the other."""
    module = types.ModuleType("module")
    module.running = lambda: said.append("module")  # type: ignore[attr-defined]
    return [
        speaker("a", said),
        Leaf("deaf"),
        failing("faulty", ValueError("boom")),
        waiting("b", said),
        Parent("parent", [Leaf("deaf child"), speaker("child", said)]),
        module,
        failing("last", exceptions.AddonHalt()),
        speaker("unreached", said),
    ]


def run(act: Callable[[AddonManager, Said], object], *, with_dispatch: bool) -> Said:
    """Fill a manager with the chain, do something to it, and trigger the hook three times."""
    said: Said = []

    async def go() -> None:
        master = types.SimpleNamespace(
            options=options.Options(), commands=types.SimpleNamespace(collect_commands=lambda _addon: None)
        )
        manager = AddonManager(master)
        manager.add(*chain(said))
        if with_dispatch:
            ask_only_listeners(manager)
        await manager.trigger_event(EVENT)
        act(manager, said)
        await manager.trigger_event(EVENT)
        await manager.trigger_event(EVENT)

    asyncio.run(go())
    return said


ACTS: dict[str, Callable[[AddonManager, Said], object]] = {
    "nothing": lambda _manager, _said: None,
    "remove": lambda manager, _said: manager.remove(manager.get("a")),
    "remove the one that halts": lambda manager, _said: manager.remove(manager.get("last")),
    "add": lambda manager, said: [manager.remove(manager.get("last")), manager.add(speaker("new", said))],
    "a script loaded anew": lambda manager, said: setattr(manager.get("parent"), "addons", [speaker("again", said)]),
    "clear": lambda manager, _said: manager.clear(),
}


@pytest.mark.parametrize("act", ACTS)
def test_who_is_called_is_mitmproxys_choice(act: str) -> None:
    """Whatever becomes of the chain, and whatever they raise."""
    told = run(ACTS[act], with_dispatch=True)
    assert told[:4] == ["a", "b", "child", "module"]
    assert told == run(ACTS[act], with_dispatch=False)


def test_the_deaf_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first time, invoke_addon comes to those alone who listen, or have others who may."""
    asked: Said = []
    own = AddonManager.invoke_addon

    async def invoke_addon(self: AddonManager, addon: Leaf, event: hooks.Hook) -> None:
        asked.append(getattr(addon, "name", "module"))
        await own(self, addon, event)

    monkeypatch.setattr(AddonManager, "invoke_addon", invoke_addon)
    run(ACTS["nothing"], with_dispatch=True)
    assert asked == ["a", "faulty", "b", "parent", "module", "last"] * 3
