"""Keys with a term."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from s3gateway.config.check import ConfigError
from s3gateway.config.gateway_yaml import parse
from s3gateway.config.model import Config
from s3gateway.identity.keys import Term

CANARY = "c4n4ry-s3cr3t"
BACKEND = "backend: {endpoint: 'https://h', credentials: %s}\n"
OK = BACKEND % "{access_key_id: a, secret_access_key: b}"


def client(text: str) -> Config:
    return parse(OK + "clients: [{name: spark, " + text + "}]\n", Path())


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as refused:
        parse(text, Path())
    told = str(refused.value)
    assert CANARY not in told
    assert "\n" not in told
    return told


def test_several_secrets_and_several_ids() -> None:
    """In the order of the file, below the id that each is of."""
    config = client(
        "access_key_id: K, keys: [{secret_access_key: one, not_after: 2026-12-31}, {secret_access_key: two}, "
        "{access_key_id: L, secret_access_key: three}]"
    )
    found = {
        key_id: [(dated.secret.reveal(), dated.number) for dated in one.secrets]
        for key_id, one in config.clients.items()
    }
    assert found == {"K": [(b"one", 1), (b"two", 2)], "L": [(b"three", 1)]}
    assert {one.name for one in config.clients.values()} == {"spark"}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-12-31", datetime(2026, 12, 31, 23, 59, 59, 999999, UTC)),
        ("'2026-12-31'", datetime(2026, 12, 31, 23, 59, 59, 999999, UTC)),
        ("2026-12-31T18:00:00Z", datetime(2026, 12, 31, 18, tzinfo=UTC)),
        ("2026-12-31 18:00:00+02:00", datetime(2026, 12, 31, 16, tzinfo=UTC)),
        ("'2026-12-31T18:00+02:00'", datetime(2026, 12, 31, 16, tzinfo=UTC)),
    ],
)
def test_dates(text: str, moment: datetime) -> None:
    """A day is meant whole, in UTC."""
    config = client(f"access_key_id: K, secret_access_key: s, not_after: {text}")
    assert config.clients["K"].secrets[0].term == Term(None, moment)


def test_a_day_begins_at_midnight() -> None:
    config = client("access_key_id: K, secret_access_key: s, not_before: 2026-12-31, not_after: 2026-12-31")
    begin = datetime(2026, 12, 31, tzinfo=UTC)
    term = config.clients["K"].secrets[0].term
    assert term.not_before == begin
    assert term.holds(begin.replace(hour=23, minute=59))
    assert not term.holds(datetime(2027, 1, 1, tzinfo=UTC))


SECRET = f"secret_access_key: {CANARY}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"access_key_id: K, {SECRET}, not_after: tomorrow", "clients[0].not_after: 'tomorrow' is no date; write it"),
        (f"access_key_id: K, {SECRET}, not_after: 2026", "clients[0].not_after: 2026 is not a date; write a date"),
        (
            f"access_key_id: K, {SECRET}, not_after: 2026-12-31 18:00:00",
            "clients[0].not_after: '2026-12-31 18:00:00' has no time zone; write 2026-12-31T18:00:00Z, or an offset",
        ),
        (
            f"access_key_id: K, {SECRET}, not_before: 2027-01-01, not_after: 2026-12-31",
            "clients[0].not_after: '2026-12-31' is before not_before; correct one",
        ),
        (SECRET, "clients[0].access_key_id: is missing; write text"),
        (f"keys: [{{{SECRET}}}]", "clients[0].keys[0].access_key_id: is missing; write text"),
        ("access_key_id: K, keys: []", "clients[0].secret_access_key: is missing or empty; set exactly one of"),
        ("access_key_id: K, keys: {}", "clients[0].keys: a mapping is not a list; start each entry of clients[0].keys"),
        ("access_key_id: K, keys: [{}]", "clients[0].keys[0].secret_access_key: is missing or empty; set exactly one"),
        (
            f"access_key_id: K, {SECRET}, keys: [{{{SECRET}}}]",
            "clients[0].secret_access_key: is set besides clients[0].keys; move it into an entry of keys",
        ),
        (
            f"access_key_id: K, keys: [{{{SECRET}}}, {{{SECRET}}}]",
            "clients[0].keys[1].secret_access_key: is there twice; give each entry a secret of its own",
        ),
        (f"access_key_id: K, keys: [{{{SECRET}, not_afer: 1}}]", "clients[0].keys[0].not_afer: unknown key; did you"),
    ],
)
def test_refused(text: str, told: str) -> None:
    """By the key's path, with the remedy, and without the secret."""
    assert refusal(OK + "clients: [{name: spark, " + text + "}]\n").startswith(told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "buckets: ['team-[ab]'], backend_identity: session",
            "clients[0].backend_identity: the rules of client 'spark' hold the pattern 'team-[ab]', and a policy knows",
        ),
        (
            "buckets: [" + ", ".join(f"a-bucket-with-a-name-{number}" for number in range(40)) + "], "
            "backend_identity: session",
            "clients[0].backend_identity: the rules of client 'spark' make a policy of 3",
        ),
        ("backend_identity: as_user", "clients[0].backend_identity: 'as_user' is not shared or session; write shared"),
    ],
)
def test_rules_that_no_policy_can_say(text: str, told: str) -> None:
    """Are refused with the client's name; the gateway's own key is never taken instead."""
    entry = f"clients: [{{name: spark, access_key_id: K, {SECRET}, {text}}}]\n"
    assert refusal(OK + entry).startswith(told)


def test_a_session_at_the_backend() -> None:
    assert client(f"access_key_id: K, {SECRET}, buckets: [b]").clients["K"].backend_policy == ""
    config = client(f"access_key_id: K, {SECRET}, buckets: [b], backend_identity: session")
    assert '"arn:aws:s3:::b/*"' in config.clients["K"].backend_policy


def own(text: str) -> Any:
    return BACKEND % text + "clients: [{name: a, access_key_id: K, secret_access_key: s}]\n"


def test_keys_at_the_backend() -> None:
    """The first one is the one to begin with."""
    config = parse(
        own("{keys: [{access_key_id: A, secret_access_key: x, not_before: 2026-01-01}, "
            "{access_key_id: B, secret_access_key: y, session_token: z}]}"), Path(),
    )  # fmt: skip
    assert [dated.keys.access_key_id for dated in config.own_keys] == ["A", "B"]
    assert config.credentials is config.own_keys[0].keys
    assert config.own_keys[1].keys.session_token is not None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{{keys: [{{{SECRET}}}]}}", "backend.credentials.keys[0].access_key_id: is missing; write text"),
        (f"{{profile: p, keys: [{{access_key_id: A, {SECRET}}}]}}", "backend.credentials: names more than one source"),
    ],
)
def test_refused_at_the_backend(text: str, told: str) -> None:
    assert refusal(own(text)).startswith(told)
