"""STS's answers (AWS STS API Reference, version 2011-06-15)."""

import base64
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from s3gateway.errors import xml_text
from s3gateway.identity.calls import CALLER, WITH_WEB
from s3gateway.identity.login import AUDIENCE, Login
from s3gateway.identity.policy import MOST_BYTES
from s3gateway.identity.roles import NO_ACCOUNT
from s3gateway.identity.session import Session
from s3gateway.identity.sts import NAMESPACE
from s3gateway.sigv4.model import Secret

Element = tuple[str, "str | list[Element]"]
"""A name, and its text or what is in it."""

_SECRETS: Final = re.compile(rb"(<(?:SecretAccessKey|SessionToken)>)([^<]*)")


def of_session(action: str, session: Session, token: Secret, login: Login, request_id: str) -> bytes:
    """Give the credentials, and whose they are."""
    ends = datetime.fromtimestamp(session.expires, UTC)
    elements: list[Element] = [
        (
            "Credentials",
            [
                ("AccessKeyId", session.keys.access_key_id),
                ("SecretAccessKey", session.keys.secret.reveal().decode()),
                ("SessionToken", token.reveal().decode()),
                ("Expiration", f"{ends:%Y-%m-%dT%H:%M:%SZ}"),
            ],
        ),
        ("AssumedRoleUser", [("Arn", arn_of(session)), ("AssumedRoleId", id_of(session))]),
    ]
    if session.policy:
        elements.append(("PackedPolicySize", str(-(-100 * len(session.policy.encode()) // MOST_BYTES))))
    if action == WITH_WEB:
        elements += [
            ("SubjectFromWebIdentityToken", login.subject),
            ("Audience", login.claims.get(AUDIENCE, "").replace("\n", " ")),
            ("Provider", login.source),
        ]
    return _document(action, elements, request_id)


def of_caller(user_id: str, arn: str, request_id: str) -> bytes:
    """Say who has signed."""
    return _document(CALLER, [("UserId", user_id), ("Account", NO_ACCOUNT), ("Arn", arn)], request_id)


def arn_of(session: Session) -> str:
    """Name a session as AWS does."""
    return f"arn:aws:sts::{NO_ACCOUNT}:assumed-role/{_role(session)}/{session.name}"


def id_of(session: Session) -> str:
    """Give the id of a session's user: its role's, and its name."""
    return f"{unique_id('AROA', _role(session))}:{session.name}"


def arn_of_client(name: str) -> str:
    """Name a client of the configuration."""
    return f"arn:aws:iam::{NO_ACCOUNT}:user/{name}"


def unique_id(prefix: str, name: str) -> str:
    """Make an id of AWS's form that is always the same for a name."""
    return prefix + base64.b32encode(sha256(name.encode()).digest()[:10]).decode()


def redacted(document: bytes) -> bytes:
    """Give an answer as it may be kept, of the same length."""
    return _SECRETS.sub(lambda found: found[1] + b"*" * len(found[2]), document)


def _role(session: Session) -> str:
    return "+".join(session.roles) or session.user


def _document(action: str, elements: list[Element], request_id: str) -> bytes:
    result: Element = (f"{action}Result", elements)
    inside = _written([result, ("ResponseMetadata", [("RequestId", request_id)])])
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{action}Response xmlns="{NAMESPACE}">{inside}</{action}Response>'
    ).encode()


def _written(elements: Iterable[Element]) -> str:
    return "".join(
        f"<{name}>{xml_text(inside) if isinstance(inside, str) else _written(inside)}</{name}>"
        for name, inside in elements
    )
