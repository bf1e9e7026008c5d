"""The keys of trusted issuers: fetched when a token needs them, kept, and asked for again at a bounded rate.

Nothing is fetched but from a configured issuer, or from the ``jwks_uri`` that is configured for it: no address that
stands in a token counts, and no redirect is followed.
"""

import asyncio
import json
import logging
import ssl
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import urlsplit

from s3gateway.code_location import code_location
from s3gateway.config.model import HTTPS_PORT
from s3gateway.identity import sts
from s3gateway.identity.issuer import WELL_KNOWN, Issuer
from s3gateway.identity.jwks import Jwk, JwksError, read_jwks
from s3gateway.identity.login import Login
from s3gateway.identity.web_identity import Presented, read_token, verify
from s3gateway.sigv4.model import Headers, Secret
from s3gateway.wire.fetch import FetchError, fetch

logger = logging.getLogger(__name__)

FRESH_SECONDS: Final = 3600.0
"""How long keys count before they are asked for again."""

USABLE_SECONDS: Final = 86_400.0
"""How long they count while the issuer cannot be asked."""

UNKNOWN_KID_SECONDS: Final = 30.0
"""A key id that nobody has is asked for once in so many seconds, however many tokens name one."""

RETRY_SECONDS: Final = 5.0
"""An issuer that could not be asked is asked again after so many seconds."""

_SECONDS: Final = 5.0
_MOST_BYTES: Final = 256 * 1024
_OK: Final = 200
_REDIRECTS: Final = range(300, 400)


class Issuers:
    """All trusted issuers. ``tls`` gives the context that verifies one's server."""

    def __init__(self, issuers: Iterable[Issuer], tls: Callable[[Issuer], ssl.SSLContext]) -> None:
        self._trusted = {issuer.url: issuer for issuer in issuers}
        self._keys = {issuer.url: KeySet(issuer, tls) for issuer in self._trusted.values()}

    async def with_token(self, token: Secret, role_arn: str | None) -> Login:
        """Log in with a web identity token. Raises :class:`~s3gateway.identity.sts.StsError`."""
        del role_arn  # any role that the token opens
        presented = read_token(token.reveal().decode(), self._trusted)
        return verify(presented, await self._keys[presented.issuer.url].keys(presented))

    def close(self) -> None:
        """Ask nothing any more."""
        for keys in self._keys.values():
            keys.close()


class KeySet:
    """The keys of one issuer."""

    def __init__(self, issuer: Issuer, tls: Callable[[Issuer], ssl.SSLContext]) -> None:
        self._issuer = issuer
        self._make_tls = tls
        self._tls: ssl.SSLContext | None = None
        self._keys: tuple[Jwk, ...] = issuer.jwks
        self._since = 0.0
        self._again = 0.0
        self._problem = ""
        self._asking: asyncio.Task[None] | None = None

    async def keys(self, presented: Presented) -> tuple[Jwk, ...]:
        """Give the keys, asked for anew where they are old or lack the one that the token names.

        Raises :class:`~s3gateway.identity.sts.StsError` where they cannot be had.
        """
        if self._is_due(presented) and (self._asking or _now() >= self._again):
            if self._asking is None:
                self._asking = asyncio.create_task(self._ask(), name="s3gateway issuer")
            await asyncio.wait([self._asking])  # which nobody ends by not waiting any more
        is_usable = self._has(presented) and _now() - self._since < USABLE_SECONDS
        if self._problem and not is_usable:
            raise sts.provider_unavailable(f"{self._issuer.url}: {self._problem}")
        return self._keys

    def close(self) -> None:
        """Ask nothing any more."""
        if self._asking is not None:
            self._problem = "the gateway asks no more"
            self._asking.cancel()

    def _is_due(self, presented: Presented) -> bool:
        if self._issuer.jwks:
            return False
        return not self._has(presented) or _now() - self._since >= FRESH_SECONDS

    def _has(self, presented: Presented) -> bool:
        return any(key.serves(presented.kid, presented.algorithm) for key in self._keys)

    async def _ask(self) -> None:
        """Ask for the keys, and keep them, or why there are none. Never raises."""
        try:
            self._keys = read_jwks(await self._get(self._issuer.jwks_uri or await self._discovered()))
        except FetchError as error:
            self._failed(str(error))
        except JwksError as error:
            self._failed(f"what it gives {error}")
        except Exception as error:  # noqa: BLE001 - whoever waits is refused, and nobody else
            self._failed(code_location(error))
        else:
            self._problem, self._since, self._again = "", _now(), _now() + UNKNOWN_KID_SECONDS
        finally:
            self._asking = None

    def _failed(self, problem: str) -> None:
        self._problem, self._again = problem, _now() + RETRY_SECONDS
        logger.warning("no keys of the issuer %s: %s", self._issuer.url, problem)

    async def _discovered(self) -> str:
        """Ask the issuer where its keys are (OpenID Connect Discovery 1.0 §4.3)."""
        document = await self._get(self._issuer.url.removesuffix("/") + WELL_KNOWN)
        try:
            told = json.loads(document)
            issuer, uri = told["issuer"], told["jwks_uri"]
        except (ValueError, TypeError, LookupError, RecursionError):
            raise FetchError("its configuration is no document of OpenID Connect") from None
        if issuer != self._issuer.url:
            raise FetchError("its configuration is another issuer's")
        if not isinstance(uri, str) or _origin(uri) != _origin(self._issuer.url):
            raise FetchError("its keys are on another host; set web_identity[].jwks_uri if that is right")
        return uri

    async def _get(self, url: str) -> bytes:
        if self._tls is None:  # to read all public CAs takes longer than others should wait
            self._tls = await asyncio.to_thread(self._make_tls, self._issuer)
        fetched = await fetch(url, self._tls, await self._bearer(), most=_MOST_BYTES, seconds=_SECONDS)
        if fetched.status in _REDIRECTS:
            raise FetchError(f"{url} answers {fetched.status}, and no redirect is followed")
        if fetched.status != _OK:
            raise FetchError(f"{url} answers {fetched.status}")
        return fetched.body

    async def _bearer(self) -> Headers:
        """Read the bearer token anew each time: Kubernetes replaces it within the hour."""
        path = self._issuer.token_file
        if path is None:
            return ()
        try:
            token = (await asyncio.to_thread(path.read_bytes)).strip()
        except OSError:
            raise FetchError("web_identity[].token_file cannot be read") from None
        if not token or not token.isascii() or len(token.split()) != 1:
            raise FetchError("web_identity[].token_file holds no token")
        return ((b"Authorization", b"Bearer " + token),)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _origin(url: str) -> tuple[str, str | None, int] | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    return parts.scheme, parts.hostname, port or HTTPS_PORT
