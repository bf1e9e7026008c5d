"""A login, taken to the backend's own STS as well: for roles with ``backend_identity: as_user``.

The credentials that it gives travel in the sealed session, which ends when they do: the backend's policies and audit
see the user. Nothing of the password or the token is kept.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import urlencode

from s3gateway import errors
from s3gateway.config.model import Config
from s3gateway.identity import calls
from s3gateway.identity.calls import Call, duration
from s3gateway.identity.login import Login
from s3gateway.identity.model import LONGEST_SESSION, Role
from s3gateway.identity.sts import access_denied
from s3gateway.sigv4.model import RequestHead
from s3gateway.wire.backend_sessions import credentials_in
from s3gateway.wire.backends import Pool
from s3gateway.wire.own_request import BackendError, ask

_MOST_BYTES: Final = 64 * 1024
_SENT: Final = {calls.WITH_LDAP: ("LDAPUsername", "LDAPPassword"), calls.WITH_WEB: (calls.WEB_TOKEN,)}
_MINIOS: Final = "arn:minio:"
_FAILED: Final = 500


async def at_backend(call: Call, login: Login, roles: Sequence[Role], config: Config, pool: Pool) -> Login:
    """Log in at the backend, and give the login with what that gave. ``roles`` are those that the session gets.

    Raises AccessDenied, ServiceUnavailable (503).
    """
    body = urlencode(_form(call, roles)).encode()
    head = RequestHead(b"POST", b"/", (
        (b"Host", config.backend.authority.encode()),
        (b"Content-Type", b"application/x-www-form-urlencoded"),
        (b"Content-Length", b"%d" % len(body)),
    ))  # fmt: skip
    try:
        answer = await ask(pool, head, body=body, most=_MOST_BYTES, seconds=config.limits.connect_timeout)
    except BackendError:
        raise errors.service_unavailable() from None
    try:
        keys, end = credentials_in(answer, call.action)
    except BackendError as error:
        if answer.status >= _FAILED:
            raise errors.service_unavailable() from None
        raise access_denied(reason=f"at the backend {error}") from None
    return replace(login, backend=keys, expires=min(end, login.expires or end))


def _form(call: Call, roles: Sequence[Role]) -> dict[str, str]:
    if call.action not in _SENT:
        raise access_denied(reason="the role is as_user, and only a password or a web identity can be taken there")
    form = {
        "Action": call.action,
        "Version": "2011-06-15",
        "DurationSeconds": str(duration(call, LONGEST_SESSION)),
        **{name: call.need(name) for name in _SENT[call.action]},
    }
    arns = {role.arn for role in roles if role.arn.startswith(_MINIOS)} if call.action == calls.WITH_WEB else set()
    if len(arns) > 1:
        raise access_denied(reason="its roles are several of the backend's own, which gives a session for one")
    return form | ({"RoleArn": arns.pop()} if arns else {})
