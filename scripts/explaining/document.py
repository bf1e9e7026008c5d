"""The report as JSON, for programs: plain values, in one documented form.

    {"schema": "s3-explanation/1", "source": "behind.json", "read": 62, "good": false, "sentence": "...",
     "signatures": {"hold": 61, "failed": 1, "unsigned": 0, "unknown": 0},
     "clients": [{"client": "spark", "operation": "HeadObject", "requests": 42, "answers": {"200": 30, "404": 12}}],
     "failures": [{
       "requests": [7], "id": "...", "time": "...", "title": "GET /bucket/key", "answer": "403 SignatureDoesNotMatch",
       "format": "flows", "line": 0, "explained": true,
       "cause": "host-port", "certainty": "certain", "sentence": "...",
       "evidence": [{"part": "header host", "signed": "host:gw:8000", "received": "host:gw",
                     "signed_spans": [[7, 12]], "received_spans": [[7, 7]]}],
       "remedy": ["..."], "references": [{"title": "...", "url": "..."}],
       "others": [{"cause": "...", "sentence": "..."}], "missing": ["..."], "expected": "...", "received": "..."}],
     "missing": ["..."]}

``failures`` has each thing that is wrong once, with the numbers of all requests that have it; the rest is of the first
of them. ``expected`` and ``received`` are canonical requests. Spans are ``[start, end)`` in characters. No secret,
signature or token is in it.
"""

import json
from dataclasses import asdict
from typing import Any, Final

from explaining.report import Failure, Report

SCHEMA: Final = "s3-explanation/1"


def dump(report: Report) -> str:
    """Write the whole report."""
    document = {
        "schema": SCHEMA,
        "source": report.source,
        "read": report.read,
        "good": report.good,
        "sentence": report.sentence,
        "signatures": {name: getattr(report, name) for name in ("hold", "failed", "unsigned", "unknown")},
        "clients": [
            {"client": row.client, "operation": row.operation, "requests": row.count, "answers": dict(row.answers)}
            for row in report.rows
        ],
        "failures": [_failure(failure) for failure in report.failures],
        "missing": report.missing,
    }
    return json.dumps(document, indent=1) + "\n"


def _failure(failure: Failure) -> dict[str, Any]:
    found, explanation = failure.found, failure.explanation
    return {
        "requests": failure.numbers,
        "id": found.exchange.id,
        "time": found.exchange.time,
        "title": failure.title,
        "answer": failure.answer,
        "format": found.format,
        "line": found.line,
        "explained": failure.explained,
        **asdict(failure.verdict),
        "missing": list(found.missing),
        "expected": explanation.expected,
        "received": explanation.received,
    }
