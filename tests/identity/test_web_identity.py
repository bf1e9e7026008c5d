"""Web identity tokens: which are taken, and what is said of the others. Tokens are made by PyJWT with real keys."""

import base64
import json
import time
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from s3gateway.identity.issuer import Issuer
from s3gateway.identity.jwks import Jwk, JwksError, read_jwks
from s3gateway.identity.login import Login
from s3gateway.identity.sts import StsError
from s3gateway.identity.web_identity import read_token, verify
from tests.identity.tokens import AUDIENCE, EC_KEY, ISSUER, RSA_KEY, SUBJECT, claims, jwk, jwks, token

TRUSTED = Issuer(ISSUER, (AUDIENCE, "other"), ("repo:org/*",), ("RS256", "PS256", "ES256", "EdDSA"))
SETS = read_jwks(jwks())


def log_in(text: str, issuer: Issuer = TRUSTED, keys: tuple[Jwk, ...] = SETS) -> Login:
    return verify(read_token(text, {issuer.url: issuer}), keys)


def refusal(text: str, issuer: Issuer = TRUSTED, keys: tuple[Jwk, ...] = SETS) -> tuple[int, str, str]:
    with pytest.raises(StsError) as caught:
        log_in(text, issuer, keys)
    assert text not in str(caught.value) + caught.value.reason
    return caught.value.status, caught.value.code, caught.value.message


@pytest.mark.parametrize(("algorithm", "kid"), [("RS256", "rsa"), ("PS256", "rsa"), ("ES256", "ec"), ("EdDSA", "ed")])
def test_a_valid_token(algorithm: str, kid: str) -> None:
    """It says who has logged in, until when, and its claims that are text or numbers."""
    until = int(time.time()) + 600
    more = {"exp": until, "run_id": 7, "is_it": True, "list": ["x"], "kubernetes.io": {"pod": {"name": "p"}}}
    login = log_in(token(algorithm, kid, **more))
    assert (login.source, login.user, login.subject, login.groups) == (ISSUER, SUBJECT, SUBJECT, ())
    assert login.expires is not None
    assert login.expires.timestamp() == until
    assert login.claims == {"sub": SUBJECT, "run_id": "7", "kubernetes.io.pod.name": "p", "aud": AUDIENCE}


def test_several_audiences() -> None:
    """One that is accepted is enough; all are told."""
    assert log_in(token(aud=["x", "other"])).claims["aud"] == "x\nother"


def test_another_claim_may_be_the_user() -> None:
    issuer = replace(TRUSTED, user_claim="actor")
    assert log_in(token(actor="alice"), issuer).user == "alice"
    for actor in (None, "", ["alice"], True):
        assert refusal(token(actor=actor), issuer)[:2] == (403, "AccessDenied")


_INVALID = "InvalidIdentityToken"


@pytest.mark.parametrize(
    ("more", "code", "told"),
    [
        ({"iss": "https://issuer.test/"}, _INVALID, "issuer"),
        ({"iss": None}, _INVALID, "issuer"),
        ({"iss": ["https://issuer.test"]}, _INVALID, "issuer"),
        ({"aud": "another"}, _INVALID, "audience"),
        ({"aud": AUDIENCE.upper()}, _INVALID, "audience"),
        ({"aud": [1]}, _INVALID, "audience"),
        ({"aud": None}, _INVALID, "no claim aud"),
        ({"exp": int(time.time()) - 3600}, "ExpiredTokenException", "expired"),
        ({"exp": None}, _INVALID, "no claim exp"),
        ({"exp": "soon"}, _INVALID, "cannot be read"),
        ({"exp": [1]}, _INVALID, "cannot be read"),
        ({"exp": float("inf")}, _INVALID, "cannot be read"),
        ({"nbf": int(time.time()) + 3600}, _INVALID, "not valid yet"),
        ({"iat": int(time.time()) + 3600}, _INVALID, "not valid yet"),
        ({"iat": None}, _INVALID, "no claim iat"),
        ({"sub": None}, _INVALID, "no claim sub"),
        ({"sub": 7}, _INVALID, "cannot be read"),
        ({"kid": None}, _INVALID, "name the key"),
        ({"kid": ""}, _INVALID, "name the key"),
        ({"kid": "unknown"}, _INVALID, "no key of the id"),
        ({"kid": "ec"}, _INVALID, "no key of the id"),
        ({"key": rsa.generate_private_key(public_exponent=65537, key_size=2048)}, _INVALID, "signature"),
    ],
)
def test_what_is_refused(more: dict[str, Any], code: str, told: str) -> None:
    """Each has its own words, and AWS's code."""
    status, said, message = refusal(token(**{"kid": "rsa", **more}))
    assert (status, said) == (400, code)
    assert told in message


@pytest.mark.parametrize("seconds", [-50, 50])
def test_a_clock_may_be_a_minute_off(seconds: int) -> None:
    now = int(time.time())
    log_in(token(exp=now + 1 + min(seconds, 0), iat=now + max(seconds, 0), nbf=now + max(seconds, 0)))


def test_a_subject_that_no_pattern_matches() -> None:
    """It is the right issuer's, and may not log in: AWS's words."""
    told = (403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
    assert refusal(token(sub="repo:organisation/lake")) == told
    assert refusal(token(sub="repo:org/x"), replace(TRUSTED, subjects=("repo:[o]rg/x", "repo:org/?y"))) == told
    log_in(token(sub="repo:org/x\ny"))


@pytest.mark.parametrize("algorithm", ["HS256", "none", "RS384", "ES384"])
def test_algorithms_that_are_not_listed(algorithm: str) -> None:
    """A token made with the public key as a shared secret, or with no signature, is refused before a key is chosen."""
    header = {"alg": algorithm, "kid": "rsa", "typ": "JWT"}
    parts = [json.dumps(header).encode(), json.dumps(claims()).encode(), b"x" * 32]
    text = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    status, code, message = refusal(text)
    assert (status, code, "algorithm" in message) == (400, _INVALID, True)


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "..", "eyJhbGciOiJSUzI1NiJ9.W10.x", "ä.ö.ü", "x" * 20_001])
def test_no_tokens(text: str) -> None:
    with pytest.raises(StsError) as caught:
        read_token(text, {ISSUER: TRUSTED})
    assert caught.value.code == _INVALID


@pytest.mark.parametrize("place", range(3))
def test_a_changed_token(place: int) -> None:
    """A character of any of its three parts changed."""
    parts = token().split(".")
    middle = len(parts[place]) // 2
    other = "A" if parts[place][middle] != "A" else "B"
    parts[place] = parts[place][:middle] + other + parts[place][middle + 1 :]
    assert refusal(".".join(parts))[1] == _INVALID


@pytest.mark.filterwarnings("ignore:The RSA key is 1024 bits long")
def test_keys_that_are_of_no_use() -> None:
    """A key for encryption, a symmetric or private one, one of another algorithm or curve, one that is too short."""
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    other_curve = ec.generate_private_key(ec.SECP384R1())
    private: Any = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEY)), "kid": "rsa"}
    useless = [jwk(RSA_KEY, "rsa", use="enc"), {"kty": "oct", "k": "c2VjcmV0", "kid": "rsa"}, private, {"kty": []}, 7]
    for key in useless:
        with pytest.raises(JwksError):
            read_jwks(json.dumps({"keys": [key]}).encode())
    assert refusal(token(), keys=read_jwks(jwks(jwk(RSA_KEY, "rsa", alg="RS512"))))[1] == _INVALID
    assert refusal(token("ES256", "ec"), keys=read_jwks(jwks(jwk(other_curve, "ec"))))[1] == _INVALID
    assert refusal(token(key=short), keys=read_jwks(jwks(jwk(short, "rsa"))))[2] == "The issuer's key is too short."
    assert (
        refusal(token(), keys=read_jwks(jwks({**jwk(RSA_KEY, "rsa"), "n": "!"})))[2]
        == "The issuer's key cannot be used."
    )


def test_the_right_one_of_two_keys_with_one_id() -> None:
    keys = read_jwks(jwks(jwk(EC_KEY, "one"), jwk(RSA_KEY, "one")))
    log_in(token("RS256", "one"), keys=keys)
    log_in(token("ES256", "one"), keys=keys)


@pytest.mark.parametrize("document", [b"", b"<html>", b"[]", b"{}", b'{"keys": 7}', b'{"keys": []}', b"[" * 100_000])
def test_no_key_sets(document: bytes) -> None:
    with pytest.raises(JwksError):
        read_jwks(document)
