"""`scripts/capture_headers` as a person uses it: conversions, filters, listings, following, and its exit status."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from lab import CHECKOUT
from lab.certs import Certs
from lab.gateway import gateway_config
from lab.process import Command, Process
from s3gateway.observed.capture import Exchange, dump, dump_line, load
from tests.capturing.samples import ALL, GET, LIST, PUT
from tests.conftest import GatewayFactory
from tests.mitm.conftest import Nobody
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import Key, Target, sign
from tests.real.waiting import eventually

ENV = dict(os.environ) | {"PYTHONPATH": f"{CHECKOUT / 'addons'}:{CHECKOUT / 'scripts'}", "PYTHONUNBUFFERED": "1"}
COMMAND = [sys.executable, "-m", "capturing"]
Follower = Callable[..., Process]


def _run(*arguments: object, status: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*COMMAND, *map(str, arguments)], env=ENV, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    return done


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "capture.jsonl"
    path.write_text("".join(map(dump_line, ALL)))
    return path


def test_help() -> None:
    """The shell entry works, and its help names every option, every kind of file and the way to other gateways."""
    done = subprocess.run([CHECKOUT / "scripts/capture_headers", "--help"], capture_output=True, text=True, check=True)
    for told in ("mitmdump", "HAR", "log.capture", "keep_host_header=true", "front.flows", "behind.flows", "--follow"):
        assert told in done.stdout
    for option in ("--count", "--output", "--format", "--operation", "--bucket", "--key", "--identity", "--refused"):
        assert option in done.stdout


def test_one_document_of_several_files(capture: Path, tmp_path: Path) -> None:
    """In the order given; a file written with -o is for its owner only, and may be one of those read."""
    other = tmp_path / "other.json"
    other.write_text(dump([PUT]))
    assert load(_run(other, capture).stdout) == (PUT, *ALL)
    written = tmp_path / "written.json"
    assert _run(capture, "-o", written).stdout == ""
    assert written.read_text() == dump(ALL)
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    _run(written, "--last", 1, "-o", written)
    assert load(written.read_text()) == (LIST,)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["--operation", "Put*"], (PUT,)),
        (["--operation", "*Object*", "--bucket", "lake"], (GET, PUT)),
        (["--bucket", "o*r"], (LIST,)),
        (["--key", "a/"], (GET,)),
        (["--identity", "etl"], (PUT,)),
        (["--refused"], (PUT,)),
        (["--last", "2"], (PUT, LIST)),
        (["--last", "1", "--bucket", "lake"], (PUT,)),
    ],
)
def test_filters(capture: Path, filters: Sequence[str], expected: tuple[Exchange, ...]) -> None:
    """All that are given must hold, and --last counts what is left."""
    assert _run(capture, *filters, "--format", "lines").stdout == "".join(map(dump_line, expected))


def test_listing(capture: Path) -> None:
    """A block for each: decision, heads with what was signed, answer; nothing that a terminal would obey."""
    done = _run(capture, "--format", "text")
    first, second, third, end = done.stdout.split("\n\n")
    assert first.splitlines() == [
        "2026-01-31T12:00:00.000Z ID1",
        "GetObject lake/a/1 by spark over TLS: admitted, 200 in 12.1 ms, UNSIGNED-PAYLOAD, SSE-C by encryption[2]",
        "incoming (* signed)",
        "    GET /lake/a/1",
        "  * Host: gw:8000",
        "    X-Other: é\\x1b[2J\\udcff",
        "outgoing (* signed)",
        "    GET /lake/a/1",
        "  * Host: minio:9000",
        "    X-Other: é\\x1b[2J\\udcff",
        "answer 200",
        '    ETag: "x"',
    ]
    assert second.splitlines()[1] == (
        "PutObject lake/b/2 by etl? over TLS: refused, SignatureDoesNotMatch: The signature does not match., 403 in "
        "12.1 ms, UNSIGNED-PAYLOAD, 1 chunks with 131072 bytes verified, number 2 is bad"
    )
    assert second.endswith("\nexplanation: Signed with the secret of client etl2.")
    assert third.splitlines()[1].startswith("ListObjectsV2 other by spark over TLS: not judged, ")
    assert end == ""


def test_status(capture: Path, tmp_path: Path) -> None:
    """1 with one line where nothing matches, 2 where a file is no capture and for a wrong command line."""
    (tmp_path / "bad").write_text("hello")
    untouched = tmp_path / "untouched"
    untouched.write_text("as it was")
    nothing = _run(capture, "--key", "zzz", "-o", untouched, status=1)
    assert (nothing.stdout, nothing.stderr) == ("", "capture_headers: 0 exchanges, 0 of them refused\n")
    assert untouched.read_text() == "as it was"
    bad = _run(capture, tmp_path / "bad", status=2)
    assert (bad.stdout, bad.stderr.count("\n")) == ("", 1)
    assert f"{tmp_path / 'bad'}: not in a known format" in bad.stderr
    for arguments in ([], [capture, "--follow", "x"], [capture, "--last", "0"], [capture, "--count", "1"]):
        assert re.fullmatch("capture_headers: .*\n", _run(*arguments, status=2).stderr)


def test_a_reader_that_has_seen_enough(capture: Path) -> None:
    """``| head -1`` ends it without a complaint."""
    capture.write_text("".join(map(dump_line, ALL)) * 2000)
    line = " ".join(map(str, (*COMMAND, capture, "--format", "lines"))) + " | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], env=ENV, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, dump_line(GET), "")


@pytest.fixture
def following(tmp_path: Path) -> Iterator[Follower]:
    started: list[Process] = []

    def start(*arguments: object) -> Process:
        log = tmp_path / f"follower-{len(started)}.log"
        started.append(Process(Command("capture_headers", [*COMMAND, *map(str, arguments)], log, ENV)))
        eventually(lambda: "following" in log.read_text(), "never began to follow")
        return started[-1]

    yield start
    for process in started:
        process.stop()


def _await_read(process: Process, path: Path) -> None:
    """Wait until it has read the file to its end, and has waited for more since then."""
    proc, end = Path(f"/proc/{process.pid}"), f"pos:\t{path.stat().st_size}\n"
    eventually(
        lambda: [
            file
            for file in (proc / "fd").iterdir()
            if os.path.realpath(file) == str(path) and end in (proc / "fdinfo" / file.name).read_text()
        ]
    )
    waited = _waits(proc)
    eventually(lambda: _waits(proc) > waited + 1)


def _waits(proc: Path) -> int:
    status = (proc / "status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("voluntary_ctxt_switches:")))


def _config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.yaml"
    path.write_text("log: {capture: live.jsonl}\nclients: [{secret_access_key_file: not-for-us}]\n")
    return path


def test_following_a_file(following: Follower, tmp_path: Path) -> None:
    """From the last N that are there on, through a file that is moved away, as long as --count says."""
    live, out = tmp_path / "live.jsonl", tmp_path / "out"
    live.write_text(dump_line(LIST) + dump_line(GET))
    process = following("--follow", _config(tmp_path), "--bucket", "lake", "--last", 1, "--count", 4, "-o", out)
    eventually(lambda: out.exists() and out.read_text() == dump_line(GET))
    with live.open("a") as file:
        file.write(dump_line(LIST) + dump_line(PUT)[:50])
        file.flush()
        file.write(dump_line(PUT)[50:])
    eventually(lambda: out.read_text().count("\n") == 2)
    live.rename(tmp_path / "live.1")
    live.write_text(dump_line(PUT) + dump_line(GET))
    assert process.wait(60) == 0
    assert load(out.read_text()) == (GET, PUT, PUT, GET)
    assert "capture_headers: 4 exchanges, 2 of them refused" in process.log()


def test_following_until_it_is_interrupted(following: Follower, tmp_path: Path) -> None:
    """Ctrl-C ends it; a document is written whole then. Nothing captured is status 1."""
    live, out = tmp_path / "live.jsonl", tmp_path / "out.json"
    process = following("--follow", _config(tmp_path), "--format", "json", "-o", out)
    nothing = following("--follow", _config(tmp_path), "--refused")
    watching = following("--follow", _config(tmp_path), "--format", "text")
    live.write_text(dump_line(GET))
    eventually(lambda: "GetObject lake/a/1" in watching.log())
    for each, status in ((process, 0), (nothing, 1), (watching, 0)):
        _await_read(each, live)
        os.kill(each.pid, signal.SIGINT)
        assert each.wait(60) == status
    assert json.loads(out.read_text())["exchanges"][0]["id"] == "ID1"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("log: {format: text}", "log.capture: is not set in"),
        ("[]", "log.capture: is not set in"),
        ("a: b: c", "is not valid YAML"),
    ],
)
def test_a_configuration_without_a_file_to_follow(tmp_path: Path, text: str, told: str) -> None:
    """Said in one line, with the remedy."""
    (tmp_path / "gateway.yaml").write_text(text)
    complaint = _run("--follow", tmp_path / "gateway.yaml", status=2).stderr
    assert told in complaint
    assert complaint.count("\n") == 1
    kept = tmp_path / "kept.json"
    kept.write_text("as it was")
    assert "cannot read" in _run("--follow", tmp_path / "absent", "-o", kept, status=2).stderr
    assert kept.read_text() == "as it was"


def test_what_is_followed_is_not_written_to(capture: Path, tmp_path: Path) -> None:
    """It would be emptied, and then be read what was just written, for ever."""
    (tmp_path / "gateway.yaml").write_text(f"log: {{capture: {capture.name}}}")
    before = capture.read_text()
    told = _run("--follow", tmp_path / "gateway.yaml", "--count", "1", "-o", capture, status=2).stderr
    assert told == f"capture_headers: --output: {str(capture)!r} is what the gateway writes; name another file\n"
    assert capture.read_text() == before


def test_following_a_gateway(gateway: GatewayFactory, certs: Certs, following: Follower, tmp_path: Path) -> None:
    """A running gateway's refusals, as they come."""
    running = gateway(gateway_config(Nobody(certs), log={"capture": "live.jsonl"}))
    eventually((running.folder / "live.jsonl").exists)
    out = tmp_path / "out.json"
    arguments = ("--format", "json", "-o", out)
    process = following("--follow", running.config_path, "--refused", "--count", 1, *arguments)
    for request in (sign("GET", Target("bucket", "fine")), sign("GET", Target("bucket", "wrong"), key=Key(secret="x"))):
        with Raw(running.port) as raw:
            raw.ask(request.head)
    assert process.wait(60) == 0
    (exchange,) = load(out.read_text())
    assert (exchange.key, exchange.code) == ("wrong", "SignatureDoesNotMatch")
