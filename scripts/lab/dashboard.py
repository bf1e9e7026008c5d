"""The Grafana dashboard as Prometheus sees it: each panel's queries; and a drawing of what they give.

Grafana itself fills in two variables, which are filled in here.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from lab import CHECKOUT
from lab.prometheus import Series

DASHBOARD: Final = CHECKOUT / "scripts" / "deploy" / "grafana" / "s3gateway.json"
RATE_INTERVAL: Final = "5s"
"""Several scrapes of a test's Prometheus."""

_WIDTH, _HEIGHT = 1200, 30
_COLOURS: Final = ("#3366cc", "#dc3912", "#ff9900", "#109618", "#990099", "#0099c6", "#dd4477", "#66aa00", "#b82e2e")
_MOST_LINES: Final = 9


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel, and what its series are called."""

    expression: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel: `place` is x, y, width and height in Grafana's grid."""

    title: str
    kind: str
    unit: str
    place: tuple[int, int, int, int]
    queries: tuple[Query, ...]


def panels() -> Iterator[Panel]:
    """All panels that ask something, and the rows' titles."""
    for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]:
        grid = panel["gridPos"]
        yield Panel(
            panel["title"],
            panel["type"],
            panel.get("fieldConfig", {}).get("defaults", {}).get("unit", ""),
            (grid["x"], grid["y"], grid["w"], grid["h"]),
            tuple(Query(filled(one["expr"]), one["legendFormat"]) for one in panel.get("targets", ())),
        )


def filled(expression: str) -> str:
    """An expression as Grafana sends it."""
    return expression.replace("$__rate_interval", RATE_INTERVAL).replace("$instance", ".*")


def draw(ask: Callable[[str], Series], span: tuple[float, float]) -> str:
    """An SVG of the whole dashboard; `ask` gives what a query gives in the interval `span`."""
    found = list(panels())
    height = max(y + h for panel in found for y, h in [(panel.place[1], panel.place[3])]) * _HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif">',
        "<style>text { font-size: 11px }</style>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#f4f5f5"/>',
    ]
    for panel in found:
        series = [(query.legend, ask(query.expression)) for query in panel.queries]
        parts.append(
            _panel(panel, [(_name(legend, labels), points) for legend, all_ in series for labels, points in all_], span)
        )
    return "\n".join([*parts, "</svg>", ""])


Lines = Sequence[tuple[str, list[tuple[float, float]]]]


def _panel(panel: Panel, lines: Lines, span: tuple[float, float]) -> str:
    x, y, w, h = (value * unit for value, unit in zip(panel.place, (50, _HEIGHT, 50, _HEIGHT), strict=True))
    title = f'<text x="8" y="19" font-weight="bold" fill="#24292e">{escape(panel.title)}</text>'
    if panel.kind == "row":
        return f'<g transform="translate({x},{y})">{title}</g>'
    box = f'<rect x="2" y="2" width="{w - 4}" height="{h - 4}" rx="3" fill="#fff" stroke="#d8dadf"/>'
    inner = {"stat": _stat, "table": _table}.get(panel.kind, _graph)(panel, lines, (w, h), span)
    return f'<g transform="translate({x},{y})">{box}{title}{inner}</g>'


def _stat(panel: Panel, lines: Lines, size: tuple[int, int], span: tuple[float, float]) -> str:
    del span
    last = [points[-1][1] for _, points in lines if points]
    told = amount(last[0], panel.unit) if last else "-"
    if panel.title == "Canary":
        told = "up" if last and last[0] else "down"
    place = f'x="{size[0] / 2}" y="{size[1] * 0.68}" text-anchor="middle"'
    return f'<text {place} style="font-size: 26px" fill="#1f60c4">{told}</text>'


def _table(panel: Panel, lines: Lines, size: tuple[int, int], span: tuple[float, float]) -> str:
    del panel, size, span
    rows = [name for name, _ in lines][:4]
    return "".join(f'<text x="10" y="{44 + 16 * i}" fill="#24292e">{escape(row)}</text>' for i, row in enumerate(rows))


def _graph(panel: Panel, lines: Lines, size: tuple[int, int], span: tuple[float, float]) -> str:
    w, h = size
    left, right, top, bottom = 56, 12, 30, 44
    real = [(name, [point for point in points if math.isfinite(point[1])]) for name, points in lines]
    real = sorted(((n, p) for n, p in real if p), key=lambda one: -max(v for _, v in one[1]))[:_MOST_LINES]
    most = max((value for _, points in real for _, value in points), default=1.0) or 1.0
    most = _round_up(most)

    def at(point: tuple[float, float]) -> str:
        across = left + (w - left - right) * (point[0] - span[0]) / (span[1] - span[0])
        return f"{across:.1f},{h - bottom - (h - top - bottom) * point[1] / most:.1f}"

    out = []
    for share in (0, 0.5, 1):
        up = h - bottom - (h - top - bottom) * share
        out.append(f'<path d="M{left} {up:.1f}H{w - right}" stroke="#e4e5e9"/>')
        told = amount(most * share, panel.unit)
        out.append(f'<text x="{left - 6}" y="{up + 4:.1f}" text-anchor="end" fill="#6e7076">{told}</text>')
    across = 10.0
    down = h - 24
    for (name, points), colour in zip(real, _COLOURS, strict=False):
        out.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{" ".join(map(at, points))}"/>')
        wide = 18 + 6.2 * len(name)
        if across + wide > w - 8:
            across, down = 10.0, down + 15
        if down < h - 4:
            out.append(f'<rect x="{across}" y="{down - 7}" width="9" height="3" fill="{colour}"/>')
            out.append(f'<text x="{across + 13}" y="{down}" fill="#24292e">{escape(name)}</text>')
        across += wide
    return "".join(out)


def _name(legend: str, labels: dict[str, str]) -> str:
    if not legend:
        return ", ".join(f"{name} {value}" for name, value in sorted(labels.items()) if name not in _NOT_TOLD)
    for name, value in labels.items():
        legend = legend.replace(f"{{{{{name}}}}}", value)
    while "{{" in legend:
        legend = legend[: legend.index("{{")] + legend[legend.index("}}") + 2 :]
    return legend.strip() or "(none)"


_NOT_TOLD: Final = frozenset(("__name__", "instance", "job"))


def _round_up(value: float) -> float:
    size = 10.0 ** math.floor(math.log10(value))
    return next(step * size for step in (1, 2, 2.5, 5, 10) if step * size >= value * 0.999)


def amount(value: float, unit: str) -> str:
    """A value as the panel's unit has it."""
    match unit:
        case "percentunit":
            return f"{100 * value:.3g} %"
        case "s":
            return f"{value:.3g} s" if value >= 1 or not value else f"{1000 * value:.3g} ms"
        case "bytes" | "Bps":
            for name in ("B", "KiB", "MiB", "GiB"):
                if abs(value) < 1024 or name == "GiB":  # noqa: PLR2004
                    return f"{value:.3g} {name}" + ("/s" if unit == "Bps" else "")
                value /= 1024
            return ""
        case "reqps" | "ops" | "cps":
            return f"{value:.3g}/s"
        case "d":
            return f"{value:.0f} days"
    return f"{value:.3g}"
