"""An STS request -> its action and parameters. From a form body, or from the query, as clients send them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from s3gateway.identity.model import SHORTEST_SESSION, USUAL_SESSION
from s3gateway.identity.sts import StsError, invalid_parameter, missing_parameter
from s3gateway.sigv4.query import query_pairs

ASSUME_ROLE: Final = "AssumeRole"
WITH_LDAP: Final = "AssumeRoleWithLDAPIdentity"
WITH_WEB: Final = "AssumeRoleWithWebIdentity"
CALLER: Final = "GetCallerIdentity"

WEB_TOKEN: Final = "WebIdentityToken"  # noqa: S105 - the parameter's name
_BLANKS: Final = " \t\r\n"
"""What may stand around a token: SDKs send a token's file as it is, and ``jq -r`` has ended it with a line feed."""

VERSION: Final = "2011-06-15"
MOST_BYTES: Final = 64 * 1024
"""Of a form. AWS takes web identity tokens of 20 000 characters, and a policy is escaped to three times its length."""

UNSIGNED: Final = frozenset((WITH_LDAP, WITH_WEB))
_ACTIONS: Final = UNSIGNED | {ASSUME_ROLE, CALLER}
_ELSEWHERE: Final = frozenset(
    (
        "AssumeRoleWithSAML",
        "AssumeRoleWithCertificate",
        "AssumeRoleWithCustomToken",
        "AssumeRoleWithClientGrants",
        "AssumeRoot",
        "DecodeAuthorizationMessage",
        "GetAccessKeyInfo",
        "GetFederationToken",
        "GetSessionToken",
    )
)
_SESSION_NAME: Final = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_NOT_IN_NAMES: Final = re.compile(r"[^\w+=,.@-]", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_NARROWS: Final = "PolicyArns."
"""Parameters that would narrow a session by what this gateway has not; to leave them out would widen it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request of an action, of which nothing is proven. Its parameters may hold passwords and tokens."""

    action: str
    parameters: Mapping[str, str] = field(repr=False)

    def get(self, name: str) -> str:
        """Give a parameter; empty where it is not there."""
        return self.parameters.get(name, "")

    def need(self, name: str) -> str:
        """Give a parameter that the action cannot do without. Raises MissingParameter."""
        value = self.get(name)
        if not value:
            raise missing_parameter(name)
        return value


def action_in(query: Iterable[tuple[bytes, bytes]]) -> str:
    """Name the action that a query asks for; empty where it names none of those there are."""
    named = next((value.decode("latin-1") for name, value in query if name == b"Action"), "")
    return named if named in _ACTIONS | _ELSEWHERE else ""


def read_call(query: bytes, body: bytes) -> Call:
    """Read the parameters of both. Raises :class:`~s3gateway.identity.sts.StsError`."""
    parameters: dict[str, str] = {}
    for raw_name, raw_value in (*query_pairs(query), *query_pairs(body)):
        try:
            name, value = raw_name.decode(), raw_value.decode()
        except UnicodeDecodeError:
            raise invalid_parameter("A parameter is not UTF-8.") from None
        if name in parameters:
            raise invalid_parameter("A parameter is there twice.")
        parameters[name] = value.strip(_BLANKS) if name == WEB_TOKEN else value
    action = parameters.get("Action", "")
    if not action:
        raise StsError(400, "MissingAction", "The request is missing an action, or a required parameter.")
    if action in _ELSEWHERE:
        raise StsError(400, "InvalidAction", f"{action} is not available through this gateway.")
    if action not in _ACTIONS or parameters.get("Version") != VERSION:
        raise StsError(400, "InvalidAction", "Could not find the operation for this version.")
    if any(name.startswith(_NARROWS) for name in parameters):
        raise invalid_parameter("PolicyArns are not available through this gateway; give Policy.")
    return Call(action, parameters)


def session_name(call: Call, user: str) -> str:
    """Give the session's name: ``RoleSessionName``, or the user's name as far as one may hold it."""
    named = call.get("RoleSessionName")
    if not named:
        return _NOT_IN_NAMES.sub("-", user)[:64].ljust(2, "-")
    if not _SESSION_NAME.fullmatch(named):
        raise invalid_parameter("RoleSessionName must be 2 to 64 letters, digits and any of _+=,.@-")
    return named


def duration(call: Call, longest: int) -> int:
    """Give how long the session is to last, in seconds. ``longest`` is the most that it may."""
    text = call.get("DurationSeconds")
    if not text:
        return min(USUAL_SESSION, longest)
    seconds = int(text) if _NUMBER.fullmatch(text) else 0
    if seconds < SHORTEST_SESSION:
        raise invalid_parameter(f"DurationSeconds must be a number of at least {SHORTEST_SESSION}.")
    if seconds > longest:
        raise invalid_parameter(
            f"The requested DurationSeconds exceeds the longest session here, which is {longest} seconds."
        )
    return seconds
