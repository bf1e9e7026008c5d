"""Clients whose requests are refused: botocore itself, SDK v1's signer, and one that signs in a way of its own."""

import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from s3gateway.sigv4.model import RequestHead
from tests.real import sdkv1
from tests.sigv4.aws import CLIENT, EMPTY

AT = "http://gateway.example:8000"
Pairs = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Keys:
    """What a client signs with: the right key pair unless a test says otherwise."""

    access_key_id: str = CLIENT.access_key_id
    secret: str = CLIENT.secret
    region: str = "us-east-1"


class _Raw(S3SigV4Auth):
    """botocore's signer, with the payload text and the list of signed headers that a test wants."""

    def payload(self, request: AWSRequest) -> str:
        return str(request.context["payload"])

    def headers_to_sign(self, request: AWSRequest) -> Any:
        return _everything(super().headers_to_sign(request), request)


class _ForOtherServices(SigV4Auth):
    """botocore's signer for every service but S3: it normalises the path and encodes it twice."""

    def payload(self, request: AWSRequest) -> str:
        return str(request.context["payload"])


def _everything(found: Any, request: AWSRequest) -> Any:
    """Also what botocore leaves out since it knows of proxies: older releases and other SDKs sign these."""
    for name, value in request.headers.items():
        if name.lower() not in found:
            found[name.lower()] = value
    return found


def botocore(
    keys: Keys,
    method: str,
    target: str,
    headers: Pairs = (),
    *,
    at: str = AT,
    payload: str = EMPTY,
    for_s3: bool = True,
) -> RequestHead:
    """Let botocore sign every header given; the target must be as boto3 would write it."""
    request = AWSRequest(method, at + target)
    for name, value in headers:
        request.headers.add_header(name, value)
    request.headers["X-Amz-Content-SHA256"] = payload
    request.context["payload"] = payload
    signer = _Raw if for_s3 else _ForOtherServices
    signer(Credentials(keys.access_key_id, keys.secret), "s3", keys.region).add_auth(request)
    return _head(method, str(request.url), request.headers.items())


def presigned(keys: Keys, method: str, target: str, *, at: str = AT, expires: int = 600) -> RequestHead:
    """Let botocore presign."""
    request = AWSRequest(method, at + target)
    S3SigV4QueryAuth(Credentials(keys.access_key_id, keys.secret), "s3", keys.region, expires=expires).add_auth(request)
    return _head(method, str(request.url), [])


def java(keys: Keys, method: str, target: sdkv1.Target, headers: Pairs = (), payload: str = EMPTY) -> RequestHead:
    """Sign as SDK v1 does, User-Agent and Content-Type included."""
    key = sdkv1.Key(keys.access_key_id, keys.secret, keys.region)
    signed = sdkv1.sign(method, target, payload, headers, key=key, host="gateway.example:8000")
    return RequestHead(method.encode(), signed.target, tuple(signed.headers))


@dataclass(frozen=True)
class Own:
    """A client's own signer, from AWS's text, each part of which it may get wrong."""

    method: str = "GET"
    target: str = "/bucket/key"
    headers: tuple[tuple[str, str], ...] = ()
    uri: str | None = None
    query: str | None = None
    lines: Callable[[list[str]], list[str]] = list
    names: Callable[[list[str]], list[str]] = sorted
    payload: str = EMPTY
    payload_line: str | None = None
    key_scope: Callable[[list[str]], list[str]] = list
    timestamp_line: str | None = None
    timestamp: str = ""

    def head(self, keys: Keys) -> RequestHead:
        """Sign and give the request as it stands on the wire."""
        timestamp = self.timestamp or f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        pairs = [
            ("Host", "gateway.example:8000"),
            ("x-amz-content-sha256", self.payload),
            ("x-amz-date", timestamp),
            *self.headers,
        ]
        names = self.names(sorted({name.lower() for name, _ in pairs}))
        lines = self.lines([f"{n}:{','.join(v for name, v in pairs if name.lower() == n)}" for n in names])
        path, _, query = self.target.partition("?")
        request = "\n".join(
            (
                self.method,
                path if self.uri is None else self.uri,
                query if self.query is None else self.query,
                *lines,
                "",
                ";".join(names),
                self.payload if self.payload_line is None else self.payload_line,
            )
        )
        scope = [timestamp[:8], keys.region, "s3", "aws4_request"]
        key = f"AWS4{keys.secret}".encode()
        for step in self.key_scope(list(scope)):
            key = hmac.digest(key, step.encode(), "sha256")
        stated = self.timestamp_line or timestamp
        digest = sha256(request.encode("utf-8", "surrogateescape")).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{stated}\n{'/'.join(scope)}\n{digest}"
        authorization = (
            f"AWS4-HMAC-SHA256 Credential={keys.access_key_id}/{'/'.join(scope)}, "
            f"SignedHeaders={';'.join(names)}, Signature={hmac.digest(key, text.encode(), 'sha256').hex()}"
        )
        wire = [*pairs, ("Authorization", authorization)]
        return RequestHead(self.method.encode(), self.target.encode(), tuple((n.encode(), v.encode()) for n, v in wire))


def _head(method: str, url: str, headers: Iterable[tuple[str, str | bytes]]) -> RequestHead:
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    pairs = [(_bytes(name), _bytes(value)) for name, value in headers]
    if all(name.lower() != b"host" for name, _ in pairs):
        pairs.insert(0, (b"Host", parts.netloc.encode()))
    return RequestHead(method.encode(), target.encode(), tuple(pairs))


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


# What a hop does to a request on its way.


def sets(head: RequestHead, name: str, value: str) -> RequestHead:
    """Replace a header's value, or add the header at the end."""
    wanted = name.lower().encode()
    pairs = tuple((n, value.encode() if n.lower() == wanted else v) for n, v in head.headers)
    return replace(head, headers=pairs) if head.all(wanted) else adds(head, name, value)


def puts(head: RequestHead, name: str, value: bytes) -> RequestHead:
    """Replace a header's value by bytes."""
    return replace(
        head, headers=tuple((n, value if n.lower() == name.lower().encode() else v) for n, v in head.headers)
    )


def adds(head: RequestHead, name: str, value: str) -> RequestHead:
    """Add a header, whatever is there already."""
    return replace(head, headers=(*head.headers, (name.encode(), value.encode())))


def drops(head: RequestHead, name: str) -> RequestHead:
    """Drop a header."""
    return replace(head, headers=tuple(pair for pair in head.headers if pair[0].lower() != name.lower().encode()))


def writes(head: RequestHead, old: str, new: str) -> RequestHead:
    """Change the request target."""
    assert old.encode() in head.target, (old, head.target)
    return replace(head, target=head.target.replace(old.encode(), new.encode(), 1))
