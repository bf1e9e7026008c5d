"""At the wire: a hop before a real mitmdump alters requests; the log names the cause, the client does not see it."""

import contextlib
import http.client
import json
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from lab import CHECKOUT
from lab.gateway import SPARK_CLIENT, Gateway, gateway_config
from lab.moto import Moto
from lab.ports import accepts, free_port
from lab.process import Command, start
from s3gateway.explain.cause import verdict
from s3gateway.explain.sides import Side, explain_sides
from s3gateway.sigv4.model import RequestHead
from tests.conftest import GatewayFactory
from tests.explain.clients import Keys, botocore
from tests.explain.hop import CHOSEN, Hop, header, target
from tests.explain.test_sides import botocore_log
from tests.real.rawhttp import Answer, Raw
from tests.real.sdkv1 import CHUNK, Key, Target, Upload, put_chunked, sign
from tests.real.waiting import eventually

SECRET = str(SPARK_CLIENT["secret_access_key"])
AWS_SAYS = {
    "AWSAccessKeyId",
    "CanonicalRequest",
    "CanonicalRequestBytes",
    "Code",
    "Message",
    "RequestId",
    "Resource",
    "SignatureProvided",
    "StringToSign",
    "StringToSignBytes",
}


@pytest.fixture
def running(gateway: GatewayFactory, moto_backend: Moto) -> Gateway:
    return gateway(gateway_config(moto_backend, log={"format": "json"}))


def client(port: int, path: str = "", secret: str = SECRET) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}{path}",
        region_name="us-east-1",
        aws_access_key_id="SPARKKEY",
        aws_secret_access_key=secret,
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


def refused(s3: Any) -> Any:
    """Read an object, which is refused; give the answer as boto3 has it."""
    with pytest.raises(ClientError) as raised:
        s3.get_object(Bucket="bucket", Key="key")
    return raised.value.response


def send(running: Gateway, upload: Upload) -> Answer:
    with Raw(running.port) as raw:
        return raw.ask(upload.wire, "PUT")


def lines(running: Gateway) -> list[dict[str, Any]]:
    told = [json.loads(line) for line in running.log().splitlines() if line.startswith("{")]
    return [line for line in told if "event" not in line]


def explained(running: Gateway, count: int = 1) -> list[dict[str, Any]]:
    """Wait for the lines that explain."""
    eventually(lambda: sum("explained" in line for line in lines(running)) >= count)
    return [line for line in lines(running) if "explained" in line]


def test_a_proxy_that_drops_the_port(running: Gateway) -> None:
    """A second line with the request's id names cause and remedy. The client gets what AWS would say, and no more."""
    with Hop(running.port, header("Host", "127.0.0.1")) as hop:
        told = refused(client(hop.port))
    (line,) = explained(running)
    assert line["explained"] == "host-port"
    assert f"signed Host `127.0.0.1:{hop.port}`, the wire says `127.0.0.1`" in line["sentence"]
    assert "proxy_set_header Host $http_host" in line["sentence"]
    assert (line["client"], line["request_id"]) == ("spark?", told["ResponseMetadata"]["RequestId"])
    assert (told["ResponseMetadata"]["HTTPStatusCode"], told["Error"]["Code"]) == (403, "SignatureDoesNotMatch")
    assert set(told["Error"]) <= AWS_SAYS
    assert "proxy" not in json.dumps(told)
    assert SECRET not in running.log()


def test_a_proxy_that_rewrites_host_and_strips_a_prefix(running: Gateway) -> None:
    """Two faults of one proxy; it tells the client's Host in X-Forwarded-Host, as proxies do."""

    def alter(head: bytes) -> bytes:
        head = target(b" /s3/", b" /")(head)
        return header("Host", "upstream")(head) + b"\r\nX-Forwarded-Host: " + _host(head) + _PREFIX

    with Hop(running.port, alter) as hop:
        refused(client(hop.port, "/s3"))
    (line,) = explained(running)
    assert line["explained"] == "host-rewritten+path-prefix-stripped"
    assert f"`127.0.0.1:{hop.port}`" in line["sentence"]
    assert "`/s3/bucket/key`" in line["sentence"]


_PREFIX = b"\r\nX-Forwarded-Prefix: /s3"


def _host(head: bytes) -> bytes:
    return next(line[5:].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"host:"))


def ask(port: int, head: RequestHead) -> tuple[int, bytes]:
    """Send a head with Python's own HTTP client, which writes header values in ISO-8859-1; give status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    with contextlib.closing(connection):
        headers = {name.decode(): value.decode() for name, value in head.headers}
        connection.request(head.method.decode(), head.target.decode(), headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_the_two_sides_of_a_refusal(running: Gateway) -> None:
    """botocore's debug log beside the document that the gateway answers with: no secret is needed for the cause."""
    with Hop(running.port, header("Host", "127.0.0.1")) as hop, botocore_log() as texts:
        head = botocore(Keys(secret=SECRET), "GET", "/bucket/key", at=f"http://127.0.0.1:{hop.port}")
        status, body = ask(hop.port, head)
    error = ET.fromstring(body)
    request, to_sign = (str(error.findtext(name)).encode() for name in ("CanonicalRequest", "StringToSign"))
    why = explain_sides(Side(*(text.encode() for text in texts)), Side(request, to_sign))
    assert status == HTTPStatus.FORBIDDEN
    assert why
    assert (why.cause, why.certainty) == ("host-port", "certain")
    (line,) = verdict(why).evidence
    assert (line.signed, line.received) == (f"host:127.0.0.1:{hop.port}", "host:127.0.0.1")
    assert [line.signed[a:b] for a, b in line.signed_spans] == [f":{hop.port}"]


def test_metadata_in_two_charsets(running: Gateway) -> None:
    """botocore signs an accent in UTF-8, and the HTTP client sends it in ISO-8859-1."""
    at, author = f"http://127.0.0.1:{running.port}", ("x-amz-meta-author", "M\u00fcller")
    status, _ = ask(running.port, botocore(Keys(secret=SECRET), "GET", "/bucket/key", [author], at=at))
    (line,) = explained(running)
    assert status == HTTPStatus.FORBIDDEN
    assert (line["explained"], line["certainty"]) == ("charset", "certain")
    assert "signed x-amz-meta-author in UTF-8 and sent in ISO-8859-1" in line["sentence"]
    assert "ller" not in running.log()


def test_a_wrong_secret_is_called_that(running: Gateway) -> None:
    """After everything was tried, off the request path: the gateway answers others meanwhile."""
    refused(client(running.port, secret="not-this-one"))
    running.client().list_buckets()
    (line,) = explained(running)
    assert line["explained"] == "wrong-secret"
    assert "secret is usually wrong then (client `spark`, key `SPARKKEY`)" in line["sentence"]
    assert "not-this-one" not in running.log()


def test_a_clock_that_is_off(running: Gateway) -> None:
    """A refusal for its time gets a sentence too: by how much, and which way."""
    key = Key(at=datetime.now(UTC) - timedelta(hours=3, minutes=20))
    with Raw(running.port) as raw:
        answer = raw.ask(sign("GET", Target("bucket", "key"), key=key).head)
    assert answer.code == "RequestTimeTooSkewed"
    (line,) = explained(running)
    assert line["explained"] == "clock"
    assert "the client's clock is 3 h 2" in line["sentence"]
    assert "behind this gateway's" in line["sentence"]


def test_a_chunk_that_changed(running: Gateway, moto_backend: Moto) -> None:
    """The request's own signature is right, the second chunk's data is not: that is said, with its number."""
    moto_backend.client().create_bucket(Bucket="explained")
    upload = put_chunked(Target("explained", "key"), b"x" * (2 * CHUNK))
    answer = send(running, upload.tampered(1, 200))
    assert answer.code == "SignatureDoesNotMatch"
    assert set(answer.error) <= AWS_SAYS
    (line,) = explained(running)
    assert line["explained"] == "chunk-data"
    assert f"chunk 2 ({CHUNK} bytes)" in line["sentence"]
    assert line["client"] == "spark"


def test_switched_off(gateway: GatewayFactory, moto_backend: Moto) -> None:
    """With log.explain: false there is one line a request, and no more."""
    running = gateway(gateway_config(moto_backend, log={"format": "json", "explain": False}))
    refused(client(running.port, secret="not-this-one"))
    running.stop()
    assert [line.get("refusal") for line in lines(running)] == ["SignatureDoesNotMatch"]


def test_text_for_people(gateway: GatewayFactory, moto_backend: Moto) -> None:
    """Under log.format: text the second line is text."""
    running = gateway(gateway_config(moto_backend, log={"format": "text"}))
    with Hop(running.port, header("Host", "127.0.0.1")) as hop:
        refused(client(hop.port))
    eventually(lambda: "explained host-port spark? the client signed Host" in running.log(), running.log())


def test_kept_with_the_flow(gateway: GatewayFactory, moto_backend: Moto, tmp_path: Path) -> None:
    """A flow file and the capture file hold the explanation, once, and scripts/explain prints it from both."""
    flows, captures = tmp_path / "flows", tmp_path / "captures.jsonl"
    config = gateway_config(moto_backend, log={"format": "json", "capture": str(captures)})
    running = gateway(config, arguments=["-w", str(flows)])
    with Hop(running.port, header("Host", "127.0.0.1")) as hop:
        refused(client(hop.port))
    explained(running)
    running.stop()
    assert captures.read_text().count('"id"') == 1
    for file in (flows, captures):
        told = explain(str(file))
        assert told.returncode == 0, told.stderr
        assert "GET /bucket/key, answered 403 SignatureDoesNotMatch" in told.stdout
        assert f"host:127.0.0.1:{hop.port}\n" in told.stdout


def test_a_flow_of_another_proxy(gateway: GatewayFactory, moto_backend: Moto, tmp_path: Path) -> None:
    """What a gateway would not explain at the time is explained from its raw head, with the configuration's secrets."""
    running = gateway(gateway_config(moto_backend, log={"format": "json", "explain": False}))
    head = tmp_path / "head.txt"

    def keep(text: bytes) -> bytes:
        altered = header("Host", "127.0.0.1")(text)
        head.write_bytes(altered + b"\r\n\r\n")
        return altered

    with Hop(running.port, keep) as hop:
        refused(client(hop.port))
    told = explain("--config", str(running.config_path), "--json", str(head))
    assert told.returncode == 0, told.stderr
    (found,) = json.loads(told.stdout)["failures"]
    assert (found["cause"], found["explained"]) == ("host-port", True)
    assert f"`127.0.0.1:{hop.port}`" in found["sentence"]
    assert SECRET not in told.stdout


def test_behind_a_plain_mitmproxy(gateway: GatewayFactory, moto_backend: Moto, tmp_path: Path) -> None:
    """A real proxy that rewrites Host, as mitmproxy's reverse mode does: live, and from its own flow file."""
    running = gateway(gateway_config(moto_backend, log={"format": "json"}))
    flows = tmp_path / "flows"
    port = free_port(CHOSEN)
    command = [
        str(Path(sys.executable).with_name("mitmdump")), "--mode", f"reverse:{running.url}",
        "--listen-host", "127.0.0.1", "--listen-port", str(port),
        "-w", str(flows), "--set", f"confdir={tmp_path}", "--set", "http2=false",
    ]  # fmt: skip
    proxy = start(Command("mitmdump", command, tmp_path / "mitmdump.log"), ready=lambda: accepts(port))
    try:
        refused(client(port))
        (line,) = explained(running)
    finally:
        proxy.stop()
    told = explain("--config", str(running.config_path), "--json", str(flows))
    assert told.returncode == 0, told.stdout + told.stderr
    (found,) = json.loads(told.stdout)["failures"]
    for cause, sentence in ((line["explained"], line["sentence"]), (found["cause"], found["sentence"])):
        assert cause == "host-port"
        assert f"signed Host `127.0.0.1:{port}`, the wire says `127.0.0.1:{running.port}`" in sentence


def test_in_mitmweb(gateway: GatewayFactory, moto_backend: Moto) -> None:
    """The flow that is shown carries the explanation as soon as it is there."""
    running = gateway(gateway_config(moto_backend), program="mitmweb")
    with Hop(running.port, header("Host", "127.0.0.1")) as hop:
        refused(client(hop.port))
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    browser.open(running.web_url, timeout=120).close()

    def flows() -> bytes:
        with browser.open(f"http://127.0.0.1:{running.web_port}/flows/dump", timeout=120) as dump:
            return bytes(dump.read())

    eventually(lambda: b"host-port" in flows())
    assert b"the client signed Host" in flows()


def explain(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run what scripts/explain runs, without its look at the virtual environment."""
    path = f"{CHECKOUT / 'addons'}:{CHECKOUT / 'scripts'}"
    command = [sys.executable, "-m", "explaining", *arguments]
    return subprocess.run(command, env={"PYTHONPATH": path}, capture_output=True, text=True, check=False, timeout=300)
