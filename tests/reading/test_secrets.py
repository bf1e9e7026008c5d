"""Whatever a text holds of secrets, none of it is printed again, in any form that the three tools can write."""

import re
from pathlib import Path

import pytest
import yaml

from capturing.__main__ import main as capture_headers
from diffing.__main__ import main as diff_headers
from explaining.__main__ import main as explain
from tests.admission import DOCUMENT
from tests.explain.clients import Keys, botocore
from tests.reading.samples import FOLDER, RECORDED, RIGHT, WRONG, text
from tests.sigv4.aws import CLIENT, GATEWAY

TOKEN = "T0KEN/of+a+session=="
CUSTOMER_KEY = "Y3VzdG9tZXIta2V5LW9mLTMyLWJ5dGVzLTAxMjM0NTY="
_SIGNATURE = re.compile(rb"Signature=([0-9a-f]{64})")


def everything() -> bytes:
    """All samples, and requests with a token and a customer's key, in a head, a command, a URL and a log line."""
    secret = [("x-amz-security-token", TOKEN), ("x-amz-server-side-encryption-customer-key", CUSTOMER_KEY)]
    head = botocore(Keys(), "PUT", "/bucket/key", secret)
    fields = [(name.decode(), value.decode()) for name, value in head.headers]
    lines = "".join(f"{name}: {value}\n" for name, value in fields)
    options = " ".join(f"-H '{name}: {value}'" for name, value in fields)
    url = f"http://h/k?X-Amz-Security-Token={TOKEN}&X-Amz-Signature={'ab' * 32}"
    made = (
        f"PUT /bucket/key HTTP/1.1\n{lines}\nHTTP/1.1 403 Forbidden\nDate: Sun, 29 Nov 2026 07:42:18 GMT\n\n"
        f"$ curl -X PUT {options} http://h/bucket/key\n"
        f"$ curl --aws-sigv4 aws:amz:us-east-1:s3 --user {CLIENT.access_key_id}:{CLIENT.secret} http://h/bucket/key\n"
        f"{url}\nAWS_SECRET_ACCESS_KEY={CLIENT.secret} {GATEWAY.secret} {RIGHT} {WRONG}\n"
        f'h - - [29/Nov/2026:07:43:13 +0000] "GET {url[8:]} HTTP/1.1" 403 469 "-" "curl/7.88.1"\n'
    )
    return b"\n".join([made.encode(), *(text(path.stem) for path in sorted(FOLDER.glob("*.txt")))])


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mixed") / "all.txt"
    path.write_bytes(everything())
    return path


def _check(output: str) -> None:
    assert output
    for secret in (CLIENT.secret, GATEWAY.secret, RIGHT, WRONG, TOKEN, CUSTOMER_KEY, "ab" * 32):
        assert secret not in output
    signatures = {found.decode() for found in _SIGNATURE.findall(everything())}
    assert len(signatures) > sum(len(requests) for _, requests in RECORDED.values()) / 2
    assert {signature for signature in signatures if signature in output} == set()


@pytest.mark.parametrize("options", [[], ["--json"]], ids=str)
@pytest.mark.parametrize("configured", [False, True])
def test_explain(
    mixed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], configured: bool
) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(yaml.safe_dump(DOCUMENT))
    explain([*(["--config", str(config)] if configured else []), *options, str(mixed)])
    _check("".join(capsys.readouterr()))


@pytest.mark.parametrize("form", ["json", "lines", "text"])
def test_capture_headers(mixed: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    assert capture_headers(["--format", form, str(mixed)]) == 0
    _check("".join(capsys.readouterr()))


@pytest.mark.parametrize("form", ["table", "json", "markdown"])
def test_diff_headers(mixed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    page = tmp_path / "page.html"
    assert diff_headers(["--format", form, "--html", str(page), str(mixed), str(mixed)]) in {0, 1}
    _check("".join(capsys.readouterr()) + page.read_text())
