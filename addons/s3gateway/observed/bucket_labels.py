"""Buckets and prefixes as labels of a metric, where the configuration asks for them: bounded, whatever clients name."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final

from s3gateway.observed.few_labels import FewLabels

MOST: Final = 100
"""Buckets that have a label of their own; of further ones a pattern lets in, the sum is told."""


class BucketLabels:
    """``buckets`` are patterns; ``prefixes`` are literal ``bucket/beginning-of-key``, the longest that fits counts."""

    def __init__(self, buckets: Sequence[str], prefixes: Sequence[str] = ()) -> None:
        self._patterns = tuple(buckets)
        self._prefixes: dict[str, list[str]] = {}
        for one in sorted(prefixes, key=len, reverse=True):
            bucket, _, prefix = one.partition("/")
            self._prefixes.setdefault(bucket, []).append(prefix)
        self._known: dict[str, str | None] = {}
        self._few = FewLabels(MOST)

    def of(self, bucket: str, key: str) -> tuple[str, str] | None:
        """Give the labels ``bucket`` and ``prefix`` of a request that was admitted; None where it has none."""
        label = self._known.get(bucket, "")
        if label == "":
            label = self._decide(bucket)
        if label is None:
            return None
        prefixes = self._prefixes.get(bucket, ())
        return label, next((prefix for prefix in prefixes if key.startswith(prefix)), "")

    def _decide(self, bucket: str) -> str | None:
        wanted = bucket in self._prefixes or any(fnmatchcase(bucket, pattern) for pattern in self._patterns)
        if not bucket or not wanted:
            return None
        label = bucket if bucket in self._prefixes else self._few.of(bucket)
        if label == bucket:  # of the others there is no end
            self._known[bucket] = label
        return label
