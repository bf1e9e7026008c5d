"""Input that is none, or too much: an answer that says what was read and what not, in bounded memory."""

import io
import random
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from explaining.__main__ import main
from lab import CHECKOUT
from s3gateway.observed.capture import CaptureError
from tests.reading.samples import FOLDER, read, text

_PATHS = [str(CHECKOUT / "addons"), str(CHECKOUT / "scripts")]

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Say:
    def run(content: bytes, *options: str) -> tuple[int, str, str]:
        path = tmp_path / "input"
        path.write_bytes(content)
        status = main([*options, str(path)])
        out, err = capsys.readouterr()
        return status, out, err.replace(str(path), "FILE")

    return run


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\0\1\2\3" * 9999, "not in a known format (binary); give a capture"),
        (b"PK\x03\x04rest", "a zip archive; unpack it, and give the file that is in it"),
        (b"\x1f\x8brest", "compressed with gzip; unpack it"),
        (b"\xd4\xc3\xb2\xa1rest", "a packet capture; print it, e.g. tcpdump -A -r FILE"),
        (b"nothing\nto see", "not in a known format (no request in 2 lines); give a capture"),
        (b"GET / HTTP/1.1\r\nno header\r\n\r\n", "not in a known format (no request in 3 lines)"),
        (
            b"MainClientExec: Executing request GET /bucket/key HTTP/1.1\nsays: what?\n" * 3,
            "not in a known format (no request in 6 lines)",
        ),
        (b'{"log": {"version": "1.2"}}', "begins like a HAR file and is none"),
    ],
)
def test_what_cannot_be_read(say: Say, content: bytes, told: str) -> None:
    """Exit status 2 and one line: file, what is wrong, remedy."""
    status, out, err = say(content)
    assert (status, out) == (2, "")
    assert err.startswith(f"explain: FILE: {told}")
    assert err.count("\n") == 1


def test_an_empty_input(say: Say) -> None:
    assert say(b"")[0] == 0
    assert say(b"\r\n \n")[0] == 0


def test_ten_thousand_fields() -> None:
    """A head is read whole, as long as a server might take it."""
    head = b"GET /bucket/key HTTP/1.1\r\n" + b"".join(b"x-amz-meta-%d: v\r\n" % i for i in range(10_000)) + b"\r\n"
    (one,) = read(head)
    assert one.raw is not None
    assert len(one.raw.headers) == 10_000
    (cut,) = read(head.replace(b"\r\n\r\n", b"\r\n") * 1 + b"x: y\r\n" * 20_000)
    assert not cut.complete
    assert "more than 20000 fields" in cut.missing[0]


def test_a_form_is_forced(say: Say) -> None:
    """--from reads nothing else; what is not there in that form is said."""
    both = text("curl") + text("go-v2")
    assert {one.format for one in read(both, form="go-v2")} == {"go-v2"}
    assert {one.format for one in read(both, form="curl-verbose")} == {"curl-verbose"}
    status, _, err = say(text("curl"), "--from", "go-v2")
    assert status == 2
    assert "no request in 32 lines in the form that --from names, go-v2" in err
    with pytest.raises(SystemExit):
        main(["--from", "nonsense", "FILE"])


def test_standard_input(say: Say, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """- is read as a file is."""
    for content, status, told in (
        (text("curl"), 1, "GET /bucket/b, answered 403"),
        (b"\0" * 99, 2, "standard input: not in a known format (binary)"),
    ):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        assert main(["-"]) == status
        assert told in "".join(capsys.readouterr())


_MEMORY = """
import re, sys
sys.path[:0] = sys.argv[1:3]
from pathlib import Path
from s3gateway.reading import reader

noise = b"26/11/29 07:41:49 DEBUG BlockManager: Getting local block broadcast_12\\n" * 14_000
sample = Path(sys.argv[3]).read_bytes()

def blocks():
    for _ in range(100):
        yield noise
    yield sample
    for _ in range(200):
        yield b"a" * (1 << 20)
    yield b"\\n" + sample
    yield from [noise] * 20

found = list(reader.find(blocks()))
peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
print(len(found), found[0].line, int(peak[1]) // 1024)
"""


def test_a_large_log_with_a_large_line() -> None:
    """A hundred MiB of a job's log and a line of two hundred: the requests are found, and little is held."""
    program = [sys.executable, "-c", _MEMORY, *_PATHS, str(FOLDER / "java-v2.txt")]
    told = subprocess.run(program, capture_output=True, text=True, check=True, timeout=120).stdout.split()
    assert told[:2] == ["6", str(100 * 14_000 + read(text("java-v2"))[0].line)]
    assert int(told[2]) < 100


_BLOCKED = """
import sys
sys.path[:0] = sys.argv[1:3]
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"mitmproxy", "botocore", "boto3"}:
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
from explaining.__main__ import main
sys.exit(main(sys.argv[3:]))
"""


@pytest.mark.parametrize("name", ["curl.txt", "java-v1.txt", "requests"])
def test_without_mitmproxy(tmp_path: Path, name: str) -> None:
    """Whatever is no flow file is read where mitmproxy is not installed; of a flow file it is said what to install."""
    path = FOLDER / name
    if name == "requests":
        path = tmp_path / name
        path.write_bytes(b"9:7:version;2:21#}")
    program = [sys.executable, "-c", _BLOCKED, *_PATHS, str(path)]
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == (2 if name == "requests" else 1)
    assert ("mitmproxy is not installed here (s3-explain[flows] brings it)" in done.stderr) == (name == "requests")
    assert "Traceback" not in done.stderr


def _mutated(dice: random.Random, samples: list[bytes]) -> bytes:
    """A piece of a sample, damaged: bytes, cut, lines shuffled, or another log's lines between."""
    sample = dice.choice(samples)
    begin = dice.randrange(max(1, len(sample) - 9_000))
    piece = bytearray(sample[begin : begin + 9_000])
    match dice.randrange(4):
        case 0:
            for _ in range(dice.randrange(1, 40)):
                piece[dice.randrange(len(piece))] = dice.randrange(256)
        case 1:
            del piece[dice.randrange(len(piece)) :]
        case 2:
            lines = piece.split(b"\n")
            dice.shuffle(lines)
            piece = bytearray(b"\n".join(lines))
        case _:
            other = dice.choice(samples).split(b"\n")
            piece = bytearray(
                b"\n".join(line for both in zip(piece.split(b"\n"), other, strict=False) for line in both)
            )
    return bytes(piece)


def test_damaged_input_is_read_or_refused() -> None:
    """Whatever becomes of a log: requests, or one clause; never anything else."""
    dice = random.Random(14)
    samples = [path.read_bytes() for path in sorted(FOLDER.glob("*.txt"))]
    for _ in range(200):
        damaged = _mutated(dice, samples)
        with suppress(CaptureError):
            for one in read(damaged, dice.choice([333, 1 << 20])):
                assert one.exchange.incoming.method in {"GET", "PUT", "POST", "HEAD", "DELETE", "OPTIONS", "PATCH", ""}
