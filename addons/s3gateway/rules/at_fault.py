"""Whose fault is it that a backend refuses a signature? The client's was proven; what it saw is the gateway's."""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from s3gateway.sigv4.model import RequestHead

_OF_KEY: Final = frozenset(
    (
        "AuthorizationHeaderMalformed",  # backend.region
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "InvalidTokenId",
        "RequestTimeTooSkewed",
    )
)
"""AWS's and MinIO's codes for credentials, clock and region, of which MinIO has one and AWS one a bucket."""

_OF_CREDENTIALS: Final = frozenset(
    ("ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "InvalidTokenId", "SignatureDoesNotMatch")
)
"""Those that another key, or a renewed session, can mend. MinIO has InvalidAccessKeyId for a session that has ended."""

_OF_RULE: Final = frozenset(("backend-without-kms", "kms-key-unknown"))
"""The causes, as :mod:`~s3gateway.explain.codes` has them, that lie in an encryption rule and its backend."""

_ASCII: Final = re.compile(rb"[\t -~]*")
_UNESCAPED: Final = re.compile(rb"[A-Za-z0-9._~-]*")


def blames_gateway(code: str, head: RequestHead) -> bool:
    """Whether a refusal with this code can only be about what the gateway signs with, and not about ``head``."""
    return code in _OF_KEY or (code == "SignatureDoesNotMatch" and is_plain(head))


def blames_key(code: str) -> bool:
    """Whether a refusal that is about what the gateway signs with can be mended by another key."""
    return code in _OF_CREDENTIALS


def blames_rule(cause: str, rule: int | None) -> bool:
    """Whether a refusal with this cause is about the encryption that rule number ``rule`` added, if one did."""
    return rule is not None and cause in _OF_RULE


def is_plain(head: RequestHead) -> bool:
    """Whether all servers agree on the canonical form.

    MinIO has another one of a key that is no UTF-8, and sorts parameters by their names as they are before escaping.
    """
    try:
        unquote_to_bytes(head.target).decode()
    except UnicodeDecodeError:
        return False
    return all(_UNESCAPED.fullmatch(name) for name, _ in head.parameters) and all(
        _ASCII.fullmatch(value) for _, value in ((b"", head.target), *head.headers)
    )
