"""Somebody who knows keys: what `lookup.url` names, over TLS, in the protocol of trino's aws-proxy."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from lab.certs import Certs

Answer = tuple[int, bytes]


def key(access_key_id: str, secret: str, user: str = "alice", *groups: str, **more: object) -> Answer:
    """The answer that names a key."""
    emulated = {"accessKey": access_key_id, "secretKey": secret, **more}
    document = {"emulated": emulated, "identity": {"user": user, "groups": list(groups)}}
    return 200, json.dumps(document).encode()


@dataclass
class Portal:
    """What it answers to which key id, and what it was asked; ``otherwise`` is for all other ids."""

    url: str = ""
    keys: dict[str, Answer] = field(default_factory=dict)
    otherwise: Answer = (404, b"")
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    before: Callable[[], object] = lambda: None
    is_up: bool = True

    def answer(self, access_key_id: str) -> Answer:
        return self.keys.get(access_key_id, self.otherwise)


@contextmanager
def portal(certs: Certs) -> Iterator[Portal]:
    """Serve, for as long as the block."""
    state = Portal()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            access_key_id = unquote(urlsplit(self.path).path.rpartition("/")[2])
            state.asked.append(access_key_id)
            state.headers.append(dict(self.headers))
            state.before()
            if not state.is_up:
                self.close_connection = True
                return
            status, body = state.answer(access_key_id)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certs.backend_certificate, certs.backend_key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a gateway that hangs up
        state.url = f"https://127.0.0.1:{server.server_port}/v1/keys"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield state
        state.is_up = False  # for connections that are kept
        server.shutdown()
        thread.join()
