"""Sealed sessions: the session token is the session itself, encrypted under a key that all gateways have.

    token = base64url( key id (4) || nonce (12) || AES-256-GCM( raw DEFLATE of JSON ) || tag (16) )

Nothing is stored: any worker and any machine with the ring opens a token, and a restart loses none. The newest key of
the ring seals, all of them open, so a ring is rotated without ending a session. Tokens travel in a header and in
presigned URLs, so they stay under :data:`MOST_BYTES`.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from s3gateway import errors
from s3gateway.identity.policy import too_large
from s3gateway.sigv4.model import KeyPair, Secret

MOST_BYTES: Final = 4096
"""Of a token."""

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
ENTROPY_BYTES: Final = 10 + 30 + NONCE_BYTES
"""Random bytes that a new session takes: for its key id, its secret and its nonce."""

_ID_BYTES: Final = 4
_TAG_BYTES: Final = 16
_FORMAT: Final = b"s3gateway session 1"
_PREFIX: Final = "ASIA"
"""What AWS's own temporary key ids begin with; tools know by it that a session token belongs to the key."""


@dataclass(frozen=True, slots=True)
class RingKey:
    """One key of the ring. It seals from ``since`` on, until a newer one does; it opens for as long as it is there."""

    key: bytes = field(repr=False)
    since: datetime

    @property
    def id(self) -> bytes:
        """What a token says of it: the beginning of the key's SHA-256."""
        return sha256(self.key).digest()[:_ID_BYTES]


@dataclass(frozen=True, slots=True)
class Ring:
    """The keys; there is at least one."""

    keys: tuple[RingKey, ...]

    def newest(self, now: datetime) -> RingKey:
        """Give the key that seals: the last of those whose time has come, or the first to come."""
        begun = [key for key in self.keys if key.since <= now]
        return max(begun, key=lambda key: key.since) if begun else min(self.keys, key=lambda key: key.since)


@dataclass(frozen=True, slots=True)
class Session:
    """What a token carries. Times in seconds since 1970; ``source``, ``user`` and ``subject`` as a login has them.

    ``roles`` are names. A session without has the rights of the client whose key id is ``parent``. ``values`` are those
    of its roles' templates, ``policy`` the text of the session policy, ``backend`` credentials of the login's own.
    """

    keys: KeyPair
    source: str
    user: str
    subject: str
    name: str
    issued: int
    expires: int
    roles: tuple[str, ...] = ()
    parent: str = ""
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    policy: str = field(default="", repr=False)
    backend: KeyPair | None = None


def new_keys(entropy: bytes) -> KeyPair:
    """Make the key id and the secret of a session, in AWS's form, from random bytes."""
    key_id = base64.b32encode(entropy[:10]).decode()
    return KeyPair(_PREFIX + key_id, Secret(base64.b64encode(entropy[10:40]).decode()))


def seal(session: Session, ring: Ring, now: datetime, nonce: bytes) -> Secret:
    """Make the token. Raises PackedPolicyTooLarge where it would be too long for a header."""
    key = ring.newest(now)
    text = json.dumps(_packed(session), ensure_ascii=False, separators=(",", ":")).encode()
    sealed = AESGCM(key.key).encrypt(nonce, zlib.compress(text, 9, -zlib.MAX_WBITS), _FORMAT + key.id)
    token = base64.urlsafe_b64encode(key.id + nonce + sealed).rstrip(b"=")
    if len(token) >= MOST_BYTES:
        raise too_large("The session would be too long for a session token; shorten the policy.")
    return Secret(token.decode())


def unseal(token: bytes, ring: Ring) -> Session:
    """Open a token. Raises InvalidToken for what none of the ring's keys has sealed; expiry is not looked at."""
    if len(token) >= MOST_BYTES:
        raise invalid_token("the session token is too long")
    try:
        raw = base64.b64decode(token + b"=" * (-len(token) % 4), b"-_", validate=True)
    except binascii.Error:
        raise invalid_token("the session token is none of this gateway's") from None
    key = next((key for key in ring.keys if raw.startswith(key.id)), None)
    if key is None or len(raw) < _ID_BYTES + NONCE_BYTES + _TAG_BYTES:
        raise invalid_token("no key of the ring has sealed the session token")
    nonce, sealed = raw[_ID_BYTES : _ID_BYTES + NONCE_BYTES], raw[_ID_BYTES + NONCE_BYTES :]
    try:
        text = AESGCM(key.key).decrypt(nonce, sealed, _FORMAT + key.id)
    except InvalidTag:
        raise invalid_token("the session token was changed, or another gateway's ring has sealed it") from None
    return _unpacked(json.loads(zlib.decompress(text, -zlib.MAX_WBITS)))


def invalid_token(reason: str) -> errors.S3Error:
    """400: a session token that does not open, or is not that of the access key."""
    return errors.S3Error(400, "InvalidToken", "The provided token is malformed or otherwise invalid.", reason=reason)


def expired_token(reason: str) -> errors.S3Error:
    """400: a session that has ended. SDKs get a new one and try again."""
    return errors.S3Error(400, "ExpiredToken", "The provided token has expired.", reason=reason)


def _packed(session: Session) -> dict[str, Any]:
    """Give the session as JSON, with short names and without what is empty."""
    backend = session.backend
    values = {
        "k": session.keys.access_key_id,
        "s": session.keys.secret.reveal().decode(),
        "o": session.source,
        "u": session.user,
        "j": session.subject,
        "n": session.name,
        "i": session.issued,
        "e": session.expires,
        "r": list(session.roles),
        "p": session.parent,
        "v": dict(session.values),
        "y": session.policy,
        "b": backend and [
            backend.access_key_id,
            backend.secret.reveal().decode(),
            backend.session_token.reveal().decode() if backend.session_token else "",
        ],
    }  # fmt: skip
    return {name: value for name, value in values.items() if value}


def _unpacked(values: dict[str, Any]) -> Session:
    backend = values.get("b")
    return Session(
        KeyPair(values["k"], Secret(values["s"])),
        values["o"],
        values["u"],
        values.get("j", ""),
        values.get("n", ""),
        values["i"],
        values["e"],
        tuple(values.get("r", ())),
        values.get("p", ""),
        values.get("v", {}),
        values.get("y", ""),
        KeyPair(backend[0], Secret(backend[1]), Secret(backend[2]) if backend[2] else None) if backend else None,
    )
