"""botocore as the other side: requests that it signed, as they would stand on the wire."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials

from s3gateway.sigv4.claim import read_claim
from s3gateway.sigv4.model import RequestHead, Secret
from s3gateway.sigv4.verify import Verified, verify
from tests.sigv4.aws import CLIENT, Key

REGION = "us-east-1"
HOST = "gateway.example:8000"
CREDENTIALS = Credentials(CLIENT.access_key_id, CLIENT.secret)


class _AsIs(S3SigV4Auth):
    """botocore's signer for a payload hash that is set already, streaming modes included."""

    def payload(self, request: AWSRequest) -> str:
        return str(request.context["payload"])


def _head(method: str, url: str, headers: Iterable[tuple[str, str | bytes]]) -> RequestHead:
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    pairs = [(_bytes(name), _bytes(value)) for name, value in headers]
    if all(name.lower() != b"host" for name, _ in pairs):
        pairs.insert(0, (b"Host", parts.netloc.encode()))
    return RequestHead(method.encode(), target.encode("utf-8", "surrogateescape"), tuple(pairs))


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def signed(
    method: str,
    target: str,
    headers: tuple[tuple[str, str], ...] = (),
    *,
    payload: str | None = None,
    scheme: str = "http",
) -> RequestHead:
    """Let botocore sign in the Authorization header; ``target`` must be in canonical form already, as boto3's is."""
    request = AWSRequest(method, f"{scheme}://{HOST}{target}")
    for name, value in headers:
        request.headers.add_header(name, value)
    if payload:
        request.context["payload"] = payload
    signer = _AsIs if payload else S3SigV4Auth
    signer(CREDENTIALS, "s3", REGION).add_auth(request)
    return _head(method, str(request.url), request.headers.items())


def presigned(method: str, target: str, headers: tuple[tuple[str, str], ...] = ()) -> RequestHead:
    """Let botocore presign."""
    request = AWSRequest(method, f"http://{HOST}{target}")
    for name, value in headers:
        request.headers.add_header(name, value)
    S3SigV4QueryAuth(CREDENTIALS, "s3", REGION, expires=60).add_auth(request)
    return _head(method, str(request.url), request.headers.items())


def verified(head: RequestHead, key: Key = CLIENT) -> Verified:
    """Verify at the time that the request itself names."""
    claim = read_claim(head)
    now = key.at((claim.date or b"").decode()).now
    return verify(claim, head, Secret(key.secret), now)


class Boto3:
    """boto3's real client, whose requests are kept instead of sent."""

    def __init__(self, scheme: str, s3: Mapping[str, Any] = MappingProxyType({}), **config: Any) -> None:
        settings: dict[str, Any] = {"signature_version": "s3v4", "s3": {"addressing_style": "path", **s3}, **config}
        self.client = boto3.client(
            "s3",
            endpoint_url=f"{scheme}://{HOST}",
            region_name=REGION,
            aws_access_key_id=CLIENT.access_key_id,
            aws_secret_access_key=CLIENT.secret,
            config=Config(**settings),
        )
        keep: Any = self._keep
        self.client.meta.events.register("before-send.s3", keep)
        self._kept: list[AWSPreparedRequest] = []
        self.body = b""

    def _keep(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        self._kept.append(request)
        body: Any = request.body
        self.body = body if isinstance(body, bytes) else body.read() if body else b""
        return AWSResponse(str(request.url), 500, {}, _Empty())  # type: ignore[arg-type]

    def head(self, operation: str, **arguments: Any) -> RequestHead:
        """Call an operation and give the request that would have been sent."""
        self._kept.clear()
        with suppress(self.client.exceptions.ClientError):
            getattr(self.client, operation)(**arguments)
        request = self._kept[0]
        return _head(str(request.method), str(request.url), list(request.headers.items()))

    def url(self, operation: str, **arguments: Any) -> RequestHead:
        """Presign an operation and give the request that a browser would make of it."""
        method = {"get_object": "GET", "put_object": "PUT"}[operation]
        return _head(method, self.client.generate_presigned_url(operation, arguments, ExpiresIn=60), [])


class _Empty:
    def stream(self, **_: Any) -> Iterator[bytes]:
        return iter(())

    def read(self) -> bytes:
        return b""
