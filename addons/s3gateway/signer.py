"""The gateway's own signature, by botocore. The only module that imports botocore.

botocore's S3 signer assumes that it also built the request. Here the client did, so a subclass changes what does not
hold: the payload hash is the client's, targets are canonicalised from their wire form, header pairs keep order and
number, and the gateway decides which headers are signed. Key derivation, scope, string to sign and ``Authorization``
stay botocore's.
"""

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

from s3gateway.config.check import ConfigError
from s3gateway.config.header_words import check_secret, check_token, check_word
from s3gateway.config.model import Chain, KeyPair
from s3gateway.identity.renewal import Renewal
from s3gateway.sigv4 import canonical
from s3gateway.sigv4.model import ALGORITHM, SERVICE, CredentialScope, Headers, RequestHead, Secret, Signature

# At DEBUG botocore logs canonical requests, and those hold session tokens and SSE-C keys.
logging.getLogger("botocore").setLevel(logging.WARNING)


_HEX_DIGITS = 64
_BOTOCORES_LEADS = ("_advisory_refresh_timeout", "_mandatory_refresh_timeout")
"""How long before its end botocore renews a session by itself: 15 minutes, so one of 15 minutes at each look."""


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

    def signs_with(self, keys: KeyPair) -> bool:
        """Whether it signs with this key pair, session token included."""
        mine = self._keys
        pairs = ((mine.secret, keys.secret), (mine.session_token, keys.session_token))
        return mine.access_key_id == keys.access_key_id and all(
            (one.reveal() if one else b"") == (other.reveal() if other else b"") for one, other in pairs
        )

    @property
    def access_key_id(self) -> str:
        """Whose key it signs with."""
        return self._keys.access_key_id

    def sign_form(self, authority: str, form: bytes, now: datetime) -> RequestHead:
        """Build and sign a POST to the STS at ``authority`` (its ``Host``); ``form`` is the body."""
        kind = "application/x-www-form-urlencoded; charset=utf-8"
        request = AWSRequest("POST", f"https://{authority}/", {"Host": authority, "Content-Type": kind}, form)
        request.context["timestamp"] = canonical.amz_date(now)
        _QuietAuth(self._credentials, "sts", self._region).add_auth(request)
        fields = [(name.encode(), value.encode()) for name, value in request.headers.items()]
        return RequestHead(b"POST", b"/", (*fields, (b"Content-Length", b"%d" % len(form))))

    def own_headers(self, now: datetime) -> Headers:
        """Give the fields that belong to the gateway's signature: its date and, if temporary, its session token."""
        date = (b"X-Amz-Date", canonical.amz_date(now).encode())
        token = self._keys.session_token
        return (date, (b"X-Amz-Security-Token", token.reveal())) if token else (date,)

    def sign(
        self, head: RequestHead, signed_headers: Iterable[bytes], payload: str, target: tuple[str, str], now: datetime
    ) -> Signed:
        """Put ``Authorization`` on ``head``, which has :meth:`own_headers`; ``signed_headers`` are on its wire.

        ``target`` is the canonical (URI, query), ``payload`` the text that stands for the body, ``now`` is
        timezone-aware.
        """
        timestamp = canonical.amz_date(now)
        scope = CredentialScope(timestamp[:8], self._region)
        names = _sorted_names(tuple(signed_headers))
        auth = _RawHeadAuth(self._credentials, self._region, head, names, payload, target, self.signing_key(scope))
        request = SimpleNamespace(context={"timestamp": timestamp}, headers={})
        auth.add_auth(request)
        authorization: str = request.headers["Authorization"]
        headers = _with_authorization(head, authorization.encode())
        return Signed(headers, names, Signature(authorization[-_HEX_DIGITS:]), scope, timestamp)

    def signing_key(self, scope: CredentialScope) -> bytes:
        """Derive the key of a chunk chain; cached for the day."""
        return canonical.signing_key(self._keys.secret, scope)


@lru_cache(maxsize=128)
def _sorted_names(names: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple(sorted({*names, b"host", b"x-amz-date"}))


def _with_authorization(head: RequestHead, value: bytes) -> Headers:
    """Put it where the client's stood, or at the end."""
    headers = head.headers
    if b"authorization" not in head.lower_names:
        return (*headers, (b"Authorization", value))
    at = head.lower_names.index(b"authorization")
    return (*headers[:at], (headers[at][0], value), *headers[at + 1 :])


class _QuietAuth(SigV4Auth):
    """botocore's signer without its debug log, which would hold session tokens."""

    def add_auth(self, request: Any) -> None:
        """As botocore's, at the time that the request's context has."""
        self._modify_request_before_signing(request)  # type: ignore[attr-defined]  # no stub
        text = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(text, request))  # type: ignore[attr-defined]  # no stub


class _RawHeadAuth(S3SigV4Auth):
    """botocore's S3 signer over a raw head; bytes travel through its text API by surrogateescape."""

    def __init__(
        self, credentials: Credentials, region: str, head: RequestHead, names: tuple[bytes, ...], payload: str,
        target: tuple[str, str], key: bytes,
    ) -> None:  # fmt: skip
        super().__init__(credentials, SERVICE, region)
        self._head = head
        self._names = names
        self._payload = payload
        self._target = target
        self._key = key

    def add_auth(self, request: Any) -> None:
        """As botocore's, without its debug log, which would hold session tokens and SSE-C keys."""
        text = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(text, request))  # type: ignore[attr-defined]  # no stub

    def headers_to_sign(self, request: Any) -> Any:  # noqa: ARG002 - botocore's signature
        """The gateway's choice instead of botocore's list, which changes between releases."""
        return self._names

    def signed_headers(self, headers_to_sign: Any) -> str:
        """They are sorted already."""
        return b";".join(headers_to_sign).decode()

    def canonical_headers(self, headers_to_sign: Any) -> str:
        """From the pair list: botocore's message collapses duplicates."""
        return self._canonical_headers(headers_to_sign).decode("utf-8", "surrogateescape")

    def _canonical_headers(self, names: Iterable[bytes]) -> bytes:
        """White space is what the backend takes for it, which may be more than the client did."""
        return canonical.canonical_headers(self._head, names, wide=True)

    def canonical_request(self, request: Any) -> Any:
        """From the raw head, with the client's payload hash; as bytes, for header values need not be UTF-8."""
        names = self.headers_to_sign(request)
        headers = self._canonical_headers(names)
        return canonical.canonical_request(self._head.method, *self._target, headers, names, self._payload)

    def string_to_sign(self, request: Any, canonical_request: Any) -> str:
        """As botocore's, over bytes."""
        digest = sha256(canonical_request).hexdigest()
        return "\n".join((ALGORITHM, request.context["timestamp"], self.credential_scope(request), digest))

    def signature(self, string_to_sign: str, request: Any) -> str:  # noqa: ARG002 - botocore's signature
        """As botocore's, with the key that is derived once for the day."""
        return canonical.sign(self._key, string_to_sign.encode()).hex


class CredentialSource:
    """Where the backend's credentials come from; all of it may do I/O (files, calls), so call it off the event loop.

    ``files`` are those of botocore's that they may stand in: it reads them once, so whoever watches makes a new source.

    A session is renewed here and not by botocore, which asks for a new one at each look at one of 15 minutes. Each
    renewal is a new look through botocore's chain, so that a role, a token file or an endpoint is read anew.
    """

    def __init__(self, source: KeyPair | Chain) -> None:
        self.files: tuple[Path, ...] = ()
        self._source = source
        self._renewal = Renewal()
        self._found: Credentials | None = None
        self._kept = source if isinstance(source, KeyPair) else None
        self._failed: CredentialsError | None = None
        if isinstance(source, Chain):
            self._found, self.files = _find(source)

    @property
    def can_renew(self) -> bool:
        """Whether a new look may find another key pair."""
        return isinstance(self._source, Chain)

    def current(self) -> KeyPair:
        """Give the key pair to sign with: a session is renewed ahead of its end, and counts on while that fails.

        Raises :class:`CredentialsError`, the same one until it is tried again.
        """
        now = datetime.now(UTC)
        if self._kept is not None and not self._renewal.is_due(now):
            if self._failed is not None:
                raise self._failed
            return self._kept
        return self._fetch(now)

    def renew(self) -> KeyPair:
        """Look anew, whatever is left of the session. Raises :class:`CredentialsError`."""
        return self._fetch(datetime.now(UTC))

    def _fetch(self, now: datetime) -> KeyPair:
        if isinstance(self._source, KeyPair):
            return self._source
        try:
            found = self._found or _find(self._source)[0]
            self._found = None
            self._kept = _frozen(found)
        except CredentialsError as error:
            self._failed = error
            self._renewal = self._renewal.failed(now)
            raise
        self._failed = None
        self._renewal = Renewal.of(now, getattr(found, "_expiry_time", None))  # botocore tells it nowhere else
        return self._kept


def _frozen(credentials: Credentials) -> KeyPair:
    """Read a key pair from botocore. Raises :class:`CredentialsError`."""
    for name in _BOTOCORES_LEADS:
        if hasattr(credentials, name):
            setattr(credentials, name, 0)
    try:
        frozen = credentials.get_frozen_credentials()
    except (BotoCoreError, ClientError, RuntimeError) as error:
        raise CredentialsError(f"backend.credentials: {type(error).__name__}") from None
    if not frozen.access_key or not frozen.secret_key:
        raise CredentialsError("backend.credentials: botocore found a key pair with an empty half")
    where = "backend.credentials from botocore"
    try:
        return KeyPair(
            check_word(f"{where}, the access key id", frozen.access_key),
            Secret(check_secret(f"{where}, the secret", frozen.secret_key)),
            Secret(check_token(f"{where}, the session token", frozen.token)) if frozen.token else None,
        )
    except ConfigError as error:
        raise CredentialsError(str(error)) from None


def _find(chain: Chain) -> tuple[Credentials, tuple[Path, ...]]:
    import botocore.session  # noqa: PLC0415 - with the client that it brings it takes 3 MB, and a key pair needs none

    try:
        session = botocore.session.Session(profile=chain.profile)
        credentials = session.get_credentials()
        names = [session.get_config_variable(name) for name in ("credentials_file", "config_file")]
    except BotoCoreError as error:
        raise CredentialsError(
            f"backend.credentials.profile: {error}; name a profile of the AWS shared files"
        ) from None
    if credentials is None:
        message = (
            "backend.credentials: none given and none found by botocore; set access_key_id and secret_access_key, "
            "file, profile, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment"
        )
        raise CredentialsError(message)
    # As botocore expands them: Path's own raises where there is no home, as in many a container.
    return credentials, tuple(Path(os.path.expanduser(name)) for name in names)  # noqa: PTH111
