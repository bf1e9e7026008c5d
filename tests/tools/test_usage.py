"""What the scripts answer to a command line that they cannot use: one line, status 2, and nothing done yet."""

import os
import re
import subprocess
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from commandline import UsageError, writing
from lab import CHECKOUT

CAPTURE = str(CHECKOUT / "tests" / "captures" / "boto3.json")
MODULES = {
    "bench": "benchmark.__main__",
    "canary": "canarying.__main__",
    "capture_headers": "capturing.__main__",
    "clients": "matrix.__main__",
    "demo": "showcase.__main__",
    "diff_headers": "diffing.__main__",
    "explain": "explaining.__main__",
    "fuzz": "tests.fuzz.__main__",
    "make_captures": "sampling.__main__",
    "make_certs": "lab.certs",
    "replay_flows": "replaying.__main__",
    "soak": "soaking.__main__",
}
NO_HOST = "is no host name or IP address; give one like s3.example.com or 192.0.2.7, without scheme, port and path"
NO_URL = "is not http:// or https://, a host, and perhaps a port; write it like http://"
LONG = "x" * 300
CLIENT = "clients: [{name: boto3, access_key_id: K, secret_access_key: s}]"
ONLINE = (CAPTURE, "--config", "clients.yaml", "--gateway")

Refused = Callable[..., str]


def script(name: str, *arguments: str | Path, cwd: Path = CHECKOUT) -> subprocess.CompletedProcess[str]:
    """Run one as a user does."""
    command = [CHECKOUT / "scripts" / name, *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize("name", ["make_env", "setup", "test"])
def test_shell_scripts_tell_what_they_do_and_do_nothing(tmp_path: Path, name: str) -> None:
    """Their help is the comment at their top; nothing is written, checked or run."""
    for option in ("-h", "--help"):
        ended = script(name, option, cwd=tmp_path)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert re.search(f"^  scripts/{name}", ended.stdout, re.MULTILINE)
        assert "#" not in ended.stdout
        assert "== " not in ended.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--force"], "--force is no option; for a file of that name give ./--force"),
        (["a", "b"], "one FILE at most; see --help"),
        (["."], ". is a folder; name a file"),
        (["absent/env"], "absent is no folder that can be written; make it, or name another file"),
    ],
)
def test_make_env_refuses(tmp_path: Path, arguments: list[str], told: str) -> None:
    ended = script("make_env", *arguments, cwd=tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", f"make_env: {told}\n")
    assert list(tmp_path.iterdir()) == []


def test_make_env_takes_a_name_with_a_dash_where_it_is_a_path(tmp_path: Path) -> None:
    assert script("make_env", "./-env", cwd=tmp_path).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["-env"]


def test_setup_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    """Before it looks for a Python."""
    ended = script("setup", "--force", cwd=tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", "setup: --force is no option; see --help\n")


@pytest.fixture
def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Refused:
    """The one line, without the script's name, of a script that runs in a folder of odd files and writes nothing."""
    monkeypatch.chdir(tmp_path)
    contents = {
        "file": b"x",
        "binary": b"\x00\xff",
        "empty": b"",
        "clients.yaml": CLIENT.encode(),
        "none.yaml": b"{}",
        "odd.yaml": b"clients: 5",
        "nameless.yaml": b"clients: [{name: [a]}]",
        "backend.yaml": b"backend: 5\n" + CLIENT.encode(),
        "odd.json": b'{"schema": "s3-header-capture/1", "gateway": {"listen": [1]}, "exchanges": []}',
    }
    for name, content in contents.items():
        Path(name).write_bytes(content)
    Path("folder").mkdir()
    there = set(Path().rglob("*"))

    def call(name: str, *arguments: str) -> str:
        try:
            status = import_module(MODULES[name]).main(arguments)
        except SystemExit as ended:
            status = ended.code
        said = capsys.readouterr()
        assert (status, said.out) == (2, "")
        (line,) = re.findall(f"\\A{name}: (.*)\n\\Z", said.err)
        assert set(Path().rglob("*")) == there
        return str(line)

    return call


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["file"], "folder: 'file' is no folder; name another folder"),
        (["file/certs"], "folder: 'file' is no folder; name another folder"),
        ([LONG], f"cannot write '{LONG}/backend/CAs' (File name too long); correct that, or name another"),
        (["--host", ""], f"--host: '' {NO_HOST}"),
        (["--host", "a b"], f"--host: 'a b' {NO_HOST}"),
        (["--host", "https://a"], f"--host: 'https://a' {NO_HOST}"),
        (["--host", "a:80"], f"--host: 'a:80' {NO_HOST}"),
        (["--host", "[::1]"], f"--host: '[::1]' {NO_HOST}"),
        (["--host", "192.0.2.256"], f"--host: '192.0.2.256' {NO_HOST}"),
        (["--host", "\udcff"], f"--host: '\\udcff' {NO_HOST}"),
        (["--host", "a..b"], f"--host: 'a..b' {NO_HOST}"),
        (["--host", "é.example"], "--host: 'é.example' is not ASCII; write xn--9ca.example"),
        (["a", "b"], "unrecognized arguments: b; see --help"),
    ],
)
def test_make_certs_refuses(refused: Refused, arguments: list[str], told: str) -> None:
    assert refused("make_certs", *arguments) == told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["s3cmd"], "CLIENT: 's3cmd' is not known; give any of boto3, mc, spark-3.5, spark-4.0"),
        (["boto3", "--to", "file"], "--to: 'file' is no folder; name another folder"),
    ],
)
def test_make_captures_refuses(refused: Refused, arguments: list[str], told: str) -> None:
    assert refused("make_captures", *arguments) == told


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("127.0.0.1:8000", f"'127.0.0.1:8000' {NO_URL}127.0.0.1:8000"),
        ("gateway", f"'gateway' {NO_URL}gateway"),
        ("[::1]:8000", f"'[::1]:8000' {NO_URL}[::1]:8000"),
        ("ftp://gateway", f"'ftp://gateway' {NO_URL}127.0.0.1:8000"),
        ("http://", f"'http://' {NO_URL}127.0.0.1:8000"),
        ("http://gateway/path", f"'http://gateway/path' {NO_URL}127.0.0.1:8000"),
        ("http://gateway:65536", f"'http://gateway:65536' {NO_URL}127.0.0.1:8000"),
        ("", f"'' {NO_URL}127.0.0.1:8000"),
    ],
)
def test_replay_flows_refuses_what_is_no_gateways_url(refused: Refused, url: str, told: str) -> None:
    assert refused("replay_flows", *ONLINE, url) == f"--gateway: {told}"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            [CAPTURE, "--gateway", "http://g"],
            "--config: is missing; with --gateway, name the file that lists the clients",
        ),
        (
            [*ONLINE, "http://g", "--update"],
            "--gateway: compares answers; leave out --golden and --update, or --gateway",
        ),
        (
            [*ONLINE, "http://127.0.0.1:1", "--make-buckets"],
            "--gateway: http://127.0.0.1:1 gives no answer (Connection refused); start it, or correct the URL",
        ),
        (
            [*ONLINE, "https://g", "--ca-file", "absent"],
            "--ca-file: cannot read 'absent' (No such file or directory); name the gateway's CA",
        ),
        (
            [*ONLINE, "https://g", "--ca-file", "file"],
            "--ca-file: cannot read 'file' (no PEM certificate); name the gateway's CA",
        ),
        (
            [CAPTURE, "--gateway", "http://g", "--config", "none.yaml"],
            "clients: is missing or empty; list who signs the requests, e.g. '- {name: spark, ...}'",
        ),
        ([CAPTURE, "--config", "odd.yaml"], "clients: is not a list; start each entry of clients with '- '"),
        (
            [CAPTURE, "--config", "nameless.yaml"],
            "clients[0].name: is missing or no text; write who the client is",
        ),
        ([CAPTURE, "--config", "backend.yaml"], "backend: is not a mapping; write the keys of backend below it"),
        (["odd.json"], "listen: is not a mapping; write the keys of listen below it"),
    ],
)
def test_replay_flows_refuses(refused: Refused, arguments: list[str], told: str) -> None:
    assert refused("replay_flows", *arguments) == told


def test_clients_refuses(refused: Refused) -> None:
    assert refused("clients", "--only", "boto3,x").startswith("--only: 'x' is not known; give any of boto3, ")
    assert refused("clients", "--speed", "--all") == "--all: is not for --speed; name clients with --only"


NO_DURATION = "is not a finite number > 0; see --help"


@pytest.mark.parametrize("value", ["-1", "0", "nan", "inf", "1e999", "x", ""])
def test_soak_refuses_what_is_no_duration(refused: Refused, value: str) -> None:
    assert refused("soak", value) == f"minutes: {value!r} {NO_DURATION}"
    assert refused("soak", f"--seconds={value}") == f"--seconds: {value!r} {NO_DURATION}"


def test_soak_refuses_two_durations(refused: Refused) -> None:
    assert refused("soak", "1", "--seconds", "60") == "--seconds: minutes are given as well; leave out one of them"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--short"], "--short: is for --memory; give that as well"),
        (["--rows", "small"], "--rows: is for --memory; give that as well"),
        (["1", "--memory"], "--memory: has no duration and no choices; leave out minutes, --seconds and --seed"),
        (
            ["--memory", "--seed", "0"],
            "--memory: has no duration and no choices; leave out minutes, --seconds and --seed",
        ),
        (
            ["--memory", "--checkout", "folder"],
            "--checkout: 'folder' has no addons/s3_gateway.py; name a checkout of the gateway",
        ),
    ],
)
def test_soak_refuses_what_is_not_for_its_mode(refused: Refused, arguments: list[str], told: str) -> None:
    assert refused("soak", *arguments) == told


def test_soak_names_its_rows(refused: Refused) -> None:
    assert refused("soak", "--memory", "--rows", "small,x").startswith("--rows: 'x' is no row; give any of small,")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--against", "folder"], "--against: 'folder' has no addons/s3_gateway.py; name a checkout of the gateway"),
        (["--cases", "W1,W2"], "--cases: 'W2' is no case; give any of W1,W3,W9,W10,W4,W5,W5S,W6,W7,W8"),
        (["--connections", "16,0"], "--connections: '0' is not a number > 0; see --help"),
        (["--spark", "--backend", "fixed"], "--spark: needs a backend that stores; leave out --backend fixed"),
        (["--spark", "--no-bare"], "--spark: compares with the direct connection; leave out --no-bare"),
    ],
)
def test_bench_refuses(refused: Refused, arguments: list[str], told: str) -> None:
    assert refused("bench", *arguments) == told


@pytest.mark.parametrize("value", ["-1", "0", "1.5", "x", "²", ""])
@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("bench", "--rounds"),
        ("capture_headers", "--last"),
        ("capture_headers", "--count"),
        ("fuzz", "--runs"),
        ("soak", "--clients"),
    ],
)
def test_a_number_is_one_and_more_than_nothing(refused: Refused, name: str, option: str, value: str) -> None:
    assert refused(name, f"{option}={value}") == f"{option}: {value!r} is not a number > 0; see --help"


@pytest.mark.parametrize("value", ["-1", "0", "65536", "x", "²"])
def test_demo_refuses_what_is_no_port(refused: Refused, value: str) -> None:
    assert refused("demo", f"--port={value}") == f"--port: {value!r} is no port; give a number from 1 to 65535"


def test_fuzz_refuses(refused: Refused) -> None:
    """No seconds are no limit to libFuzzer."""
    assert refused("fuzz", "0") == "seconds: '0' is not a number > 0; see --help"
    assert refused("fuzz", "--folder", "file") == "--folder: 'file' is no folder; name another folder"


def test_fuzz_says_nothing_before_its_help(tmp_path: Path) -> None:
    ended = script("fuzz", "--help", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("usage: scripts/fuzz ")


@pytest.mark.parametrize(
    ("name", "arguments", "option"),
    [
        ("bench", ["--json"], "--json"),
        ("capture_headers", [CAPTURE, "-o"], "-o/--output"),
        ("diff_headers", [CAPTURE, "--html"], "--html"),
        ("replay_flows", [CAPTURE, "--junit"], "--junit"),
        ("replay_flows", [CAPTURE, "--update", "--golden"], "--update"),
    ],
)
@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("absent/x", "folder 'absent' does not exist; make it, or name another file"),
        ("file/x", "'file' in 'file/x' is no folder; name another file"),
        ("folder", "'folder' is a folder; name a file"),
    ],
)
def test_a_file_that_cannot_be_written_is_said_first(
    refused: Refused, name: str, arguments: list[str], option: str, file: str, told: str
) -> None:
    assert refused(name, *arguments, file) == f"{option}: {told}"


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("capture_headers", [CAPTURE, "-o", "/dev/full"], "'/dev/full' (No space left on device)"),
        ("diff_headers", [CAPTURE, "--html", LONG], f"'{LONG}' (File name too long)"),
    ],
)
def test_what_fails_in_writing_is_said(refused: Refused, name: str, arguments: list[str], told: str) -> None:
    assert refused(name, *arguments) == f"cannot write {told}; correct that, or name another"


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("capture_headers", CAPTURE),
        ("diff_headers", CAPTURE),
        ("explain", CAPTURE),
        ("make_certs", "certs"),
        ("replay_flows", CAPTURE),
    ],
)
def test_standard_output_on_a_full_disk(tmp_path: Path, name: str, argument: str) -> None:
    """Is no difference and no fault of the capture: status 2, and no traceback."""
    command = [str(CHECKOUT / "scripts" / name), argument]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    told = f"{name}: cannot write standard output (No space left on device); make room, or write elsewhere\n"
    assert (ended.returncode, ended.stderr) == (2, told)


def test_writing_names_the_file_that_is_in_the_way(tmp_path: Path) -> None:
    """Where one is renamed over another, the other."""
    (tmp_path / "there").mkdir()
    (tmp_path / "part").write_text("")
    told = re.escape(f"cannot write '{tmp_path / 'there'}' (Is a directory); correct that, or name another")
    with pytest.raises(UsageError, match=told), writing(tmp_path):
        (tmp_path / "part").replace(tmp_path / "there")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("capture_headers", ["--follow"]),
        ("explain", [CAPTURE, "--config"]),
        ("replay_flows", [CAPTURE, "--config"]),
    ],
)
def test_a_configuration_that_cannot_be_read(refused: Refused, name: str, arguments: list[str]) -> None:
    for file, told in (
        ("absent", "No such file or directory"),
        ("folder", "Is a directory"),
        ("binary", "not UTF-8 text"),
    ):
        said = refused(name, *arguments, file)
        assert said == f"{arguments[-1]}: cannot read '{file}' ({told}); name a gateway.yaml"


@pytest.mark.parametrize("name", ["capture_headers", "diff_headers", "explain", "replay_flows"])
def test_a_capture_that_cannot_be_read(refused: Refused, name: str) -> None:
    assert refused(name, "absent") == "absent: No such file or directory; name a readable file"
    assert refused(name, "folder") == "folder: Is a directory; name a readable file"
    assert refused(name, "binary").startswith("binary: not in a known format (binary); give a capture, ")


def test_explain_of_nothing(refused: Refused) -> None:
    assert refused("explain", "empty", "--request", "1") == "--request 1: empty has no request; give another file"


@pytest.mark.parametrize(
    ("name", "arguments", "status"),
    [
        ("make_certs", ["certs"], 0),
        ("explain", [CAPTURE, "--request", "1"], 1),
        ("explain", [CAPTURE, "--request", "1", "--json"], 1),
        ("replay_flows", [CAPTURE], 0),
        ("diff_headers", [CAPTURE], 0),
    ],
)
def test_a_reader_that_has_seen_enough(tmp_path: Path, name: str, arguments: list[str], status: int) -> None:
    """A pipe whose reader has gone: no complaint."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [str(CHECKOUT / "scripts" / name), *arguments]
    ended = subprocess.run(command, cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (status, "")


def test_a_terminal_that_knows_no_letter_but_ascii(tmp_path: Path) -> None:
    """What it cannot show is an escape, as are a path's bytes that are no text."""
    for encoding, shown in (("ascii:strict", r"\xe9"), ("utf-8:strict", "é")):
        env = dict(os.environ) | {"PYTHONIOENCODING": encoding}
        command = [str(CHECKOUT / "scripts" / "make_certs"), os.fsdecode("é".encode() + b"\xff")]
        ended = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, check=True)
        assert ended.stdout.decode().startswith((f"wrote {shown}\\udcff/ca.crt\n", f"{shown}\\udcff: all valid"))


def test_what_may_not_be_written_is_said_first(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write anywhere, so the system's answer is made up here."""
    monkeypatch.setattr("commandline.os.access", lambda *_: False)
    file, folder = "make it writable, or name another file", "make it writable, or name another folder"
    assert refused("bench", "--json", "file") == f"--json: 'file' cannot be written; {file}"
    told = "'folder/new' cannot be made in folder 'folder'; make that writable, or name another file"
    assert refused("bench", "--json", "folder/new") == f"--json: {told}"
    assert refused("make_certs", "folder/new") == f"folder: folder 'folder' cannot be written; {folder}"
