"""Requests of sessions explained: live, where their token opens, and from files, where it is redacted."""

from datetime import datetime

import pytest

from s3gateway import session_client
from s3gateway.explain.catalogue import look_up
from s3gateway.explain.why import explain
from s3gateway.identity.session import Ring, Session, seal
from s3gateway.rules.headers import redacted, redacted_target
from s3gateway.sigv4.model import KeyPair, RequestHead, Secret
from tests.admission import admitted, configured, edited, with_header
from tests.sigv4.aws import CLIENT, Key, authorized, presigned

SESSION = Key("ASIAOFTHETESTSOFTHES", "the secret of a session")
CONFIG = configured(sts={})


def token(ring: Ring, ends: int = 900, key: Key = SESSION) -> str:
    now = int(CLIENT.now.timestamp())
    keys = KeyPair(key.access_key_id, Secret(key.secret))
    session = Session(keys, "client", "spark", "spark", "n", now, now + ends, parent=CLIENT.access_key_id)
    return seal(session, ring, CLIENT.now, b"123456789012").reveal().decode()


def ring() -> Ring:
    assert CONFIG.sts is not None
    return CONFIG.sts.ring


def signed(secret: str = SESSION.secret, ends: int = 900) -> RequestHead:
    headers = [("x-amz-security-token", token(ring(), ends))]
    return authorized("GET", "/bucket/key", headers, key=Key(SESSION.access_key_id, secret))


def told(head: RequestHead, now: datetime = CLIENT.now) -> str:
    return explain(head, CONFIG, now).explanation.cause


def test_a_session_is_admitted() -> None:
    client = admitted(signed(), config=CONFIG).client
    assert (client.name, client.keys.access_key_id, client.charged) == ("spark", SESSION.access_key_id, "SPARKKEY")


def test_opened_sessions_are_kept_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each token is opened once under a configuration; of too many the oldest goes, and opens again when it comes."""
    monkeypatch.setattr(session_client, "MOST_OPENED", 2)
    config = configured(sts={})
    assert config.sts is not None
    heads = [authorized("GET", "/bucket/key", [("x-amz-security-token", token(ring(), ends))], key=SESSION)
             for ends in (900, 901, 902)]  # fmt: skip
    clients = [admitted(head, config=config).client for head in heads]
    assert len(config.sts.opened) == 2
    assert admitted(heads[2], config=config).client is clients[2]
    assert admitted(heads[0], config=config).client is not clients[0]
    assert len(config.sts.opened) == 2


def test_where_the_token_opens() -> None:
    """As for a client's key: a header that was changed is found with the session's secret."""
    assert told(signed()) == "valid"
    assert told(with_header(signed(), b"x-amz-date", b"20240229T120001Z")) != "valid"
    assert told(edited(signed(), method=b"HEAD")).startswith("method")
    assert "ExpiredToken" in explain(signed(ends=-1), CONFIG, CLIENT.now).explanation.sentence


def test_without_the_token() -> None:
    assert told(authorized("GET", "/bucket/key", key=SESSION)) == "session-token-missing"
    assert told(authorized("GET", "/bucket/key", key=Key("OTHER", "x"))) == "unknown-access-key"


def test_of_a_file_it_is_said_that_the_token_is_redacted() -> None:
    head = signed()
    kept = edited(head, headers=redacted(head.headers))
    shown = explain(edited(kept, headers=(*kept.headers[:-1], head.headers[-1])), CONFIG, CLIENT.now).explanation
    assert shown.cause == "session-token-redacted"
    assert token(ring()) not in repr(kept.headers)


@pytest.mark.parametrize(
    "name", ["LDAPPassword", "WebIdentityToken", "ldappassword", "LDAP%50assword", "X-Amz-Security-Token"]
)
def test_what_stands_in_a_target_is_hidden(name: str) -> None:
    """minio-py has password and web identity token there, whatever the letters."""
    target = f"/?Action=AssumeRoleWithLDAPIdentity&{name}=hunter2%2F+x&Version=2011-06-15".encode()
    assert redacted_target(target) == target.replace(b"hunter2%2F+x", b"<redacted>")


def test_a_request_to_sts_is_told_as_one() -> None:
    """Its form is kept nowhere, so there is nothing to search in."""
    credential = b"AWS4-HMAC-SHA256 Credential=SPARKKEY/20240229/us-east-1/sts/aws4_request, SignedHeaders=host, "
    head = RequestHead(
        b"POST", b"/", ((b"Host", b"gateway"), (b"Authorization", credential + b"Signature=" + b"0" * 64))
    )
    assert told(head) == "sts"
    assert "`sts` is not configured" in explain(head, configured(), CLIENT.now).explanation.sentence
    assert look_up("sts")[0]


def test_a_presigned_url_of_a_session() -> None:
    url = presigned("GET", f"/bucket/key?X-Amz-Security-Token={token(ring())}", key=SESSION)
    assert admitted(url, config=CONFIG).client.name == "spark"
