"""Results as tests/clients/matrix.md and seaweedfs.md: a row a client, what failed and why, and what each sends."""

from collections.abc import Iterator, Mapping, Sequence

from matrix.behind import MINIO, Behind
from matrix.results import CASES, Result, Sent

_HEAD = """# Clients

Made by `scripts/clients --write`; do not edit. Each client ran against MinIO directly (over TLS), and through the
gateway over HTTP and TLS: with no rule, with SSE-KMS and (TLS only) with SSE-C by rule. A cell is the number of cases
that passed, of those that the client has an API for; `✖` means that some did not, and why is told below. Cases of
most clients: {cases}.

{rows}

## What failed, and why

{failures}

## What uploads look like

S is STREAMING-AWS4-HMAC-SHA256-PAYLOAD, S-T the same with trailer, U-T STREAMING-UNSIGNED-PAYLOAD-TRAILER, UP
UNSIGNED-PAYLOAD, HASH a hex SHA-256. Aws-chunk is the size of those that others follow. Expect is told with the
smallest body that had it. Signed are the headers that all uploads sign.

{sent}

## Settings, and whether they took effect

By the requests that the gateway captured, not by the client's word: S3A ignores keys that it does not know. `-` means
that no such request was made.

{settings}
"""
_OTHER_HEAD = """# Clients before SeaweedFS

Made by `scripts/clients --backend seaweedfs --all --write`; do not edit. As [the matrix](matrix.md), with SeaweedFS in
the place of MinIO, and with no rule, SSE-S3 and SSE-KMS. What clients send is the same there.

{rows}

Not run there: {others}.

## What failed, and why

{failures}
"""
_NONE = "-"


def document(results: Sequence[Result], behind: Behind) -> str:
    """Write a backend's whole document."""
    if behind is MINIO:
        return markdown(results)
    ran = [result for result in results if not result.problem]
    others = ", ".join(result.client for result in results if result.problem) or "none"
    rows, failures = "\n".join(_rows(ran, behind)), "\n".join(_failures(ran, behind))
    return _OTHER_HEAD.format(rows=rows, others=others, failures=failures or "Nothing.")


def markdown(results: Sequence[Result]) -> str:
    """Write the matrix."""
    return _HEAD.format(
        cases=", ".join(f"`{name}`" for name in CASES),
        rows="\n".join(_rows(results, MINIO)),
        failures="\n".join(_failures(results, MINIO)) or "Nothing.",
        sent="\n".join(_sent(results)),
        settings="\n".join(_settings([result for result in results if result.settings])),
    )


def unexplained(result: Result, behind: Behind = MINIO) -> list[tuple[str, str, str]]:
    """Lane, case and error of what fails only through the gateway, and nobody knows why."""
    return [
        (lane.name, case, error)
        for lane in behind.lanes
        for case, error in result.faults(lane.name).items()
        if not behind.reason(result.client, lane.name, case)
    ]


def _rows(results: Sequence[Result], behind: Behind) -> Iterator[str]:
    yield f"| Client | Version | {' | '.join(lane.name for lane in behind.lanes)} |"
    yield "| --- " * (len(behind.lanes) + 2) + "|"
    for result in results:
        if result.problem:
            yield f"| {result.client} | {result.version} |" + f" {_NONE} |" * len(behind.lanes)
        else:
            cells = (_cell(result, lane.name) for lane in behind.lanes)
            yield f"| {result.client} | {result.version} | {' | '.join(cells)} |"


def _cell(result: Result, lane: str) -> str:
    cases, failed = result.lanes.get(lane, ()), result.failed(lane)
    passed = sum(not case.error for case in cases)
    return f"{passed}/{len(cases)}" + (" ✖" if failed else "") if cases else _NONE


def _failures(results: Sequence[Result], behind: Behind) -> Iterator[str]:
    for result in results:
        if result.problem:
            yield f"* **{result.client}** did not run: {_plain(result.problem)}"
        reasons: dict[str, dict[str, list[str]]] = {}
        for lane in behind.lanes:
            for case, error in result.failed(lane.name).items():
                why = behind.reason(result.client, lane.name, case) or _plain(error)
                reasons.setdefault(why, {}).setdefault(lane.name, []).append(f"`{case}`")
        for why, lanes in reasons.items():
            yield f"* **{result.client}**, {_where(lanes, len(behind.lanes))}: {why}"


def _where(lanes: Mapping[str, Sequence[str]], count: int) -> str:
    """Lanes that the same cases failed in are told together."""
    together: dict[str, list[str]] = {}
    for lane, cases in lanes.items():
        together.setdefault(", ".join(cases), []).append(lane)
    places = {cases: "every lane" if len(names) == count else ", ".join(names) for cases, names in together.items()}
    return "; ".join(f"{cases} in {place}" for cases, place in places.items())


def _sent(results: Sequence[Result]) -> Iterator[str]:
    yield "| Client | Front | Payload | Aws-chunk | Trailer | Expect | Signed by all uploads |"
    yield "| --- " * 7 + "|"
    for result in results:
        for front, one in result.sent.items():
            if one.modes:
                yield f"| {result.client} | {front} | {' | '.join(_cells(one))} |"


def _settings(results: Sequence[Result]) -> Iterator[str]:
    """A row a setting, a column a client."""
    yield f"| Setting | {' | '.join(result.client for result in results)} |"
    yield "| --- " * (len(results) + 1) + "|"
    for name in dict.fromkeys(name for result in results for name in result.settings):
        yield f"| `{name}` | {' | '.join(result.settings.get(name, _NONE) for result in results)} |"


def _cells(one: Sent) -> tuple[str, ...]:
    lists = (one.modes, one.chunks, one.trailers)
    return (*(", ".join(values) or _NONE for values in lists), one.expect, " ".join(one.signed) or _NONE)


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
