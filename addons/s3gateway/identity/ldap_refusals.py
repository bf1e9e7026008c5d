"""Why a directory refuses a bind: of a user, and of the lookup account (RFC 4511 §4.1.9 and appendix A.2)."""

import re
from typing import Final

_REFUSALS: Final = {
    19: "the account is locked",
    32: "there is no such entry any more",
    48: "the entry has no password",
    49: "wrong password",
    50: "the entry may not log in",
    53: "the directory refuses this account",
}
"""Results of a bind (RFC 4511 §4.1.9) that are about the user. Any other says that the directory cannot serve."""

_LOOKUP_REFUSALS: Final = {
    8: "it wants TLS, or StartTLS",
    13: "it wants TLS, or StartTLS",
    48: "anonymous searches are not allowed",
    49: "lookup_bind_dn or its password is wrong",
}

_AD_REFUSALS: Final = {
    "525": "there is no such user",
    "52e": "wrong password",
    "530": "it may not log in at this time",
    "531": "it may not log in from here",
    "532": "its password has expired",
    "533": "the account is disabled",
    "701": "the account has expired",
    "773": "its password must be changed first",
    "775": "the account is locked",
}
"""Windows' error in the diagnostic message of an Active Directory."""

_AD_ERROR: Final = re.compile(r"AcceptSecurityContext error, data ([0-9a-f]+),")


def refusal(code: int, diagnostic: str) -> str | None:
    """Say why a bind was refused, where that is about the user; None where the directory cannot serve."""
    if code not in _REFUSALS:
        return None
    windows = _AD_ERROR.search(diagnostic)
    return _AD_REFUSALS.get(windows[1], _REFUSALS[code]) if windows else _REFUSALS[code]


def lookup_refusal(code: int) -> str:
    """Say why the bind of the lookup account was refused, for whoever has to mend the configuration."""
    return _LOOKUP_REFUSALS.get(code, f"result {code}")
