"""What can be read is told by its content, and what cannot is said in one line: file, problem, remedy."""

import json
from pathlib import Path

import pytest

from capturing import sources
from s3gateway.capture import CaptureError, dump, dump_line
from tests.capturing.samples import ALL, GET, PUT

HAR = {
    "log": {
        "entries": [
            {
                "startedDateTime": "2026-01-31T12:00:00.250+00:00",
                "time": 12.5,
                "request": {
                    "method": "GET",
                    "url": "https://gw:8000/lake/a%20b?x-a=1+2&x-b#part",
                    "headers": [
                        {"name": ":authority", "value": "gw:8000"},
                        {"name": "x-Dup", "value": "1"},
                        {"name": "X-dup", "value": "2"},
                        {"name": "x-amz-security-token", "value": "T0K3N"},
                    ],
                },
                "response": {"status": 403, "headers": [{"name": "X-Minio-Error-Code", "value": "AccessDenied"}]},
            }
        ]
    }
}


@pytest.mark.parametrize(
    "text", [dump(ALL), "".join(map(dump_line, ALL)), "\ufeff" + dump(ALL)], ids=["document", "lines", "mark"]
)
def test_captures(tmp_path: Path, text: str) -> None:
    """A document and JSON Lines give the same exchanges."""
    (tmp_path / "file").write_text(text)
    assert sources.read(tmp_path / "file") == ALL


@pytest.mark.parametrize("text", ["", "\n"])
def test_an_empty_file_has_none(tmp_path: Path, text: str) -> None:
    """As a gateway's that has had no traffic."""
    (tmp_path / "file").write_text(text)
    assert sources.read(tmp_path / "file") == ()


def test_a_line_that_is_being_written(tmp_path: Path) -> None:
    """The last line of a live file may be half there; the others count."""
    (tmp_path / "file").write_text(dump_line(GET) + dump_line(PUT) + dump_line(GET)[:100])
    assert sources.read(tmp_path / "file") == (GET, PUT)


def test_har(tmp_path: Path) -> None:
    """Heads as the file has them, no pseudo headers, no fragment, redacted."""
    (tmp_path / "file").write_text(json.dumps(HAR))
    (exchange,) = sources.read(tmp_path / "file")
    assert (exchange.incoming.method, exchange.incoming.target) == ("GET", "/lake/a%20b?x-a=1+2&x-b")
    assert exchange.incoming.headers == (("x-Dup", "1"), ("X-dup", "2"), ("x-amz-security-token", "<redacted>"))
    assert (exchange.operation, exchange.bucket, exchange.key) == ("GetObject", "lake", "a b")
    assert (exchange.time, exchange.tls, exchange.verdict) == ("2026-01-31T12:00:00.250Z", True, "unknown")
    assert exchange.response is not None
    assert (exchange.response.status, exchange.backend_error, exchange.timings) == (
        403,
        "AccessDenied",
        {"ended": 0.0125},
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"hello", "not in a known format"),
        (b"12:", "not in a known format"),
        (b"\x00\xff", "not in a known format"),
        (b'{"a": 1}', "not a capture"),
        (b"{]", "line 1 is not JSON"),
        (b'{"a": "\xff"}', "not UTF-8 text"),
        (dump_line(GET)[:-40].encode() + b"\n" + dump_line(GET).encode(), "line 1 is not JSON"),
        (b'{"log": 1}', "begins like a HAR file and is none"),
        (b'{"log": {"entries": [{}]}}', "entry 1 of the HAR file is not in HAR's schema"),
    ],
)
def test_what_is_no_capture(tmp_path: Path, content: bytes, told: str) -> None:
    """One line that names the file, what is wrong with it and what to give instead."""
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(CaptureError) as raised:
        sources.read(path)
    message = str(raised.value)
    assert message.startswith(f"{path}: {told}")
    assert message.endswith("; give a capture, JSON Lines, a mitmproxy flow file (mitmdump -w) or a HAR file")
    assert "\n" not in message


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """Absent, or a folder."""
    for path, reason in ((tmp_path / "absent", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(CaptureError, match=reason):
            sources.read(path)
