"""An exchange as a curl command that somebody can run: the client's end-to-end headers, signed anew, no secret in it.

curl signs (``--aws-sigv4``) what it is given, so the target is written in its canonical form. A body is the caller's
to bring: ``$BODY_FILE`` stands for it, and is not signed.
"""

import shlex
from collections.abc import Iterator
from dataclasses import replace

from s3gateway.observed.capture import Exchange
from s3gateway.observed.expected_changes import is_form
from s3gateway.observed.printable import printable
from s3gateway.rules.headers import without_hop_by_hop
from s3gateway.sigv4.canonical import canonical_query, canonical_uri
from s3gateway.sigv4.claim import without_presigned
from s3gateway.sigv4.model import EMPTY_SHA256

_OF_CURL = frozenset(
    b"host authorization date x-amz-date x-amz-content-sha256 x-amz-security-token content-length transfer-encoding "
    b"expect".split()
)
"""What curl writes itself, or what holds for the request that was signed before."""

_OF_CHUNKS = frozenset((b"x-amz-decoded-content-length", b"x-amz-trailer", b"x-amz-sdk-checksum-algorithm"))
"""The last names the trailer's checksum, and AWS refuses one that does not come."""
_ENCRYPTION = "x-amz-server-side-encryption"
_KEY_PLACEHOLDER = '"$SSE_CUSTOMER_KEY"'
_UPLOADS = frozenset(("PUT", "POST"))
_SCOPE_LINE = 2


def command(exchange: Exchange) -> str:
    """Write the command, one option a line."""
    return " \\\n  ".join(_parts(_as_put(exchange))) + "\n"


def _as_put(exchange: Exchange) -> Exchange:
    """Give a form as the upload that it amounts to: curl signs requests, and no policy."""
    sent = exchange.outgoing
    if sent is None or not is_form(exchange.incoming, sent):
        return exchange
    own = exchange.sse == "client"
    kept = [pair for pair in sent.headers if own or not pair[0].lower().startswith(_ENCRYPTION)]
    headers = (("Host", _host(exchange)), *(pair for pair in kept if pair[0].lower() != "host"))
    return replace(exchange, incoming=replace(sent, headers=headers))


def _parts(exchange: Exchange) -> Iterator[str]:
    head = exchange.incoming
    has_body = head.method in _UPLOADS and _content_length(exchange) != b"0"
    yield f"curl --aws-sigv4 {shlex.quote(f'aws:amz:{_region(exchange)}:s3')}"
    yield '--user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"'
    yield f"--path-as-is --globoff {'--head' if head.method == 'HEAD' else f'--request {shlex.quote(head.method)}'}"
    yield f"--header 'x-amz-content-sha256: {'UNSIGNED-PAYLOAD' if has_body else EMPTY_SHA256}'"
    for name, value in _headers(exchange):
        text = f"{name}: {value}" if value else f"{name};"  # curl's way to say an empty one
        hidden = text.replace("<redacted>", "")
        yield f"--header {shlex.quote(text)}" if hidden == text else f"--header {shlex.quote(hidden)}{_KEY_PLACEHOLDER}"
    if has_body:
        yield '--upload-file "$BODY_FILE"'
    yield shlex.quote(f"{'https' if exchange.tls else 'http'}://{_host(exchange)}{_target(exchange)}")


def _headers(exchange: Exchange) -> Iterator[tuple[str, str]]:
    raw = tuple((_raw(name), _raw(value)) for name, value in exchange.incoming.headers)
    chunked = exchange.payload.startswith("STREAMING-")
    kept = {name.lower() for name, _ in without_hop_by_hop(raw)} - _OF_CURL - (_OF_CHUNKS if chunked else frozenset())
    for name, value in raw:
        shown = value
        if chunked and name.lower() == b"content-encoding":
            shown = b",".join(part for part in value.split(b",") if part.strip() != b"aws-chunked")
            if not shown:
                continue
        if name.lower() in kept:
            yield printable(_text(name)), printable(_text(shown.strip()))


def _region(exchange: Exchange) -> str:
    lines = exchange.incoming.string_to_sign.split("\n")
    scope = lines[_SCOPE_LINE].split("/") if len(lines) > _SCOPE_LINE else []
    return scope[1] if len(scope) > 1 else "us-east-1"


def _host(exchange: Exchange) -> str:
    return _header(exchange, "host") or "localhost"


def _content_length(exchange: Exchange) -> bytes:
    decoded = _header(exchange, "x-amz-decoded-content-length")
    length = decoded or _header(exchange, "content-length")
    return _raw(length or ("" if _header(exchange, "transfer-encoding") else "0"))


def _header(exchange: Exchange, wanted: str) -> str:
    return next((value for name, value in exchange.incoming.headers if name.lower() == wanted), "")


def _target(exchange: Exchange) -> str:
    path, _, query = _raw(exchange.incoming.target).partition(b"?")
    left = canonical_query(without_presigned(query))
    return canonical_uri(path) + (f"?{left}" if left else "")


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
