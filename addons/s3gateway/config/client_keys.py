"""Keys with a term: ``clients[].keys`` and ``backend.credentials.keys``. Several count at a time while one rotates."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from s3gateway.config.check import ConfigError, quoted
from s3gateway.config.files import Files
from s3gateway.config.header_words import check_secret, check_token, check_word
from s3gateway.config.model import DatedKeys, KeyPair
from s3gateway.identity.keys import DatedSecret, Term
from s3gateway.sigv4.model import Secret

_OWN: Final = ("secret_access_key", "secret_access_key_file", "not_before", "not_after")
"""What a client's entry says of its one key, and each entry of ``keys`` of one of several."""

_LAST_MICROSECOND: Final = timedelta(days=1) - timedelta(microseconds=1)


def read_client_keys(key: str, entry: Mapping[str, Any], files: Files) -> dict[str, tuple[DatedSecret, ...]]:
    """Give the secrets of a client by their access key id, in the order of the file."""
    entries = entry.get("keys")
    if not entries:
        return {_access_key_id(key, entry): (DatedSecret(_secret(key, entry, files), read_term(key, entry)),)}
    for name in _OWN:
        if entry.get(name):
            raise ConfigError(f"{key}.{name}", f"is set besides {key}.keys", "move it into an entry of keys")
    found: dict[str, tuple[DatedSecret, ...]] = {}
    for i, one in enumerate(entries):
        at = f"{key}.keys[{i}]"
        named = dict(one) | {"access_key_id": one["access_key_id"] or entry["access_key_id"]}
        access_key_id = _access_key_id(at, named)
        before = found.get(access_key_id, ())
        dated = DatedSecret(_secret(at, one, files), read_term(at, one), len(before) + 1)
        if any(dated.secret.reveal() == other.secret.reveal() for other in before):
            raise ConfigError(f"{at}.secret_access_key", "is there twice", "give each entry a secret of its own")
        found[access_key_id] = (*before, dated)
    return found


def read_own_keys(key: str, entries: list[dict[str, Any]], files: Files) -> tuple[DatedKeys, ...]:
    """Give the gateway's own keys at the backend, the preferred one first."""
    found = []
    for i, one in enumerate(entries):
        at = f"{key}[{i}]"
        if not one["access_key_id"]:
            raise ConfigError(f"{at}.access_key_id", "is missing", "write text")
        pair = KeyPair(check_word(f"{at}.access_key_id", one["access_key_id"]), _secret(at, one, files))
        if one["session_token"]:
            pair = replace(pair, session_token=Secret(check_token(f"{at}.session_token", one["session_token"])))
        found.append(DatedKeys(pair, read_term(at, one)))
    return tuple(found)


def read_term(key: str, entry: Mapping[str, Any]) -> Term:
    """Read ``not_before`` and ``not_after``. A day without a time counts whole, in UTC."""
    begin = _moment(f"{key}.not_before", entry["not_before"], timedelta())
    end = _moment(f"{key}.not_after", entry["not_after"], _LAST_MICROSECOND)
    if begin and end and begin >= end:
        raise ConfigError(f"{key}.not_after", f"{quoted(entry['not_after'])} is before not_before", "correct one")
    return Term(begin, end)


def _moment(key: str, value: object, whole_day: timedelta) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value) if len(value) <= len("2026-12-31") else datetime.fromisoformat(value)
        except ValueError:
            raise ConfigError(
                key, f"{quoted(value)} is no date", "write it like 2026-12-31 or 2026-12-31T18:00:00Z"
            ) from None
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ConfigError(key, f"{quoted(value)} has no time zone", f"write {value.isoformat()}Z, or an offset")
        return value.astimezone(UTC)
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC) + whole_day
    raise ConfigError(key, "is no date", "write it like 2026-12-31 or 2026-12-31T18:00:00Z")


def _access_key_id(key: str, entry: Mapping[str, Any]) -> str:
    if not entry["access_key_id"]:
        raise ConfigError(f"{key}.access_key_id", "is missing", "write text")
    access_key_id = check_word(f"{key}.access_key_id", entry["access_key_id"])
    if "/" in access_key_id:
        raise ConfigError(f"{key}.access_key_id", f"{quoted(access_key_id)} holds a slash", "SigV4 cannot carry it")
    return access_key_id


def _secret(key: str, entry: Mapping[str, Any], files: Files) -> Secret:
    secret, file = entry.get("secret_access_key"), entry.get("secret_access_key_file")
    if bool(secret) == bool(file):
        raise ConfigError(
            f"{key}.secret_access_key",
            "is missing or empty" if not secret else "is set besides secret_access_key_file",
            "set exactly one of secret_access_key and secret_access_key_file",
        )
    if file:
        secret = files.text(f"{key}.secret_access_key_file", file).strip()
        if not secret:
            raise ConfigError(f"{key}.secret_access_key_file", f"{quoted(file)} is empty", "put the secret into it")
    return Secret(check_secret(f"{key}.secret_access_key{'_file' if file else ''}", str(secret)))
