"""Session tokens and access keys that do not belong together: AWS's key ids say of which kind they are."""

from s3gateway.explain.cause import Certainty
from s3gateway.observed.capture import Explanation
from s3gateway.sigv4.claim import Claim

_TEMPORARY, _LASTING = "ASIA", "AKIA"
_AWS_LENGTH = 20


def unknown_key(claim: Claim) -> Explanation:
    """Say that nobody has the access key id that was sent; AWS's own keys, and what they lack, are told as such."""
    kind = claim.access_key_id[:4] if len(claim.access_key_id) == _AWS_LENGTH else ""
    sentence = "no client has the access key id that was sent; add it to `clients`, or correct it in the client"
    if kind in {_TEMPORARY, _LASTING}:
        sentence = (
            f"no client has the access key id that was sent: it is one of AWS's own ({kind}...), so the client took "
            "credentials from its environment, profile or instance in place of those for this gateway; set these"
        )
    return Explanation("unknown-access-key", sentence, certainty=Certainty.CERTAIN.value)


def mismatched(access_key_id: str, *, has_token: bool) -> Explanation | None:
    """Say where a key id of AWS's form lacks its session token, or has one that it cannot have."""
    kind = access_key_id[:4] if len(access_key_id) == _AWS_LENGTH else ""
    if kind == _TEMPORARY and not has_token:
        return Explanation(
            "session-token-missing",
            "the access key is a temporary one (ASIA...) and no session token came with it, so no server can take it; "
            "set all three of access key, secret and session token (AWS_SESSION_TOKEN) from the same answer of STS",
            certainty=Certainty.CERTAIN.value,
        )
    if kind == _LASTING and has_token:
        return Explanation(
            "session-token-of-another-key",
            "the access key is a lasting one (AKIA...), which has no session token, and one came with it: it is left "
            "over from other credentials; unset AWS_SESSION_TOKEN, or take all three from one place",
            certainty=Certainty.LIKELY.value,
            others=(("backend-token", "the token is right and the access key id is not the one that it came with"),),
        )
    return None
