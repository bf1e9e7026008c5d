"""Why a request was refused, as one of a few words: what a metric can be labelled with.

A line of the log says it in a sentence, which names buckets and keys; strangers choose those, and there is no end of
them.
"""

import re
from typing import Final

from s3gateway.observed.log_line import Record

OTHER: Final = "other"
BACKEND: Final = "backend"

_WORDS: Final = (
    ("anonymous", r"anonymous: .*"),
    ("health-poll", r"a health poll"),
    ("read-only", r".* writes, and the client is read_only"),
    ("operation", r".* is not one of the client's operations"),
    ("bucket", r".* is not one of the client's buckets|the client's list_buckets is false|.* not all are the client's"),
    ("prefix", r".* below none of the client's prefixes|.* concerns a whole bucket, and the client has prefixes"),
    ("sigv2", r"SigV2: .*"),
    ("region", r"signed for no region: .*"),
    ("policy-expired", r"the policy was signed more than .*"),
    ("no-backend", r"no backend can be .*"),
    ("audit", r"the audit log cannot be written.*"),
)

_PATTERNS: Final = tuple((word, re.compile(pattern, re.DOTALL)) for word, pattern in _WORDS)

REASONS: Final = (*(word for word, _ in _WORDS), BACKEND, OTHER, "")
"""All that :func:`reason_of` gives; the empty one where the code says it all."""


def reason_of(record: Record, reason: str) -> str:
    """Give the word for a refusal's ``reason``, which is the error's own: empty where it has none."""
    if record.fault:
        return BACKEND
    if not reason:
        return ""
    return next((word for word, pattern in _PATTERNS if pattern.fullmatch(reason)), OTHER)
