"""``backend_identity``: whose hand reaches the backend. What cannot be narrowed there is refused, and never shared."""

from collections.abc import Mapping
from typing import Any

from s3gateway.config.check import ConfigError, quoted
from s3gateway.identity.backend_policy import PolicyError, policy_of
from s3gateway.rules.access import Access


def read_backend_policy(key: str, entry: Mapping[str, Any], access: Access) -> str:
    """Give the policy of a client's or role's session at the backend; empty where the gateway's own key is shared."""
    if entry["backend_identity"] != "session":
        return ""
    kind = "role" if key.startswith("roles") else "client"
    try:
        return policy_of(access)
    except PolicyError as error:
        problem, _, remedy = str(error).partition("; ")
        raise ConfigError(
            f"{key}.backend_identity", f"the rules of {kind} {quoted(entry['name'])} {problem}", remedy
        ) from None
