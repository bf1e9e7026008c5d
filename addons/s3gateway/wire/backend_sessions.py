"""Sessions at the backend, one for each client with ``backend_identity: session``: AssumeRole with the client's rules.

The backend refuses then what the gateway should have refused. A session is made when its client first asks, kept in
memory, renewed ahead of its end while requests go on with the old one, and made anew when the backend knows it no more.
"""

import asyncio
import html
import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from s3gateway import errors
from s3gateway.config.header_words import check_secret, check_token, check_word
from s3gateway.config.model import Client, KeyPair
from s3gateway.identity.renewal import Renewal
from s3gateway.observed.printable import printable
from s3gateway.rules.quoting import UnreadableError, read_document
from s3gateway.signer import Signer
from s3gateway.sigv4.model import Secret
from s3gateway.wire.clock import Clock
from s3gateway.wire.own_request import BackendError, OwnAnswer, ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3gateway.wire.backends import Pool
    from s3gateway.wire.service import Current

logger = logging.getLogger(__name__)

_SECONDS: Final = 3600
_MOST_BYTES: Final = 64 * 1024
_PAUSE_SECONDS: Final = 2.0
"""Between two tries for a client while the backend makes no session for it."""

_TOLD_EVERY: Final = 60.0
_OK: Final = 200
_ROLE: Final = "arn:aws:iam::000000000000:role/s3gateway"
"""MinIO reads none, and AWS's clients always send one."""

_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_+=,.@-]")


@dataclass(frozen=True, slots=True)
class _Session:
    keys: KeyPair
    signer: Signer
    end: datetime
    renewal: Renewal


_Key = tuple[str, str, str, str]
"""Whose session it is, under which policy, at which backend, as whose child."""


class BackendSessions:
    """All of them. ``anyone`` gives a backend to ask; ``clock`` is for pauses, and sessions end by the time of day."""

    def __init__(self, clock: Clock, anyone: "Callable[[Current], tuple[Current, Pool]]") -> None:
        self._clock = clock
        self._anyone = anyone
        self._sessions: dict[_Key, _Session] = {}
        self._asking: dict[_Key, asyncio.Task[_Session]] = {}
        self._paused_until: dict[_Key, float] = {}
        self._told_at: dict[_Key, float] = {}

    def signer(self, current: "Current", client: Client) -> Signer | None:
        """Give the client's session if there is one; one that is near its end is renewed meanwhile."""
        key, now = _key(current, client), datetime.now(UTC)
        session = self._sessions.get(key)
        if session is None or session.end <= now:
            return None
        if session.renewal.is_due(now) and not self._is_paused(key):
            self._begin(key, current, client)
        return session.signer

    async def make(self, current: "Current", client: Client) -> Signer:
        """Make a session, once for all who wait for it. Raises ServiceUnavailable (503) where there is none."""
        key = _key(current, client)
        if self._is_paused(key):
            raise errors.gateway_not_authorized()
        try:
            return (await asyncio.shield(self._begin(key, current, client))).signer
        except BackendError:
            raise errors.gateway_not_authorized() from None

    def forget(self, current: "Current", client: Client, refused: Signer) -> None:
        """Keep a session no more that the backend refuses, unless there is another one already."""
        key = _key(current, client)
        session = self._sessions.get(key)
        if session is not None and refused.signs_with(session.keys):
            del self._sessions[key]

    def stop(self) -> None:
        """Ask for nothing any more."""
        for task in self._asking.values():
            task.cancel()

    def _is_paused(self, key: _Key) -> bool:
        return self._clock.now() < self._paused_until.get(key, 0.0)

    def _begin(self, key: _Key, current: "Current", client: Client) -> "asyncio.Task[_Session]":
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(self._ask(key, current, client), name="s3gateway sts")
            task.add_done_callback(_retrieve)
        return task

    async def _ask(self, key: _Key, current: "Current", client: Client) -> _Session:
        """Ask, and keep what comes. Raises BackendError."""
        try:
            session = await _assume_role(current, client, self._anyone)
        except (BackendError, errors.S3Error) as error:
            self._paused_until[key] = self._clock.now() + _PAUSE_SECONDS
            self._tell(key, client, str(error))
            raise BackendError(str(error)) from None
        finally:
            self._asking.pop(key, None)
        in_force = {known: kept for known, kept in self._sessions.items() if known[2:] == key[2:]}
        self._sessions = in_force | {key: session}
        return session

    def _tell(self, key: _Key, client: Client, why: str) -> None:
        now = self._clock.now()
        if now - self._told_at.get(key, float("-inf")) >= _TOLD_EVERY:
            self._told_at[key] = now
            logger.error("no session at the backend for client %s: %s", client.name, why)


async def _assume_role(
    current: "Current", client: Client, anyone: "Callable[[Current], tuple[Current, Pool]]"
) -> _Session:
    now = datetime.now(UTC)
    asked, pool = anyone(current)
    form = {
        "Action": "AssumeRole", "Version": "2011-06-15", "RoleArn": _ROLE,
        "RoleSessionName": _NOT_IN_NAMES.sub("-", client.name)[:64].ljust(2, "-"), "DurationSeconds": str(_SECONDS),
        "Policy": client.backend_policy,
    }  # fmt: skip
    body = urlencode(form).encode()
    head = current.signer.sign_form(asked.config.backend.authority, body, now)
    answer = await ask(pool, head, body=body, most=_MOST_BYTES, seconds=current.config.limits.connect_timeout)
    keys, end = credentials_in(answer, "AssumeRole")
    if end <= now:
        raise BackendError("the session has ended already; compare the clocks")
    return _Session(keys, Signer(keys, current.config.backend.region), end, Renewal.of(now, end))


def credentials_in(answer: OwnAnswer, action: str) -> tuple[KeyPair, datetime]:
    """Read the credentials that an STS has given, and when they end. Raises BackendError."""
    if answer.status != _OK:
        raise BackendError(f"{action} was answered {answer.status} {_code(answer.body)}".rstrip())
    text = answer.body.decode("utf-8", "replace")
    try:
        keys = KeyPair(
            check_word("AccessKeyId", _element(text, "AccessKeyId")),
            Secret(check_secret("SecretAccessKey", _element(text, "SecretAccessKey"))),
            Secret(check_token("SessionToken", _element(text, "SessionToken"))),
        )
        end = datetime.fromisoformat(_element(text, "Expiration")).astimezone(UTC)
    except ValueError:
        raise BackendError(f"the answer to {action} has no credentials that can be used") from None
    return keys, end


def _element(text: str, name: str) -> str:
    """Give the text of an element. Raises ValueError."""
    found = re.search(f"<{name}>([^<]+)</{name}>", text)
    if found is None:
        raise ValueError
    return html.unescape(found[1])


def _code(body: bytes) -> str:
    try:
        return printable(read_document(body).code)[:80]
    except UnreadableError:
        return ""


def _key(current: "Current", client: Client) -> _Key:
    return client.name, client.backend_policy, current.config.backend.url, current.signer.access_key_id


def _retrieve(task: "asyncio.Task[_Session]") -> None:
    """Look at how it ended: whoever waited may have gone."""
    if not task.cancelled():
        task.exception()
