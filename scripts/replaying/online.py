"""Captured requests against a running gateway: signed anew as their clients, today, and their answers compared.

Each goes over a connection of its own, byte for byte as it was but for what signing changes, and for names that the
backend makes up itself (upload ids, ETags). The order is the capture's. What writes, writes; what deletes, deletes.
"""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from commandline import UsageError, reason
from replaying.answers import answer_differences
from replaying.bodies import MADE_UP, made_up
from replaying.memory import Memory
from replaying.offline import has_body, why_not
from replaying.stand import clients_of, relevant
from replaying.stored import Bodies
from replaying.verdict import Verdict, name_of
from s3gateway.config.check import ConfigError, quoted
from s3gateway.config.gateway_yaml import build
from s3gateway.config.model import Client
from s3gateway.errors import S3Error
from s3gateway.observed import redaction
from s3gateway.observed.capture import Exchange, Response
from s3gateway.observed.resign import captured_request, framed, resign
from s3gateway.sigv4.model import EMPTY_SHA256, RequestHead

_SECONDS: Final = 120
_REFUSED: Final = 400


@dataclass(frozen=True, slots=True)
class Door:
    """Where the gateway is, and who may knock."""

    url: str
    ca_file: Path | None
    clients: tuple[Client, ...]
    region: str

    def client(self, exchange: Exchange) -> Client | None:
        """The client of that name, or of that access key where only that is known; the only one is anybody."""
        name = exchange.identity.removesuffix("?")
        found = [one for one in self.clients if name in (one.name, one.keys.access_key_id)]
        return found[0] if found else self.clients[0] if len(self.clients) == 1 else None


def open_door(url: str, ca_file: Path | None, document: Mapping[str, Any], folder: Path) -> Door:
    """Read the clients of a gateway.yaml, or of a file that has nothing but `clients`.

    Raises :class:`~s3gateway.config.check.ConfigError`.
    """
    entries = [{"buckets": ["*"]} | entry for entry in clients_of(document)]
    if not entries:
        raise ConfigError("clients", "is missing or empty", "list who signs the requests, e.g. '- {name: spark, ...}'")
    backend = {"endpoint": "https://backend.example"} | relevant(document).get("backend", {})
    config = build({"backend": backend, "clients": entries}, folder)
    if ca_file is not None:
        _check_ca(ca_file)
    return Door(url, ca_file, tuple(config.clients.values()), config.backend.region)


def _check_ca(path: Path) -> None:
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:  # ssl.SSLError is one
        why = reason(error) if not isinstance(error, ssl.SSLError) else "no PEM certificate"
        raise ConfigError("--ca-file", f"cannot read {quoted(path)} ({why})", "name the gateway's CA") from None


def make_buckets(door: Door, exchanges: Sequence[Exchange]) -> None:
    """Make every bucket that the requests name and that is not there, as the first client.

    Raises :class:`~commandline.UsageError` if one cannot be made.
    """
    for bucket in sorted({exchange.bucket for exchange in exchanges if exchange.bucket}):
        host = urlsplit(door.url).netloc.encode()
        authorization = (
            f"AWS4-HMAC-SHA256 Credential=KEY/DATE/{door.region}/s3/aws4_request, "
            "SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=0"
        )
        fields = {"Host": host, "X-Amz-Date": b"", "X-Amz-Content-SHA256": EMPTY_SHA256.encode()}
        pairs = tuple((name.encode(), value) for name, value in fields.items())
        head = RequestHead(b"PUT", f"/{bucket}".encode(), (*pairs, (b"Authorization", authorization.encode())))
        now = datetime.now(UTC)
        try:
            answer, body = _send(door, resign(head, door.clients[0].keys, at=now, region=door.region).head, b"")
        except (OSError, HTTPException) as error:
            why = reason(error) if isinstance(error, OSError) else type(error).__name__
            raise UsageError(f"--gateway: {door.url} gives no answer ({why}); start it, or correct the URL") from None
        if answer.status >= _REFUSED and b"BucketAlready" not in body:
            told = f"bucket {bucket!r} could not be made: status {answer.status}"
            raise UsageError(f"--make-buckets: {told}; make it at the backend, and leave out --make-buckets")


@dataclass(slots=True)
class Replay:
    """One run through a capture, in its order."""

    door: Door
    memory: Memory = field(default_factory=Memory)

    def verdict(self, exchange: Exchange, stored: Bodies) -> Verdict:
        """Send one request and compare its answer; a request that cannot be sent is left out, and why is said."""
        name = name_of(exchange)
        if why := why_not(exchange):
            return Verdict(name, skipped=why)
        client = self.door.client(exchange)
        if client is None:
            return Verdict(name, skipped=f"no client {exchange.identity!r} in --config")
        try:
            head, body = self._request(exchange, stored)
            signed = resign(head, client.keys, body=body, at=datetime.now(UTC), region=self.door.region)
        except S3Error as error:
            return Verdict(name, skipped=f"it cannot be signed: {error.message}")
        except _NoBodyError as error:
            return Verdict(name, skipped=str(error))
        if any(b"<redacted>" in value for _, value in signed.head.headers):
            return Verdict(name, skipped="it holds a secret that was redacted")
        try:
            live, answer = _send(self.door, signed.head, signed.body or b"")
        except (OSError, HTTPException) as error:
            return Verdict(name, (f"no answer: {type(error).__name__}: {error}",))
        self.memory.learn(exchange, signed.head, live, answer)
        self.memory.learn_document(stored.response, answer)
        if exchange.response is None:
            return Verdict(name, skipped=f"no answer was captured; it is {live.status} now")
        return Verdict(name, tuple(self._differences(exchange, stored, live, answer)))

    def _request(self, exchange: Exchange, stored: Bodies) -> tuple[RequestHead, bytes]:
        captured = captured_request(exchange.incoming)
        head = self.memory.translate(exchange, captured)
        if stored.request or not has_body(head):
            body = framed(captured, stored.request or b"")
            if body is None:
                raise _NoBodyError("its body was not stored whole")
            return head, self.memory.translate_body(exchange, body)
        if exchange.operation not in MADE_UP:
            raise _NoBodyError("its body was not captured and cannot be made up")
        return made_up(exchange, head, self.memory.parts(head))

    def _differences(self, exchange: Exchange, stored: Bodies, live: Response, answer: bytes) -> Iterator[str]:
        captured = exchange.response or live
        translated = tuple((name, self.memory.in_text(value)) for name, value in captured.headers)
        bodies = (stored.response, answer)
        without_bodies = stored.request is None and stored.response is None
        yield from answer_differences(replace(captured, headers=translated), live, bodies, made_up=without_bodies)


class _NoBodyError(Exception):
    """A body is needed and there is none; the text says why."""


def _send(door: Door, head: RequestHead, body: bytes) -> tuple[Response, bytes]:
    """Write the head as it is, header by header; `OSError` or `HTTPException` if there is no answer."""
    url = urlsplit(door.url)
    if url.scheme == "https":
        context = ssl.create_default_context(cafile=str(door.ca_file) if door.ca_file else None)
        connection: HTTPConnection = HTTPSConnection(url.netloc, timeout=_SECONDS, context=context)
    else:
        connection = HTTPConnection(url.netloc, timeout=_SECONDS)
    with closing(connection):
        target = head.target.decode("ascii")
        connection.putrequest(head.method.decode(), target, skip_host=True, skip_accept_encoding=True)
        for name, value in head.headers:
            connection.putheader(name, value)
        connection.endheaders(_framed(head, body) or None)
        answer = connection.getresponse()
        pairs = tuple((name.encode(), value.encode("latin-1")) for name, value in answer.getheaders())
        return redaction.captured_response(answer.status, pairs), answer.read()


def _framed(head: RequestHead, body: bytes) -> bytes:
    """In one HTTP chunk, where the client sent chunks."""
    if any(b"chunked" in value.lower() for value in head.all(b"transfer-encoding")):
        return (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    return body
