"""Keys that somebody else knows, asked for by HTTP, in the protocol of trino's aws-proxy. Sans-IO.

``GET {url}/{access key id}`` is answered 200 with ``{"emulated": {"accessKey": ..., "secretKey": ...}, "identity":
{"user": ..., "groups": [...]}}``, or 404 for a key that nobody has. Anything else is a failure of whoever answers.
"""

import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final
from urllib.parse import quote

from s3gateway.identity.login import LOOKUP, Login
from s3gateway.identity.remote_keys import CannotAskError, FoundKey
from s3gateway.rules.access import Access
from s3gateway.sigv4.model import Secret

MOST_BYTES: Final = 64 * 1024
"""Of an answer."""

_LONGEST_NAME: Final = 128
_FOUND, _UNKNOWN = 200, 404


@dataclass(frozen=True, slots=True)
class Right:
    """What users (patterns), or members of groups (patterns), may do; with neither it is for all."""

    users: tuple[str, ...]
    groups: tuple[str, ...]
    access: Access

    def is_for(self, login: Login) -> bool:
        """Whether a user is one of those."""
        if not self.users and not self.groups:
            return True
        return any(fnmatchcase(login.user, pattern) for pattern in self.users) or any(
            fnmatchcase(group, pattern) for group in login.groups for pattern in self.groups
        )


def target(path: str, access_key_id: str) -> bytes:
    """Give the request target; ``path`` is the URL's own."""
    return f"{path.rstrip('/')}/{quote(access_key_id, safe='')}".encode()


def read_answer(status: int, body: bytes, access_key_id: str) -> FoundKey | None:
    """Read an answer; None says that nobody has the key. Raises CannotAskError."""
    if status == _UNKNOWN:
        return None
    if status != _FOUND:
        raise _odd(f"it answered {status}")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise _odd("its answer is no JSON") from None
    emulated, identity = (_member(document, name, dict) for name in ("emulated", "identity"))
    if _member(emulated, "accessKey", str) != access_key_id:
        raise _odd("its answer is about another access key")
    if emulated.get("session") is not None:
        raise _odd("its key needs a session token of its own")
    user, secret = _member(identity, "user", str), _member(emulated, "secretKey", str)
    groups = identity.get("groups") or []
    if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
        raise _odd("identity.groups is no list of text")
    if not user or len(user) > _LONGEST_NAME or user != user.strip() or not user.isprintable():
        raise _odd("identity.user is no name")
    if not secret or not secret.isprintable():
        raise _odd("emulated.secretKey is no secret")
    return FoundKey(Secret(secret), Login(LOOKUP, user, user, tuple(groups)))


def _odd(why: str) -> CannotAskError:
    return CannotAskError(why, is_down=False)  # strangers choose what is asked


def _member(document: Any, name: str, kind: type) -> Any:
    value = document.get(name) if isinstance(document, dict) else None
    if not isinstance(value, kind):
        raise _odd(f"its answer has no {name}")
    return value
