"""What the gateway uses of mitmproxy's and asyncio's insides: each use has its shape here, and stands in one module.

Each test of the first part names what has to be there. When a release of mitmproxy changes it, the test says which use
no longer fits. The tests that internals.py names show at the wire what each use is for.
"""

import ast
import asyncio
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import CHECKOUT
from s3gateway.mitm import internals

ADDONS = CHECKOUT / "addons"
OWNER = "mitm/internals.py"
BOTOCORES = {"signer.py": ["calls setattr"]}
"""botocore stands in one module of its own; when it renews a session is not public (tests/real/test_rotation.py)."""

# Looked at in a process of its own: importing mitmweb and the console warns a lot.
LOOK = """
import inspect, json
from mitmproxy import addonmanager, contentviews, master
from mitmproxy.addons import clientplayback, proxyserver, termlog
from mitmproxy.io import FilteredFlowWriter, FlowWriter
from mitmproxy.proxy import mode_servers, mode_specs, server
from mitmproxy.proxy.layers import http as layers
from mitmproxy.test import tflow
from mitmproxy.tools.console import flowview
from mitmproxy.tools.web import app

def parameters(function):
    return [name for name in inspect.signature(function).parameters if name != "self"]

source = inspect.getsource
flow = tflow.tflow()
flow.backup()
mode = mode_specs.ProxyMode.parse("reverse:https://h:1")
handling = source(server.ConnectionHandler.handle_connection)
playing = source(clientplayback.ClientPlayback)
print(json.dumps({
    "take_transport": {
        "connections by id": isinstance(proxyserver.Proxyserver().connections, dict),
        "a connection's parts": list(server.ConnectionIO.__dataclass_fields__),
        "transports by connection": "transports" in server.ConnectionHandler.__annotations__,
        "read after the hook": source(server.ConnectionHandler.handle_client).index("ClientConnectedHook")
            < source(server.ConnectionHandler.handle_client).index("handle_connection"),
        "read from what is there then": "reader = self.transports[connection].reader" in handling,
        "ends with the reader": "await reader.read(" in handling,
        "the watchdog looks at this": "self.last_activity + self.timeout <" in source(server.TimeoutWatchdog.watch),
    },
    "fire_hooks_with": {
        "parameters": parameters(addonmanager.AddonManager.trigger_event),
        "connections go through it": "addons.handle_lifecycle(" in source(mode_servers),
        "flows go through it": "self.trigger_event(" in source(addonmanager.AddonManager.handle_lifecycle),
        "invoke_addon": parameters(addonmanager.AddonManager.invoke_addon),
    },
    "withdraw_listeners": {
        "a task's name": 'name="setup_servers"' in source(master.Master.run),
        "servers by mode": isinstance(proxyserver.Proxyserver().servers._instances, dict),
        "modes are cached": mode is mode_specs.ProxyMode.parse("reverse:https://h:1"),
        "a mode's protocols": mode.transport_protocol,
    },
    "listen_with": {
        "parameters": parameters(mode_servers.AsyncioServerInstance.listen),
        "listened through it": "self._servers = await self.listen(host, port)"
            in source(mode_servers.AsyncioServerInstance._start),
        "closed": "s.close()" in source(mode_servers.AsyncioServerInstance._stop),
        "addresses": "for sock in s.sockets" in source(mode_servers.AsyncioServerInstance.listen_addrs.fget),
        "a stream's parameters": parameters(mode_servers.ServerInstance.handle_stream),
    },
    "wrap_writers": [parameters(FlowWriter.add), parameters(FilteredFlowWriter.add)],
    "replay_with": {
        "parameters": parameters(clientplayback.ReplayHandler.__init__),
        "found by its name": "ReplayHandler(" in playing,
        "awaited": ".replay()" in playing,
    },
    "write_log_with": {
        "a handler's file": "file" in source(termlog.TermLogHandler.__init__),
        "printed to": "file=self.file" in source(termlog.TermLogHandler.emit),
    },
    "wrap_prettify": parameters(contentviews.prettify_message),
    "wrap_mitmwebs_flow": {
        "parameters": parameters(app.flow_to_json),
        "a hash that the page compares": "contentHash" in app.flow_to_json(flow)["request"],
    },
    "wrap_consoles_content": {
        "parameters": parameters(flowview.FlowDetails.content_view),
        "has its flow": isinstance(flowview.FlowDetails.flow, property),
    },
    "wrap_loading": {
        "parameters": parameters(master.Master.load_flow),
        "puts a name into Host": "f.request.host, f.request.port" in source(master.Master.load_flow),
        "tells the addons": "eventsequence.iterate(f)" in source(master.Master.load_flow),
    },
    "hooks": [parameters(getattr(layers, f"Http{name}Hook")) for name in (
        "RequestHeaders", "Request", "ResponseHeaders", "Response", "Error",
    )],
}))
"""

SHAPES = {
    "take_transport": {
        "connections by id": True,
        "a connection's parts": ["handler", "reader", "writer"],
        "transports by connection": True,
        "read after the hook": True,
        "read from what is there then": True,
        "ends with the reader": True,
        "the watchdog looks at this": True,
    },
    "fire_hooks_with": {
        "parameters": ["event"],
        "connections go through it": True,
        "flows go through it": True,
        "invoke_addon": ["addon", "event"],
    },
    "withdraw_listeners": {
        "a task's name": True,
        "servers by mode": True,
        "modes are cached": True,
        "a mode's protocols": "both",
    },
    "listen_with": {
        "parameters": ["host", "port"],
        "listened through it": True,
        "closed": True,
        "addresses": True,
        "a stream's parameters": ["reader", "writer"],
    },
    "wrap_writers": [["f"], ["f"]],
    "replay_with": {"parameters": ["flow", "options"], "found by its name": True, "awaited": True},
    "write_log_with": {"a handler's file": True, "printed to": True},
    "wrap_prettify": ["message", "flow", "view_name", "registry"],
    "wrap_mitmwebs_flow": {"parameters": ["flow"], "a hash that the page compares": True},
    "wrap_consoles_content": {"parameters": ["viewmode", "message"], "has its flow": True},
    "wrap_loading": {"parameters": ["f"], "puts a name into Host": True, "tells the addons": True},
    "hooks": [["flow"]] * 5,
}


@pytest.fixture(scope="module")
def found() -> dict[str, object]:
    env = dict(os.environ) | {"PYTHONWARNINGS": "ignore"}
    looked = subprocess.run([sys.executable, "-c", LOOK], env=env, capture_output=True, check=False, text=True)
    assert looked.returncode == 0, looked.stderr
    shapes: dict[str, object] = json.loads(looked.stdout)
    return shapes


@pytest.mark.parametrize("use", SHAPES)
def test_what_is_used_has_its_shape(found: dict[str, object], use: str) -> None:
    """Of each use, what it takes for granted."""
    assert found[use] == SHAPES[use]


async def test_a_streams_buffer_can_be_taken() -> None:
    """What a reader has received can be looked at and taken out; a new reader ends when it is told to."""
    reader = asyncio.StreamReader()
    reader.feed_data(b"first")
    assert bytes(reader._buffer) == b"first"  # type: ignore[attr-defined]
    reader._buffer.clear()  # type: ignore[attr-defined]
    assert not reader._eof  # type: ignore[attr-defined]
    reader.feed_eof()
    assert reader._eof  # type: ignore[attr-defined]
    assert await reader.read(1) == b""


def test_each_use_is_named_here_and_there_are_few() -> None:
    """Eleven; each says in which test it is seen to work, and that test is there."""
    uses = {name: use for name, use in vars(internals).items() if inspect.isfunction(use) and name[0] != "_"}
    assert set(uses) == set(SHAPES) - {"hooks"}
    assert len(uses) == 11
    for name, use in uses.items():
        named = [word.strip("`.") for word in (use.__doc__ or "").split() if word.startswith("``tests/")]
        assert named, name
        assert all((CHECKOUT / path).is_file() for path in named), name


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(ADDONS.rglob("*.py")):
        name = path.relative_to(ADDONS / "s3gateway" if "s3gateway" in path.parts else ADDONS).as_posix()
        yield name, ast.parse(path.read_text(encoding="utf-8"))


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def _is_theirs(module: str) -> bool:
    return module.partition(".")[0] in {"mitmproxy", "asyncio"}


def _uses(tree: ast.Module) -> Iterator[str]:
    """Every import of a private name of theirs, every touch of a private attribute, every name of theirs replaced."""
    theirs: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and _is_theirs(node.module or ""):
            theirs |= {alias.asname or alias.name for alias in node.names}
            parts = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            yield from (f"imports {node.module}: {part}" for part in parts if _is_private(part))
        elif isinstance(node, ast.Import):
            theirs |= {alias.asname or alias.name.partition(".")[0] for alias in node.names if _is_theirs(alias.name)}
            parts = [part for alias in node.names if _is_theirs(alias.name) for part in alias.name.split(".")]
            yield from (f"imports {part}" for part in parts if _is_private(part))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            base = node.value
            is_own = isinstance(base, ast.Name) and base.id in {"self", "cls", "before", "result"}
            is_own = is_own or (isinstance(base, ast.Call) and ast.unparse(base.func) == "super")
            if _is_private(node.attr) and not is_own:
                yield f"touches {node.attr}"
            if isinstance(node.ctx, ast.Store) and isinstance(base, ast.Name) and base.id in theirs:
                yield f"replaces {base.id}.{node.attr}"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setattr":
            yield "calls setattr"


@pytest.mark.parametrize(("name", "tree"), [pytest.param(*one, id=one[0]) for one in _modules() if one[0] != OWNER])
def test_no_other_module_uses_internals(name: str, tree: ast.Module) -> None:
    """Neither imports, nor touches, nor replaces what is not public."""
    assert list(_uses(tree)) == BOTOCORES.get(name, []), name


@pytest.mark.parametrize(
    "text",
    [
        "from mitmproxy.proxy.layers.http._hooks import HttpRequestHook",
        "import asyncio._sslproto",
        "from asyncio import _x",
        "flow._backup",
        "from mitmproxy import contentviews\ncontentviews.prettify_message = None",
        "setattr(a, 'b', 1)",
    ],
)
def test_the_search_finds(text: str) -> None:
    """Each way to reach inside."""
    assert list(_uses(ast.parse(text)))


def test_the_owner_is_there() -> None:
    """And it is what has the uses."""
    assert list(_uses(ast.parse((ADDONS / "s3gateway" / Path(OWNER)).read_text(encoding="utf-8"))))
