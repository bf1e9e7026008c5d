"""A web application of another origin: its page sends what a test says, and shows what it can read of the answer."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from selenium import webdriver

from tests.real.waiting import LIMIT

_PAGE = b"""<!doctype html>
<meta charset="utf-8"><title>An application</title>
<p id="status"></p><p id="etag"></p><p id="error"></p><pre id="body"></pre>
<script>
function show(name, text) { document.getElementById(name).textContent = text; }
async function send(url, method, headers, data) {
    for (const name of ["status", "etag", "error", "body"]) show(name, "");
    try {
        const answer = await fetch(url, {method, headers, body: data === null ? undefined : new Blob([data])});
        const body = await answer.text();
        const xml = new DOMParser().parseFromString(body, "application/xml");
        show("status", answer.status);
        show("etag", answer.headers.get("ETag"));
        show("error", xml.querySelector("Error > Code") ? xml.querySelector("Error > Code").textContent : "");
        show("body", body);
    } catch (problem) {
        show("status", problem);
    }
}
</script>
"""


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(_PAGE)))
        self.end_headers()
        self.wfile.write(_PAGE)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Stay silent."""


@contextmanager
def serving() -> Iterator[int]:
    """Serve the page on a port: as `http://127.0.0.1:port` and `http://localhost:port`, which are two origins."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Pages) as server:
        thread = threading.Thread(target=server.serve_forever, name="pages", daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join(LIMIT)


def send(
    driver: webdriver.Chrome,
    url: str,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    data: str | None = None,
) -> dict[str, str]:
    """Have the page send it, and give what it shows then."""
    call = f"send({json.dumps(url)}, {json.dumps(method)}, {json.dumps(headers or {})}, {json.dumps(data)})"
    driver.execute_async_script(f"const done = arguments[0]; {call}.then(done);")
    names = ("status", "etag", "error", "body")
    return {name: str(driver.execute_script(f"return document.getElementById('{name}').textContent")) for name in names}
