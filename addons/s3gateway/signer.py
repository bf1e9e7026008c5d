"""The gateway's own signature, by botocore. The only module that imports botocore.

botocore's S3 signer assumes that it also built the request. Here the client did, so a subclass changes what does not
hold: the payload hash is the client's, targets are canonicalised from their wire form, header pairs keep order and
number, and the gateway decides which headers are signed. Key derivation, scope, string to sign and ``Authorization``
stay botocore's.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from types import SimpleNamespace

import botocore.session
from botocore.auth import S3SigV4Auth
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import BotoCoreError

from s3gateway.config import Chain, KeyPair
from s3gateway.rules.headers import replaced
from s3gateway.sigv4 import canonical
from s3gateway.sigv4.model import SERVICE, CredentialScope, Headers, RequestHead, Secret, Signature

# At DEBUG botocore logs canonical requests, and those hold session tokens and SSE-C keys.
logging.getLogger("botocore").setLevel(logging.WARNING)


class CredentialsError(Exception):
    """botocore's chain has no credentials; the message says where it looked."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed head, and what a chunk chain under the gateway's key starts from."""

    headers: Headers
    signed_headers: tuple[bytes, ...]
    seed: Signature
    scope: CredentialScope
    timestamp: str

    def __repr__(self) -> str:
        """Leave out headers and signature."""
        return f"Signed({self.scope!s}, {self.timestamp})"


class Signer:
    """Signs heads with one set of credentials for one region."""

    def __init__(self, keys: KeyPair, region: str) -> None:
        self._keys = keys
        self._region = region
        token = keys.session_token.reveal().decode() if keys.session_token else None
        self._credentials = Credentials(keys.access_key_id, keys.secret.reveal().decode(), token)

    def __repr__(self) -> str:
        return f"Signer({self._region!r})"

    @property
    def session_token(self) -> Secret | None:
        """The token that must travel with every request, if the credentials are temporary."""
        return self._keys.session_token

    def sign(
        self, head: RequestHead, signed_headers: Iterable[bytes], payload: str, target: tuple[str, str], now: datetime
    ) -> Signed:
        """Put ``X-Amz-Date`` and ``Authorization`` on ``head``; ``signed_headers`` are lower-case and on the wire.

        ``target`` is the canonical (URI, query), ``payload`` the text that stands for the body, ``now`` is
        timezone-aware.
        """
        timestamp = f"{now:%Y%m%dT%H%M%SZ}"
        dated = RequestHead(head.method, head.target, replaced(head.headers, b"X-Amz-Date", timestamp.encode()))
        names = tuple(sorted({*signed_headers, b"host", b"x-amz-date"}))
        auth = _RawHeadAuth(self._credentials, SERVICE, self._region, dated, names, payload, target)
        request = SimpleNamespace(context={"timestamp": timestamp}, headers={})
        auth.add_auth(request)
        headers = replaced(dated.headers, b"Authorization", request.headers["Authorization"].encode())
        seed = Signature(request.headers["Authorization"].rpartition("Signature=")[2])
        return Signed(headers, names, seed, CredentialScope(timestamp[:8], self._region), timestamp)

    def signing_key(self, scope: CredentialScope) -> bytes:
        """Derive the key of a chunk chain; cached for the day."""
        return canonical.signing_key(self._keys.secret, scope)


class _RawHeadAuth(S3SigV4Auth):  # type: ignore[misc]  # botocore ships no types
    """botocore's S3 signer over a raw head. ``add_auth`` is overridden for its debug log, which would hold secrets."""

    def __init__(  # noqa: PLR0913 - three of them are botocore's
        self, credentials: Credentials, service: str, region: str, head: RequestHead, names: tuple[bytes, ...],
        payload: str, target: tuple[str, str],
    ) -> None:
        super().__init__(credentials, service, region)
        self._head = head
        self._names = names
        self._payload = payload
        self._target = target

    def add_auth(self, request: SimpleNamespace) -> None:
        text = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(text, request))

    def headers_to_sign(self, request: SimpleNamespace) -> tuple[bytes, ...]:  # noqa: ARG002 - botocore's signature
        return self._names

    def signed_headers(self, headers_to_sign: tuple[bytes, ...]) -> str:
        return b";".join(headers_to_sign).decode()

    def canonical_headers(self, headers_to_sign: tuple[bytes, ...]) -> bytes:
        return canonical.canonical_headers(self._head, headers_to_sign)

    def canonical_request(self, request: SimpleNamespace) -> bytes:
        names = self.headers_to_sign(request)
        return canonical.canonical_request(
            self._head.method,
            *self._target,
            self.canonical_headers(names),
            names,
            self._payload,
        )

    def string_to_sign(self, request: SimpleNamespace, canonical_request: bytes) -> str:
        """As botocore's, over bytes: header values need not be UTF-8."""
        timestamp = request.context["timestamp"]
        return f"AWS4-HMAC-SHA256\n{timestamp}\n{self.credential_scope(request)}\n{sha256(canonical_request).hexdigest()}"


class CredentialSource:
    """Where the backend's credentials come from; ``current`` may do I/O (refresh), so call it off the event loop."""

    def __init__(self, source: KeyPair | Chain) -> None:
        self._source = source
        self._chain = None
        if isinstance(source, Chain):
            self._chain = _find(source)

    def current(self) -> KeyPair:
        """Give the key pair that is valid now. Raises :class:`CredentialsError`."""
        if isinstance(self._source, KeyPair):
            return self._source
        try:
            frozen: ReadOnlyCredentials = self._chain.get_frozen_credentials()  # type: ignore[attr-defined]
        except BotoCoreError as error:
            raise CredentialsError(f"backend.credentials: {type(error).__name__}") from None
        return KeyPair(frozen.access_key, Secret(frozen.secret_key), Secret(frozen.token) if frozen.token else None)


def _find(chain: Chain) -> Credentials:
    try:
        session = botocore.session.Session(profile=chain.profile)
        credentials = session.get_credentials()
    except BotoCoreError as error:
        raise CredentialsError(f"backend.credentials.profile: {error}; name a profile of the AWS shared files") from None
    if credentials is None:
        message = (
            "backend.credentials: none given and none found by botocore; set access_key_id and secret_access_key, "
            "file, profile, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment"
        )
        raise CredentialsError(message)
    return credentials
