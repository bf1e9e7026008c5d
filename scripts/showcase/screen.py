"""The demo's output: lines, tables and checks. Colour where a terminal reads it and NO_COLOR does not object."""

import io
import os
import shutil
import sys
from collections.abc import Sequence
from typing import Final

from diffing.words import MARKS, brief, plain
from s3gateway.observed.compare import Comparison, Fate, Field

_COLOURS: Final = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_FATE_COLOURS: Final = {Fate.KEPT: "dim", Fate.ADDED: "green", Fate.REMOVED: "red"}  # else yellow
_WIDTHS: Final = (100, 160)  # narrower wraps in the terminal, wider is hard to follow
_WIDTH_OF_A_FILE: Final = 130
_NAME: Final = 44  # the longest name there is: x-amz-server-side-encryption-aws-kms-key-id


class Screen:
    """Prints to standard output, and remembers each check and its outcome."""

    def __init__(self) -> None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # an old locale shows ? for ✓, and no more than that
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDTH_OF_A_FILE
        self._width = max(_WIDTHS[0], min(_WIDTHS[1], columns))
        self._checks: list[tuple[str, bool]] = []

    @property
    def checks(self) -> list[tuple[str, bool]]:
        """Every check so far: what has to hold, and whether it did."""
        return list(self._checks)

    def line(self, text: str = "", colour: str = "") -> None:
        """One line."""
        print(self._paint(text, colour) if colour else text, flush=True)

    def title(self, text: str) -> None:
        """The heading of a scene."""
        self.line(f"\n{text}", "bold")

    def note(self, text: str) -> None:
        """A remark beside what happens."""
        self.line(f"    {text}", "dim")

    def check(self, what: str, *, holds: bool) -> None:
        """Keep a check for the summary."""
        self._checks.append((what, holds))

    def summary(self) -> bool:
        """Print all checks; whether there were any and every one held."""
        self.title("Checks")
        for what, holds in self._checks:
            self.line(f"  {'✓' if holds else '✗'} {what}", "green" if holds else "red")
        return bool(self._checks) and all(holds for _, holds in self._checks)

    def headers(self, comparison: Comparison) -> None:
        """The header table: client on the left, backend on the right; a kept value stands once."""
        value = (self._width - _NAME - 8) // 2
        self.line(f"      {'header':{_NAME}} {'the client sent':{value}} the backend received", "dim")
        for row in comparison.rows:
            before, after = _shown(row.before), _shown(row.after)
            left, right = _fit(before or "—", value), after or "—"
            if row.fate is Fate.KEPT:
                left, right = _fit(before, 2 * value), ""
            elif row.reason:
                right = f"{right}  ({row.reason})"
            text = f"    {MARKS[row.fate]} {row.name:{_NAME}} {left:{value}} {_fit(right, value)}"
            self.line(text.rstrip(), _FATE_COLOURS.get(row.fate, "yellow"))
        self.note("  " + ", ".join(f"{count} {fate.value}" for fate, count in comparison.counts().items()))

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A plain table; columns as wide as their longest cell."""
        widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
        for row in (head, *rows):
            text = "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
            self.line(f"      {text}".rstrip(), "dim" if row is head else "")

    def _paint(self, text: str, colour: str) -> str:
        return f"\033[{_COLOURS[colour]}m{text}\033[0m" if self._colour else text


def _shown(fields: Sequence[Field]) -> str:
    """The values, and of a signature what a person can read of it."""
    return ", ".join(brief(plain(field.value)) for field in fields)


def _fit(text: str, width: int) -> str:
    """At most `width` characters: the middle goes."""
    if len(text) <= width:
        return text
    keep = (width - 1) // 2
    return f"{text[: width - 1 - keep]}…{text[-keep:]}"
