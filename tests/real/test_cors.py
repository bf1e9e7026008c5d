"""A page of another origin in a real browser: presigned uploads, what it reads of errors; a bucket's own rules."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from botocore.config import Config
from selenium import webdriver

from lab.backends import verified_opener
from lab.gateway import Gateway, gateway_config
from lab.minio import Minio
from lab.moto import Moto
from lab.recorder import Recorder
from lab.seaweedfs import SeaweedFS
from tests.conftest import GatewayFactory
from tests.real import pages
from tests.real.browser import browsing
from tests.sent import WatchedRecorder

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

S3V4 = Config(signature_version="s3v4")
TYPE = {"Content-Type": "text/plain"}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Of the application: 127.0.0.1 is an origin that is allowed, localhost is another one."""
    with pages.serving() as given:
        yield given


@pytest.fixture(scope="module")
def driver(port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with browsing(f"http://127.0.0.1:{port}/", tmp_path_factory.mktemp("profile")) as opened:
        opened.driver.set_script_timeout(60)
        yield opened.driver


@pytest.fixture(scope="module")
def running(session_gateway: GatewayFactory, _recorder: Recorder, port: int) -> Gateway:
    rule = {
        "bucket": "real-*",
        "origins": [f"http://127.0.0.1:{port}"],
        "methods": ["GET", "PUT"],
        "headers": ["content-type", "x-amz-meta-*"],
        "expose": ["ETag"],
    }
    return session_gateway(gateway_config(_recorder, encryption=[{"sse-s3": True}], cors=[rule]))


def presigned(s3: "S3Client", bucket: str, key: str, **more: object) -> str:
    return s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": key, "ContentType": "text/plain", **more})


def test_a_page_uploads_and_reads(
    driver: webdriver.Chrome, running: Gateway, recorder: Recorder, minio: Minio, bucket: str, port: int
) -> None:
    """By presigned URLs, with a header that needs a preflight; encryption rules hold; the backend sees no preflight."""
    driver.get(f"http://127.0.0.1:{port}/")
    s3 = running.client(config=S3V4)
    url = presigned(s3, bucket, "a b/é.txt", Metadata={"from": "a page"})
    shown = pages.send(driver, url, "PUT", TYPE | {"x-amz-meta-from": "a page"}, "written in a page")
    stored = minio.client().get_object(Bucket=bucket, Key="a b/é.txt")
    assert shown == {"status": "200", "etag": stored["ETag"], "error": "", "body": ""}
    assert (stored["Body"].read(), stored["Metadata"]) == (b"written in a page", {"from": "a page"})
    assert (stored["ContentType"], stored["ServerSideEncryption"]) == ("text/plain", "AES256")
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "a b/é.txt"})
    assert pages.send(driver, url) == shown | {"body": "written in a page"}
    assert [request.method for request in recorder.requests()] == ["PUT", "GET"]


def test_a_page_reads_why_it_was_refused(
    driver: webdriver.Chrome, running: Gateway, recorder: Recorder, minio: Minio, bucket: str, port: int
) -> None:
    """By the gateway, before the backend hears of it, and by the backend."""
    driver.get(f"http://127.0.0.1:{port}/")
    s3 = running.client(config=S3V4)
    wrong = presigned(s3, bucket, "mine").replace("/mine?", "/yours?")
    shown = pages.send(driver, wrong, "PUT", TYPE, "x")
    assert (shown["status"], shown["error"]) == ("403", "SignatureDoesNotMatch")
    shown = pages.send(driver, presigned(s3, bucket, "mine") + "&acl", "PUT", TYPE, "x")
    assert (shown["status"], shown["error"]) == ("403", "SignatureDoesNotMatch")
    assert recorder.requests() == []
    shown = pages.send(driver, s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "none"}))
    assert (shown["status"], shown["error"]) == ("404", "NoSuchKey")
    assert minio.client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_other_pages_send_and_read_nothing(
    driver: webdriver.Chrome, running: Gateway, recorder: WatchedRecorder, minio: Minio, bucket: str, port: int
) -> None:
    """The browser stops an upload at the preflight, and keeps an answer from the page. MinIO alone would allow both."""
    driver.get(f"http://localhost:{port}/")
    s3 = running.client(config=S3V4)
    minio.client().put_object(Bucket=bucket, Key="there", Body=b"secret")
    recorder.forget()
    failed = {"status": "TypeError: Failed to fetch", "etag": "", "error": "", "body": ""}
    assert pages.send(driver, presigned(s3, bucket, "mine"), "PUT", TYPE, "x") == failed
    assert recorder.requests() == []
    get = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "there"})
    assert pages.send(driver, get) == failed
    driver.get(f"http://127.0.0.1:{port}/")
    assert pages.send(driver, get)["body"] == "secret"
    delete = s3.generate_presigned_url("delete_object", {"Bucket": bucket, "Key": "there"})
    assert pages.send(driver, delete, "DELETE") == failed


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """SeaweedFS only on request."""
    if "keeper" in metafunc.fixturenames:
        more = ["seaweedfs"] if metafunc.config.getoption("--seaweedfs") else []
        metafunc.parametrize("keeper", ["moto_backend", *more], indirect=True)


@pytest.fixture
def keeper(request: pytest.FixtureRequest) -> Moto | SeaweedFS:
    """A backend that keeps rules for buckets."""
    backend: Moto | SeaweedFS = request.getfixturevalue(request.param)
    return backend


def test_a_buckets_own_rules(gateway: GatewayFactory, keeper: Moto | SeaweedFS) -> None:
    """As boto3 stores them by this gateway, and as the backend gives them back; its own fields come off."""
    running = gateway(gateway_config(keeper, cors="bucket"))
    s3 = running.client()
    s3.create_bucket(Bucket="own-rules")
    s3.put_object(Bucket="own-rules", Key="key", Body=b"x")
    url = running.client(config=S3V4).generate_presigned_url("get_object", {"Bucket": "own-rules", "Key": "key"})

    def ask(method: str, origin: str) -> tuple[int, list[str], str | None]:
        request = urllib.request.Request(url, headers={"Origin": origin}, method=method)
        if method == "OPTIONS":
            request.add_header("Access-Control-Request-Method", "GET")
        try:
            with verified_opener(keeper.ca_file).open(request, timeout=60) as answer:
                return answer.status, answer.headers.get_all("Access-Control-Allow-Origin", []), answer.headers["Vary"]
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers.get_all("Access-Control-Allow-Origin", []), error.headers["Vary"]

    assert ask("OPTIONS", "https://a.test") == (403, [], None)
    assert ask("GET", "https://a.test") == (200, [], None)
    s3.put_bucket_cors(
        Bucket="own-rules",
        CORSConfiguration={"CORSRules": [{"AllowedOrigins": ["https://*.test"], "AllowedMethods": ["GET"]}]},
    )
    vary = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
    assert ask("OPTIONS", "https://a.test") == (200, ["https://a.test"], vary)
    assert ask("GET", "https://a.test") == (200, ["https://a.test"], vary)
    assert ask("OPTIONS", "https://evil.example") == (403, [], None)
    assert ask("GET", "https://evil.example") == (200, [], vary)
    s3.delete_bucket_cors(Bucket="own-rules")
    assert ask("OPTIONS", "https://a.test") == (403, [], None)
