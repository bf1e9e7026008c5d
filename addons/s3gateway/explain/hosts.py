"""Suspects: the ``Host`` that the client signed is not the one that arrived.

Candidates are every name under which this gateway, its backend or a proxy in front may be known: what the proxy says
in ``X-Forwarded-Host`` and its kin, the configuration, and this machine's own names, each with the likely ports.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

from s3gateway.config.model import HTTP_PORT, HTTPS_PORT, Backend, Config
from s3gateway.explain.draft import Draft
from s3gateway.explain.suspect import Suspect, Sweep, of_field, quoted
from s3gateway.sigv4.model import RequestHead

_FORWARDED = (
    b"x-forwarded-host",
    b"x-original-host",
    b"x-host",
    b"x-forwarded-server",
    b"x-envoy-original-host",
    b"x-real-host",
)
_LOCAL = ("localhost", "127.0.0.1", "[::1]", "host.docker.internal")
_INSIDE = (
    "minio",
    "minio1",
    "minio-server",
    "minio.minio",
    "minio.minio.svc.cluster.local",
    "minio.default.svc.cluster.local",
    "s3",
    "storage",
    "gateway",
    "backend",
    "seaweedfs",
    "garage",
    "localstack",
    "s3.amazonaws.com",
    "s3.us-east-1.amazonaws.com",
)
"""Names that services have inside of a cluster or a compose file: URLs are presigned for them and used outside."""

_USUAL_PORTS = (HTTP_PORT, HTTPS_PORT, 8000, 8080, 8443, 9000)
_SWEPT_PORTS = range(1, 10_240)
"""All ports that people choose by hand: a proxy that drops the port does not say which one it had."""

_MOST = 400
_LIKELY = 24
_PORT_DIGITS = 5
_AUTHORITY = re.compile(r"(\[[^\]]*\]|[^:]*)(?::([0-9]*))?")

_KEEP = (
    "a proxy in front rewrites Host; make it pass Host on as it came "
    "(nginx: `proxy_set_header Host $http_host;`, Apache: `ProxyPreserveHost On`)"
)

_PRESIGNED = (
    "a presigned URL is good for its own host name and port only; presign it with the endpoint that its user reaches, "
    "or make the proxy in front pass Host on as it came"
)


@dataclass(frozen=True, slots=True)
class Names:
    """Names and ports that a client may have been given for this gateway."""

    hosts: tuple[str, ...]
    ports: tuple[int, ...]
    domains: tuple[str, ...]


def names(config: Config, known: tuple[str, ...] = ()) -> Names:
    """Collect them from the configuration; ``known`` are further host names, from the certificate or the operator."""
    backend: Backend = config.backend
    hosts = (*known, *config.domains, config.listen.host, backend.authority, *_LOCAL, *_INSIDE)
    ports = (config.listen.port, backend.port, *_USUAL_PORTS)
    return Names(tuple(dict.fromkeys(filter(None, hosts))), tuple(dict.fromkeys(ports)), config.domains)


def suspects(draft: Draft, head: RequestHead, known: Names) -> Iterator[Suspect]:
    """Every candidate once, the likeliest first."""
    if b"host" not in draft.signed_headers:
        return
    wire = draft.value(b"host").decode("utf-8", "surrogateescape")
    name, port = split(wire)
    told_ports = [int(text) for text in head.all(b"x-forwarded-port") if text.isdigit() and len(text) <= _PORT_DIGITS]
    for host in dict.fromkeys(_ports(name, (*told_ports, *known.ports))):
        if host != wire:
            yield of_field("host-port", port_sentence(wire, host, port), b"host", _bytes(host), likely=True)
    told = tuple(_forwarded(head))
    bucket = _first_segment(head)
    others = (host for host in dict.fromkeys(_others(told, known, bucket, wire)) if host != wire)
    for count, host in enumerate(islice(others, _MOST)):
        sentence = f"{_said(wire, host)}: {_PRESIGNED if draft.presigned else _KEEP}"
        yield of_field("host-rewritten", sentence, b"host", _bytes(host), likely=count < _LIKELY)
    yield from _addressing(draft, head, told, known)


def every_port(draft: Draft, own_port: int) -> Iterator[Sweep]:
    """Any port at a Host that arrived without one, or with the gateway's: too many to be tried before all else."""
    wire = draft.value(b"host").decode("utf-8", "surrogateescape")
    name, port = split(wire)
    if b"host" in draft.signed_headers and port in {"", str(own_port)}:
        values = (_bytes(host) for host in _ports(name, _SWEPT_PORTS))
        yield Sweep("host-port", b"host", values, lambda value: port_sentence(wire, _text(value), port))


def split(authority: str) -> tuple[str, str]:
    """Split ``name[:port]``; a bare IPv6 address stays whole."""
    match = _AUTHORITY.fullmatch(authority)
    return (match[1], match[2] or "") if match else (authority, "")


def _said(wire: str, host: str) -> str:
    return f"the client signed Host {quoted(host)}, the wire says {quoted(wire)}"


def port_sentence(wire: str, host: str, port: str) -> str:
    """Say that the port of Host differs: ``wire`` (with ``port``, or with none) arrived, ``host`` was signed."""
    signed_port = split(host)[1]
    if not port and signed_port in {str(HTTP_PORT), str(HTTPS_PORT)}:
        what = "the client signs a default port that it does not send, or a proxy in front drops it; leave the port "
        what += "out of the client's endpoint, or make the proxy pass Host on as it came (nginx: `$http_host`)"
    elif not port and signed_port:
        what = "a proxy in front drops the port from Host; make it pass Host on as it came (nginx: "
        what += "`proxy_set_header Host $http_host;`, not `$host`)"
    elif not signed_port:
        what = "a proxy in front adds a port to Host, or the client signs Host without the port it then sends; "
        what += "make the proxy pass Host on as it came, or use an endpoint on the scheme's own port"
    else:
        what = "a proxy or port mapping in front puts its own port into Host; make it pass Host on as it came "
        what += "(nginx: `proxy_set_header Host $http_host;`)"
    return f"{_said(wire, host)}: {what}"


def _ports(name: str, ports: Iterable[int]) -> Iterator[str]:
    yield name
    yield from (f"{name}:{port}" for port in ports)


def _forwarded(head: RequestHead) -> Iterator[str]:
    """What proxies say the client asked for: X-Forwarded-Host (a list) and its kin, Forwarded's host=."""
    for field in _FORWARDED:
        for value in head.all(field):
            yield from (part.strip() for part in value.decode("utf-8", "surrogateescape").split(",") if part.strip())
    for value in head.all(b"forwarded"):
        yield from re.findall(r'(?i)host="?([^";, ]+)', value.decode("utf-8", "surrogateescape"))


def _others(told: tuple[str, ...], known: Names, bucket: str, wire: str) -> Iterator[str]:
    """Names in the order of likelihood: what proxies say, then what is configured, then bucket sub-domains."""
    for host in (*told, *known.hosts):
        name, port = split(host)
        yield host
        yield name
        yield from (f"{name}:{known_port}" for known_port in known.ports if str(known_port) != port)
    yield wire.lower()
    yield wire.rstrip(".") if wire.endswith(".") else wire + "."
    for host in (wire, *told, *known.domains):
        if bucket:
            yield f"{bucket}.{host}"
        yield host.partition(".")[2]


def _addressing(draft: Draft, head: RequestHead, told: tuple[str, ...], known: Names) -> Iterator[Suspect]:
    """Bucket moved between Host and path: a hop that turns virtual-host style into path style, or back."""
    wire = draft.value(b"host").decode("utf-8", "surrogateescape")
    bucket = _first_segment(head)
    hosts = dict.fromkeys((wire, *told, *known.domains, *known.hosts))
    if bucket:
        rest = draft.uri[1:].partition(b"/")[2]
        for host in list(hosts)[:_MOST]:
            yield _moved(wire, f"{bucket}.{host}", b"/" + rest, "virtual-host style", "path style")
    label, _, domain = wire.partition(".")
    if domain:
        uri = b"/" + _bytes(label) + draft.uri
        for host in dict.fromkeys((domain, *told, *known.hosts)):
            yield _moved(wire, host, uri, "path style", "virtual-host style")


def _moved(wire: str, host: str, uri: bytes, signed: str, sent: str) -> Suspect:
    sentence = (
        f"the client signed {signed} (Host {quoted(host)}, path {quoted(uri)}), the wire says {sent} (Host "
        f"{quoted(wire)}): a proxy in front moves the bucket between Host and path; make it pass both on as they came"
    )
    change = partial(_move, host=_bytes(host), uri=uri)
    return Suspect("host-addressing-style", sentence, frozenset(("uri", "header b'host'")), change)


def _move(draft: Draft, host: bytes, uri: bytes) -> Draft:
    return replace(draft.with_field(b"host", host), uri=uri)


def _first_segment(head: RequestHead) -> str:
    return head.path[1:].partition(b"/")[0].decode("utf-8", "surrogateescape")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
