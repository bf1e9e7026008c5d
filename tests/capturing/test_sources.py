"""What can be read is told by its content, and what cannot is said in one line: file, problem, remedy."""

import json
from io import BytesIO
from pathlib import Path

import pytest
from mitmproxy.io import FlowWriter
from mitmproxy.test.tflow import tflow

from capturing import sources
from s3gateway.observed.capture import CaptureError, dump, dump_line
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


def _answered(status: object) -> dict[str, object]:
    """The HAR file with another status."""
    (entry,) = HAR["log"]["entries"]
    return {"log": {"entries": [entry | {"response": {"status": status, "headers": []}}]}}


def _flows(number: int) -> bytes:
    """What mitmproxy writes of GET /path: the head alone, no answer."""
    file = BytesIO()
    for _ in range(number):
        FlowWriter(file).add(tflow())
    return file.getvalue()


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


@pytest.mark.parametrize("left", [1, 2, 50, 500, -1, -500], ids=lambda left: f"at {left}")
def test_a_flow_file_whose_mitmproxy_was_killed(tmp_path: Path, capsys: pytest.CaptureFixture[str], left: int) -> None:
    """The flows before the cut count, wherever in the next one it is, and a line says that there was one."""
    path, two = tmp_path / "flows", _flows(2)
    path.write_bytes(two + _flows(1)[:left])
    assert [exchange.incoming.target for exchange in sources.read(path)] == ["/path", "/path"]
    assert capsys.readouterr() == ("", f"{path}: ends in the middle of a flow; the 2 before it are used\n")
    path.write_bytes(two)
    assert len(sources.read(path)) == 2
    assert capsys.readouterr() == ("", "")


def test_har(tmp_path: Path) -> None:
    """Heads as the file has them, no pseudo headers, no fragment, redacted."""
    (tmp_path / "file").write_text(json.dumps(HAR))
    (exchange,) = sources.read(tmp_path / "file")
    assert (exchange.incoming.method, exchange.incoming.target) == ("GET", "/lake/a%20b?x-a=1+2&x-b")
    assert exchange.incoming.headers[0] == ("Host", "gw:8000")  # of HTTP/2's :authority
    assert exchange.incoming.headers[1:] == (("x-Dup", "1"), ("X-dup", "2"), ("x-amz-security-token", "<redacted>"))
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
        (b"15:7:version;2:21#}", "not in a known format"),
        (_flows(1) + b"hello", "broken after flow 1"),
        (_flows(2)[:-1] + b"~" + _flows(1), "broken after flow 1"),
        (b"\x00\xff", "not in a known format (binary)"),
        (b'{"a": 1}', "not a capture"),
        (b"{]", "line 1 is not JSON"),
        (b'{"a": "\xff"}', "not UTF-8 text"),
        (dump_line(GET)[:-40].encode() + b"\n" + dump_line(GET).encode(), "line 1 is not JSON"),
        (b'{"log": 1}', "begins like a HAR file and is none"),
        (b'{"log": {"entries": null}}', "begins like a HAR file and is none"),
        (b'{"log": ' + b"[" * 100_000, "begins like a HAR file and is none"),
        (json.dumps(_answered("no number")).encode(), "entry 1 of the HAR file is not in HAR's schema"),
        (json.dumps(_answered(1e999)).encode(), "entry 1 of the HAR file is not in HAR's schema"),
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
    assert message.endswith(f"; {sources.REMEDY}")
    assert "\n" not in message


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """Absent, or a folder."""
    for path, reason in ((tmp_path / "absent", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(CaptureError, match=reason):
            sources.read(path)
