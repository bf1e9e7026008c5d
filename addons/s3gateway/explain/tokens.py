"""Session tokens and access keys that do not belong together: AWS's key ids say of which kind they are."""

from s3gateway.explain.cause import Certainty
from s3gateway.observed.capture import Explanation
from s3gateway.sigv4.claim import Claim
from s3gateway.sigv4.model import RequestHead

_TEMPORARY, _LASTING = "ASIA", "AKIA"
_AWS_LENGTH = 20
_FOR_STS = b"/sts/aws4_request"
REDACTED = b"<redacted>"


def of_sts(head: RequestHead, *, served: bool) -> Explanation | None:
    """Say that a request is one to STS, of which nobody keeps what is signed; None for any other."""
    if head.path != b"/" or _FOR_STS not in (head.first(b"authorization") or b""):
        return None
    sentence = "the request is one to STS, and `sts` is not configured here: add it, or name the right endpoint of STS"
    if served:
        sentence = (
            "the request is one to STS: what is signed is its form, which holds passwords and is kept nowhere; if its "
            "signature does not match, the secret is wrong, or something on the way has changed the form"
        )
    return Explanation("sts", sentence, certainty=Certainty.CERTAIN.value if not served else Certainty.LIKELY.value)


def unknown(claim: Claim, *, has_sessions: bool) -> Explanation | None:
    """Say that an access key is unknown, or that its session cannot be looked into; None where it can.

    ``has_sessions`` says that the gateway gives sessions, whose keys look like AWS's temporary ones.
    """
    if not has_sessions:
        return unknown_key(claim)
    if claim.session_token is None:
        return mismatched(claim.access_key_id, has_token=False) or unknown_key(claim)
    if claim.session_token == REDACTED:
        return Explanation(
            "session-token-redacted",
            "the request has a session token that is redacted here, and the session's secret is in the token: what is "
            "wrong with its signature can only be told where the request was received (`log.explain`)",
            certainty=Certainty.CERTAIN.value,
        )
    return None


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
