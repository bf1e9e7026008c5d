"""Where an issuer's keys come from: asked for when they are needed, kept, and never from anywhere else."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from lab.certs import Certs
from lab.oidc import SUBJECT, OidcProvider
from s3gateway.config.gateway_yaml import build
from s3gateway.identity.login import Login
from s3gateway.identity.sts import StsError
from s3gateway.sigv4.model import Secret
from s3gateway.wire.clock import Clock
from s3gateway.wire.issuers import RETRY_SECONDS, UNKNOWN_KID_SECONDS, USABLE_SECONDS
from s3gateway.wire.providers import Providers
from tests.identity.tokens import AUDIENCE, EC_KEY, jwk, jwks, token

WELL_KNOWN = "/.well-known/openid-configuration"


class Web:
    """An https server of a few documents, in this event loop. ``asked`` are the requests that came."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.heads: list[str] = []
        self.answers: dict[str, bytes] = {}
        self.port = 0

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def usual(self) -> None:
        """Be an issuer, with the keys of the tests' tokens."""
        self.say(WELL_KNOWN, json.dumps({"issuer": self.url, "jwks_uri": f"{self.url}/jwks"}).encode())
        self.say("/jwks", jwks())

    def say(self, path: str, body: bytes, status: str = "200 OK", more: str = "") -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
        self.answers[path] = head.encode() + body

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ")[1]
        self.asked.append(path)
        self.heads.append(head)
        answer = self.answers.get(path, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        if answer:
            writer.write(answer)
        else:
            await reader.read()
        writer.close()


@pytest.fixture
async def web(certs: Certs) -> AsyncIterator[Web]:
    web = Web()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certs.backend_certificate, certs.backend_key)
    server = await asyncio.start_server(web.serve, "127.0.0.1", 0, ssl=tls)
    web.port = server.sockets[0].getsockname()[1]
    web.usual()
    async with server:
        yield web


@asynccontextmanager
async def trusting(section: dict[str, Any]) -> AsyncIterator[Providers]:
    config = build({"backend": {"endpoint": "https://unused"}, "web_identity": [section]}, Path())
    clock = Clock(lambda _: None)
    providers = Providers(lambda: config, clock)
    try:
        yield providers
    finally:
        providers.stop()
        clock.stop()


def section(web: Web, certs: Certs, **more: Any) -> dict[str, Any]:
    usual = {"issuer": web.url, "audiences": [AUDIENCE], "subjects": ["*"], "ca_file": str(certs.ca)}
    return {name: value for name, value in (usual | more).items() if value is not None}


async def log_in(logins: Providers, text: str) -> Login:
    return await logins.with_token(Secret(text), None)


async def refusal(logins: Providers, text: str) -> tuple[int, str, str]:
    with pytest.raises(StsError) as caught:
        await log_in(logins, text)
    assert text not in str(caught.value) + caught.value.reason
    return caught.value.status, caught.value.code, caught.value.reason


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Move the event loop's clock on."""
    loop = asyncio.get_running_loop()
    base = loop.time
    monkeypatch.setattr(loop, "time", lambda: base() + seconds)


async def test_a_real_provider(oidc_provider: OidcProvider) -> None:
    """Tokens of each algorithm for a machine, and the ID token of a person."""
    async with trusting(oidc_provider.section(algorithms=["RS256", "ES256", "EdDSA"])) as logins:
        for algorithm in ("RS256", "ES256", "EdDSA"):
            login = await log_in(logins, oidc_provider.token(algorithm=algorithm))
            assert (login.source, login.subject) == (oidc_provider.issuer, SUBJECT)
        login = await log_in(logins, oidc_provider.id_token("alice"))
        assert (login.user, login.claims["department"]) == ("alice", "finance")
        told = await refusal(logins, oidc_provider.token(audience="somebody-else"))
        assert told[:2] == (400, "InvalidIdentityToken")


async def test_a_real_provider_that_changes_its_keys(certs: Certs, oidc_provider: OidcProvider) -> None:
    """New ones are asked for when the first token names one; a token of the old ones is refused from then on."""
    async with trusting(oidc_provider.section()) as logins:
        old = oidc_provider.token()
        await log_in(logins, old)
        oidc_provider.stop()
        await log_in(logins, old)
        oidc_provider.start()
        with pytest.MonkeyPatch.context() as patch:
            later(patch, UNKNOWN_KID_SECONDS)
            await log_in(logins, oidc_provider.token())
        assert (await refusal(logins, old))[1] == "InvalidIdentityToken"


async def test_keys_are_asked_for_once(web: Web, certs: Certs) -> None:
    """By many tokens at a time, too; and nothing is asked for before there is one."""
    async with trusting(section(web, certs)) as logins:
        assert web.asked == []
        tokens = [token(iss=web.url), token("ES256", "ec", iss=web.url), token(iss=web.url)]
        await asyncio.gather(*(log_in(logins, text) for text in tokens))
        await log_in(logins, tokens[0])
    assert web.asked == [WELL_KNOWN, "/jwks"]


@pytest.mark.parametrize(
    "more", [{"iss": "https://evil.test"}, {"aud": "x"}, {"exp": 1}, {"kid": None}, {"algorithm": "PS256"}]
)
async def test_nothing_is_asked_for_a_token_that_cannot_be_taken(web: Web, certs: Certs, more: dict[str, Any]) -> None:
    async with trusting(section(web, certs)) as logins:
        assert (await refusal(logins, token(**{"iss": web.url, **more})))[0] == 400
    assert web.asked == []


async def test_an_unknown_key_id_is_asked_for_at_a_bounded_rate(
    web: Web, certs: Certs, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trusting(section(web, certs)) as logins:
        await log_in(logins, token(iss=web.url))
        forged = [token(kid=f"kid-{i}", iss=web.url) for i in range(20)]
        for text in forged:
            assert (await refusal(logins, text))[1] == "InvalidIdentityToken"
        assert web.asked.count("/jwks") == 1
        later(monkeypatch, UNKNOWN_KID_SECONDS)
        web.say("/jwks", jwks(jwk(EC_KEY, "new")))
        await asyncio.gather(*(refusal(logins, text) for text in forged))
        assert web.asked.count("/jwks") == 2
        await log_in(logins, token("ES256", "new", iss=web.url))


async def test_known_keys_serve_while_the_issuer_is_down(
    web: Web, certs: Certs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a day; a key id that is not known then is a 503, for it may be a new one."""
    known, new = token(iss=web.url), token(kid="new", iss=web.url)
    async with trusting(section(web, certs)) as logins:
        await log_in(logins, known)
        web.answers.clear()
        later(monkeypatch, USABLE_SECONDS - 100)
        await log_in(logins, known)
        later(monkeypatch, RETRY_SECONDS)
        assert (await refusal(logins, new))[:2] == (503, "IDPCommunicationError")
        later(monkeypatch, 100)
        assert (await refusal(logins, known))[:2] == (503, "IDPCommunicationError")
        web.usual()
        assert (await refusal(logins, known))[:2] == (503, "IDPCommunicationError")
        later(monkeypatch, RETRY_SECONDS)
        await log_in(logins, known)


@pytest.mark.parametrize("path", [WELL_KNOWN, "/jwks"])
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
            "302, and no redirect is followed",
        ),
        (b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "answers 500"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n<html>no</html>", "is no"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{}", "ended midway"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b" " * 1_000_000, "too long"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000, "too long"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "no HTTP"),
    ],
    ids=["redirect", "500", "html", "cut", "long", "endless", "ssh"],
)
async def test_an_issuer_that_does_not_serve(web: Web, certs: Certs, path: str, answer: bytes, reason: str) -> None:
    """It is a 503 of AWS's kind. No redirect is followed, to the same host either."""
    web.answers[path] = answer
    web.say("/elsewhere", web.answers[WELL_KNOWN if path == WELL_KNOWN else "/jwks"])
    async with trusting(section(web, certs)) as logins:
        status, code, told = await refusal(logins, token(iss=web.url))
    assert (status, code) == (503, "IDPCommunicationError")
    assert reason in told
    assert "/elsewhere" not in web.asked


@pytest.mark.parametrize(
    ("issuer", "uri", "reason"),
    [
        ("https://other.test", "{url}/jwks", "another issuer's"),
        ("{url}", "https://127.0.0.1:{port}/jwks", "on another host"),
        ("{url}", "http://localhost:{port}/jwks", "on another host"),
        ("{url}", "https://localhost:1/jwks", "on another host"),
        ("{url}", "https://[bad/jwks", "on another host"),
        ("{url}", "7", "on another host"),
    ],
)
async def test_keys_of_another_host_are_not_asked_for(
    web: Web, certs: Certs, issuer: str, uri: str, reason: str
) -> None:
    """An issuer's document cannot send the gateway anywhere."""
    told = {"issuer": issuer.format(url=web.url), "jwks_uri": uri.format(url=web.url, port=web.port)}
    web.say(WELL_KNOWN, json.dumps(told).encode())
    async with trusting(section(web, certs)) as logins:
        assert reason in (await refusal(logins, token(iss=web.url)))[2]
    assert web.asked == [WELL_KNOWN]


async def test_where_the_keys_are_may_be_configured(web: Web, certs: Certs, tmp_path: Path) -> None:
    """As for Kubernetes, whose keys are at an address, and which wants a bearer token; the file is read each time."""
    bearer = tmp_path / "token"
    bearer.write_text("first\n")
    more = {"issuer": "https://kubernetes.default.svc", "jwks_uri": f"{web.url}/jwks", "token_file": str(bearer)}
    text = token(iss=more["issuer"])
    async with trusting(section(web, certs, **more)) as logins:
        await log_in(logins, text)
        assert "\r\nAuthorization: Bearer first\r\n" in web.heads[-1]
        bearer.write_text("")
        with pytest.MonkeyPatch.context() as patch:
            later(patch, UNKNOWN_KID_SECONDS)
            assert "holds no token" in (await refusal(logins, token(kid="new", iss=more["issuer"])))[2]
    assert web.asked == ["/jwks"]


async def test_keys_in_a_file(web: Web, certs: Certs, tmp_path: Path) -> None:
    """Nothing is asked for at all."""
    file = tmp_path / "jwks.json"
    file.write_bytes(jwks())
    async with trusting(section(web, certs, jwks_file=str(file), ca_file=None)) as logins:
        await log_in(logins, token(iss=web.url))
        assert (await refusal(logins, token(kid="new", iss=web.url)))[1] == "InvalidIdentityToken"
    assert web.asked == []


async def test_an_issuer_with_another_certificate(web: Web, certs: Certs) -> None:
    """The public CAs count where no other is named."""
    async with trusting(section(web, certs, ca_file=None)) as logins:
        assert "certificate is not trusted" in (await refusal(logins, token(iss=web.url)))[2]


async def test_an_issuer_that_says_nothing(web: Web, certs: Certs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits has an answer in time, and others are served meanwhile."""
    monkeypatch.setattr("s3gateway.wire.issuers._SECONDS", 0.2)
    web.answers["/jwks"] = b""
    async with trusting(section(web, certs)) as logins:
        waiting = asyncio.create_task(refusal(logins, token(iss=web.url)))
        assert (await refusal(logins, token(iss="https://evil.test")))[0] == 400
        assert not waiting.done()
        status, _, told = await waiting
    assert (status, "no answer within 0.2 s" in told) == (503, True)
