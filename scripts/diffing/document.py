"""The report as JSON, for programs: plain values, in one documented form.

    {"schema": "s3-header-diff/1", "good": false, "left": "the client sent", "right": "the backend got",
     "findings": [{"name": "Connection", "sentence": "...", "requests": [1]}],
     "requests": [{
       "number": 1, "id": "...", "time": "...", "title": "HeadObject bucket/key", "answer": "400 AccessDenied",
       "good": false, "survived": true,
       "line": {"fate": "kept", "before": "HEAD /bucket/key", "after": "HEAD /bucket/key", "reason": ""},
       "headers": [{"name": "connection", "fate": "removed", "survived": true, "reason": "hop by hop: ...",
                    "before": [{"place": 9, "name": "Connection", "value": "Keep-Alive"}], "after": [],
                    "signed": {"before": false, "after": true}, "moved": false, "recased": false}],
       "faults": [{"name": "Connection", "kind": "signed-not-sent", "sentence": "..."}]}],
     "refused": [], "vanished": [], "extra": [{"title": "...", "id": "...", "time": "...", "why": "..."}]}

``fate`` is kept, reordered, changed, duplicated (more fields of the name than before), merged (fewer), added or
removed. Places count from 0.
"""

import json
from dataclasses import asdict
from typing import Any, Final

from diffing.report import Report, Request
from s3gateway.observed.compare import Row

SCHEMA: Final = "s3-header-diff/1"


def dump(report: Report) -> str:
    """Write the whole report."""
    document = {
        "schema": SCHEMA,
        "good": report.good,
        "left": report.left,
        "right": report.right,
        "findings": [
            {"name": one.name, "sentence": one.sentence, "requests": list(one.numbers)} for one in report.findings
        ],
        "requests": [_request(request) for request in report.requests],
        **{side: [asdict(one) for one in getattr(report, side)] for side in ("refused", "vanished", "extra")},
    }
    return json.dumps(document, indent=1) + "\n"


def _request(request: Request) -> dict[str, Any]:
    comparison = request.comparison
    return {
        **{field: getattr(request, field) for field in ("number", "id", "time", "title", "answer", "good")},
        "survived": comparison.survived,
        "line": {"fate": comparison.line.fate.value, **asdict(comparison.line)},
        "headers": [_row(row) for row in comparison.rows],
        "faults": [{"name": one.name, "kind": one.kind.value, "sentence": one.sentence} for one in comparison.faults],
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "fate": row.fate.value,
        "survived": row.survived,
        "reason": row.reason,
        "before": [asdict(field) for field in row.before],
        "after": [asdict(field) for field in row.after],
        "signed": {"before": row.signed_before, "after": row.signed_after},
        "moved": row.moved,
        "recased": row.recased,
    }
