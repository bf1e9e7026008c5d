"""The configuration in force, and its replacement while requests are running.

A request is decided by what is in force when it arrives and signed by what is in force when it leaves; a reload never
changes a transfer that has begun. A configuration that is broken is reported and the old one stays. Half a file is not
broken (one that ends before ``encryption:`` has no rules), so files are read when they have stopped changing.
"""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from s3gateway.config.check import ConfigError
from s3gateway.config.files import fingerprint
from s3gateway.config.model import Config
from s3gateway.signer import CredentialsError, CredentialSource
from s3gateway.wire import contexts
from s3gateway.wire.own_keys import OwnKeys
from s3gateway.wire.service import Current

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5
"""A changed file counts at the second look that finds it the same: within a second. Polling by content also sees what a
mounted Kubernetes secret does (symlinks)."""


Contexts = tuple[ssl.SSLContext, ssl.SSLContext | None]
"""The TLS contexts for clients and for the backend."""


def own_contexts(config: Config) -> Contexts:
    """Make both contexts from the configuration alone. Raises :class:`ConfigError`."""
    listen = config.listen
    return (
        contexts.with_certificate(listen) if listen.certificate else contexts.for_clients(),
        contexts.for_backend(config.backend),
    )


class Live:
    """Holds what is in force and replaces it; ``told`` words a refusal for the operator, ``contexts`` make TLS's."""

    def __init__(
        self,
        load: Callable[[], Config],
        told: Callable[[Exception], str] = str,
        contexts: Callable[[Config], Contexts] = own_contexts,
    ) -> None:
        self._load, self._told, self._contexts = load, told, contexts
        config = load()
        self._source = CredentialSource(config.credentials)
        self.own_keys = OwnKeys(config, self._source)
        self.own_keys.on_change = self._on_own_key
        self._named = (*config.files, *self._source.files)
        self._seen = self._tried = fingerprint(self._named)
        self.current = self._make(config)
        self._lock = asyncio.Lock()

    async def reload(self, on_change: Callable[[Config | None], None]) -> None:
        """Read everything anew, because somebody asks for it: changed or not, and without waiting for files to rest."""
        async with self._lock:
            self._seen = await asyncio.to_thread(lambda: fingerprint(self._known))
            problem = await self._problem(self._reload(on_change))
        if problem:
            logger.error("configuration not reloaded%s", problem)
            on_change(None)

    async def watch(self, on_change: Callable[[Config | None], None]) -> None:
        """Poll files and credentials for ever; ``on_change`` is told of each configuration, None for a broken one."""
        told = ""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            problem = await self._look(on_change)
            if problem is None:
                continue
            if problem and problem != told:  # credentials may fail at each look for hours
                logger.error("configuration not reloaded%s", problem)
                on_change(None)
            told = problem

    async def _look(self, on_change: Callable[[Config | None], None]) -> str | None:
        """Look once; what went wrong, as it is told. None where the next look has to tell, as files are not settled."""
        async with self._lock:
            problem = await self._problem(self._poll(on_change))
        return problem or ("" if self._seen == self._tried else None)

    async def _poll(self, on_change: Callable[[Config | None], None]) -> None:
        if await asyncio.to_thread(self._settled):
            await self._reload(on_change)
        await self.own_keys.look()

    async def _problem(self, step: Awaitable[None]) -> str:
        """Take the step; what went wrong, as it is told."""
        try:
            await step
        except (ConfigError, CredentialsError) as error:
            return f", the old one stays in force: {self._told(error)}"
        except Exception as error:  # noqa: BLE001 - the watcher must outlive whatever a file does to it
            return f": {type(error).__name__}"
        return ""

    @property
    def _known(self) -> set[Path]:
        return {*self.current.config.files, *self._source.files, *self._named}

    def _settled(self) -> bool:
        """Whether files are other than those last tried, and are as they were at the last look."""
        before, self._seen = self._seen, fingerprint(self._known)
        return before == self._seen != self._tried

    async def _reload(self, on_change: Callable[[Config | None], None]) -> None:
        tried = self._tried = self._seen
        config = await asyncio.to_thread(self._load_named)
        source = await asyncio.to_thread(CredentialSource, config.credentials)
        self._named = (*config.files, *source.files)
        seen = await asyncio.to_thread(fingerprint, self._named)
        if any(seen.get(path, value) != value for path, value in tried.items()):  # it changed while it was being read
            self._tried = {}
            return
        old = self.current.config.listen
        if (config.listen.host, config.listen.port) != (old.host, old.port):
            raise ConfigError("listen", "host and port cannot change while running", "restart the gateway")
        if config.admin != self.current.config.admin:
            raise ConfigError("admin", "cannot change while running", "restart the gateway")
        current = self._make(config)
        await self.own_keys.turn_to(config, source)
        on_change(config)
        self._source, self.current = source, replace(current, signer=self.own_keys.signer)
        self._seen = self._tried = seen
        logger.warning(
            "configuration reloaded: clients %d, encryption rules %d", len(config.clients), len(config.encryption)
        )

    def _load_named(self) -> Config:
        """Load, and know which files to look at from now on: what is wrong may be mended in any that it names."""
        try:
            return self._load()
        except ConfigError as error:
            self._named = error.files
            raise

    def _on_own_key(self) -> None:
        """Sign with another key from now on."""
        self.current = replace(self.current, signer=self.own_keys.signer)

    def _make(self, config: Config) -> Current:
        client_tls, backend_tls = self._contexts(config)
        return Current(config, self.own_keys.signer, client_tls, backend_tls)
