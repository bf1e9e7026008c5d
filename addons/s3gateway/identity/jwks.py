"""An issuer's public keys, from its JSON Web Key Set (RFC 7517)."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

ALGORITHMS: Final = {
    "RS256": ("RSA", ""),
    "RS384": ("RSA", ""),
    "RS512": ("RSA", ""),
    "PS256": ("RSA", ""),
    "PS384": ("RSA", ""),
    "PS512": ("RSA", ""),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}
"""Algorithms that may be accepted (RFC 7518 §3.1, RFC 8037), each with the type and the curve of its keys.

All are asymmetric: with any other, whoever can verify a token could make one.
"""

_MOST_KEYS: Final = 100


class JwksError(ValueError):
    """A document that holds no usable key. The message is for the log."""


@dataclass(frozen=True, slots=True)
class Jwk:
    """A public key that verifies. ``kind`` is its type and curve; ``algorithm`` is empty where any will do."""

    kid: str
    kind: tuple[str, str]
    algorithm: str
    document: Mapping[str, Any] = field(repr=False)

    def serves(self, kid: str, algorithm: str) -> bool:
        """Whether it is the key of this id, and one for this algorithm."""
        return self.kid == kid and self.kind == ALGORITHMS[algorithm] and self.algorithm in ("", algorithm)


def read_jwks(document: bytes) -> tuple[Jwk, ...]:
    """Read the keys that sign and have an id. Raises :class:`JwksError`."""
    try:
        listed = json.loads(document)["keys"]
    except (ValueError, TypeError, LookupError, RecursionError):
        raise JwksError("is no JSON Web Key Set") from None
    if not isinstance(listed, list) or len(listed) > _MOST_KEYS:
        raise JwksError("is no JSON Web Key Set, or has too many keys")
    keys = tuple(_read_keys(listed))
    if not keys:
        raise JwksError("holds no public key that signs and has an id")
    return keys


def _read_keys(listed: Iterable[object]) -> Iterator[Jwk]:
    for key in listed:
        if not isinstance(key, dict) or key.get("use", "sig") != "sig" or "d" in key:
            continue
        kid, algorithm = key.get("kid"), key.get("alg", "")
        kind = next((kind for kind in ALGORITHMS.values() if kind == (key.get("kty"), key.get("crv", ""))), None)
        if isinstance(kid, str) and kind and isinstance(algorithm, str):
            yield Jwk(kid, kind, algorithm, key)
