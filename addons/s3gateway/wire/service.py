"""What all connections share: the configuration in force, the pool, the clock, and who is told of what."""

import ssl
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from s3gateway import errors
from s3gateway.bodies.form_file import Budget
from s3gateway.config.model import Config
from s3gateway.observed.transaction import Transaction
from s3gateway.rules.balance import Need
from s3gateway.rules.limits import Limits
from s3gateway.rules.rate import Rates, Shared
from s3gateway.signer import Signer
from s3gateway.wire.backend_sessions import BackendSessions
from s3gateway.wire.backends import Pool
from s3gateway.wire.bucket_cors import BucketCors
from s3gateway.wire.clock import Clock
from s3gateway.wire.cluster import Cluster, Resolve, resolve
from s3gateway.wire.key_ledger import KeyLedger
from s3gateway.wire.logins import LoginRates
from s3gateway.wire.memory import Memory
from s3gateway.wire.providers import Providers
from s3gateway.wire.remote_keys import RemoteKeys
from s3gateway.wire.spool import Spool

if TYPE_CHECKING:
    from s3gateway.identity.login import Logins
    from s3gateway.wire.own_keys import OwnKeys
    from s3gateway.wire.tracing import Tracer
    from s3gateway.wire.watching import Watch


@dataclass(frozen=True, slots=True)
class Current:
    """What a request is decided by: configuration, signer, and the TLS contexts of both sides.

    ``backend_tls`` is None where the backend speaks plain HTTP.
    """

    config: Config
    signer: Signer
    client_tls: ssl.SSLContext
    backend_tls: ssl.SSLContext | None


class Books(Protocol):
    """Who is told of what happens."""

    def closed(self, transaction: Transaction) -> Awaitable[None] | None:
        """An exchange has ended. Where somebody watches, what this gives is awaited before the client has the end."""

    def watch(self, transaction: Transaction, client: object) -> "Watch | None":
        """Give whoever watches this exchange, if anybody does."""

    def run(self, coroutine: Coroutine[object, object, None]) -> None:
        """Run what nothing waits for."""


class Service:
    """The running gateway, as its connections see it."""

    def __init__(
        self,
        current: Callable[[], Current],
        books: Books,
        resolve: Resolve = resolve,
        shared_rates: Shared | None = None,
    ) -> None:
        self._current = current
        self._resolve = resolve
        self._cluster: Cluster | None = None
        self.books = books
        self.rates = Rates(shared_rates)
        self.login_rates = LoginRates(shared_rates)
        self.memory = Memory()
        self.spool = Spool(lambda: self.limits.spool)
        self.forms = Budget()
        self.is_ending = self.is_draining = self.is_closed = False  # see wire.draining; at last nobody is served
        self.must_refuse: Callable[[], errors.S3Error | None] = _nothing
        self.tracer: Tracer | None = None
        self._pools: dict[tuple[object, int], Pool] = {}
        self.clock = Clock(self._check)
        self.providers = Providers(lambda: self.current.config, self.clock)
        self.logins: Logins = self.providers
        self.remote_keys = RemoteKeys(lambda: self.current.config, self.providers.of_keys, self.clock.now)
        self.bucket_cors = BucketCors(self.clock)
        self.key_ledger = KeyLedger(lambda: self.current.config)
        self.own_keys: OwnKeys | None = None
        self.backend_sessions = BackendSessions(self.clock, self.anyone)

    @property
    def current(self) -> Current:
        """What is in force now."""
        return self._current()

    @property
    def limits(self) -> Limits:
        """The limits in force now."""
        return self._current().config.limits

    def refusal(self) -> errors.S3Error | None:
        """Give what a request that comes now is refused with, whatever it is; None where it is served."""
        return errors.internal_error() if self.is_closed else self.must_refuse()

    def pool(self, current: Current) -> Pool:
        """The pool of connections to that backend; of backends that are configured no more, connections are let go.

        A request that came before a reload may still ask for one of those.
        """
        key = _key(current)
        pool = self._pools.get(key)
        if pool is None:
            in_force = _key(self.current)
            for old in [known for known in self._pools if known != in_force]:
                self._pools.pop(old).close()
            pool = self._pools[key] = Pool(current.config.backend, current.backend_tls, self.clock)
        return pool

    @property
    def cluster(self) -> Cluster | None:
        """The backends to choose from; None where there is one, ``backend.endpoint``, and nothing to choose."""
        sites = self._current().config.sites
        cluster = self._cluster
        if cluster is not None and cluster.sites is not sites:
            cluster.stop()  # of a configuration that has been replaced
            cluster = self._cluster = None
        if cluster is None and sites and not self.is_closed:
            cluster = self._cluster = Cluster(self._current, self.clock, self._resolve)
        return cluster

    def anyone(self, current: Current) -> tuple[Current, Pool]:
        """Give a backend for a request of the gateway's own that reads. Raises :class:`~s3gateway.errors.S3Error`."""
        cluster = self.cluster
        if cluster is None:
            return current, self.pool(current)
        member = cluster.choose(Need.READ)
        if member is None:
            raise errors.slow_down()
        return member.current(current), member.pool

    def stop(self) -> None:
        """Serve nobody any more: what is asked from now on is refused, and deadlines hold even so."""
        self.is_closed = True
        self.bucket_cors.stop()
        self.providers.stop()
        self.remote_keys.stop()
        self.backend_sessions.stop()
        if self._cluster is not None:
            self._cluster.stop()
        for pool in self._pools.values():
            pool.close()

    def _check(self, now: float) -> None:
        self.memory.check(now)
        self.providers.check(now)
        for pool in self._pools.values():
            pool.check(now)
        cluster = self.cluster
        if cluster is not None:
            cluster.check(now)


def _nothing() -> None:
    return None


def _key(current: Current) -> tuple[object, int]:
    """What makes two backends the same; a pool keeps its context, so no other has its id."""
    return current.config.backend, id(current.backend_tls)
