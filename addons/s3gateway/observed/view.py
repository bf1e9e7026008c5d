"""An exchange as text for a person: what came in against what went out, and what was decided. Pure.

The text is near enough to YAML that mitmproxy's highlighter colours it: ``key: value`` lines, and remarks after ``#``.
What is not printable is escaped, so no key or header can play with a terminal.
"""

from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest

from s3gateway.observed.capture import Chunks, Exchange, Head
from s3gateway.observed.compare import Comparison, Fate, Field, Row, compare_exchange
from s3gateway.observed.log_line import size
from s3gateway.observed.printable import printable

Renderer = Callable[[Exchange], str]

WIDTH = 40
"""Characters in each of the two columns; with their marks they take 84, and fit half of mitmweb's page."""

MARKS = {
    Fate.KEPT: "=",
    Fate.REORDERED: "^",
    Fate.CHANGED: "~",
    Fate.DUPLICATED: "*",
    Fate.MERGED: "*",
    Fate.ADDED: "+",
    Fate.REMOVED: "-",
}
_LEGEND = "= kept  ~ changed  + added  - removed  ^ moved  * other number;  s signed"
_KEY = 12
_INDENT = " " * 4
_NEAR = 20
_LINE_MARKS = {"equal": " ", "replace": "~", "delete": "-", "insert": "+"}


def render(exchange: Exchange) -> str:
    """Give the whole text."""
    comparison = compare_exchange(exchange)
    sections = [_summary(exchange), *_expected(exchange), _headers(exchange, comparison), *_canonical(exchange)]
    lines = [line for section in sections for line in ("", *section)][1:]
    return "".join(f"{line or ' '}\n" for line in lines)  # mitmweb gives no height to an empty line


def diff(exchange: Exchange) -> str:
    """Give the headers' part alone."""
    return "\n".join([f"# {headline(exchange)}", *_headers(exchange, compare_exchange(exchange))]) + "\n"


def explanation(exchange: Exchange) -> str:
    """Say why it was refused, by the gateway or by the backend; canonical requests where they tell more."""
    lines = [_verdict(exchange), _pair("operation", f"{exchange.operation or 'unknown'}  {_where(exchange)}".rstrip())]
    lines += [_pair("message", exchange.message)] if exchange.message else []
    if exchange.backend_error:
        lines.append(_pair("backend", f"refused with {exchange.backend_error}"))
    if exchange.endpoint:
        lines.append(_pair("endpoint", exchange.endpoint))
    if exchange.retried:
        lines.append(_pair("retried", exchange.retried))
    if exchange.explanation:
        lines.append(_pair("because", exchange.explanation.sentence))
    comparison = compare_exchange(exchange)
    lines += [_pair("fault", fault.sentence) for fault in (comparison.faults if comparison else ())]
    return "\n".join([*lines, *(line for section in _expected(exchange) for line in section)]) + "\n"


def headline(exchange: Exchange) -> str:
    """Give the line for a list of flows: ``PutObject bucket/key spark SSE-KMS``, or what went wrong first."""
    what = " ".join(filter(None, (exchange.operation, _where(exchange), exchange.identity, exchange.sse)))
    if exchange.verdict == "refused":
        why = exchange.explanation.sentence if exchange.explanation else exchange.message
        return printable(f"refused {exchange.code} {what}: {why}".strip())
    if exchange.backend_error:
        return printable(f"backend {exchange.backend_error}: {what}")
    return printable(f"{what}: {exchange.message}" if exchange.message else what)


def _summary(exchange: Exchange) -> Iterator[str]:
    yield _verdict(exchange)
    if exchange.message:
        yield _pair("message", exchange.message)
    if exchange.explanation:
        yield _pair("because", exchange.explanation.sentence)
    yield _pair("operation", f"{exchange.operation or 'unknown'}  {_where(exchange)}".rstrip())
    yield _pair("identity", exchange.identity or "unknown")
    yield _pair("request", f"{exchange.id}  {exchange.time}  {'TLS' if exchange.tls else 'HTTP'}")
    if exchange.payload:
        yield _pair("payload", exchange.payload)
    yield _pair("encryption", _encryption(exchange))
    if chunks := exchange.chunks:
        bad = f"chunk {chunks.first_bad} is the first bad one" if chunks.first_bad else "none bad"
        yield _pair("chunks", f"{chunks.count} verified, {chunks.bytes} bytes of data ({size(chunks.bytes)}), {bad}")
        yield from _chunk_table(exchange, chunks)
    if exchange.response:
        yield _pair("answer", str(exchange.response.status))
    if exchange.backend_error:
        yield _pair("backend", f"refused with {exchange.backend_error}")
    if exchange.timings:
        moments = sorted(exchange.timings.items(), key=lambda pair: pair[1])
        yield _pair("timings", ", ".join(f"{name} {seconds * 1000:.1f}" for name, seconds in moments) + " ms")


def _chunk_table(exchange: Exchange, chunks: Chunks) -> Iterator[str]:
    """One row for chunks of one size in a row, one for the bad one, one for the trailer."""
    signed = "UNSIGNED" not in exchange.payload
    good = "signature matches" if signed else "unsigned"
    first = 1
    for of_size, times in chunks.runs:
        number = str(first) if times == 1 else f"{first}-{first + times - 1}"
        yield _chunk_row(number, str(of_size), good if of_size else f"{good}, the final one")
        first += times
    if first <= chunks.count and chunks.runs:
        yield _chunk_row(f"{first}-{chunks.count}", "", f"{good}, of many sizes")
    if chunks.first_bad:
        yield _chunk_row(str(chunks.first_bad), "", exchange.code)
    elif chunks.runs and chunks.runs[-1][0] == 0 and exchange.payload.endswith("-TRAILER"):
        yield _chunk_row("trailer", "", exchange.code or (good if signed else "verified"))


def _chunk_row(number: str, of_size: str, state: str) -> str:
    return printable(f"{_INDENT}{number:>13}  {of_size:>11}  {state}").rstrip()


def _verdict(exchange: Exchange) -> str:
    return _pair("verdict", f"{exchange.verdict} {exchange.code}".strip())


def _where(exchange: Exchange) -> str:
    return f"{exchange.bucket}/{exchange.key}" if exchange.key else exchange.bucket


def _encryption(exchange: Exchange) -> str:
    if exchange.rule:
        return f"{exchange.sse or 'left alone'} by rule {exchange.rule}"
    return {"": "none added", "client": "set by the client itself"}.get(exchange.sse, exchange.sse)


def _headers(exchange: Exchange, comparison: Comparison | None) -> Iterator[str]:
    if comparison is None:
        yield f"headers:  # {_unsent(exchange)}"
        for name, value in exchange.incoming.headers:
            signed = "s" if name.lower() in exchange.incoming.signed_headers else " "
            yield from _cells("", f"{signed} {name}: {value}", "", left_width=2 * WIDTH)
        return
    told = ", ".join(f"{count} {fate.value}" for fate, count in comparison.counts().items())
    yield f"headers:  # {told}"
    yield f"  # {_LEGEND}"
    yield from _cells("", "# client -> gateway", "# gateway -> backend")
    yield from _cells(MARKS[comparison.line.fate], f"  {comparison.line.before}", f"  {comparison.line.after}")
    yield from _remark(comparison.line.reason)
    for row in comparison.rows:
        yield from _row(row)
    for fault in comparison.faults:
        yield f"  # FAULT {printable(fault.sentence)}"


def _unsent(exchange: Exchange) -> str:
    if exchange.verdict == "unknown" and exchange.response is not None:
        return "as they passed; the gateway has not seen them"
    waiting = exchange.verdict == "admitted" and exchange.response is None
    return f"nothing was sent to the backend{' so far' if waiting else ''}"


def _row(row: Row) -> Iterator[str]:
    for before, after in zip_longest(row.before, row.after):
        cells = _field(before, signed=row.signed_before), _field(after, signed=row.signed_after)
        yield from _cells(MARKS[row.fate], *cells)
    yield from _remark(row.reason)


def _remark(reason: str) -> Iterator[str]:
    if reason:
        yield " " * (WIDTH + 6) + f"# {printable(reason)}"


def _field(field: Field | None, *, signed: bool) -> str:
    return f"{'s' if signed else ' '} {field.name}: {field.value}" if field else ""


def _canonical(exchange: Exchange) -> Iterator[Iterator[str]]:
    incoming, outgoing = exchange.incoming, exchange.outgoing
    if incoming.canonical_request and not any(_expected(exchange)):
        after = outgoing.canonical_request if outgoing else ""
        yield _side_by_side("canonical request", incoming.canonical_request, after, _titles(outgoing))
    if incoming.string_to_sign:
        after = outgoing.string_to_sign if outgoing else ""
        yield _side_by_side("string to sign", incoming.string_to_sign, after, _titles(outgoing))


def _titles(outgoing: Head | None) -> tuple[str, str]:
    return "# the client signed", "# the gateway signed" if outgoing else ""


def _expected(exchange: Exchange) -> Iterator[Iterator[str]]:
    why = exchange.explanation
    if why and why.expected and why.received:
        yield _side_by_side("mismatch", why.expected, why.received, ("# as the client signed it", "# as it arrived"))


def _side_by_side(name: str, left: str, right: str, titles: tuple[str, str]) -> Iterator[str]:
    yield f"{name}:"
    yield from _cells("", titles[0], titles[1])
    before, after = left.split("\n"), right.split("\n") if right else []
    if not after:
        for line in before:
            yield from _cells("", f"  {line}", "", left_width=2 * WIDTH)
        return
    for tag, at, end, at_after, end_after in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        for one, other in zip_longest(before[at:end], after[at_after:end_after], fillvalue=""):
            mark = _LINE_MARKS[tag] if tag != "replace" else "~" if one and other else "-" if one else "+"
            yield from _cells(mark, f"  {one}", f"  {other}")


def _pair(key: str, value: str) -> str:
    lines = _wrapped(value, 2 * WIDTH + 4 - _KEY)
    return "\n".join([f"{key + ':':<{_KEY}} {lines[0]}", *(" " * (_KEY - 3) + line for line in lines[1:])])


def _cells(mark: str, left: str, right: str, left_width: int = WIDTH) -> Iterator[str]:
    """Two cells, wrapped; the mark stands between them where something differs is easy to see going down."""
    for number, (one, other) in enumerate(zip_longest(_wrapped(left, left_width), _wrapped(right, WIDTH))):
        sign = mark if number == 0 else " "
        yield f" {one or '':<{WIDTH}} {sign or ' '} {other or ''}".rstrip()


def _wrapped(text: str, width: int) -> Sequence[str]:
    """Cut into pieces of this width; all but the first are indented, so that a value's rest is seen as one."""
    rest, pieces, indent = printable(text), list[str](), ""
    while rest or not pieces:
        at = _cut(rest, width - len(indent))
        pieces.append(indent + rest[:at].rstrip())
        rest, indent = rest[at:], _INDENT
    return pieces


def _cut(text: str, width: int) -> int:
    """Find where to cut: behind a separator if there is one near the end of the line."""
    if len(text) <= width:
        return len(text)
    near = max(text.rfind(separator, width - _NEAR, width) for separator in " ;,/&-")
    return near + 1 if near > 0 else width
