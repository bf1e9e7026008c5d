"""Call only the addons that have a hook: mitmproxy asks each of them at each of a request's eight hooks.

What :mod:`~s3gateway.mitm.start.idle_addons` leaves still takes a tenth of a small request's CPU. Who is called, in
which order and how is mitmproxy's as before. It leans on ``AddonManager.chain`` and
``trigger_event``; ``tests/mitm/test_dispatch.py`` pins them.
"""

from mitmproxy import exceptions, hooks
from mitmproxy.addonmanager import AddonManager, safecall


def ask_only_listeners(manager: AddonManager) -> None:
    """Have ``manager`` keep, for each hook, the part of its chain that may have it.

    An addon with ``addons`` of its own (a script, which may be loaded anew) always may. Any other has what it has when
    a hook is first triggered on a chain; one that gets a hook later must be added again.
    """
    _Dispatcher(manager)


class _Dispatcher:
    def __init__(self, manager: AddonManager) -> None:
        self._manager = manager
        self._chain: list[object] = []
        self._length = 0
        self._listeners: dict[str, list[object]] = {}
        manager.trigger_event = self.trigger_event  # type: ignore[method-assign]

    async def trigger_event(self, event: hooks.Hook) -> None:
        """Do as mitmproxy's own, for those who listen."""
        for addon in self._listening(event.name):
            try:
                with safecall():
                    await self._manager.invoke_addon(addon, event)
            except exceptions.AddonHalt:
                return

    def _listening(self, name: str) -> list[object]:
        chain = self._manager.chain
        if self._chain is not chain or self._length != len(chain):  # it is replaced, or appended to
            self._chain, self._length, self._listeners = chain, len(chain), {}
        if name not in self._listeners:
            self._listeners[name] = [addon for addon in chain if hasattr(addon, name) or hasattr(addon, "addons")]
        return self._listeners[name]
