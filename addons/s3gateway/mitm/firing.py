"""mitmproxy's hooks, fired for those addons alone that have them.

mitmproxy asks each of its forty addons for each hook, with a context manager and a coroutine for each. That was a fifth
of a request on a connection of its own, and half of what watching a small request cost. Order, faults and halts are
mitmproxy's.
"""

from collections.abc import Sequence
from typing import Final

from mitmproxy import exceptions
from mitmproxy.addonmanager import AddonManager, safecall
from mitmproxy.hooks import Hook


class Firing:
    """Fires hooks of ``manager``. Which addons have which is asked anew when the chain of addons has changed."""

    def __init__(self, manager: AddonManager) -> None:
        self._manager = manager
        self._chain: Final[list[object]] = []
        self._listeners: Final[dict[str, Sequence[object]]] = {}

    async def trigger(self, event: Hook) -> None:
        """Have every addon see ``event``, as ``AddonManager.trigger_event`` does."""
        for addon in self._who_has(event.name):
            try:
                with safecall():
                    await self._manager.invoke_addon(addon, event)
            except exceptions.AddonHalt:
                return

    def _who_has(self, name: str) -> Sequence[object]:
        chain = self._manager.chain
        if self._chain != chain:
            self._chain[:] = chain
            self._listeners.clear()
        listeners = self._listeners.get(name)
        if listeners is None:
            listeners = self._listeners[name] = tuple(one for one in chain if hasattr(one, name) or _is_loader(one))
        return listeners


def _is_loader(addon: object) -> bool:
    """Whether there are addons below it, as a script's are: they come and go with the script."""
    return hasattr(addon, "addons")
