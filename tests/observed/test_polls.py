"""Health polls are one line a minute, however many there are."""

from typing import Any

from s3gateway.observed.polls import MINUTE, Polls


def test_one_line_a_minute() -> None:
    """With how many there were of each path and answer; nothing where there were none."""
    lines: list[str] = []
    alarms: list[tuple[float, Any]] = []
    polls = Polls(lines.append, lambda seconds, call: alarms.append((seconds, call)))
    for _ in range(59):
        polls.count("/minio/health/cluster", 403)
    polls.count("/minio/health/live", 403)
    assert ([seconds for seconds, _ in alarms], lines) == ([MINUTE], [])
    alarms.pop()[1]()
    polls.flush()
    told = "59 /minio/health/cluster answered 403, 1 /minio/health/live answered 403"
    assert lines == [f"health polls without a signature in the last minute: {told}"]
    polls.count("/minio/health/live", 200)
    assert len(alarms) == 1
