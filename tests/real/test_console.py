"""mitmproxy's console in a terminal: the S3 view of each request, the list, commands, and an edited request."""

from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from lab.gateway import gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from tests.mitm.web import ask
from tests.real import invariant
from tests.real.console import Console
from tests.real.rawhttp import Answer, Raw
from tests.real.sdkv1 import Key, Target, put_chunked, sign
from tests.real.waiting import eventually


@pytest.fixture
def console(recorder: Recorder) -> Iterator[Console]:
    arguments = ["--set", "intercept=~q & ~u /held$"]
    config = gateway_config(recorder, encryption=[{"prefix": "pii/", "sse-kms": "my-key"}])
    with Console(config, program="mitmproxy", arguments=arguments) as running:
        yield running


def _send(console: Console, request: bytes, method: str = "GET") -> int:
    with Raw(console.port) as raw:
        return raw.ask(request, method).status


def test_the_view_of_a_streamed_upload(console: Console, bucket: str) -> None:
    """Its body went by and was not kept: the view is there all the same."""
    assert _send(console, put_chunked(Target(bucket, "pii/k"), b"x" * 300_000).wire, "PUT") == 200
    console.see("\N{HEAVY CHECK MARK}", f"/{bucket}/pii/k")
    console.keys("Enter")
    console.see(
        "verdict:     admitted",
        f"operation:   PutObject  {bucket}/pii/k",
        "identity:    spark",
        "encryption:  SSE-KMS by rule encryption[0]",
        "chunks:      4 verified, 300000 bytes of data",
        "+ s x-amz-server-side-encryption: aws:kms",
        "Connection: Keep-Alive",
        "canonical request:",
        "string to sign:",
    )


def test_the_view_of_a_request_without_a_body(console: Console, bucket: str) -> None:
    """mitmproxy says "No request content" where no view is asked; a refused one shows that nothing was sent."""
    assert _send(console, sign("GET", Target(bucket, "k"), key=Key(secret="wrong")).head) == 403
    console.see("\N{HEAVY MULTIPLICATION X}")
    console.keys("Enter")
    console.see(
        "verdict:     refused SignatureDoesNotMatch", "nothing was sent to the backend", "nothing that was tried"
    )
    console.leave("verdict:")
    assert _send(console, sign("GET", Target(bucket, "k")).head) == 404
    console.see("\N{WARNING SIGN}")
    console.keys("Down", "Enter")
    console.see("verdict:     admitted", "operation:   GetObject", "= s amz-sdk-retry: 0/0/500", "answer:      404")


def test_commands(console: Console, bucket: str, tmp_path: Path) -> None:
    """They open a page of their own, of the flow in focus; what is no S3 flow is said to be none."""
    moved = sign("HEAD", Target(bucket, "moved"), host="gateway.example:8000").changed("host", "gateway.example")
    assert _send(console, moved.head, "HEAD") == 403
    console.see("\N{HEAVY MULTIPLICATION X}")
    for command, shown in (
        ("s3.explain @focus", "because:     the client signed Host `gateway.example:8000`"),
        ("s3.diff @focus", "# nothing was sent to the backend"),
        ("s3.curl @focus", "curl --aws-sigv4 aws:amz:us-east-1:s3"),
        (f"s3.export @all {tmp_path}/bundle.zip", f"1 exchanges in {tmp_path}/bundle.zip"),
    ):
        console.type(command)
        console.see("Data viewer", shown)
        console.leave("Data viewer")
    with ZipFile(tmp_path / "bundle.zip") as bundle:
        assert b"the client signed Host" in bundle.read("exchanges.txt")
    console.type("s3.diff ~websocket")
    console.see("no flow here has passed the S3 gateway")


def test_edit_and_resume(console: Console, recorder: Recorder, minio: Minio, bucket: str) -> None:
    """A Spark request is held, its path edited, and it goes out validly signed."""
    minio.client().put_object(Bucket=bucket, Key="edited", Body=b"0123456789")
    answers = list[Answer]()
    thread = ask(console, sign("GET", Target(bucket, "held")).head, answers)
    console.see(f"/{bucket}/held")
    console.type(f"flow.set @focus path /{bucket}/edited?response-content-type=a%2Fb")
    console.see(f"/{bucket}/edited")
    console.type("flow.resume @focus")
    thread.join()
    assert (answers[0].status, answers[0].body, answers[0].header("Content-Type")) == (200, b"0123456789", "a/b")
    (request,) = recorder.requests()
    invariant.check_signed_names(request)


def test_it_ends_with_its_terminal(console: Console) -> None:
    """Elsewhere SIGHUP reloads; a console without a terminal would draw on for nobody, as fast as it can."""
    pid = console.tell("list-panes", "-F", "#{pane_pid}").strip()
    console.tell("new-window", "-d", "sleep 60")  # without one tmux ends
    console.tell("kill-pane", "-t", ":0")
    eventually(lambda: not Path("/proc", pid).exists(), "it draws on")
