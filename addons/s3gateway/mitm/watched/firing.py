"""mitmproxy's hooks, fired for those addons alone that have them.

mitmproxy asks each of its forty addons for each hook, with a context manager and a coroutine for each: that was half of
what watching a small request cost. Order, faults and halts are mitmproxy's.
"""

from typing import Final

from mitmproxy import ctx, exceptions, http
from mitmproxy.addonmanager import safecall
from mitmproxy.hooks import Hook, UpdateHook


class Firing:
    """Fires hooks. It knows which addons have which, and asks anew when mitmproxy's chain of addons has changed."""

    def __init__(self) -> None:
        self._chain: Final[list[object]] = []
        self._listeners: Final[dict[str, list[object]]] = {}

    async def fire(self, hook: Hook, flow: http.HTTPFlow) -> None:
        """Have addons see ``hook``, and then that ``flow`` has changed, as ``AddonManager.handle_lifecycle`` does."""
        await self._trigger(hook)
        await self._trigger(UpdateHook([flow]))

    async def _trigger(self, hook: Hook) -> None:
        manager = ctx.master.addons
        for addon in self._who_has(hook.name, manager.chain):
            try:
                with safecall():
                    await manager.invoke_addon(addon, hook)
            except exceptions.AddonHalt:
                return

    def _who_has(self, name: str, chain: list[object]) -> list[object]:
        if self._chain != chain:
            self._chain[:] = chain
            self._listeners.clear()
        listeners = self._listeners.get(name)
        if listeners is None:
            listeners = self._listeners[name] = [one for one in chain if hasattr(one, name) or _is_loader(one)]
        return listeners


def _is_loader(addon: object) -> bool:
    """Whether there are addons below it, as a script's are: they come and go with the script."""
    return hasattr(addon, "addons")
