"""An OpenID provider over TLS, for as long as a `with` block: npm's oidc-provider, which is certified.

It gives tokens to machines (the client credentials grant, as JSON Web Tokens) and to people (an ID token).
"""

import http.cookiejar
import json
import os
import shutil
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlencode, urljoin, urlsplit

from lab import MissingPartError
from lab.cache import cache_dir, locked
from lab.certs import Certs
from lab.ports import accepts, free_port
from lab.process import Command, start
from lab.server import TlsServer

VERSION: Final = "9.13.3"
AUDIENCE: Final = "s3-gateway"
SUBJECT: Final = "system:serviceaccount:spark:job"
_SECRET: Final = "client-secret-of-the-lab"
_SECONDS: Final = 600
_SCRIPT: Final = Path(__file__).with_name("oidc_provider.mjs")
_MOST_REDIRECTS: Final = 10


class OidcProvider(TlsServer):
    """The provider on a free loopback port. Each start makes new keys. `claims` are in every token for a machine."""

    def __init__(
        self,
        certs: Certs,
        *,
        machines: Sequence[str] = (SUBJECT,),
        claims: Mapping[str, Any] | None = None,
        module: Path | None = None,
    ) -> None:
        super().__init__("oidc-provider", free_port(), certs)
        self._machines = list(machines)
        self._claims = dict(claims or {})
        self._module = module or oidc_provider()

    @property
    def issuer(self) -> str:
        """What `iss` says in its tokens."""
        return f"https://localhost:{self.port}"

    def section(self, **more: Any) -> dict[str, Any]:
        """An entry of the section `web_identity` of a gateway that trusts this provider."""
        usual = {"issuer": self.issuer, "audiences": [AUDIENCE], "subjects": ["*"], "ca_file": str(self.ca_file)}
        return usual | more

    def start(self) -> None:
        """Start, with new keys; return when it accepts connections."""
        node = _on_path("node")
        options = {
            "module": str(self._module),
            "issuer": self.issuer,
            "port": self.port,
            "certificate": str(self._certs.backend_certificate),
            "key": str(self._certs.backend_key),
            "secret": _SECRET,
            "audience": AUDIENCE,
            "machines": self._machines,
            "claims": self._claims,
        }
        env = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.folder)}
        command = Command("oidc-provider", [node, str(_SCRIPT), json.dumps(options)], self.log_path, env)
        self._process = start(command, lambda: accepts(self.port))

    def token(
        self, subject: str = SUBJECT, *, audience: str = AUDIENCE, algorithm: str = "RS256", seconds: int = 3600
    ) -> str:
        """A token for a machine: one of `machines`."""
        resource = f"https://lab.test/{algorithm}/{seconds}/{quote(audience, safe='')}"
        asked = {"grant_type": "client_credentials", "client_id": subject, "resource": resource}
        return str(self._ask_token(asked)["access_token"])

    def id_token(self, person: str) -> str:
        """The ID token of a person, who has logged in with a browser."""
        opener = self._opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        callback = f"{self.issuer}/callback"
        asked = {"client_id": AUDIENCE, "response_type": "code", "scope": "openid", "redirect_uri": callback}
        url = f"{self.issuer}/auth?{urlencode(asked | {'login_hint': person})}"
        for _ in range(_MOST_REDIRECTS):
            if url.startswith(callback):
                break
            url = urljoin(url, _location(opener, url))
        code = parse_qs(urlsplit(url).query)["code"][0]
        exchanged = {"grant_type": "authorization_code", "client_id": AUDIENCE, "code": code, "redirect_uri": callback}
        return str(self._ask_token(exchanged)["id_token"])

    def _ask_token(self, asked: Mapping[str, str]) -> dict[str, Any]:
        body = urlencode({**asked, "client_secret": _SECRET}).encode()
        with self._opener().open(f"{self.issuer}/token", data=body, timeout=_SECONDS) as answer:
            return dict(json.load(answer))

    def _opener(self, *handlers: urllib.request.BaseHandler) -> urllib.request.OpenerDirector:
        https = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(self.ca_file)))
        return urllib.request.build_opener(urllib.request.ProxyHandler({}), https, _NoRedirects(), *handlers)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow none."""


def _location(opener: urllib.request.OpenerDirector, url: str) -> str:
    try:
        opener.open(url, timeout=_SECONDS).close()
    except urllib.error.HTTPError as answer:
        location = answer.headers.get("Location")
        if location:
            return str(location)
        raise
    raise RuntimeError(f"the provider stays at {urlsplit(url).path}")


def oidc_provider() -> Path:
    """The module that node imports, in the cache. `MissingPartError` if npm is not there to fetch it."""
    folder = cache_dir("npm") / f"oidc-provider-{VERSION}"
    module = folder / "node_modules" / "oidc-provider" / "lib" / "index.js"
    with locked("oidc-provider"):
        if not module.exists():
            _on_path("node")
            npm = _on_path("npm")
            with tempfile.TemporaryDirectory(dir=cache_dir("npm")) as place:
                command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", place]
                got = subprocess.run(
                    [*command, f"oidc-provider@{VERSION}"],
                    cwd=place,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=_SECONDS,
                )
                if got.returncode:
                    raise MissingPartError(f"npm cannot fetch oidc-provider: {got.stderr.strip()[-200:]}")
                shutil.rmtree(folder, ignore_errors=True)
                shutil.move(place, folder)
                Path(place).mkdir()  # which the block removes
    return module


def _on_path(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise MissingPartError(f"the OpenID provider needs {name}: install Node.js 20 or later, with npm")
    return found
