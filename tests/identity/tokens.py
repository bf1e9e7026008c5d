"""Web identity tokens of a made-up issuer, and its keys."""

import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

ISSUER = "https://issuer.test"
AUDIENCE = "s3-gateway"
SUBJECT = "repo:org/lake:ref:refs/heads/main"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()
KEYS: dict[str, Any] = {"RS256": RSA_KEY, "PS256": RSA_KEY, "ES256": EC_KEY, "EdDSA": ED_KEY}


def jwk(key: Any, kid: str, **more: Any) -> dict[str, Any]:
    """The public key as a set has it."""
    makers: dict[type, Any] = {rsa.RSAPrivateKey: RSAAlgorithm, ec.EllipticCurvePrivateKey: ECAlgorithm}
    maker = next((maker for kind, maker in makers.items() if isinstance(key, kind)), OKPAlgorithm)
    return {**maker.to_jwk(key.public_key(), as_dict=True), "kid": kid, **more} | {"key_ops": ["verify"]}


def jwks(*keys: dict[str, Any]) -> bytes:
    """A key set: of these keys, or of the issuer's."""
    usual = [jwk(RSA_KEY, "rsa"), jwk(EC_KEY, "ec", use="sig", alg="ES256"), jwk(ED_KEY, "ed")]
    return json.dumps({"keys": list(keys) or usual}).encode()


def claims(**more: Any) -> dict[str, Any]:
    """The claims of a valid token; None leaves one out."""
    now = int(time.time())
    usual = {"iss": ISSUER, "sub": SUBJECT, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 900}
    return {name: value for name, value in (usual | more).items() if value is not None}


def token(algorithm: str = "RS256", kid: str | None = "rsa", *, key: Any = None, **more: Any) -> str:
    """A signed token."""
    headers = {} if kid is None else {"kid": kid}
    payload = json.dumps(claims(**more)).encode()  # PyJWT would refuse some that others could make
    return jwt.api_jws.encode(payload, key or KEYS[algorithm], algorithm, headers)
