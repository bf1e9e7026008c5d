"""The words and marks that every format uses, and text from the wire made fit to be shown."""

import re
from typing import Final

from diffing.report import Report
from s3gateway.observed.compare import Fate, Row

_AUTHORIZATION: Final = re.compile(r"\S+ Credential=([^/,]+)/[^,]*, *SignedHeaders=([^,]+),.*")
MARKS: Final = {
    Fate.KEPT: "=",
    Fate.REORDERED: "↕",
    Fate.CHANGED: "~",
    Fate.DUPLICATED: "»",
    Fate.MERGED: "«",
    Fate.ADDED: "+",
    Fate.REMOVED: "-",
}


def plain(text: str) -> str:
    """Escape what no screen should be sent: control characters, lone surrogates, what reorders text."""
    return text if text.isprintable() else "".join(one if one.isprintable() else _escaped(one) for one in text)


def name(row: Row) -> str:
    """The header's name as the client spelled it, else as the backend got it."""
    return plain((row.before or row.after)[0].name)


def values(row: Row) -> tuple[list[str], list[str]]:
    """The values on either side, one for each field."""
    return [plain(one.value) for one in row.before], [plain(one.value) for one in row.after]


def brief(value: str) -> str:
    """Of an ``Authorization`` what a person looks for: ``by KEY over 9 headers``; any other value as it is."""
    match = _AUTHORIZATION.fullmatch(value)
    return f"by {match[1]} over {match[2].count(';') + 1} headers" if match else value


def notes(row: Row) -> str:
    """Why it differs, and what else there is to say of it."""
    told = [row.reason] if row.reason else []
    if row.fate in (Fate.CHANGED, Fate.REMOVED, Fate.DUPLICATED, Fate.MERGED) and not row.reason:
        told.append("LOST")
    if row.moved:
        places = row.before[0].place + 1, row.after[0].place + 1
        told.append("moved among the others" if places[0] == places[1] else "moved from place {} to {}".format(*places))
    if row.recased:
        told.append(f"spelled {plain(row.after[0].name)}")
    if len(row.before) != len(row.after) and row.before and row.after:
        told.append(f"{len(row.before)}x sent, {len(row.after)}x arrived")
    return "; ".join(map(plain, told))


def signed_mark(signed: bool, present: bool) -> str:  # noqa: FBT001 - one cell of a table
    """``✓`` signed, ``✗`` signed and not there, ``·`` there and not signed, blank where there is nothing to say."""
    return ("✓" if present else "✗") if signed else "·" if present else " "


def verdict(report: Report) -> str:
    """One sentence on all of it."""
    count = len(report.requests)
    requests = f"{count} request{'' if count == 1 else 's'}"
    if not report.compared:
        return "No request was seen on both sides: nothing was compared."
    if report.good:
        return f"Every client header survived in {requests}, and each signature covers only what was sent."
    bad = sum(not request.good for request in report.requests)
    gone = len(report.vanished)
    told = [f"{bad} of {requests} {'has' if bad == 1 else 'have'} a fault" if bad else ""]
    told += [f"{gone} never arrived" if gone else ""]
    return f"{' and '.join(filter(None, told))}."


def _escaped(one: str) -> str:
    code = ord(one)
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004 - a byte that is no UTF-8, as surrogateescape keeps it
        return f"\\x{code - 0xDC00:02x}"
    return one.encode("unicode_escape", "surrogatepass").decode()
