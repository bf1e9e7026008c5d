"""What a run of one client has shown, kept as a JSON file, so that a run of all can be taken up again."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

CASES: tuple[str, ...] = (
    "put-empty",
    "put-small",
    "put-bytes",
    "put-file",
    "put-stream",
    "multipart",
    "get",
    "ranges",
    "list",
    "copy",
    "delete-many",
    "presign-get",
    "presign-put",
    "if-none-match",
    "checksums",
    "metadata",
)
"""What each client is asked for, in this order; a driver leaves out what its client has no API for."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case in one lane: done if `error` is empty."""

    name: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """What the client's uploads look like on one front, HTTP or TLS: each value that was seen, once."""

    modes: tuple[str, ...] = ()
    chunks: tuple[str, ...] = ()
    trailers: tuple[str, ...] = ()
    expect: str = ""
    signed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """One client in every lane. `problem` says why there are no lanes: it could not be installed, say.

    `settings` tells of each setting that was looked for in the capture what came of it: see `matrix.settings`.
    """

    client: str
    version: str
    day: str
    lanes: Mapping[str, tuple[Case, ...]] = field(default_factory=dict)
    sent: Mapping[str, Sent] = field(default_factory=dict)
    problem: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    def failed(self, lane: str) -> dict[str, str]:
        """Case -> error, of what failed in this lane."""
        return {case.name: case.error for case in self.lanes.get(lane, ()) if case.error}

    def faults(self, lane: str) -> dict[str, str]:
        """What failed in this lane and not directly: the gateway's doing, until somebody shows otherwise."""
        direct = self.failed("direct")
        return {name: error for name, error in self.failed(lane).items() if name not in direct}


def save(folder: Path, result: Result) -> None:
    """Write it whole or not at all."""
    part = folder / f"{result.client}.part"
    part.write_text(json.dumps(asdict(result), indent=1), encoding="utf-8")
    part.replace(folder / f"{result.client}.json")


def load(folder: Path, client: str) -> Result | None:
    """Read what was saved; None where nothing was."""
    path = folder / f"{client}.json"
    if not path.is_file():
        return None
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    lanes = {lane: tuple(Case(**case) for case in cases) for lane, cases in document["lanes"].items()}
    sent = {front: _sent(one) for front, one in document["sent"].items()}
    return Result(**document | {"lanes": lanes, "sent": sent})


def _sent(one: dict[str, Any]) -> Sent:
    lists = {name: tuple(value) for name, value in one.items() if isinstance(value, list)}
    return Sent(**one | lists)
