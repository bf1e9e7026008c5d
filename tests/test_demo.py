"""scripts/demo, run as a newcomer runs it; and the second opinion by which it judges the gateway."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lab import CHECKOUT, tools
from lab.slapd import slapd
from lab.spark import Spark
from showcase.heads import all_arrived, compared
from showcase.sigv4 import STREAMING, Head, Signer, chunks_hold, head_holds, split_chunks
from showcase.spark import Sent, SparkClient, Wanted
from showcase.stage import Address
from tests.conftest import _have
from tests.real.waiting import LIMIT

DEMO = CHECKOUT / "scripts" / "demo"
CHECKS = 15
IDENTITY_CHECKS = 11
HAS_MINIO = tools.find_minio() is not None
SECONDS = 300

# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html: the example's keys, moment and signatures
AWS = Signer("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1", "20130524T000000Z")
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
CHUNK_SIGNATURES = [
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
]


def environment(folder: Path) -> dict[str, str]:
    """All that the demo keeps goes to `folder`, whose name marks its processes too."""
    return os.environ | {"TMPDIR": str(folder)}


def left_over(folder: Path) -> list[str]:
    """The processes that know `folder`, by argument or environment, a minute after the demo's end at most."""
    deadline = time.monotonic() + LIMIT
    while (found := list(processes(str(folder).encode()))) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def processes(mark: bytes) -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            known = mark in command or mark in (process / "environ").read_bytes()
        except OSError:
            continue
        if known and int(process.name) != os.getpid():
            yield command.replace(b"\0", b" ").decode()


def tour(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run it; `more` are further variables."""
    env = environment(folder) | more
    return subprocess.run([DEMO, *arguments], env=env, capture_output=True, text=True, timeout=SECONDS, check=False)


@pytest.mark.parametrize(
    "backend",
    [
        "moto",
        pytest.param(
            "minio", marks=[pytest.mark.real, pytest.mark.skipif(not HAS_MINIO, reason="no minio to be found")]
        ),
    ],
)
def test_the_tour_shows_everything_and_every_check_holds(tmp_path: Path, backend: str) -> None:
    ended = tour(tmp_path, "--backend", backend)

    assert ended.stderr == ""
    assert ended.returncode == 0, ended.stdout
    checks = ended.stdout.partition("\nChecks\n")[2]
    assert len(re.findall("^  ✓ ", checks, re.MULTILINE)) == CHECKS
    assert "✗" not in ended.stdout
    assert "\nAll of it held, " in ended.stdout
    for shown in (
        r"  spark  http  PutObject +demo/pii/orders/_temporary/0/part-00000\S+ +200  4 chunks verified and signed anew",
        r"    - connection +Keep-Alive +—",
        r"    = amz-sdk-retry +0/0/500",
        r"    ~ authorization +by SPARKKEY over 10 headers",
        r"    \+ x-amz-server-side-encryption +— +aws:kms",
        r"      3 +37000 +the client's +[0-9a-f]{8} +[0-9a-f]{8} +✓ valid",
        r"  boto3  https PutObject +demo/public/read me.txt +200 ",
        r"      pii/export.bin +6291456 +aws:kms +(arn:aws:kms:)?my-key",
        r"      public/read me.txt +210000 +AES256",
        r"      <Code>SignatureDoesNotMatch</Code>",
        r"      <HeadersNotSigned>x-amz-copy-source</HeadersNotSigned>",
    ):
        assert re.search(f"^{shown}", ended.stdout, re.MULTILINE), shown
    assert left_over(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_the_tour_shows_no_secret_and_no_whole_signature(tmp_path: Path) -> None:
    ended = tour(tmp_path, "--backend", "moto", "--all-headers")

    assert ended.returncode == 0, ended.stdout
    assert "secret-of-the-lab" not in ended.stdout  # the backends' keys end so
    assert re.findall("[0-9a-f]{64}", ended.stdout.replace(SHA256_OF_NOTHING, "")) == []
    assert "\033" not in ended.stdout


def test_the_tour_of_identities(tmp_path: Path) -> None:
    """Half a minute: a login, a session in its role and outside, a rotation whose last user of the old is named."""
    _have(slapd)
    ended = tour(tmp_path, "--identities")

    assert ended.stderr == ""
    assert ended.returncode == 0, ended.stdout
    assert len(re.findall("^  ✓ ", ended.stdout.partition("\nChecks\n")[2], re.MULTILINE)) == IDENTITY_CHECKS
    assert "\nAll of it held, " in ended.stdout
    for shown in (
        r"  login  https AssumeRoleWithLDAPIdentity .* 200$",
        r"  login  https AssumeRoleWithLDAPIdentity .* 403  refused: AccessDenied$",
        r"    a session until \d\d:\d\d UTC, of arn:aws:sts::000000000000:assumed-role/analysts/alice",
        r"  spark  http  PutObject +demo/home/alice/orders/_\S+ +200  4 chunks verified and signed anew, SSE-KMS",
        r"    - x-amz-security-token +<redacted> +—",
        r"  spark  http  GetObject +demo/home/bob/salaries.csv +403  refused: AccessDenied",
        r"    report +REPORTKEY +1 of 2 +valid .* 5 days$",
        r"    warning: client report: secret 1 of access key REPORTKEY ends in 5 days and is still used: ",
    ):
        assert re.search(f"^{shown}", ended.stdout, re.MULTILINE), shown
    assert "secret-of-the-lab" not in ended.stdout
    assert left_over(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_identities_are_not_kept(tmp_path: Path) -> None:
    ended = tour(tmp_path, "--identities", "--keep")
    assert ended.returncode == 2
    assert "leave out one of --keep and --identities" in ended.stderr


SHA256_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


class Kept:
    """`scripts/demo --keep` at the point where it shows the log."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [DEMO, "--keep", "--backend", "moto"],
            env=environment(folder),
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.said = self.read_until("The gateway's log")

    def read_until(self, mark: str) -> str:
        assert self._process.stdout is not None
        said = ""
        for line in self._process.stdout:
            said += line
            if mark in line:
                return said
        pytest.fail(f"the demo ended with status {self._process.wait()} before {mark!r}:\n{said}")

    def snippet(self, after: str, before: str) -> str:
        return self.said.partition(after)[2].partition(before)[0]

    def interrupt(self) -> tuple[int, str]:
        """Ctrl-C, which a terminal sends to the whole group; the status and the rest of the output."""
        assert self._process.stdout is not None
        os.killpg(self._process.pid, signal.SIGINT)
        said = self._process.stdout.read()
        return self._process.wait(SECONDS), said

    def kill(self) -> None:
        self._process.kill()
        with self._process:  # closes the pipe
            pass


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    running = Kept(tmp_path)
    yield running
    running.kill()


BOTO3 = "boto3 (this checkout's .venv/bin/python has it):\n"
SPARK = "\nSpark 3.5:\n"


def test_keep_prints_a_boto3_snippet_that_works_and_ends_with_ctrl_c(tmp_path: Path, kept: Kept) -> None:
    snippet = kept.snippet(BOTO3, SPARK)
    secret = re.findall('aws_secret_access_key="(.+)"', snippet)
    assert secret[0] not in kept.said.partition(BOTO3)[0]  # the tour before it tells no secret

    pasted = subprocess.run(
        [sys.executable, "-c", snippet], capture_output=True, text=True, timeout=SECONDS, check=False
    )

    assert (pasted.returncode, pasted.stdout, pasted.stderr) == (0, "aws:kms\n", "")
    assert "200 PutObject demo/pii/hello.txt spark" in kept.read_until("PutObject demo/pii/hello.txt")
    status, said = kept.interrupt()
    assert (status, said.splitlines()[-1]) == (0, "Stopped; nothing is left running.")
    assert left_over(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_keep_prints_a_spark_snippet_that_works(tmp_path: Path, kept: Kept, spark35: Spark) -> None:
    job, command = kept.snippet(SPARK, "\n    TLS is on the same port").split("\nEND\n")
    script = tmp_path / "demo_job.py"
    script.write_text(job.removeprefix("cat > demo_job.py <<'END'\n"))
    words = shlex.split(command)
    conf = dict(words[at + 1].split("=", 1) for at, word in enumerate(words) if word == "--conf")
    assert words[:5] == ["spark-submit", "--master", "local[2]", "--packages", spark35.packages[0]]
    assert words[-1] == script.name

    ended = spark35.submit(script, conf)

    assert ended.returncode == 0, ended.stderr[-3000:]
    assert "100000 rows read back" in ended.stdout


def test_ctrl_c_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [DEMO, "--backend", "moto"],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert any("certificate" in line for line in iter(process.stdout.readline, ""))

    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=SECONDS)

    assert (process.returncode, said.splitlines()[-1]) == (130, "Stopped; nothing is left running.")
    assert left_over(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_environment_of_the_user_does_not_matter(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    mine = {"AWS_PROFILE": "nobody", "AWS_ENDPOINT_URL": nowhere, "HTTPS_PROXY": nowhere, "http_proxy": nowhere}
    ended = tour(tmp_path, "--backend", "moto", **mine, LC_ALL="C", PYTHONUTF8="0")
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_a_port_that_is_taken_is_said_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = tour(tmp_path, "--port", str(port))
    assert ended.returncode == 2
    assert f"demo: --port: cannot listen on {port}: " in ended.stderr


def test_help_tells_what_happens() -> None:
    said = subprocess.run([DEMO, "--help"], capture_output=True, text=True, check=True).stdout
    for word in ("MINIO_BINARY", "--keep", "--port", "Exit status"):
        assert word in said


def test_a_minio_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    env = environment(tmp_path) | {"MINIO_BINARY": "/nowhere/minio"}
    ended = subprocess.run([DEMO, "--backend", "minio"], env=env, capture_output=True, text=True, check=False)
    expected = "demo: MINIO_BINARY=/nowhere/minio is not MinIO's minio\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", expected)


def test_second_opinion_signs_aws_example() -> None:
    headers = [
        (b"Host", b"s3.amazonaws.com"),
        (b"x-amz-date", b"20130524T000000Z"),
        (b"x-amz-storage-class", b"REDUCED_REDUNDANCY"),
        (b"x-amz-content-sha256", STREAMING.encode()),
        (b"Content-Encoding", b"aws-chunked"),
        (b"x-amz-decoded-content-length", b"66560"),
        (b"Content-Length", b"66824"),
    ]
    head = Head("PUT", b"/examplebucket/chunkObject.txt", headers, STREAMING)
    _, seed = AWS.authorization(head, [name.decode().lower() for name, _ in headers])
    previous, signatures = seed, []
    for data in (b"a" * 65536, b"a" * 1024, b""):
        previous = AWS.chunk(previous, data)
        signatures.append(previous)
    assert (seed, signatures) == (SEED, CHUNK_SIGNATURES)


BACKEND = Address("https://127.0.0.1:1", AWS.access_key, AWS.secret_key, AWS.region, Path("none"))
UPLOAD = Wanted("PUT", "/bucket/key", [("Content-Type", "text/plain")], b"x" * 200_000)


@pytest.fixture
def upload() -> Sent:
    return SparkClient(1, AWS.access_key, AWS.secret_key, AWS.region).sign(UPLOAD)


def test_second_opinion_holds_for_what_is_right(upload: Sent) -> None:
    assert head_holds(upload.seen, BACKEND)
    assert chunks_hold(upload.seen, BACKEND) == [True, True, True]
    assert b"".join(chunk.data for chunk in split_chunks(upload.seen.body)) == UPLOAD.data


def test_second_opinion_sees_each_fault(upload: Sent) -> None:
    seen = upload.seen
    without = [pair for pair in seen.headers if pair[0] != b"amz-sdk-retry"]
    changed = [(name, b"1/0/500" if name == b"amz-sdk-retry" else value) for name, value in seen.headers]
    assert not head_holds(replace(seen, headers=without), BACKEND)
    assert not head_holds(replace(seen, headers=changed), BACKEND)
    assert not head_holds(replace(seen, method="GET"), BACKEND)
    assert not head_holds(seen, replace(BACKEND, secret_key="another"))
    assert chunks_hold(upload.with_flipped_bit(1).seen, BACKEND) == [True, False, True]


def test_arrival_is_judged_on_every_header(upload: Sent) -> None:
    """Only what is the gateway's own, or hop by hop, may differ."""
    seen = upload.seen

    def arrived(headers: list[tuple[bytes, bytes]]) -> bool:
        return all_arrived(compared(seen, replace(seen, headers=headers)))

    end_to_end = [pair for pair in seen.headers if pair[0] not in {b"Connection", b"Expect"}]
    own = [(name, b"127.0.0.1:9" if name == b"Host" else value) for name, value in end_to_end]
    assert arrived([*own, (b"x-amz-meta-new", b"")]) is False  # nobody signed it
    assert arrived(own)
    assert not arrived([pair for pair in own if pair[0] != b"amz-sdk-retry"])
    assert not arrived([(name, b"x" if name == b"User-Agent" else value) for name, value in own])
    assert not all_arrived(compared(seen, replace(seen, target=b"/bucket/another")))
