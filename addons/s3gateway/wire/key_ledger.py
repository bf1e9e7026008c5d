"""The use of clients' keys in a running gateway: counted at once, written once a minute, warned of once a day."""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from s3gateway.config.check import ConfigError
from s3gateway.config.model import Client, Config, KeyPair
from s3gateway.rules import key_report
from s3gateway.rules.key_use import Counter, Ledger, Use
from s3gateway.wire import state_file

logger = logging.getLogger(__name__)

WRITE_SECONDS: Final = 60.0
_WARN_EVERY: Final = 1440
"""Writes between two times that the same warnings are told: a day."""


class KeyLedger:
    """Counts, and knows what all processes have counted. ``config`` gives the configuration in force.

    Without ``state`` in it the ledger is of this process alone.
    """

    def __init__(self, config: Callable[[], Config]) -> None:
        self._config = config
        self._counter = Counter()
        self._ledger: Ledger = state_file.new_ledger()
        self._warned: list[str] = []
        self._since_warned = 0
        self._trouble = ""

    def note(self, client: Client) -> None:
        """Count a request of a client that is proven; keys that are not of the configuration are not counted."""
        if client.secrets:
            self._counter.note(client.keys, time.time())

    async def run(self) -> None:
        """Write and warn for ever."""
        while True:
            new, path = self._counter.take(), self._config().state
            if not await asyncio.to_thread(self._write, path, new):
                self._counter.put_back(new)
            self._warn()
            await asyncio.sleep(WRITE_SECONDS)

    def flush(self) -> None:
        """Write what was counted since the last time."""
        self._write(self._config().state, self._counter.take())

    def _write(self, path: Path | None, new: list[tuple[KeyPair, Use]]) -> bool:
        """Write; where that fails the log tells why, once."""
        try:
            if path is None:
                self._ledger = self._ledger.merged(new, time.time())
            else:
                self._ledger = state_file.add(path, new)
        except ConfigError as error:
            if self._trouble != str(error):
                logger.error("the use of keys is not kept: %s", error)  # noqa: TRY400 - no traceback
            self._trouble = str(error)
            return False
        self._trouble = ""
        return True

    def rows(self) -> list[key_report.KeyRow]:
        """Give what is known of each key; it is at most a minute old."""
        return key_report.rows(self._config().clients.values(), self._ledger, datetime.now(UTC))

    def _warn(self) -> None:
        """Tell what is new at once, and all of it once a day."""
        found = key_report.warnings(self.rows(), datetime.now(UTC))
        self._since_warned += 1
        subjects = [line.partition(" ends in ")[0] for line in found]
        if subjects != self._warned or self._since_warned >= _WARN_EVERY:
            for line in found:
                logger.warning("keys: %s", line)
            self._warned, self._since_warned = subjects, 0
