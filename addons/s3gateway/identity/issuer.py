"""Issuers of web identities that are trusted, and for what. Values of the configuration."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from s3gateway.identity.jwks import Jwk

USUAL_ALGORITHMS: Final = ("RS256", "ES256")

WELL_KNOWN: Final = "/.well-known/openid-configuration"
"""Where an issuer says where its keys are (OpenID Connect Discovery 1.0 §4)."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer: ``url`` is what a token's ``iss`` must say, to the letter.

    ``audiences`` are to the letter as well; ``subjects`` are patterns. Keys are ``jwks``, else come from
    ``jwks_uri``, else from where the issuer's own document says, which must be at the issuer. ``token_file`` holds a
    bearer token for asking, as Kubernetes wants one. ``user_claim`` is the value of ``{user}``.
    """

    url: str
    audiences: tuple[str, ...]
    subjects: tuple[str, ...]
    algorithms: tuple[str, ...] = USUAL_ALGORITHMS
    user_claim: str = "sub"
    jwks_uri: str = ""
    jwks: tuple[Jwk, ...] = ()
    ca_file: Path | None = None
    token_file: Path | None = None

    def trusts_subject(self, subject: str) -> bool:
        """Whether one of the patterns matches. ``*`` is any text, ``?`` any character; nothing else is special."""
        return any(_matches(pattern, subject) for pattern in self.subjects)


def _matches(pattern: str, text: str) -> bool:
    parts = (".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None
