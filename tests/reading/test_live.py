"""Today's boto3 and curl, on a server of ours that refuses: what they write is what it received."""

import io
import logging
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from s3gateway.sigv4.claim import read_claim
from s3gateway.sigv4.model import Secret
from s3gateway.sigv4.verify import signed_at, verify
from tests.reading.samples import read
from tests.sigv4.aws import CLIENT

REFUSAL = b"<Error><Code>SignatureDoesNotMatch</Code><Message>No.</Message></Error>"


class _Refusing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    heads: list[tuple[str, str, set[tuple[str, str]]]]

    def do_GET(self) -> None:
        fields = {(name.lower(), value) for name, value in self.headers.items()}
        type(self).heads.append((self.command, self.path, fields))
        self.send_response(403)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Connection", "close")  # or it would wait for the client's next request, for ever
        self.send_header("Content-Length", str(len(REFUSAL)))
        self.end_headers()
        self.wfile.write(REFUSAL)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[str]:
    _Refusing.heads = []
    with HTTPServer(("127.0.0.1", 0), _Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def _check(log: bytes, form: str) -> None:
    (one,), ((method, target, fields),) = read(log), _Refusing.heads
    assert one.raw is not None
    assert (one.format, one.status, one.error_code, one.answer) == (form, 403, "SignatureDoesNotMatch", REFUSAL)
    assert (one.raw.method.decode(), one.raw.target.decode()) == (method, target)
    read_fields = {(name.decode().lower(), value.decode()) for name, value in one.raw.headers}
    assert read_fields <= fields
    assert one.complete == (read_fields == fields)
    claim = read_claim(one.raw)
    verify(claim, one.raw, Secret(CLIENT.secret), signed_at(claim))


def test_boto3(endpoint: str) -> None:
    written = io.StringIO()
    log, handler = logging.getLogger(), logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s [%(levelname)s] %(message)s"))
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=CLIENT.access_key_id,
        aws_secret_access_key=CLIENT.secret,
        config=Config(proxies={}),
    )
    quiet = (log, logging.getLogger("botocore"))  # the gateway's signer silences it
    levels = [each.level for each in quiet]
    log.addHandler(handler)
    for each in quiet:
        each.setLevel(logging.DEBUG)
    try:
        with pytest.raises(ClientError):
            client.get_object(Bucket="bucket", Key="dir x+y=1/é ü")
    finally:
        log.removeHandler(handler)
        for each, level in zip(quiet, levels, strict=True):
            each.setLevel(level)
    _check(written.getvalue().encode(), "botocore")


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_curl(endpoint: str) -> None:
    options = ["--aws-sigv4", "aws:amz:us-east-1:s3", "--user", f"{CLIENT.access_key_id}:{CLIENT.secret}"]
    options += ["-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", "--noproxy", "*", "-v", "-sS"]
    command = ["curl", *options, f"{endpoint}/bucket/key?list-type=2&prefix=a"]
    written = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True, timeout=60).stdout
    assert CLIENT.secret.encode() not in written
    _check(written, "curl-verbose")
