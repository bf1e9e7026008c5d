"""One JSON object for each request, in the shape of MinIO's audit log: who did what, when, and what came of it. Pure.

Collectors that know MinIO's read these too. Names of operations are AWS's; what MinIO has no field for is in ``tags``.
A line holds no secret: of headers and query only what is known to hold none, ``accessKey`` only of a client that has
proven it (some have key id and secret swapped), and no user metadata.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from json.encoder import encode_basestring_ascii as quoted
from typing import Final
from urllib.parse import unquote_to_bytes

from s3gateway.observed.log_line import rfc3339
from s3gateway.observed.redaction import text
from s3gateway.observed.transaction import Transaction
from s3gateway.rules.headers import redacted, redacted_target
from s3gateway.sigv4.model import Headers, RequestHead
from s3gateway.sigv4.query import query_pairs

_KEPT: Final = re.compile(
    rb"host|range|if-.*|expect|traceparent|forwarded|x-forwarded-for|x-real-ip|origin|accept-ranges|etag|last-modified|"
    rb"retry-after|transfer-encoding|content-(?:length|type|encoding|md5|range|disposition)|amz-sdk-.*|"
    rb"x-amz-(?!meta-|security-token|.*token|.*customer-key$|id-2).*"
)
"""Fields that are told. Whatever else somebody sends may be his secret."""

_MOST_VALUE: Final = 1024
"""Characters of one value."""

_SIGNS: Final = b"signature="
"""In a value: then the slow way is taken, which finds a signature in it."""

_TOO_LARGE: Final = "RequestHeaderSectionTooLarge"


@dataclass(frozen=True, slots=True)
class About:
    """What each line says of the gateway: the machine's name, its deployment's id, its backend's address."""

    node: str
    deployment_id: str
    backend: str


def audit_line(transaction: Transaction, about: About) -> str:
    """Give the line, with its end. ASCII: what is not UTF-8 is lone surrogates, escaped."""
    record, head, answer = transaction.record, transaction.head, transaction.answer
    admitted = transaction.admitted
    api = _texts([("name", record.operation), ("bucket", record.bucket), ("object", record.key)])
    parts = [
        f'"version":"1"{_texts([("deploymentid", about.deployment_id)])},"time":"{_time(record.time)}"',
        f'"event":"","trigger":"incoming","api":{{{_figures(transaction)}{api}}}',
        _texts([
            ("remotehost", _host(record.address)),
            ("requestID", record.request_id),
            ("userAgent", text(head.first(b"user-agent") or b"")[:_MOST_VALUE]),
        ])[1:],
    ]  # fmt: skip
    if record.refusal != _TOO_LARGE:
        path = text(unquote_to_bytes(head.path))
        host = text(head.first(b"host") or b"")[:_MOST_VALUE]
        parts.append(_texts([("requestPath", path), ("requestHost", host), ("requestNode", about.node)])[1:])
        if head.query:
            parts.append(f'"requestQuery":{{{_query(head)}}}')
        parts.append(f'"requestHeader":{{{_fields(head.headers)}}}')
    if answer is not None:
        parts.append(f'"responseHeader":{{{_fields(answer.headers)}}}')
    parts.append(f'"tags":{{{_tags(transaction, about)}}}')
    if admitted is not None:
        parts.append(_texts([("accessKey", admitted.client.keys.access_key_id), ("parentUser", record.client)])[1:])
    if error := _error(transaction):
        parts.append(f'"error":{quoted(error)}')
    return "{" + ",".join(filter(None, parts)) + "}\n"


def _figures(transaction: Transaction) -> str:
    """Status, bytes and times, as MinIO writes them: nanoseconds are text."""
    record = transaction.record
    first = transaction.timings.get("answered", record.duration)
    status = _phrase(record.status)
    parts = f'"status":"{status}","statusCode":{record.status},"rx":{record.bytes_in},"tx":{record.bytes_out},'
    first_ns, whole_ns = int(first * 1e9), int(record.duration * 1e9)
    return (
        f'{parts}"timeToFirstByte":"{first_ns}ns","timeToFirstByteInNS":"{first_ns}",'
        f'"timeToResponse":"{whole_ns}ns","timeToResponseInNS":"{whole_ns}"'
    )


def _tags(transaction: Transaction, about: About) -> str:
    """What the gateway did: as text, but for numbers."""
    record, outgoing = transaction.record, transaction.outgoing
    rule = "" if outgoing is None or outgoing.rule is None else f"encryption[{outgoing.rule}]"
    told = _texts([
        ("client", record.client),
        ("sse", record.sse),
        ("rule", rule),
        ("backend", (record.endpoint or about.backend) if outgoing is not None else ""),
        ("backendRequestID", record.backend_request_id),
        ("retried", record.retried),
        ("refusal", record.refusal),
        ("reason", record.reason),
        ("backendError", record.backend_error),
        ("fault", record.fault),
        ("traceparent", transaction.traceparent),
    ])  # fmt: skip
    numbers = f',"retries":{len(transaction.retries)}' if transaction.retries else ""
    numbers += f',"chunks":{record.chunks}' if record.chunks else ""
    return f'"tls":{"true" if transaction.arrival.tls else "false"}{told}{numbers}'


def _error(transaction: Transaction) -> str:
    record = transaction.record
    if record.refusal:
        return f"{record.refusal}: {record.reason}" if record.reason else record.refusal
    return record.backend_error or record.fault


def _texts(pairs: Iterable[tuple[str, str]]) -> str:
    """Write those that are not empty, each with a comma in front."""
    return "".join([f',"{name}":{quoted(value)}' for name, value in pairs if value])


def _fields(headers: Headers) -> str:
    """Write the inside of an object of those that are told.

    Most heads name each field once, and have no signature but in ``Authorization``: their values are decoded at once.
    """
    kept = [(label, value) for name, value in headers if (label := _label(name))]
    labels = [label for label, _ in kept]
    whole = b"\n".join([value for _, value in kept])
    values = text(whole).split("\n")
    is_plain = len(values) == len(set(labels)) == len(kept) and len(whole) <= _MOST_VALUE
    if not is_plain or _SIGNS in whole.lower():
        return _fields_one_by_one(kept)
    return ",".join([label + quoted(value) for label, value in zip(labels, values, strict=True)])


def _fields_one_by_one(kept: list[tuple[str, bytes]]) -> str:
    plain = redacted(tuple((b"", value) for _, value in kept))
    found = _joined((label, value) for (label, _), (_, value) in zip(kept, plain, strict=True))
    return ",".join([label + quoted(text(value)[:_MOST_VALUE]) for label, value in found.items()])


def _joined(pairs: Iterable[tuple[str, bytes]]) -> dict[str, bytes]:
    """Join the values of names that come several times."""
    found: dict[str, bytes] = {}
    for name, value in pairs:
        found[name] = found[name] + b"," + value if name in found else value
    return found


def _query(head: RequestHead) -> str:
    _, _, query = redacted_target(head.target).partition(b"?")
    pairs = _joined((text(name), value) for name, value in query_pairs(query))
    return ",".join([f"{quoted(name)}:{quoted(text(value)[:_MOST_VALUE])}" for name, value in pairs.items()])


@lru_cache(maxsize=512)
def _label(name: bytes) -> str:
    """Give a field's name as MinIO writes it, ``"X-Amz-Date":``; an empty text for a field that is not told."""
    if not _KEPT.fullmatch(name.lower()):
        return ""
    return (
        '"ETag":'
        if name.lower() == b"etag"
        else f'"{text(b"-".join(part.capitalize() for part in name.split(b"-")))}":'
    )


@lru_cache(maxsize=64)
def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _time(seconds: float) -> str:
    """RFC 3339 in UTC, with ``Z`` as MinIO writes it."""
    return rfc3339(seconds).replace("+00:00", "Z")


def _host(address: str) -> str:
    """Leave out the port of ``host:port``, and the brackets of an IPv6 address."""
    host = address.rpartition(":")[0] or address
    return host.removeprefix("[").removesuffix("]")
