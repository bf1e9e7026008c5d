"""One small gateway for the tests of the core: its configuration, and requests that go through it."""

import re
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from s3gateway.config.gateway_yaml import build
from s3gateway.config.model import Config, KeyPair
from s3gateway.gateway import Admitted, Arrival, Outgoing, admit, forward
from s3gateway.signer import Signer
from s3gateway.sigv4.claim import read_claim
from s3gateway.sigv4.model import RequestHead, Secret
from s3gateway.sigv4.verify import verify
from tests.sigv4.aws import CLIENT, GATEWAY

HOP = {
    *b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer upgrade".split(),
    b"expect",  # the gateway answers it for itself
}
OWN = {b"host", b"x-amz-date", b"x-amz-content-sha256", b"authorization", b"x-amz-security-token"}

DOCUMENT: dict[str, Any] = {
    "backend": {
        "endpoint": "https://minio.example:9000",
        "credentials": {"access_key_id": GATEWAY.access_key_id, "secret_access_key": GATEWAY.secret},
    },
    "clients": [
        {
            "name": "spark",
            "access_key_id": CLIENT.access_key_id,
            "secret_access_key": CLIENT.secret,
            "buckets": ["*"],
        },
        {
            "name": "narrow",
            "access_key_id": "NARROWKEY",
            "secret_access_key": "narrow",
            "buckets": ["team-*", "shared"],
        },
    ],
    "addressing": {"domains": ["s3.example.com"]},
}
CONFIG = build(DOCUMENT, Path())
SIGNER = Signer(KeyPair(GATEWAY.access_key_id, Secret(GATEWAY.secret)), "us-east-1")
TEMPORARY = Signer(KeyPair(GATEWAY.access_key_id, Secret(GATEWAY.secret), Secret("temporary-token")), "us-east-1")


def configured(**sections: Any) -> Config:
    """Give :data:`CONFIG` with these sections replaced."""
    return build({**DOCUMENT, **sections}, Path())


def admitted(
    head: RequestHead,
    *,
    config: Config = CONFIG,
    now: datetime = CLIENT.now,
    tls: bool = True,
    has_body: bool | None = None,
) -> Admitted:
    """Admit at the client's own time; a body is there for PUT and POST unless said otherwise."""
    body = head.method in {b"PUT", b"POST"} if has_body is None else has_body
    return admit(head, Arrival(tls=tls, has_body=body), config, now)


def forwarded(
    head: RequestHead, *, config: Config = CONFIG, signer: Signer = SIGNER, now: datetime = GATEWAY.now, **arrival: bool
) -> Outgoing:
    """Admit, and forward at the gateway's time."""
    proven = admitted(head, config=config, **arrival)  # type: ignore[arg-type]  # tls and has_body
    return forward(proven, proven.head, config, signer, now)


def outgoing_head(method: bytes, outgoing: Outgoing) -> RequestHead:
    """Give the head as the backend will see it."""
    return RequestHead(method, outgoing.target, outgoing.headers)


def edited(head: RequestHead, **fields: Any) -> RequestHead:
    """Give the head with other method, target or headers, as someone on the way could make of it."""
    return replace(head, **fields)


def without(head: RequestHead, name: bytes) -> RequestHead:
    """Drop a header."""
    return replace(head, headers=tuple(pair for pair in head.headers if pair[0].lower() != name))


def with_header(head: RequestHead, name: bytes, value: bytes) -> RequestHead:
    """Set a header in place of the ones of this name, or add it."""
    return replace(without(head, name), headers=(*without(head, name).headers, (name, value)))


def end_to_end(head: RequestHead, named: AbstractSet[bytes] = frozenset()) -> list[tuple[bytes, bytes]]:
    """Give what must survive: everything but hop-by-hop fields, ``named`` ones, and those the gateway writes."""
    return [pair for pair in head.headers if pair[0].lower() not in HOP | named | OWN]


def assert_outgoing(head: RequestHead, out: Outgoing, named: AbstractSet[bytes] = frozenset()) -> None:
    """Invariant: signed names are on the wire, and the client's end-to-end headers are, as they were but for folds."""
    sent = outgoing_head(head.method, out)
    assert set(out.signed_headers) <= set(sent.names)
    assert f"SignedHeaders={b';'.join(out.signed_headers).decode()}," in (sent.first(b"authorization") or b"").decode()
    survivors = [(name, re.sub(rb"\r\n[ \t]+", b" ", value)) for name, value in end_to_end(head, named)]
    assert end_to_end(sent)[: len(survivors)] == survivors
    assert all(name in out.signed_headers for name in sent.names if name.startswith(b"x-amz-"))
    assert not {b"authorization", *HOP} & set(out.signed_headers)
    assert [len(sent.all(name)) for name in (b"host", b"x-amz-date", b"authorization")] == [1, 1, 1]
    assert sent.all(b"host") == [b"minio.example:9000"]
    assert verify(read_claim(sent), sent, Secret(GATEWAY.secret), GATEWAY.now).timestamp == GATEWAY.timestamp
