"""Suspects: another method, or another text in place of the body's hash, than what arrived."""

from collections.abc import Iterator

from s3gateway.explain.draft import Draft
from s3gateway.explain.suspect import Suspect, of_part, quoted
from s3gateway.sigv4.model import EMPTY_SHA256, PayloadMode

_METHODS = (b"GET", b"HEAD", b"PUT", b"POST", b"DELETE", b"OPTIONS", b"PATCH")
_SHA256 = b"x-amz-content-sha256"


def suspects(draft: Draft) -> Iterator[Suspect]:
    """Methods first."""
    for method in (*_METHODS, draft.method.lower()):
        if method != draft.method:
            yield of_part("method-changed", _method_sentence(draft, method), method=method, likely=True)
    texts = (*(mode.value for mode in PayloadMode if mode.value), EMPTY_SHA256, "")
    for text in texts:
        payload = text.encode()
        if payload != draft.payload:
            yield from _payloads(draft, payload, text)
    upper = draft.payload.upper()
    yield of_part(
        "payload-hash", "the client signed its payload hash in upper case; S3 wants lower case", payload=upper
    )


def _method_sentence(draft: Draft, method: bytes) -> str:
    said = f"the client signed {quoted(method)}, the wire says {quoted(draft.method)}: "
    if draft.presigned:
        return said + "a presigned URL is good for its own method only; presign one for this method"
    if {method, draft.method} == {b"GET", b"HEAD"}:
        return said + "a cache in front turns one into the other; let it not (nginx: `proxy_cache_convert_head off;`)"
    return said + "a proxy in front changes the method; make it pass the request on as it came"


def _payloads(draft: Draft, payload: bytes, text: str) -> Iterator[Suspect]:
    names = {EMPTY_SHA256: "the hash of an empty body", "": "nothing"}
    told = names.get(text) or quoted(payload)
    wire = names.get(draft.payload.decode("utf-8", "replace")) or quoted(draft.payload)
    client = (
        f"the client signed {told}, x-amz-content-sha256 says {wire}; both must be the same: set the "
        "payload mode in one place of the client"
    )
    yield of_part("payload-hash", client, payload=payload, likely=True)
    if draft.value(_SHA256):
        fields = draft.with_field(_SHA256, payload).fields
        hop = (
            f"the client signed x-amz-content-sha256 {told}, the wire says {wire}: a proxy in front reads and re-sends "
            "the body in another mode; make it pass header and body on as they came"
        )
        yield of_part("payload-hash", hop, payload=payload, fields=fields)
