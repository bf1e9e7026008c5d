"""What a parent is to run, and the places that its workers have."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from s3gateway.config.model import Config
from s3gateway.serve.process import Process


@dataclass(slots=True)
class Place:
    """Where one worker serves. ``failures`` are those in a row that have ended early."""

    number: int
    worker: Process | None = None
    failures: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to run: workers, each by ``command``, on ``sockets``; ``load`` reads the configuration."""

    workers: int
    command: Sequence[str] = field(repr=False)
    sockets: Sequence[socket.socket]
    load: Callable[[], Config]
