"""scripts/explain on files: heads as text, flow files of a plain mitmproxy, captures; and its exit status."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from mitmproxy import http
from mitmproxy.io import FlowWriter
from mitmproxy.test import tflow

from explaining.__main__ import main
from lab import CHECKOUT
from s3gateway.observed.capture import Exchange, Explanation, Head, Response, dump
from s3gateway.sigv4.model import RequestHead
from tests.admission import DOCUMENT
from tests.explain.clients import Keys, botocore, drops, sets
from tests.explain.test_chain import chunk_text, upload
from tests.sigv4.aws import CLIENT, GATEWAY

Say = Callable[..., tuple[int, str, str]]
DROPPED_PORT = sets(botocore(Keys(), "GET", "/bucket/key"), "Host", "gateway.example")


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "gateway.yaml"
    file.write_text(yaml.safe_dump(DOCUMENT))
    return str(file)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Run it; give status, output and errors, in which no secret ever is."""

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            status = main(arguments)
        except SystemExit as usage:
            status = int(str(usage.code))
        out, err = capsys.readouterr()
        assert CLIENT.secret not in out + err
        assert GATEWAY.secret not in out + err
        return status, out, err

    return run


def text(head: RequestHead, end: bytes = b"\r\n", body: bytes = b"") -> bytes:
    lines = b"".join(name + b": " + value + end for name, value in head.headers)
    return head.method + b" " + head.target + b" HTTP/1.1" + end + lines + end + body


def flow(head: RequestHead, status: int = 403, body: bytes = b"", sent: bytes = b"", **headers: str) -> http.HTTPFlow:
    """A flow as a plain mitmproxy keeps it, some seconds ago."""
    kept = tflow.tflow(resp=True)
    kept.request.data.method, kept.request.data.path = head.method, head.target
    kept.request.data.headers = http.Headers(head.headers)
    kept.request.data.content = sent
    kept.request.timestamp_start = datetime.now(UTC).timestamp()
    kept.response = http.Response.make(status, body, {name.replace("_", "-"): value for name, value in headers.items()})
    return kept


def flows(path: Path, *kept: http.HTTPFlow) -> str:
    with path.open("wb") as file:
        for one in kept:
            FlowWriter(file).add(one)
    return str(path)


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_a_head_in_a_text_file(say: Say, config: str, tmp_path: Path, end: bytes) -> None:
    """Cause, sentence and the marked lines; the request's own time counts."""
    file = tmp_path / "head.txt"
    file.write_bytes(text(DROPPED_PORT, end))
    status, out, _ = say("--config", config, str(file))
    assert status == 0
    assert out.startswith("✗ the client signed Host `gateway.example:8000`, the wire says `gateway.example`")
    assert "    signed    host:gateway.example:8000\n                                  ^^^^^\n" in out
    assert "    received  host:gateway.example\n" in out
    assert "GET /bucket/key [host-port]\n" in out
    assert "\x1b" not in out
    said = say("--config", config, "--color", "always", str(file))[1]
    assert "signed    \x1b[32mhost:gateway.example\x1b[0m\x1b[1;7m:8000\x1b[0m\n" in said


@pytest.mark.parametrize("before", [b"\n", b"\r\n\r\n"])
def test_empty_lines_before_a_head(say: Say, config: str, tmp_path: Path, before: bytes) -> None:
    """As they come with what was copied, and as HTTP has a server pass over them."""
    file = tmp_path / "head.txt"
    file.write_bytes(before + text(DROPPED_PORT))
    assert "host-port" in say("--config", config, str(file))[1]


@pytest.mark.parametrize("name", ["gw.corp_1.example", "gw:8000", "192.0.2.7:80", "[2001:db8::1]", "[::1]:8000"])
def test_a_name_may_have_a_port(say: Say, config: str, tmp_path: Path, name: str) -> None:
    """Or be an address, as in a Host header."""
    file = tmp_path / "head.txt"
    file.write_bytes(text(DROPPED_PORT))
    assert say("--config", config, "--known-host", name, str(file))[0] == 0


def test_the_gateways_clock(say: Say, config: str, tmp_path: Path) -> None:
    """With --at the clock is judged as well; a name can be given for Host."""
    file = tmp_path / "head.txt"
    head = botocore(Keys(), "GET", "/bucket/key", at="http://known.example")
    file.write_bytes(text(sets(head, "Host", "upstream")))
    arguments = (
        "--config",
        config,
        "--at",
        "2020-01-01T00:00:00Z",
        "--known-host",
        "known.example",
        "--json",
        str(file),
    )
    status, out, _ = say(*arguments)
    (found,) = json.loads(out)["failures"]
    assert (status, found["cause"]) == (0, "clock+host-rewritten")
    assert "ahead of this gateway's" in found["sentence"]


def test_without_secrets(say: Say, tmp_path: Path) -> None:
    """What a head says against itself needs none; all else is not explained, and the remedy is told."""
    file = tmp_path / "head.txt"
    file.write_bytes(text(DROPPED_PORT))
    status, out, _ = say(str(file))
    assert (status, "give --config" in out) == (1, True)
    file.write_bytes(text(drops(botocore(Keys(), "GET", "/bucket/key", [("Connection", "Keep-Alive")]), "Connection")))
    status, out, _ = say(str(file))
    assert status == 0
    assert out.startswith("✗ Connection is signed but not sent")
    assert "    signed    connection\n" in out
    assert "    received  (nothing)\n" in out
    assert "[signed-header-not-sent]" in out


def test_a_flow_file_of_a_plain_mitmproxy(say: Say, config: str, tmp_path: Path) -> None:
    """In front of a gateway and behind it: refused requests only, each by what is known of it."""
    own = Keys(GATEWAY.access_key_id, GATEWAY.secret)
    stale = botocore(own, "HEAD", "/bucket/key", [("Connection", "Keep-Alive")], at="https://minio.example:9000")
    error = b"<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message></Error>"
    file = flows(
        tmp_path / "flows",
        flow(DROPPED_PORT),
        flow(botocore(Keys(), "GET", "/bucket/key"), 200),
        flow(drops(stale, "Connection"), 400, X_Minio_Error_Code="AccessDenied"),
        flow(botocore(own, "GET", "/other/key"), 404, error),
    )

    def causes(*arguments: str) -> tuple[int, dict[int, str]]:
        status, out, _ = say(*arguments, "--json", file)
        return status, {found["requests"][0]: found["cause"] for found in json.loads(out)["failures"]}

    assert causes("--config", config) == (0, {1: "host-port", 3: "signed-header-not-sent"})
    assert causes() == (1, {1: "unexplained", 3: "signed-header-not-sent"})
    assert causes("--request", "4") == (0, {4: "no-such-bucket"})
    assert causes("--config", config, "--request", "2") == (0, {2: "valid"})


def test_a_body_in_chunks(say: Say, config: str, tmp_path: Path) -> None:
    """A head that is right and a chunk that is not: the body in the file is verified too."""
    sent = upload(lambda chain, data: chunk_text(chain[0], data))
    head = RequestHead(b"PUT", sent.request.target, tuple(sent.request.headers))
    file = tmp_path / "request.txt"
    file.write_bytes(text(head, body=sent.body))
    for told in (
        say("--config", config, str(file)),
        say("--config", config, flows(tmp_path / "f", flow(head, sent=sent.body))),
    ):
        assert told[0] == 0
        assert told[1].startswith("✗ chunk 2 (8192 bytes)")
        assert "[chunk-chain]" in told[1]


CAPTURED = Exchange(
    "A1",
    "2026-01-31T12:00:00.000Z",
    False,
    Head("GET", "/bucket/key", (("Host", "h"), ("Authorization", "<redacted>"))),
    verdict="refused",
    code="SignatureDoesNotMatch",
    message="no match",
    response=Response(403, ()),
)


def test_captures(say: Say, tmp_path: Path) -> None:
    """A stored explanation is printed; without one a redacted capture cannot be explained any more. A 404 is normal."""
    file = tmp_path / "captures.json"
    explained = replace(CAPTURED, explanation=Explanation("host-port", "the client signed", "host:a\n", "host:b\n"))
    denied = replace(CAPTURED, id="A2", code="AccessDenied", message="Access Denied.")
    backend = replace(
        CAPTURED,
        id="A3",
        verdict="admitted",
        code="",
        outgoing=Head("GET", "/bucket/key", (("Host", "h"),)),
        response=Response(404, ()),
        backend_error="NoSuchKey",
    )
    file.write_text(dump([explained, denied, backend]))
    status, out, _ = say(str(file))
    assert status == 0
    assert "✗ the client signed\n\n    signed    host:a\n" in out
    assert "request 1 of 3, 2026-01-31T12:00:00.000Z, GET /bucket/key, answered 403 SignatureDoesNotMatch" in _flat(out)
    assert "✗ the gateway answered AccessDenied: Access Denied.\n" in out
    assert "NoSuchKey" not in out
    assert out.endswith("✗ 2 of 3 requests failed, for 2 reasons\n")
    assert "✗ the backend answered 404 NoSuchKey: the object does not exist" in say(str(file), "--request", "A3")[1]
    file.write_text(dump([replace(backend, backend_error="NoSuchLifecycleConfiguration")]))
    assert "✗ not explained: nothing is known about such an answer\n" in say(str(file))[1]
    file.write_text(dump([CAPTURED]))
    status, out, _ = say(str(file))
    assert (status, "its signature is redacted" in out) == (1, True)
    assert say("--request", "A1", str(file))[0] == 1


def _flat(text: str) -> str:
    """As if a line had no end."""
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("missing",), "missing: No such file or directory; name a readable file"),
        (("--config", "missing", "FILE"), "--config: cannot read"),
        (("--request", "7", "FILE"), "has requests 1 to 1"),
        (("--at", "noon", "FILE"), "'noon' is not a time"),
        (("NOISE",), "not in a known format (binary); give a capture"),
        (
            ("--known-host", "https://gw:8000", "FILE"),
            "'https://gw:8000' is no host; write it like storage.example:8000",
        ),
        (("--known-host", "gw/path", "FILE"), "'gw/path' is no host"),
        (("--known-host", "", "FILE"), "'' is no host"),
        (("NO_HEADER",), "no request in 3 lines"),
        ((), "required: FILE"),
    ],
)
def test_usage(say: Say, tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    """Exit status 2 and one line that says what to do."""
    files = {"FILE": text(DROPPED_PORT), "NOISE": b"\0\1\2", "NO_HEADER": b"GET / HTTP/1.1\r\nno header\r\n\r\n"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    status, _, err = say(*(str(tmp_path / name) if name in files else name for name in arguments))
    assert status == 2
    assert told in err


def test_the_command() -> None:
    """--help of the script itself says what FILE may be, and gives examples."""
    env = {"PYTHONPATH": f"{CHECKOUT / 'addons'}:{CHECKOUT / 'scripts'}", "COLUMNS": "120"}
    command = [sys.executable, "-m", "explaining", "--help"]
    told = subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=300).stdout
    for words in (
        "mitmdump -w",
        "raw HTTP head",
        "--known-host",
        "exit status:",
        "scripts/explain --config gateway.yaml",
    ):
        assert words in told
