"""Golden captures of the matrix's clients: one request of each shape, and what the gateway makes of it.

A run keeps them beside its result; `write_all` lays them into tests/captures/, where CI replays them offline.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from lab import CHECKOUT
from matrix.catalogue import Client
from matrix.stage import KEY, KEY_FILE, rules
from replaying.golden import Golden, expected, write_golden
from replaying.offline import replay
from replaying.stand import make_stand
from s3gateway.observed.capture import Exchange
from sampling.clients import CLIENTS as SAMPLED
from sampling.shapes import samples

_CAPTURES: Final = CHECKOUT / "tests" / "captures"
_ANSWERED: Final = 500
_ENCRYPTED: Final = frozenset(("PutObject", "CreateMultipartUpload", "CopyObject"))


def keep(folder: Path, client: Client, exchanges: Iterable[Exchange]) -> None:
    """Keep one exchange of each shape, but for those that were refused or not answered.

    What takes encryption is kept with SSE-KMS over HTTP and with SSE-C over TLS: a file has to stay readable.
    """
    gateway: dict[str, Any] = {"encryption": rules(KEY_FILE)}
    (folder / KEY_FILE).write_text(KEY + "\n", encoding="ascii")
    chosen = samples(one for one in exchanges if _tells(one))
    stand = make_stand(gateway, [one.identity for one in chosen], folder)
    kept = tuple(expected(replay(one, stand)) for one in chosen)
    write_golden(_kept(folder, client.name), Golden(kept, gateway, f"{client.name} {client.version}"))


def _tells(exchange: Exchange) -> bool:
    answer = exchange.response
    if exchange.verdict != "admitted" or answer is None or answer.status >= _ANSWERED:
        return False
    if exchange.operation in _ENCRYPTED and not exchange.sse:
        return False
    return not (exchange.tls and exchange.sse == "SSE-KMS")


def write_all(folder: Path, clients: Iterable[str]) -> None:
    """Copy what is kept of these clients, but of those that `scripts/make_captures` has a file of its own for."""
    (_CAPTURES / KEY_FILE).write_text(KEY + "\n", encoding="ascii")
    for name in clients:
        if name not in SAMPLED and _kept(folder, name).is_file():
            (_CAPTURES / f"{name}.json").write_bytes(_kept(folder, name).read_bytes())


def _kept(folder: Path, name: str) -> Path:
    return folder / f"{name}.golden"
