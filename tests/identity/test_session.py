"""Sealed sessions: opened by the ring that sealed them and by nobody else, whatever is done to them."""

import base64
import json
import os
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from s3gateway.errors import S3Error
from s3gateway.identity.session import ENTROPY_BYTES, Ring, RingKey, Session, new_keys, seal, unseal
from s3gateway.identity.sts import StsError
from s3gateway.sigv4.model import KeyPair, Secret

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
OLD = RingKey(b"o" * 32, NOW - timedelta(days=30))
NEW = RingKey(b"n" * 32, NOW - timedelta(days=1))
NEXT = RingKey(b"x" * 32, NOW + timedelta(hours=1))
NONCE = b"123456789012"
SESSION = Session(
    keys=KeyPair("ASIAEXAMPLE", Secret("the secret")),
    source="ldap",
    user="alice",
    subject="uid=alice,dc=example",
    name="a-job",
    issued=1,
    expires=2,
    roles=("etl", "staff"),
    parent="SPARKKEY",
    values={"user": "alice"},
    policy='{"Statement": []}',
    backend=KeyPair("AK", Secret("backend secret"), Secret("backend token")),
)


def said(session: Session) -> object:
    """Everything in it, with secrets that can be compared."""
    keys = [(pair.access_key_id, pair.secret.reveal()) for pair in (session.keys, session.backend) if pair]
    token = session.backend.session_token.reveal() if session.backend and session.backend.session_token else b""
    return keys, token, replace(session, keys=SESSION.keys, backend=None)


def token_of(*ring: RingKey, session: Session = SESSION, now: datetime = NOW) -> bytes:
    return seal(session, Ring(ring), now, NONCE).reveal()


def code_of(token: bytes, *ring: RingKey) -> str:
    with pytest.raises(S3Error) as caught:
        unseal(token, Ring(ring))
    assert caught.value.status == 400
    return caught.value.code


def test_what_is_sealed_opens() -> None:
    assert said(unseal(token_of(NEW), Ring((NEW,)))) == said(SESSION)
    plain = Session(SESSION.keys, "client", "spark", "spark", "n", 1, 2)
    assert said(unseal(token_of(NEW, session=plain), Ring((NEW,)))) == said(plain)


def test_the_format_is_the_documented_one() -> None:
    """Opened here by the library alone."""
    raw = base64.urlsafe_b64decode(token_of(NEW) + b"==")
    assert raw[:4] == sha256(NEW.key).digest()[:4]
    assert raw[4:16] == NONCE
    text = AESGCM(NEW.key).decrypt(NONCE, raw[16:], b"s3gateway session 1" + raw[:4])
    assert json.loads(zlib.decompress(text, -15))["s"] == "the secret"


def test_nothing_of_it_can_be_read() -> None:
    token = token_of(NEW)
    for text in (b"the secret", b"alice", b"backend"):
        assert text not in token
        assert text not in base64.urlsafe_b64decode(token + b"==")


def test_the_newest_key_seals_and_all_open() -> None:
    ring = (OLD, NEXT, NEW)
    assert token_of(*ring) == token_of(NEW)
    assert token_of(*ring, now=NEXT.since) == token_of(NEXT)
    for key in ring:
        assert said(unseal(token_of(key), Ring(ring))) == said(SESSION)
    assert code_of(token_of(OLD), NEW, NEXT) == "InvalidToken"


def test_a_ring_whose_time_has_not_come_seals_all_the_same() -> None:
    assert token_of(NEXT, RingKey(b"z" * 32, NEXT.since + timedelta(days=1))) == token_of(NEXT)


def test_every_change_is_seen() -> None:
    token = token_of(NEW)
    raw = bytearray(base64.urlsafe_b64decode(token + b"=="))
    for at in range(len(raw)):
        changed = raw.copy()
        changed[at] ^= 1
        assert code_of(base64.urlsafe_b64encode(changed).rstrip(b"="), NEW) == "InvalidToken"


@pytest.mark.parametrize("length", [0, 1, 4, 16, 31, 32])
def test_what_is_cut_off_is_seen(length: int) -> None:
    raw = base64.urlsafe_b64decode(token_of(NEW) + b"==")
    assert code_of(base64.urlsafe_b64encode(raw[:length]), NEW) == "InvalidToken"


@pytest.mark.parametrize(
    "token", [b"", b"x", b"\xff\xfe", b"a" * 5000, b"FwoGZXIvYXdzEJr//////////wEaDG", b"<redacted>"]
)
def test_what_is_no_token(token: bytes) -> None:
    assert code_of(token, NEW) == "InvalidToken"


def test_what_is_too_long_for_a_header() -> None:
    noise = base64.b64encode(os.urandom(3000)).decode()
    with pytest.raises(StsError) as caught:
        token_of(NEW, session=replace(SESSION, policy=noise))
    assert (caught.value.status, caught.value.code) == (400, "PackedPolicyTooLarge")


def test_keys_have_awss_form() -> None:
    keys = new_keys(bytes(range(ENTROPY_BYTES)))
    assert len(keys.access_key_id) == 20
    assert keys.access_key_id.startswith("ASIA")
    assert len(keys.secret.reveal()) == 40
