"""Error documents as AWS writes them, quoting the request that they refuse, and the search for what they quote.

The elements are those of AWS's "Error responses" and of its answers to requests that are signed wrongly.
"""

import base64
import gzip
import re
from hashlib import sha256

from s3gateway.sigv4.model import RequestHead
from tests.sigv4.aws import canonical_request

DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
MESSAGES = {
    "SignatureDoesNotMatch": "The request signature we calculated does not match the signature you provided. Check "
    "your key and signing method.",
    "ExpiredToken": "The provided token has expired.",
    "InvalidToken": "The provided token is malformed or otherwise invalid.",
    "InvalidAccessKeyId": "The AWS Access Key Id you provided does not exist in our records.",
    "RequestTimeTooSkewed": "The difference between the request time and the current time is too large.",
    "AuthorizationHeaderMalformed": 'The authorization header is malformed; the region "us-east-1" is wrong; '
    'expecting "eu-west-1"',
    "InternalError": "We encountered an internal error. Please try again.",
    "NoSuchKey": "The specified key does not exist.",
}
TOKEN = "x-amz-security-token"
KEY = "x-amz-server-side-encryption-customer-key"


def document(code: str, *extra: tuple[str, str], root: str = "Error") -> bytes:
    """Write an error document; ``extra`` are further elements."""
    elements = (("Code", code), ("Message", MESSAGES[code]), *extra, ("RequestId", "TX1"), ("HostId", "host"))
    inner = "".join(f"<{name}>{_escaped(text)}</{name}>" for name, text in elements)
    return DECLARATION + f"<{root}>{inner}</{root}>".encode()


def quoting(code: str, sent: RequestHead, *extra: tuple[str, str]) -> bytes:
    """Quote a request in all the ways that AWS has."""
    authorization = (sent.first(b"authorization") or b"").decode()
    key_id, scope, signed, signature = re.findall(
        r"Credential=([^/]+)/([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})", authorization
    )[0]
    names = [name.encode() for name in signed.split(";")]
    payload = sent.first(b"x-amz-content-sha256") or b""
    text = canonical_request(sent.method, sent.path, sent.query, sent.headers, names, payload)
    date = (sent.first(b"x-amz-date") or b"").decode()
    to_sign = f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{sha256(text).hexdigest()}"
    quoted = [
        ("AWSAccessKeyId", key_id),
        ("StringToSign", to_sign),
        ("SignatureProvided", signature),
        ("StringToSignBytes", to_sign.encode().hex(" ")),
        ("CanonicalRequest", text.decode("utf-8", "replace")),
        ("CanonicalRequestBytes", text.hex(" ")),
    ]
    if token := sent.first(TOKEN.encode()):
        quoted.append(("Token-0", token.decode()))
    return document(code, *quoted, *extra)


def secrets_of(sent: RequestHead) -> dict[str, bytes]:
    """Name what must not come back of a request, in the forms in which it may be written."""
    authorization = sent.first(b"authorization") or b""
    found = {
        "key id": re.findall(rb"Credential=([^/]+)/", authorization)[0],
        "signature": authorization.rpartition(b"Signature=")[2],
    }
    if token := sent.first(TOKEN.encode()):
        found |= {"token": token, "token in hex": token.hex(" ").encode()}
    if key := sent.first(KEY.encode()):
        found |= {"SSE-C key in base64": key, "SSE-C key": base64.b64decode(key)}
        found |= {"SSE-C key in hex": base64.b64decode(key).hex().encode(), "in hex": key.hex(" ").encode()}
    return found


def assert_nothing_quoted(answer: bytes, *requests: RequestHead) -> None:
    """Fail if there is a secret of one of these requests in an answer, compressed or not."""
    plain = gzip.decompress(answer) if answer.startswith(b"\x1f\x8b") else answer
    for sent in requests:
        found = [name for name, secret in secrets_of(sent).items() if secret in plain or secret in answer]
        assert not found


def chunked(*pieces: bytes) -> bytes:
    """Frame pieces as HTTP chunks, with the end."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def _escaped(text: str) -> str:
    """Escape for XML; what it cannot carry goes."""
    clean = re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd]", "", text)
    return clean.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
