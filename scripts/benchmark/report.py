"""The figures as lines of a table and as JSON."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from benchmark.cases import Row
from benchmark.measure import Samples
from benchmark.targets import AUDIT, BARE, DIRECT, METRICS, OTHER, SESSION, SEVERAL, THIS, WATCHED

_LABEL: Final = 48
_CELL: Final = 10
_RATIOS: Final = (
    (SEVERAL, THIS),
    (THIS, OTHER),
    (THIS, BARE),
    (THIS + WATCHED, OTHER + WATCHED),
    (THIS + WATCHED, THIS),
    (THIS + METRICS, THIS),
    (THIS + AUDIT, THIS),
    (THIS + SESSION, THIS),
)


@dataclass(frozen=True, slots=True)
class Figures:
    """One row of the table. `per_second` counts requests, or MB (10**6) where `unit` is MB; so does `cpu_ms`."""

    case: str
    title: str
    connections: int
    unit: str
    cpu_ms: dict[str, float]
    per_second: dict[str, float]
    wall_ms: dict[str, float]
    cpu_ratios: dict[str, float]
    speed_ratios: dict[str, float]
    failures: dict[str, str]


def pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    """Which targets are compared: with the other checkout where there is one, else with a bare mitmdump."""
    there = [(one, base) for one, base in _RATIOS if one in names and base in names]
    compared: dict[str, str] = {}
    for one, base in there:
        compared.setdefault(one, base)
    return list(compared.items())


def figures(row: Row, samples: Mapping[str, Samples]) -> Figures:
    """Reckon the medians of one row, and the medians of the ratios of each round.

    Two that are compared were measured one after the other in each round, so their ratio is steadier than each of them.
    """
    amount = row.case.megabytes or 1.0
    wall = {name: sample.wall_median for name, sample in samples.items()}
    cpu = {name: sample.cpu_median for name, sample in samples.items() if name != DIRECT}
    cpu_ms = {name: value * 1000 / amount for name, value in cpu.items() if value is not None}
    per_second = {name: amount / value for name, value in wall.items() if value is not None}
    return Figures(
        row.name,
        row.case.title,
        row.connections,
        "MB" if row.case.megabytes else "request",
        cpu_ms,
        per_second,
        {name: value * 1000 for name, value in wall.items() if value is not None},
        _ratios({name: sample.cpu for name, sample in samples.items() if not sample.failure}, list(samples)),
        _ratios({name: sample.speed for name, sample in samples.items() if not sample.failure}, list(samples)),
        {name: sample.failure for name, sample in samples.items() if sample.failure},
    )


def _ratios(rounds: Mapping[str, Sequence[float]], names: Sequence[str]) -> dict[str, float]:
    return {
        f"{one}/{base}": statistics.median(x / y for x, y in zip(rounds[one], rounds[base], strict=True))
        for one, base in pairs(names)
        if rounds.get(one) and rounds.get(base)
    }


def headings(names: Sequence[str]) -> str:
    """The first line: a column for each target, then the ratios."""
    ratios = "".join(f"{f'{one}/{base}':>{len(one) + len(base) + 4}}" for one, base in pairs(names))
    return f"{'':{_LABEL}}" + "".join(f"{name:>{max(_CELL, len(name) + 2)}}" for name in names) + ratios


def lines(row: Figures, names: Sequence[str]) -> str:
    """Two lines: CPU and speed."""
    label = f"{row.case:4} {row.title:27}{row.connections:3} "
    cpu = _line(label, f"CPU ms/{row.unit}", (row.cpu_ms, row.cpu_ratios, row.failures), names)
    unit = "MB/s" if row.unit == "MB" else "requests/s"
    return cpu + "\n" + _line("", unit, (row.per_second, row.speed_ratios, {}), names)


def _line(
    label: str,
    unit: str,
    figures: tuple[Mapping[str, float], Mapping[str, float], Mapping[str, str]],
    names: Sequence[str],
) -> str:
    values, ratios, failures = figures
    text = f"{label:36}{unit:<{_LABEL - 36}}"
    for name in names:
        value = values.get(name)
        cell = ("fails" if name in failures else "-") if value is None else _short(value)
        text += f"{cell:>{max(_CELL, len(name) + 2)}}"
    for one, base in pairs(names):
        ratio = ratios.get(f"{one}/{base}")
        text += f"{'-' if ratio is None else f'{ratio:.2f}':>{len(one) + len(base) + 4}}"
    return text


def memory(peaks: Mapping[str, float], names: Sequence[str]) -> str:
    """The line of the highest resident memory."""
    ratios = _ratios({name: [peak] for name, peak in peaks.items()}, names)
    return _line("peak of resident memory, whole run", "MiB", (peaks, ratios, {}), names)


def spread(shares: Mapping[str, float]) -> str:
    """The line of how much of the requests each of several endpoints was given."""
    told = ", ".join(f"{share:.1%}" for share in shares.values())
    return f"requests of each of {len(shares)} endpoints: {told}"


def as_json(row: Figures) -> dict[str, Any]:
    """For `--json`."""
    return asdict(row)


def _short(value: float) -> str:
    """Three digits that matter."""
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"  # noqa: PLR2004 - from here on decimals say nothing
