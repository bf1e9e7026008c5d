"""Which buckets and prefixes a metric names."""

from s3gateway.observed.bucket_labels import MOST, BucketLabels
from s3gateway.observed.few_labels import OTHER


def test_none_but_those_that_are_configured() -> None:
    """Patterns of buckets, and the longest prefix that fits."""
    labels = BucketLabels(("lake", "raw-*"), ("lake/a/", "lake/a/b/", "other/x"))
    assert labels.of("lake", "a/b/c") == ("lake", "a/b/")
    assert labels.of("lake", "a/c") == ("lake", "a/")
    assert labels.of("lake", "z") == ("lake", "")
    assert labels.of("raw-1", "k") == ("raw-1", "")
    assert labels.of("other", "xyz") == ("other", "x")
    assert labels.of("unnamed", "k") is None
    assert labels.of("", "") is None


def test_they_are_bounded() -> None:
    """However many buckets a pattern lets in."""
    labels = BucketLabels(("*",), ("named/p",))
    found = {labels.of(f"b{number}", "k") for number in range(1000)}
    assert len(found) == MOST + 1
    assert labels.of("b999", "k") == (OTHER, "")
    assert labels.of("b0", "k") == ("b0", "")
    assert labels.of("named", "pq") == ("named", "p")
