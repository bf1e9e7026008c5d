"""Differences between two heads that are meant, and why: what any gateway that signs anew has to change.

A reason is one short phrase, empty for a difference that nobody meant.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from s3gateway.observed.capture import Head, Pairs
from s3gateway.observed.redaction import text
from s3gateway.rules.headers import HOP_BY_HOP, without_hop_by_hop
from s3gateway.rules.parameter_names import without_unknown
from s3gateway.sigv4.claim import without_presigned
from s3gateway.sigv4.model import PayloadMode

NO_REASONS: Mapping[str, str] = MappingProxyType({})

HOPS = frozenset((*(name.decode() for name in HOP_BY_HOP if name != b"expect"), "transfer-encoding"))
_SIGNED_ANEW = frozenset(("authorization", "x-amz-date", "x-amz-content-sha256"))
_TRAILER = "the checksum that AWS computes where a client sends none"
_FORMS_OWN = "of the form itself; the object has what its fields say"
_OF_BOTH = frozenset(("host", "origin", "user-agent", "forwarded", "x-forwarded-for", "x-real-ip"))
"""Fields of a form's request that its PutObject has as well."""

_ENCRYPTION = ("x-amz-server-side-encryption", "x-amz-copy-source-server-side-encryption")


@dataclass(frozen=True, slots=True)
class Context:
    """Both heads, who added encryption headers, and what the operator allows besides (lower-case name to reason)."""

    incoming: Head
    outgoing: Head
    added_by: str = ""
    allowed: Mapping[str, str] = NO_REASONS


def of_header(name: str, before: tuple[str, ...], after: tuple[str, ...], context: Context) -> str:
    """Why a header's values differ; ``before`` is empty for an added one, ``after`` for a removed one."""
    if name in context.allowed:
        return f"allowed: {context.allowed[name]}"
    if name in HOPS:
        return "hop by hop: one connection only"
    if not before:
        return _of_added(name, context)
    is_forms_own = is_form(context.incoming, context.outgoing) and name not in _OF_BOTH
    if is_forms_own or not after:
        return _FORMS_OWN if is_forms_own else _of_removed(name, context)
    if len(before) == len(after) == 1:
        if name == "host":
            return "the backend's own name"
        if name in _SIGNED_ANEW:
            return "signed anew"
        if name == "content-length" and _chunks_may_be_new(context.incoming):
            return "the chunks are the gateway's own"
    return "the sender's own session token" if name == "x-amz-security-token" else ""


def of_target(context: Context) -> str:
    """Why method and target differ."""
    incoming, outgoing = context.incoming, context.outgoing
    if is_form(incoming, outgoing):
        return "a form becomes the PutObject that its fields ask for"
    path, _, query = incoming.target.partition("?")
    path_after, _, query_after = outgoing.target.partition("?")
    reasons = []
    if path != path_after:
        bucket = path_after[1:].partition("/")[0]
        if path_after != f"/{bucket}{path}" or not _host(incoming).startswith(f"{bucket.lower()}."):
            return ""
        reasons.append("the bucket moved from the host name into the path")
    if query != query_after:
        unsigned = without_presigned(raw(query))
        if unsigned != raw(query):
            reasons.append("the presigned parameters became a signature in the headers")
        if raw(query_after) != unsigned:
            if raw(query_after) != without_unknown(unsigned):
                return ""
            reasons.append("query parameters that S3 does not know are left out")
    return "; ".join(reasons) if incoming.method == outgoing.method else ""


def is_form(incoming: Head, outgoing: Head) -> bool:
    """Whether a POST policy form was made a PutObject."""
    content_type = next((value.lower() for name, value in incoming.headers if name.lower() == "content-type"), "")
    return (incoming.method, outgoing.method) == ("POST", "PUT") and content_type.startswith("multipart/form-data")


def _of_added(name: str, context: Context) -> str:
    if name.startswith(_ENCRYPTION):
        return f"encryption: {context.added_by}" if context.added_by else "encryption, added on the way"
    if name in _SIGNED_ANEW:
        return "signed anew"
    if name == "traceparent":
        return "for traces, and not signed"
    if name == "x-amz-trailer" and _adds_trailer(context):
        return _TRAILER
    if name == "x-amz-security-token":
        return "the sender's own session token"
    return "a field of the form" if is_form(context.incoming, context.outgoing) else ""


def _adds_trailer(context: Context) -> bool:
    """Whether a checksum was added to an upload that had none and was in a mode that has."""
    before, after = (
        {name.lower(): value for name, value in head.headers} for head in (context.incoming, context.outgoing)
    )
    is_mode = before.get("x-amz-content-sha256") == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    return is_mode and "x-amz-trailer" not in before and "x-amz-trailer" in after


def _of_removed(name: str, context: Context) -> str:
    if name == "expect":
        return "answered by the gateway"
    if name == "x-amz-security-token":
        return "a client's session token never travels"
    if name in _named_by_connection(context.incoming.headers):
        return "hop by hop: the Connection header names it"
    return ""


def _chunks_may_be_new(head: Head) -> bool:
    """Whether chunks have no signature, so that a gateway may make others."""
    return ("x-amz-content-sha256", PayloadMode.STREAMING_UNSIGNED_TRAILER.value) in (
        (name.lower(), value) for name, value in head.headers
    )


def _named_by_connection(headers: Pairs) -> set[str]:
    fields = tuple((raw(name), raw(value)) for name, value in headers)
    left = {name.lower() for name, _ in without_hop_by_hop(fields)}
    return {text(name.lower()) for name, _ in fields if name.lower() not in left}


def _host(head: Head) -> str:
    return next((value.lower() for name, value in head.headers if name.lower() == "host"), "")


def raw(value: str) -> bytes:
    """Turn text back into the bytes that :func:`~s3gateway.observed.redaction.text` made it of."""
    return value.encode("utf-8", "surrogateescape")
