"""``sts:`` of the configuration: the ring that seals sessions, how logins are bounded, which sessions are void."""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from secrets import token_bytes
from typing import Any, Final

from s3gateway.config.check import ConfigError, quoted
from s3gateway.config.files import Files
from s3gateway.config.kinds import MOMENT
from s3gateway.config.model import Sts
from s3gateway.config.yaml_text import read_yaml
from s3gateway.identity.model import LONGEST_SESSION, SHORTEST_SESSION, Revocation
from s3gateway.identity.session import KEY_BYTES, Ring, RingKey

_REMEDY: Final = "make it with scripts/make_ring, and give every gateway the same file"
_ALWAYS: Final = datetime(2000, 1, 1, tzinfo=UTC)


def read_sts(values: Mapping[str, Any] | None, files: Files) -> Sts | None:
    """Give the checked section; None where there is none, and so no STS."""
    if values is None:
        return None
    ring = values["ring"]
    return Sts(
        ring=_ring("sts.ring", ring, files) if ring else _own_ring(),
        is_shared=bool(ring),
        allow_plain_http=values["allow_plain_http"],
        longest_session=check_session("sts.longest_session", values["longest_session"]),
        logins_per_address=values["logins_per_address"],
        logins_per_user=values["logins_per_user"],
        revoked=tuple(Revocation(each["subject"], read_moment(each["before"])) for each in values["revoked"]),
    )


def check_session(key: str, seconds: int) -> int:
    """Give back a length that a session may have."""
    if SHORTEST_SESSION <= seconds <= LONGEST_SESSION:
        return seconds
    remedy = f"AWS's sessions last from {SHORTEST_SESSION} to {LONGEST_SESSION} seconds"
    raise ConfigError(key, f"{seconds} is no length of a session", remedy)


def read_moment(value: datetime | str) -> datetime:
    """Give a moment as YAML has it, with a time zone or in UTC."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _ring(key: str, name: str, files: Files) -> Ring:
    """Read the ring's file. No message tells a key."""
    text = files.text(key, name)
    try:
        document = read_yaml(text)
    except ConfigError:
        raise ConfigError(key, f"{quoted(name)} is not valid YAML", _REMEDY) from None
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not entries:
        raise ConfigError(key, f"{quoted(name)} has no list 'keys'", _REMEDY)
    keys = tuple(_ring_key(f"{key}: keys[{i}]", entry) for i, entry in enumerate(entries))
    if len({each.id for each in keys}) != len(keys):
        raise ConfigError(key, f"{quoted(name)} has a key twice", "take one of them out")
    return Ring(keys)


def _ring_key(key: str, entry: object) -> RingKey:
    if not isinstance(entry, dict) or not set(entry) <= {"key", "since"}:
        raise ConfigError(key, "is not a mapping of key and since", _REMEDY)
    text, since = entry.get("key"), entry.get("since", _ALWAYS)
    try:
        raw = base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != KEY_BYTES:
        raise ConfigError(key, f"is not the base64 of {KEY_BYTES} bytes", _REMEDY)
    if not MOMENT.accepts(since):
        raise ConfigError(key, "since is no moment", "write it like 2026-11-29T12:00:00Z")
    return RingKey(raw, read_moment(since))


@cache
def _own_ring() -> Ring:
    """Make the ring of a gateway that has no file: its sessions end with this process, reloads or not."""
    return Ring((RingKey(token_bytes(KEY_BYTES), _ALWAYS),))
