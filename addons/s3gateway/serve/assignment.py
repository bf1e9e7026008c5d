"""What a worker is given at its start, in one variable of its environment, and how the two then talk.

They talk in lines of JSON on a socket pair. The worker tells::

    {"is": "ready", "pages": ["/healthz", ...]}                              it accepts connections
    {"is": "page", "id": 1, "status": 200, "type": "...", "body": "..."}     the answer to what was asked
    {"is": "last", "body": "..."}                                            its metrics, as it ends

and the parent asks::

    {"do": "page", "id": 1, "path": "/metrics"}
    {"do": "drain", "delay": 0, "grace": 30}     no grace: for as long as it takes
    {"do": "end"}                                at once
    {"do": "reload"}                             the configuration
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

VARIABLE: Final = "S3GATEWAY_WORKER"
LINE_LIMIT: Final = 32 * 1024 * 1024
"""Bytes of a line; metrics have some ten thousand."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who a worker is, and its descriptors: ``sockets`` to accept from, ``channel`` to the parent, ``ledger``.

    ``number`` is its place, from 1; ``slot`` is its own in the ledger.
    """

    number: int
    slot: int
    sockets: tuple[int, ...]
    channel: int
    ledger: int

    def to_text(self) -> str:
        """For the environment."""
        return json.dumps(asdict(self))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self | None:
        """Read it; None where no parent has started this process."""
        text = environment.get(VARIABLE)
        if not text:
            return None
        found = json.loads(text)
        return cls(**found | {"sockets": tuple(found["sockets"])})


def to_line(message: Mapping[str, Any]) -> bytes:
    """Write a message."""
    return json.dumps(message).encode() + b"\n"
