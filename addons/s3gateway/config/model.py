"""What the gateway decides by, as frozen values. :mod:`s3gateway.config.gateway_yaml` makes them."""

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from s3gateway.config.observing import Audit, Canary, Tracing
from s3gateway.config.shutdown import Shutdown
from s3gateway.identity.issuer import Issuer
from s3gateway.identity.keys import OPEN, DatedSecret, Term
from s3gateway.identity.ldap import LdapSettings
from s3gateway.identity.login import Login
from s3gateway.identity.lookup import Right
from s3gateway.identity.model import LONGEST_SESSION, Revocation, Role
from s3gateway.identity.remote_keys import Terms
from s3gateway.identity.session import Ring, Session
from s3gateway.rules.access import Rights
from s3gateway.rules.aistor import MINIO
from s3gateway.rules.cors import CorsRule
from s3gateway.rules.encryption import EncryptionRule
from s3gateway.rules.limits import Limits
from s3gateway.sigv4.model import KeyPair, Secret

__all__ = [
    "Admin",
    "Backend",
    "BucketsOwn",
    "Chain",
    "Client",
    "Config",
    "KeyPair",
    "Listen",
    "Sts",
    "in_url",
    "is_pattern",
]

HTTPS_PORT = 443
HTTP_PORT = 80


def in_url(host: str) -> str:
    """Give a host as it stands before a port: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def is_pattern(region: str) -> bool:
    """Whether an entry of ``listen.regions`` stands for several regions."""
    return not set("*?[").isdisjoint(region)


@dataclass(frozen=True, slots=True)
class Listen:
    """Where clients connect. HTTP and TLS share the port; without a certificate mitmproxy makes one.

    ``health_polls`` is the status that they are answered with. Connections from ``proxy_protocol`` begin with a PROXY
    header.
    """

    host: str
    port: int
    certificate: Path | None
    key: Path | None
    regions: tuple[str, ...]
    health_polls: int = 403
    proxy_protocol: tuple[IPv4Network | IPv6Network, ...] = ()


@dataclass(frozen=True, slots=True)
class Admin:
    """Where operators connect: health, readiness, metrics; ``buckets`` and ``prefixes`` are those that have labels."""

    host: str
    port: int
    buckets: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Backend:
    """One S3 server behind the gateway. ``authority`` is what its ``Host`` header says.

    ``type`` is the product: what only one of them can do, the gateway lets pass to no other. ``address`` is the IP
    address to connect to, where its name has several; empty where the system chooses. ``certificate`` and ``key`` are
    what the gateway shows it.
    """

    scheme: str
    host: str
    port: int
    ca_file: Path | None
    region: str
    type: str = MINIO
    address: str = ""
    certificate: Path | None = None
    key: Path | None = None

    @property
    def authority(self) -> str:
        """Host, and port unless it is the scheme's default."""
        host = in_url(self.host)
        default = HTTPS_PORT if self.scheme == "https" else HTTP_PORT
        return host if self.port == default else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """``scheme://host:port``, the port always written."""
        return f"{self.scheme}://{in_url(self.host)}:{self.port}"

    @property
    def name(self) -> str:
        """The URL, with the address where its host has several."""
        return f"{self.url} at {self.address}" if self.address else self.url


@dataclass(frozen=True, slots=True)
class Site:
    """Servers that hold the same objects, any of which can serve a request. ``number`` counts the sites from 0."""

    number: int
    endpoints: tuple[Backend, ...]
    read_only: bool


@dataclass(frozen=True, slots=True)
class HealthChecks:
    """How the servers of a site are asked whether they are well. Seconds; ``jitter`` is a share of the interval.

    A ``bucket`` is asked for in place of the paths. ``port`` is None where it is the endpoint's own.
    """

    interval: float
    timeout: float
    jitter: float
    port: int | None
    live: str
    read: str
    write: str
    kms: str
    bucket: str
    slow_start: float


@dataclass(frozen=True, slots=True)
class Chain:
    """Credentials from botocore's own chain: environment, or the named profile."""

    profile: str | None


@dataclass(frozen=True, slots=True)
class DatedKeys:
    """One of the gateway's own key pairs at the backend, and when it counts."""

    keys: KeyPair
    term: Term = OPEN


@dataclass(frozen=True, slots=True)
class Client:
    """A caller: identity for rules and log, key pair, and what it may do.

    For a session ``roles`` names its roles, and ``session`` is what its token holds. ``secrets`` are all secrets of the
    key pair's id, with their terms; of a client that is admitted ``keys`` holds the one that it signed with. Without
    any, the one in ``keys`` always counts. With a ``backend_policy`` its requests go to the backend under a session of
    their own, which that policy narrows. ``login`` is whose the key is where somebody else knows it.
    """

    name: str
    keys: KeyPair
    access: Rights
    roles: tuple[str, ...] = ()
    session: Session | None = None
    secrets: tuple[DatedSecret, ...] = ()
    backend_policy: str = field(default="", repr=False)
    login: Login | None = None

    @property
    def charged(self) -> str:
        """Whose rate its requests count to: sessions to that of whoever has them, as many as these are."""
        if self.session is None:
            return self.keys.access_key_id
        return self.session.parent or f"{self.session.source} {self.session.subject}"

    @property
    def all_secrets(self) -> tuple[bytes, ...]:
        """Every secret of the key pair's id, whether it counts or not: for what must not be told."""
        return (self.keys.secret.reveal(), *(dated.secret.reveal() for dated in self.secrets))


@dataclass(frozen=True, slots=True)
class LookupProvider:
    """Where access keys are asked for that ``clients`` does not name, and what their users may do.

    ``path`` is put before the access key id, ``headers`` are sent along; ``context`` is None for plain HTTP. Two with
    the same settings are equal, whatever is made of these.
    """

    place: Backend
    path: str
    headers: tuple[tuple[bytes, Secret], ...] = field(compare=False)
    headers_digest: bytes = field(repr=False)
    terms: Terms
    rights: tuple[Right, ...]
    context: ssl.SSLContext | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class BucketsOwn:
    """``cors: bucket``: the backend keeps the rules, in a document of each bucket."""


@dataclass(frozen=True, slots=True)
class Sts:
    """The Security Token Service. ``is_shared`` says that the ring is a file, which other gateways may have too.

    ``opened`` are the sessions that were opened under this configuration, by token; another one has its own.
    """

    ring: Ring
    is_shared: bool = True
    allow_plain_http: bool = False
    longest_session: int = LONGEST_SESSION
    logins_per_address: float = 50
    logins_per_user: float = 5
    revoked: tuple[Revocation, ...] = ()
    opened: dict[bytes, Client] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Config:
    """All the gateway decides by. ``files`` are those it was read from, watched for changes.

    ``cors`` is None where the gateway does not decide about pages of other origins: the backend's fields pass.
    ``backend`` is the server that a request goes to; before one is chosen, the first. ``sites`` are empty where
    ``backend.endpoint`` names the only one: nothing is chosen then, and nothing is asked for its health.
    ``own_keys`` are all of the gateway's keys at the backend where there are several, ``state`` the file in which the
    use of clients' keys is kept.
    """

    listen: Listen
    backend: Backend
    sites: tuple[Site, ...]
    dns_ttl: float
    health: HealthChecks
    credentials: KeyPair | Chain
    clients: Mapping[str, Client]
    encryption: tuple[EncryptionRule, ...]
    cors: tuple[CorsRule, ...] | BucketsOwn | None
    domains: tuple[str, ...]
    limits: Limits
    shutdown: Shutdown
    admin: Admin | None
    log_format: str
    log_capture: Path | None
    log_explain: bool
    files: tuple[Path, ...]
    audit: Audit | None = None
    tracing: Tracing | None = None
    canary: Canary | None = None
    sts: Sts | None = None
    roles: tuple[Role, ...] = ()
    ldap: LdapSettings | None = None
    web_identity: tuple[Issuer, ...] = ()
    own_keys: tuple[DatedKeys, ...] = ()
    state: Path | None = None
    lookup: LookupProvider | None = None

    @property
    def region(self) -> str:
        """The region that clients are told to sign for: the first of ``listen.regions`` that is no pattern."""
        return next((name for name in self.listen.regions if not is_pattern(name)), self.backend.region)

    @property
    def has_remote_keys(self) -> bool:
        """Whether somebody else may know an access key that ``clients`` does not name."""
        return self.lookup is not None or (self.ldap is not None and self.ldap.keys is not None)

    def with_client(self, client: Client) -> "Config":
        """Give one whose clients are these and one more, without a copy of them."""
        return replace(self, clients=_Clients(client, self.clients))


class _Clients(Mapping[str, Client]):
    """Some clients and one more."""

    __slots__ = ("_client", "_others")

    def __init__(self, client: Client, others: Mapping[str, Client]) -> None:
        self._client, self._others = client, others

    def __getitem__(self, access_key_id: str) -> Client:
        return self._client if access_key_id == self._client.keys.access_key_id else self._others[access_key_id]

    def __iter__(self) -> Iterator[str]:
        yield self._client.keys.access_key_id
        yield from self._others

    def __len__(self) -> int:
        return len(self._others) + 1
