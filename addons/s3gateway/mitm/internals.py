"""Every use of mitmproxy's and asyncio's insides, each with its reason and with the test that goes red without it.

Nothing else in this project imports a name with an underscore from either, replaces anything of theirs, or reaches into
their objects. ``tests/mitm/test_internals.py`` says of each use what has to be there.
"""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import IO, Any

from mitmproxy import contentviews, ctx, io
from mitmproxy.addons import clientplayback
from mitmproxy.addons.termlog import TermLogHandler
from mitmproxy.connection import Client
from mitmproxy.flow import Flow
from mitmproxy.hooks import Hook
from mitmproxy.proxy.mode_servers import AsyncioServerInstance
from mitmproxy.proxy.mode_specs import ProxyMode

_FOR_EVER = 10**9
"""Seconds; some thirty years."""

GONE = "it has gone"
_LISTENING_TASK = "setup_servers"
_OURS = "of_s3gateway"
"""The mark of a function that stands in the place of mitmproxy's: a script that is loaded again finds it there."""


def take_transport(client: Client) -> tuple[asyncio.Transport, bytes, Callable[[], None]] | str:
    """Take a client's transport from mitmproxy, with what it has read already, and give a way to say that it has ended.

    Where that cannot be, give the reason; :data:`GONE` is the harmless one.

    From ``client_connected``, which mitmproxy awaits before it reads. Its handler gets a reader that nothing ever comes
    from. At the end of that one mitmproxy takes the client for gone, and its list of connections, its hooks and its
    shutdown stay true. The watchdog behind ``tcp_timeout`` sees no activity, so it gets a time that does not come:
    ``limits.*`` hold here. Tests: ``tests/mitm/test_handover.py``.
    """
    server = ctx.master.addons.get("proxyserver")
    handler = server.connections.get(client.id) if server is not None else None
    transports = handler.transports.get(client) if handler is not None else None
    if handler is None or transports is None:
        return "mitmproxy does not list it"
    reader, writer = transports.reader, transports.writer
    if not isinstance(reader, asyncio.StreamReader) or not isinstance(writer, asyncio.StreamWriter):
        return "it is no TCP connection"
    transport = writer.transport
    assert isinstance(transport, asyncio.Transport)  # noqa: S101 - StreamWriter's annotation says less
    if reader._eof or transport.is_closing():  # type: ignore[attr-defined]  # noqa: SLF001 - nobody is told again
        return GONE
    first = bytes(reader._buffer)  # type: ignore[attr-defined]  # noqa: SLF001 - asyncio gives no other way to look
    reader._buffer.clear()  # type: ignore[attr-defined]  # noqa: SLF001
    transports.reader = empty = asyncio.StreamReader()
    handler.timeout_watchdog.timeout = _FOR_EVER  # its other states are set anew when this hook is over
    return transport, first, lambda: _end(empty)


def _end(reader: asyncio.StreamReader) -> None:
    if not reader.at_eof():
        reader.feed_eof()


def fire_hooks_with(trigger: Callable[[Hook], Coroutine[Any, Any, None]]) -> None:
    """Have mitmproxy fire its hooks with ``trigger(hook)``: its own costs more than a small request.

    Tests: ``tests/mitm/test_firing.py``.
    """
    ctx.master.addons.trigger_event = trigger  # type: ignore[method-assign,assignment]


def withdraw_listeners() -> bool:
    """Cancel mitmproxy's first attempt to listen, which it begins before it loads scripts; True if there was one.

    It would listen as the command line says: a regular proxy on port 8080. For an ``https`` backend mitmproxy also
    listens for QUIC, whatever its ``http3`` option says: not here. Tests: ``tests/mitm/start/test_listeners.py``.
    """
    server = ctx.master.addons.get("proxyserver")
    if server is None or server.is_running:
        return False
    for mode in map(ProxyMode.parse, ctx.options.mode):  # cached: the servers are made from these very values
        object.__setattr__(mode, "transport_protocol", "tcp")
    for task in asyncio.all_tasks():
        if task.get_name().partition(" ")[0] == _LISTENING_TASK:  # under pytest mitmproxy adds the test's name
            task.cancel()
            server.servers._instances.clear()  # noqa: SLF001 - the attempt has put its servers there
    return True


def listen_with(listen: Callable[[Callable[..., Coroutine[Any, Any, None]]], list[Any]]) -> None:
    """Have mitmproxy listen by ``listen(handle_stream)``, which gives what has ``sockets`` and ``close()``.

    Its own binds by host and port, and a worker has sockets that its parent has bound. Tests:
    ``tests/serve/test_serving.py``.
    """

    async def on_given_sockets(self: AsyncioServerInstance[Any], _host: str, _port: int) -> list[Any]:
        return listen(self.handle_stream)

    AsyncioServerInstance.listen = on_given_sockets  # type: ignore[method-assign,assignment]


_ADD: dict[Any, Callable[[Any, Flow], None]] = {writer: writer.add for writer in (io.FlowWriter, io.FilteredFlowWriter)}


def wrap_writers(redacted: Callable[[Flow], Flow]) -> None:
    """Have mitmproxy's flow writers write what ``redacted`` gives: commands save flows that are still under way.

    Tests: ``tests/mitm/test_intercept.py``.
    """
    for writer, add in _ADD.items():
        writer.add = _writing(add, redacted)


def _writing(add: Callable[[Any, Flow], None], redacted: Callable[[Flow], Flow]) -> Callable[[Any, Flow], None]:
    def redact_and_add(self: Any, f: Flow) -> None:
        add(self, redacted(f))

    return redact_and_add


def replay_with(handler: Callable[..., Any]) -> None:
    """Have client replay send flows with ``handler(flow, options)`` and its ``replay()`` coroutine.

    mitmproxy's own builds an HTTP layer and connects by itself, past everything here. Tests:
    ``tests/mitm/watched/test_replay.py``.
    """
    clientplayback.ReplayHandler = handler  # type: ignore[assignment,misc]


def write_log_with[T](handler: TermLogHandler, kind: type[T], make: Callable[[IO[str]], T]) -> T:
    """Have mitmdump's log handler write to what ``make`` gives of its file, once; give that.

    The handler prints to its file and never flushes it, and a full disk ends in a traceback. Tests:
    ``tests/mitm/test_output.py``.
    """
    output: object = handler.file
    if not isinstance(output, kind):
        output = make(handler.file)
        handler.file = output  # type: ignore[assignment]  # it has what print asks for
    return output


type _Wrapper = Callable[[Callable[..., Any]], Callable[..., Any]]


def wrap_prettify(wrap: _Wrapper) -> None:
    """Replace what renders a message for mitmweb and the console: it does not ask views about a body that streamed.

    Tests: ``tests/real/test_web.py``.
    """
    _wrap(contentviews, "prettify_message", wrap)


def wrap_mitmwebs_flow(wrap: _Wrapper) -> None:
    """Replace what gives a flow to mitmweb's page, where that runs: the page looks for changes of a body only.

    Tests: ``tests/real/test_web.py``.
    """
    if "mitmproxy.tools.web.app" in sys.modules:  # under mitmdump and the console it would only cost memory
        _wrap(sys.modules["mitmproxy.tools.web.app"], "flow_to_json", wrap)


def wrap_consoles_content(wrap: _Wrapper) -> None:
    """Replace what shows a message in the console, where that runs: it asks no view about an empty one.

    Tests: ``tests/real/test_console.py``.
    """
    if "mitmproxy.tools.console.flowview" in sys.modules:  # as above
        _wrap(sys.modules["mitmproxy.tools.console.flowview"].FlowDetails, "content_view", wrap)


def wrap_loading(wrap: _Wrapper) -> None:
    """Replace what takes a flow from a file: in reverse mode it puts the backend's name into ``Host``, which is signed.

    Tests: ``tests/mitm/test_loaded_flows.py``.
    """
    _wrap(ctx.master, "load_flow", wrap)


def _wrap(owner: Any, name: str, wrap: _Wrapper) -> None:
    known = getattr(owner, name)
    if not hasattr(known, _OURS):
        ours = wrap(known)
        setattr(ours, _OURS, True)
        setattr(owner, name, ours)
