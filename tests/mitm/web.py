"""mitmweb as its page drives it, and a client that waits while its request is held."""

import json
import threading
import urllib.request
from pathlib import Path
from typing import Any

from capturing import sources
from lab.gateway import WEB_PASSWORD, Gateway
from s3gateway.observed.capture import Exchange
from tests.real.rawhttp import Answer, Raw
from tests.real.waiting import eventually

_STILL_LIVE = "Can't replay live flow"


class Web:
    """mitmweb's own HTTP interface, as its page uses it."""

    def __init__(self, running: Gateway) -> None:
        self._running = running
        self._base = f"http://127.0.0.1:{running.web_port}"
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call(self, method: str, path: str, body: object = None) -> Any:
        text = self._ask(method, path, body)
        return json.loads(text) if text else None

    def _ask(self, method: str, path: str, body: object = None) -> bytes:
        token = "00" * 16  # tornado's guard wants the same in cookie and header
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {WEB_PASSWORD}",
            "Cookie": f"_mitmproxy_xsrf={token}",
            "X-XSRFToken": token,
        }
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data=data, method=method, headers=headers)
        with self._opener.open(request, timeout=120) as answer:
            return bytes(answer.read())

    def dump(self) -> str:
        """All flows as a flow file, in which every secret would stand as it is."""
        return self._ask("GET", "/flows/dump").decode("latin-1")

    def duplicate(self, flow_id: str) -> None:
        """Copy a flow; the answer is no JSON."""
        self._ask("POST", f"/flows/{flow_id}/duplicate", {})

    def replay(self, flow_id: str) -> None:
        """Press the button; again while mitmproxy is not quite done with the flow, which only its log tells."""

        def press() -> bool:
            refused = self._running.log().count(_STILL_LIVE)
            self._ask("POST", f"/flows/{flow_id}/replay", {})
            return self._running.log().count(_STILL_LIVE) == refused

        eventually(press, _STILL_LIVE)

    def exchange(self, path: Path) -> Exchange:
        """Save the one flow, as its page does, and read the exchange that it carries."""
        path.write_bytes(self._ask("GET", "/flows/dump"))
        (exchange,) = sources.read(path)
        return exchange

    def held(self) -> list[dict[str, Any]]:
        return [flow for flow in self.call("GET", "/flows") if flow["intercepted"]]


def ask(running: Gateway, request: bytes, answers: list[Answer]) -> threading.Thread:
    def ask() -> None:
        with Raw(running.port) as raw:
            answers.append(raw.ask(request))

    thread = threading.Thread(target=ask)
    thread.start()
    return thread
