"""mitmweb in a real browser: the list tells operation and verdict, the S3 view what happened, edits go out signed.

``pytest tests/real/test_web.py --update-pictures`` writes scripts/pictures/ anew.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from lab import CHECKOUT
from lab.gateway import Gateway, gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from tests.conftest import GatewayFactory
from tests.mitm.web import ask
from tests.real import invariant
from tests.real.browser import Page, browsing
from tests.real.rawhttp import Answer, Raw
from tests.real.sdkv1 import Key, Target, put_chunked, sign

PICTURES = CHECKOUT / "scripts" / "pictures"
HELD = ["--set", "intercept=~q & ~u /held", "--set", "s3_buffer_bodies=1m"]

Picture = Callable[[str], Path | None]


@pytest.fixture
def picture(request: pytest.FixtureRequest) -> Picture:
    """Give the path of one of the documentation's pictures if they are to be written."""
    wanted = request.config.getoption("--update-pictures")
    return lambda name: PICTURES / f"{name}.png" if wanted else None


@pytest.fixture
def bucket(minio: Minio) -> str:
    """Named so that it looks well in a picture."""
    name = f"finance-{os.urandom(3).hex()}"
    minio.client().create_bucket(Bucket=name)
    return name


@pytest.fixture
def running(gateway: GatewayFactory, recorder: Recorder, bucket: str) -> Gateway:
    rule = {"bucket": bucket, "prefix": "pii/", "sse-kms": "my-key"}
    return gateway(gateway_config(recorder, encryption=[rule]), program="mitmweb", arguments=HELD)


@pytest.fixture
def page(running: Gateway, tmp_path: Path) -> Iterator[Page]:
    with browsing(running.web_url, tmp_path / "profile", size=(1440, 1340)) as opened:
        yield opened


def _send(running: Gateway, request: bytes, method: str = "GET") -> Answer:
    with Raw(running.port) as raw:
        return raw.ask(request, method)


def _traffic(running: Gateway, bucket: str) -> None:
    """boto3 writes and reads, Spark writes, and two requests are refused."""
    host = f"127.0.0.1:{running.port}"
    s3 = running.client()
    s3.put_object(Bucket=bucket, Key="plain.txt", Body=b"x" * 1000)
    s3.get_object(Bucket=bucket, Key="plain.txt")["Body"].read()
    upload = put_chunked(Target(bucket, "pii/part-00000.snappy.parquet"), b"x" * 300_000, host=host)
    assert _send(running, upload.wire, "PUT").status == 200
    assert _send(running, sign("GET", Target(bucket, "secret"), key=Key(secret="wrong"), host=host).head).status == 403
    moved = sign("HEAD", Target(bucket, "moved"), host="gateway.example:8000").changed("host", "gateway.example")
    assert _send(running, moved.head, "HEAD").status == 403


def test_what_the_page_shows(page: Page, running: Gateway, bucket: str, picture: Picture) -> None:
    """List, S3 view of a streamed upload and of requests without a body, explanation of a refusal."""
    _traffic(running, bucket)
    page.wait_for_row("\N{HEAVY CHECK MARK}", f"PutObject {bucket}/plain.txt spark")
    page.wait_for_row("\N{HEAVY CHECK MARK}", f"GetObject {bucket}/plain.txt spark")
    page.wait_for_row("\N{HEAVY CHECK MARK}", f"PutObject {bucket}/pii/part-00000.snappy.parquet spark SSE-KMS")
    page.wait_for_row("\N{HEAVY MULTIPLICATION X}", f"refused SignatureDoesNotMatch GetObject {bucket}/secret spark?")
    page.wait_for_row(
        "\N{HEAVY MULTIPLICATION X}", "refused SignatureDoesNotMatch HeadObject", "the client signed Host"
    )

    page.open("plain.txt GET")
    page.view("verdict:     admitted", f"operation:   GetObject  {bucket}/plain.txt", "canonical request:")
    page.open("/pii/part-00000.snappy.parquet")
    shown = page.view("string to sign:", "300000 bytes of data")
    for line in (
        "identity:    spark",
        "payload:     STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "encryption:  SSE-KMS by rule encryption[0]",
        "chunks:      4 verified, 300000 bytes of data",
        "= s amz-sdk-retry: 0/0/500",
        "+ s x-amz-server-side-encryption: aws:kms",
        "Connection: Keep-Alive",
        "host;user-agent;",
        "AWS4-HMAC-SHA256",
    ):
        assert line in shown
    page.picture(picture("mitmweb-diff"), view_on_top=True)
    page.open("/moved")
    shown = page.view("because:     the client signed Host `gateway.example:8000`")
    assert "host:gateway.example:8000" in shown
    assert "~   host:gateway.example" in shown
    page.picture(picture("mitmweb-refused"), view_on_top=True)


def test_edit_and_resume(
    page: Page, running: Gateway, recorder: Recorder, minio: Minio, bucket: str, picture: Picture
) -> None:
    """A Spark upload is held; body, a header and the key are edited in the page; MinIO takes what goes out."""
    answers = list[Answer]()
    upload = put_chunked(Target(bucket, "held"), b"what Spark wrote", host=f"127.0.0.1:{running.port}")
    thread = ask(running, upload.wire, answers)
    page.open("/held")
    page.edit(".headers .kv-value", "0/0/500", "edited")
    url = page.text(".request-line .inline-input", "/held")
    page.edit(".request-line .inline-input", "/held", url.replace("/held", "/pii/edited"))
    page.driver.set_window_size(1440, 820)
    page.edit_body("what the operator made of it", picture("mitmweb-held"))
    assert recorder.requests() == []
    page.resume()
    thread.join()
    assert answers[0].status == 200, answers
    assert minio.client().get_object(Bucket=bucket, Key="pii/edited")["Body"].read() == b"what the operator made of it"
    (request,) = recorder.requests()
    assert (request.header("amz-sdk-retry"), request.header("x-amz-server-side-encryption")) == (b"edited", b"aws:kms")
    invariant.check_signed_names(request)
    page.view("~ s amz-sdk-retry: edited", "operation:   PutObject")


def test_query_of_a_request_without_a_body(page: Page, running: Gateway, minio: Minio, bucket: str) -> None:
    """A Spark GET is held, its query edited, and it goes out validly signed."""
    minio.client().put_object(Bucket=bucket, Key="held", Body=b"0123456789")
    answers = list[Answer]()
    thread = ask(running, sign("GET", Target(bucket, "held"), host=f"127.0.0.1:{running.port}").head, answers)
    page.open("/held")
    url = page.text(".request-line .inline-input", "/held")
    page.edit(".request-line .inline-input", "/held", url + "?response-content-type=a%2Fb")
    page.resume()
    thread.join()
    page.view("response-content-type=", "= s amz-sdk-retry: 0/0/500", "answer:      200")
    assert (answers[0].status, answers[0].body, answers[0].header("Content-Type")) == (200, b"0123456789", "a/b")


def test_commands(page: Page, running: Gateway, bucket: str, tmp_path: Path) -> None:
    """Each runs from the page's command bar; flows are named by a filter, and what has no flow says so."""
    _traffic(running, bucket)
    page.wait_for_row("refused SignatureDoesNotMatch HeadObject", "the client signed Host")
    assert "the client signed Host `gateway.example:8000`" in page.command('s3.explain "~comment HeadObject"')
    assert "x-amz-server-side-encryption: aws:kms" in page.command('s3.diff "~comment SSE-KMS"')
    assert '--user \\"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\\"' in page.command('s3.curl "~comment GetObject"')
    assert "no flow here" in page.command('s3.diff "~websocket"')
    path = tmp_path / "bundle.zip"
    assert "5 exchanges" in page.command(f"s3.export @all {path}")
    assert "cannot be written: File exists" in page.command(f"s3.export @all {path}")
    with ZipFile(path) as bundle:
        assert sorted(bundle.namelist()) == ["README.txt", "capture.json", "exchanges.txt", "gateway.json"]
