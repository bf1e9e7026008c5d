"""Browser uploads by POST policy: boto3's and curl's, and a page of another origin in chromium."""

import re
import shutil
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver

from lab import CHECKOUT
from lab.backends import s3_client, verified_opener
from lab.certs import Certs
from lab.gateway import SPARK_CLIENT, Gateway, gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from tests.canary import CANARY
from tests.conftest import GatewayFactory
from tests.forms import CONTENT_TYPE, body_of
from tests.real.browser import browsing
from tests.real.waiting import eventually

README = CHECKOUT / "README.md"
S3V4 = Config(signature_version="s3v4")
KEY = "a+b c/é ~*'()!/${filename}"
NAME = "photo 1.png"
STORED = KEY.replace("${filename}", NAME)
MEGABYTES = 12 * 1024 * 1024


@pytest.fixture(scope="module", params=[None, "sse-kms"], ids=["no rule", "sse-kms"])
def running(
    request: pytest.FixtureRequest, _recorder: Recorder, certs: Certs, session_gateway: GatewayFactory
) -> Gateway:
    """A gateway without encryption rules, and one with."""
    rules = [{request.param: "my-key"}] if request.param else []
    return session_gateway(gateway_config(_recorder, encryption=rules, certificate=certs.gateway))


def presigned(running: Gateway, bucket: str, *, tls: bool = False, **fields: str) -> tuple[str, dict[str, str]]:
    """Ask boto3 for a form: its URL and fields."""
    conditions: list[Any] = [["starts-with", f"${name}", ""] for name in fields]
    form = running.client(tls=tls, config=S3V4).generate_presigned_post(
        bucket, KEY, Fields=fields, Conditions=[*conditions, ["content-length-range", 1, MEGABYTES]]
    )
    return form["url"], form["fields"]


def posted(certs: Certs, url: str, fields: Mapping[str, str], file: bytes) -> tuple[int, str]:
    """Post a form, and give the status and the body of the answer."""
    body = body_of(list(fields.items()), file, file_name=NAME.encode())
    CANARY.watch_wire(body)
    request = urllib.request.Request(url, data=body, headers={"Content-Type": CONTENT_TYPE.decode()}, method="POST")
    try:
        with verified_opener(certs.ca).open(request, timeout=120) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def check_encrypted(minio: Minio, running: Gateway, bucket: str) -> None:
    """The rule has decided about the object."""
    found = minio.client().head_object(Bucket=bucket, Key=STORED)
    wanted = "aws:kms" if running._config.get("encryption") else None
    assert found.get("ServerSideEncryption") == wanted


@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
@pytest.mark.parametrize("size", [1, MEGABYTES])
def test_boto3(running: Gateway, certs: Certs, minio: Minio, bucket: str, size: int, *, tls: bool) -> None:
    """What ``generate_presigned_post`` makes is good for what it says, and for nothing else."""
    file = b"x" * size
    fields = {"Content-Type": "image/png", "x-amz-meta-by": "boto3", "success_action_status": "201"}
    url, form = presigned(running, bucket, tls=tls, **fields)
    status, body = posted(certs, url, form, file)
    assert (status, "<PostResponse><Location>" in body) == (201, True)
    stored = minio.client().get_object(Bucket=bucket, Key=STORED)
    assert stored["Body"].read() == file
    assert (stored["ContentType"], stored["Metadata"]) == ("image/png", {"by": "boto3"})
    check_encrypted(minio, running, bucket)
    assert posted(certs, url, form, b"")[0] == 400
    assert posted(certs, url, form | {"key": "other"}, file)[0] == 403
    assert posted(certs, url, form | {"policy": form["policy"][:-1] + "A"}, file)[0] == 403
    assert posted(certs, url.replace(bucket, "other-bucket"), form, file)[0] == 403
    assert minio.client().list_objects_v2(Bucket=bucket)["KeyCount"] == 1


def test_boto3_signs_with_sigv2_unless_told_otherwise(running: Gateway, certs: Certs, bucket: str) -> None:
    """As with URLs: refused, in words that name it."""
    client = s3_client(running.url, SPARK_CLIENT["access_key_id"], SPARK_CLIENT["secret_access_key"])
    form = client.generate_presigned_post(bucket, KEY)
    assert "AWSAccessKeyId" in form["fields"]
    status, body = posted(certs, form["url"], form["fields"], b"x")
    assert (status, "Please use AWS4-HMAC-SHA256" in body) == (400, True)


@pytest.mark.parametrize("size", [1, MEGABYTES])
def test_curl(running: Gateway, minio: Minio, bucket: str, tmp_path: Path, size: int) -> None:
    """``curl -F``, which asks for 100 Continue before it sends much, and writes a plain boundary."""
    curl = shutil.which("curl")
    assert curl is not None
    (tmp_path / NAME).write_bytes(b"x" * size)
    url, form = presigned(running, bucket)
    options = [text for name, value in form.items() for text in ("--form-string", f"{name}={value}")]
    command = [curl, "-sS", "-o", "/dev/null", "-w", "%{http_code}", *options, "-F", f"file=@{tmp_path / NAME}", url]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert found.stdout == "204"
    assert minio.client().head_object(Bucket=bucket, Key=STORED)["ContentLength"] == size
    check_encrypted(minio, running, bucket)


PAGE = """<!doctype html><meta charset="utf-8"><title>Another origin</title>
<form method="post" enctype="multipart/form-data"><input type="file" name="file"><input type="submit" name="submit">
</form>"""

FILL = """
const form = document.forms[0];
form.action = arguments[0];
for (const [name, value] of Object.entries(arguments[1])) {
    const input = Object.assign(document.createElement("input"), {type: "hidden", name, value});
    form.prepend(input);
}
"""

FETCH = """
const [url, fields, done] = arguments;
const form = new FormData();
for (const [name, value] of Object.entries(fields)) form.append(name, value);
form.append("file", new File(["from a script"], "photo 1.png"));
fetch(url, {method: "POST", body: form}).then(
    async answer => done([answer.status, await answer.text()]), problem => done([0, String(problem)]));
"""


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE.encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Stay silent."""


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """Where the page is served."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def driver(origin: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    """Chromium."""
    with browsing(origin, tmp_path_factory.mktemp("profile")) as page:
        yield page.driver


def submit(driver: WebDriver, origin: str, url: str, fields: Mapping[str, str], file: Path) -> None:
    """Choose a file on the page and press the button behind it, which is a field as well."""
    driver.get(origin)
    driver.execute_script(FILL, url, dict(fields))
    driver.find_element(By.NAME, "file").send_keys(str(file))
    driver.find_element(By.NAME, "submit").click()


def test_a_page_of_another_origin(
    driver: WebDriver, origin: str, running: Gateway, minio: Minio, bucket: str, tmp_path: Path
) -> None:
    """A plain form brings the browser to the page that its policy names, with the upload told in its address."""
    file = tmp_path / NAME
    file.write_bytes(b"from a form")
    url, fields = presigned(running, bucket, success_action_redirect=f"{origin}done?a=b")
    submit(driver, origin, url, fields, file)
    eventually(lambda: "done?a=b&bucket=" in driver.current_url, driver.current_url)
    assert f"bucket={bucket}&key=" in driver.current_url
    stored = minio.client().get_object(Bucket=bucket, Key=STORED)
    assert stored["Body"].read() == b"from a form"
    assert stored["ETag"].strip('"') in driver.current_url
    check_encrypted(minio, running, bucket)


def test_the_readmes_form(
    driver: WebDriver, origin: str, running: Gateway, certs: Certs, minio: Minio, bucket: str, tmp_path: Path
) -> None:
    """The page that the README's lines make, with this gateway's address and key."""
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    lines = "".join(block for block in blocks if "pyspark" not in block)
    for told, here in (
        ("https://127.0.0.1:8000", running.url),
        ("certs/ca.crt", str(certs.ca)),
        ("change-me", SPARK_CLIENT["secret_access_key"]),
        ("https://app.example.com/", origin),
        ("uploads", bucket),
        ("lake", bucket),
    ):
        assert told in lines
        lines = lines.replace(told, here)
    made: dict[str, Any] = {}
    exec(lines, made)
    (tmp_path / NAME).write_bytes(b"as the README says")
    driver.get(origin)
    driver.execute_script("document.body.innerHTML = arguments[0]", made["page"])
    driver.find_element(By.NAME, "file").send_keys(str(tmp_path / NAME))
    driver.find_element(By.CSS_SELECTOR, "input[type=submit]").click()
    eventually(lambda: "done?bucket=" in driver.current_url, driver.current_url)
    assert minio.client().get_object(Bucket=bucket, Key=f"in/{NAME}")["Body"].read() == b"as the README says"


def test_a_page_shows_why_it_was_refused(
    driver: WebDriver, origin: str, running: Gateway, minio: Minio, bucket: str, tmp_path: Path
) -> None:
    """The error document is what the browser shows then."""
    file = tmp_path / NAME
    file.write_bytes(b"x")
    url, fields = presigned(running, bucket)
    submit(driver, origin, url, fields | {"acl": "public-read"}, file)
    eventually(lambda: "Extra input fields: acl" in driver.page_source, driver.page_source)
    assert "AccessDenied" in driver.page_source
    assert minio.client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_script_of_another_origin(
    driver: WebDriver, origin: str, running: Gateway, minio: Minio, bucket: str
) -> None:
    """``fetch`` with ``FormData`` needs no preflight."""
    driver.get(origin)
    driver.set_script_timeout(60)
    url, fields = presigned(running, bucket, success_action_status="201")
    status, body = driver.execute_async_script(FETCH, url, fields)
    assert (status, "<PostResponse>" in body) == (201, True)
    assert minio.client().get_object(Bucket=bucket, Key=STORED)["Body"].read() == b"from a script"
