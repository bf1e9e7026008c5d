"""Make mitmproxy listen where the configuration says, and only there.

mitmproxy begins to open its listeners one turn of the event loop before it loads scripts, so with the options of the
command line: a regular proxy on port 8080. That attempt is withdrawn here before it has bound a socket, and started
again once the options are set. It leans on a task's name and on ``Servers._instances``; should either go, the options
still take effect when mitmproxy is running, and ``tests/mitm/test_startup.py`` tells.
"""

import asyncio

from mitmproxy import ctx

_TASK = "setup_servers"


def withdraw_listeners() -> None:
    """Cancel mitmproxy's own attempt, if it is under way. Call it when the script loads."""
    server = ctx.master.addons.get("proxyserver")
    if server is None or server.is_running:
        return
    for task in asyncio.all_tasks():
        if task.get_name() == _TASK:
            task.cancel()
            server.servers._instances.clear()  # noqa: SLF001 - see above


async def open_listeners() -> None:
    """Listen as the options say. Call it when mitmproxy is running; its own error check ends it if a port is taken."""
    server = ctx.master.addons.get("proxyserver")
    if server is not None:
        await server.setup_servers()
