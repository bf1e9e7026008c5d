"""`scripts/explain --serve`: the page as a local one. Paste or drop, read; nothing is stored and nothing leaves here.

People paste secrets into it, and any page of the web can make a browser send requests to a port of this machine. So
it listens on loopback only, and answers only

* to its own name: ``Host`` is 127.0.0.1, localhost or [::1], with its port (a name that somebody has made to point
  here is another one);
* at an address with a token that only the terminal has shown;
* to what its own page or the reader's address line asks for (``Origin``, ``Sec-Fetch-Site``).

A page it gives may load nothing but its own style sheet and script. What is posted is held in memory until it is
answered.
"""

import hmac
import secrets
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from capturing.sources import find_in
from commandline import UsageError, reason, tell
from explaining import page
from explaining.posted import MOST, TooMuchError, posted
from explaining.report import gather
from pages.frame import STYLE, document
from s3gateway.code_location import code_location
from s3gateway.explain.judge import Judge
from s3gateway.observed.capture import CaptureError
from s3gateway.observed.printable import printable

_SCRIPT: Final = Path(__file__).with_name("drop.js")
_LINKS: Final = (
    '<link rel="icon" href="icon">\n<link rel="stylesheet" href="page.css">\n<script src="drop.js" defer></script>'
)
_FORM: Final = """\
<form class="paste" method="post" action="./" enctype="multipart/form-data" autocomplete="off">
<textarea name="text" aria-label="What you have" spellcheck="false" autofocus
 placeholder="Paste what you have: a request, a log, an S3 error, a presigned URL. Or drop a file."></textarea>
<div class="act"><button>Explain</button><input type="file" name="file" aria-label="A file">
<span>It stays on this machine, and is not stored.</span></div>
</form>"""
_HEADERS: Final = (
    ("Content-Security-Policy", "default-src 'self'"),
    ("Content-Security-Policy", "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"),
    ("Cache-Control", "no-store"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "same-origin"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
)
_OWN_SITES: Final = frozenset(("same-origin", "none"))
_PATIENCE: Final = 30.0  # seconds for a browser to send what it posts
_LOOK_SECONDS: Final = 0.1  # between looks whether it is to end


def serve(judge: Judge, port: int) -> int:
    """Serve until it is stopped. Raises :class:`~commandline.UsageError`."""
    with serving(judge, port) as address:
        tell(f"{address}\nOnly this machine can open it, nothing is stored; Ctrl-C ends it.\n")
        threading.Event().wait()
    return 0


@contextmanager
def serving(judge: Judge, port: int) -> Iterator[str]:
    """Serve meanwhile; gives the address. Raises :class:`~commandline.UsageError` if the port is taken."""
    token = secrets.token_urlsafe(24)
    answering = partial(_Answering, judge, token)
    try:
        first = _Server(("127.0.0.1", port), answering)
    except OSError as error:
        told = f"--port: cannot listen on {port} ({reason(error)}); give another, or leave it out"
        raise UsageError(told) from None
    servers = [first]
    with suppress(OSError):  # a machine without IPv6, or one where somebody else has the port
        servers.append(_Server6(("::1", first.server_port), answering))
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(_LOOK_SECONDS,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{first.server_port}/{token}/"
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - socketserver's
        """A browser that has gone is no news, and a traceback would show what was pasted."""
        sys.stderr.write(f"explain: a request was not answered ({type(sys.exception()).__name__})\n")


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Answering(BaseHTTPRequestHandler):
    """One connection, one request."""

    timeout = _PATIENCE
    server: _Server

    def __init__(self, judge: Judge, token: str, *arguments: object) -> None:
        self._judge = judge
        self._token = token
        super().__init__(*arguments)  # type: ignore[arg-type]  # socket, address and server, as they came

    def do_GET(self) -> None:
        """Give the empty page, or what it loads."""
        if (name := self._name()) is None:
            return
        match name:
            case "":
                welcome = ("<h1>scripts/explain</h1>", '<p class="verdict">Why was it refused?</p>', _FORM)
                self._page(document("Explain", welcome, kind="asking", links=_LINKS))
            case "page.css":
                self._give(STYLE.read_bytes(), "text/css")
            case "drop.js":
                self._give(_SCRIPT.read_bytes(), "text/javascript")
            case "icon":
                self._refuse(HTTPStatus.NO_CONTENT, "")
            case _:
                self._refuse(HTTPStatus.NOT_FOUND, "nothing is here")

    def do_POST(self) -> None:
        """Explain what was pasted or dropped."""
        if (name := self._name()) is None:
            return
        if name or self.headers.get("Origin") is None:
            self._refuse(HTTPStatus.FORBIDDEN, "only the page itself may post, to itself")
            return
        try:
            source, data = posted(self.headers.get("Content-Type", ""), self.headers.get("Content-Length"), self.rfile)
        except TooMuchError:
            self.close_connection = True
            told = f"more than {MOST >> 20} MiB; give the file to scripts/explain itself"
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, told)
            return
        except ValueError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
            return
        self._page(shown(source, data, self._judge))

    def _name(self) -> str | None:
        """Give what is asked for below the token; None if this must not be answered, and then it is refused."""
        host = f"{self.headers.get('Host')}"
        own = {f"{name}:{self.server.server_port}" for name in ("127.0.0.1", "localhost", "[::1]")}
        origin, site = self.headers.get("Origin"), self.headers.get("Sec-Fetch-Site", "none")
        if len(self.headers.get_all("Host", ())) != 1 or host not in own:
            self._refuse(HTTPStatus.FORBIDDEN, "Host is not this page's; open the address that the terminal shows")
        elif (origin is not None and origin != f"http://{host}") or site not in _OWN_SITES:
            self._refuse(HTTPStatus.FORBIDDEN, "another page asks; open the address that the terminal shows")
        else:
            _, token, *rest = (*self.path.split("/", 2), "")[:3]
            if len(self.path.split("/", 2)) == 3 and hmac.compare_digest(token.encode(), self._token.encode()):  # noqa: PLR2004
                return rest[0]
            self._refuse(HTTPStatus.NOT_FOUND, "the token is missing; open the address that the terminal shows")
        return None

    def _page(self, text: str) -> None:
        self._give(text.encode("utf-8", "backslashreplace"), "text/html; charset=utf-8")

    def _refuse(self, status: HTTPStatus, told: str) -> None:
        self._give(f"{told}\n".encode() if told else b"", "text/plain; charset=utf-8", status)

    def _give(self, content: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response_only(status)
        for name, value in _HEADERS:
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        """Say nothing: the address has the token, and nothing of what is asked is anybody's business."""


def shown(source: str, data: bytes, judge: Judge) -> str:
    """Explain this, or say why it cannot be read; the form stands above."""
    try:
        report = gather(source, find_in([data], printable(source)), judge)
    except CaptureError as error:
        return _failed(source, str(error))
    except Exception as error:  # noqa: BLE001 - whatever was pasted, the page goes on
        return _failed(source, f"this cannot be explained: {code_location(error)}")
    return document("Explained", [_FORM, *page.body(report)], kind=page.kind(report), links=_LINKS)


def _failed(source: str, told: str) -> str:
    lines = (f"<h1>{page.plain(source)}</h1>", f'<p class="verdict">{page.plain(told)}</p>')
    return document("Not explained", [_FORM, *lines], kind="bad", links=_LINKS)
