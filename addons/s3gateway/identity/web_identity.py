"""Web identity tokens: JSON Web Tokens (RFC 7519) of trusted issuers. PyJWT checks them, by its own clock.

Nothing is fetched for a token that could not be taken anyway: issuer, audience, times, algorithm and key id are looked
at first. All refusals are :class:`~s3gateway.identity.sts.StsError`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import jwt

from s3gateway.identity import sts
from s3gateway.identity.issuer import Issuer
from s3gateway.identity.jwks import Jwk
from s3gateway.identity.login import AUDIENCE, Login

SKEW_SECONDS: Final = 60
"""How far the issuer's clock may be from ours."""

LONGEST_TOKEN: Final = 20_000
"""Characters (AWS STS API Reference, "AssumeRoleWithWebIdentity")."""

_REQUIRED: Final = ("iss", "sub", "aud", "exp", "iat")
_NOT_CLAIMS: Final = frozenset(("iss", "aud", "exp", "iat", "nbf", "jti", "nonce", "at_hash", "c_hash", "s_hash"))
_RSA_BITS: Final = 2048
_DEEPEST: Final = 3
_LONGEST_CLAIM: Final = 256

_CANNOT_BE_READ: Final = (jwt.PyJWTError, TypeError, ValueError, LookupError, OverflowError, RecursionError)
"""What PyJWT raises: its own errors, and others where a claim has an odd type."""


@dataclass(frozen=True, slots=True)
class Presented:
    """A token that nobody has verified: whom it says it is from, and the key that would show it."""

    issuer: Issuer
    kid: str
    algorithm: str
    token: str = field(repr=False)


def read_token(token: str, issuers: Mapping[str, Issuer]) -> Presented:
    """Look at a token before anything is fetched for it; ``issuers`` are those that are trusted, by URL."""
    if len(token) > LONGEST_TOKEN:
        raise sts.invalid_identity_token("The web identity token is too long.")
    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(token, options={"verify_signature": False})
    except _CANNOT_BE_READ:
        raise sts.invalid_identity_token("The web identity token is no JSON Web Token.") from None
    named = claims.get("iss")
    issuer = issuers.get(named) if isinstance(named, str) else None
    if issuer is None:
        raise sts.invalid_identity_token("The issuer of the web identity token is not trusted here.")
    algorithm, kid = header.get("alg"), header.get("kid")
    if algorithm not in issuer.algorithms:
        raise sts.invalid_identity_token(
            "The web identity token is signed with an algorithm that is not accepted here."
        )
    if not isinstance(kid, str) or not kid:
        raise sts.invalid_identity_token("The web identity token does not name the key (kid) that signed it.")
    _decode(token, issuer, None)
    return Presented(issuer, kid, algorithm, token)


def verify(presented: Presented, keys: Iterable[Jwk]) -> Login:
    """Verify the token with the one of the issuer's ``keys`` that it names."""
    key = next((key for key in keys if key.serves(presented.kid, presented.algorithm)), None)
    if key is None:
        raise sts.invalid_identity_token("The issuer has no key of the id that the web identity token names.")
    try:
        public = jwt.PyJWK(dict(key.document), presented.algorithm)
    except _CANNOT_BE_READ:
        raise sts.invalid_identity_token("The issuer's key cannot be used.") from None
    if getattr(public.key, "key_size", _RSA_BITS) < _RSA_BITS and key.kind[0] == "RSA":
        raise sts.invalid_identity_token("The issuer's key is too short.")
    return _login(_decode(presented.token, presented.issuer, public), presented.issuer)


def _decode(token: str, issuer: Issuer, key: jwt.PyJWK | None) -> dict[str, Any]:
    """Check all that a token says; without a key all but its signature."""
    try:
        return jwt.decode(
            token,
            key or "",
            algorithms=list(issuer.algorithms),
            options={
                "verify_signature": key is not None,
                "require": list(_REQUIRED),
                "verify_exp": True,
                "verify_nbf": True,
                "verify_iat": True,
                "verify_aud": True,
                "verify_iss": True,
                "verify_sub": True,
            },
            audience=list(issuer.audiences),
            issuer=issuer.url,
            leeway=SKEW_SECONDS,
        )
    except jwt.ExpiredSignatureError:
        raise sts.expired_token() from None
    except jwt.InvalidAudienceError:
        raise sts.invalid_identity_token("The audience of the web identity token is not accepted here.") from None
    except jwt.ImmatureSignatureError:
        raise sts.invalid_identity_token("The web identity token is not valid yet.") from None
    except jwt.MissingRequiredClaimError as error:
        raise sts.invalid_identity_token(f"The web identity token has no claim {error.claim}.") from None
    except jwt.InvalidSignatureError:
        raise sts.invalid_identity_token("The signature of the web identity token is not valid.") from None
    except _CANNOT_BE_READ:
        raise sts.invalid_identity_token("The web identity token has claims that cannot be read.") from None


def _login(claims: Mapping[str, Any], issuer: Issuer) -> Login:
    subject = claims["sub"]
    if not issuer.trusts_subject(subject):
        raise sts.access_denied(
            "Not authorized to perform sts:AssumeRoleWithWebIdentity", f"no pattern of {issuer.url} matches the subject"
        )
    told = {name: value for name, value in _flat(claims, "", 0) if name not in _NOT_CLAIMS}
    user = told.get(issuer.user_claim, "")
    if not user:
        raise sts.access_denied(reason=f"the token has no text in its claim {issuer.user_claim}")
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    expires = datetime.fromtimestamp(int(claims["exp"]), UTC)
    return Login(issuer.url, user, subject, (), told | {AUDIENCE: "\n".join(audiences)}, expires)


def _flat(claims: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, str]]:
    """Give claims that are text or whole numbers; those in an object by their path: ``kubernetes.io.namespace``."""
    for name, value in claims.items():
        if isinstance(value, dict) and depth < _DEEPEST:
            yield from _flat(value, f"{prefix}{name}.", depth + 1)
        elif isinstance(value, str | int) and not isinstance(value, bool) and len(str(value)) <= _LONGEST_CLAIM:
            yield prefix + name, str(value)
