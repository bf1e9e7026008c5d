"""What mitmweb shows after traffic, by the interface that its pages use: flows and event log hold no secret."""

import json
import os
import urllib.request
from typing import Any

from botocore.config import Config

from lab.certs import Certs
from lab.gateway import WEB_PASSWORD, Gateway, gateway_config
from lab.minio import Minio
from tests.canary import CANARY
from tests.conftest import GatewayFactory
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import CHUNK, Key, Target, put_chunked, sign
from tests.real.waiting import eventually


def _asked(running: Gateway, path: str) -> bytes:
    request = urllib.request.Request(
        f"http://127.0.0.1:{running.web_port}{path}", headers={"Authorization": f"Bearer {WEB_PASSWORD}"}
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=120) as response:
        return bytes(response.read())


def test_flows_and_events(gateway: GatewayFactory, minio: Minio, certs: Certs) -> None:
    """Uploads, a copy with a client's own SSE-C keys, a presigned URL, refusals: each is shown, and no secret of it."""
    bucket = f"web-{os.getpid()}"
    minio.client().create_bucket(Bucket=bucket)
    own = minio.temporary_credentials()
    config = gateway_config(minio, certificate=certs.gateway)
    config["backend"]["credentials"] = {
        "access_key_id": own["AccessKeyId"],
        "secret_access_key": own["SecretAccessKey"],
        "session_token": own["SessionToken"],
    }
    running = gateway(config, program="mitmweb")
    s3 = running.client(tls=True, config=Config(signature_version="s3v4"))
    customer: dict[str, Any] = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
    s3.put_object(Bucket=bucket, Key="own", Body=b"x", **customer)
    s3.copy_object(
        Bucket=bucket,
        Key="copy",
        CopySource={"Bucket": bucket, "Key": "own"},
        CopySourceSSECustomerAlgorithm="AES256",
        CopySourceSSECustomerKey="k" * 32,
    )
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "copy"})
    for data in (
        put_chunked(Target(bucket, "k"), b"x" * CHUNK).wire,
        put_chunked(Target(bucket, "k"), b"x" * CHUNK).tampered(0, -50).wire,
        sign("GET", Target(bucket, "k"), key=Key(secret="wrong")).head,
        sign("GET", Target(bucket, "k"), headers=[("x-amz-security-token", "TOKEN-OF-A-CLIENT")]).head,
        f"GET {url.partition(str(running.port))[2]} HTTP/1.1\r\nHost: 127.0.0.1:{running.port}\r\n\r\n".encode(),
    ):
        with Raw(running.port) as raw:
            raw.send(data)
            raw.read()

    def shown() -> list[dict[str, Any]]:
        flows: list[dict[str, Any]] = json.loads(_asked(running, "/flows.json"))
        return flows if len(flows) == 7 and all(flow.get("response") or flow.get("error") for flow in flows) else []

    flows = eventually(shown, "the flows are not all there with their answers")
    statuses = sorted(flow["response"]["status_code"] for flow in flows if flow.get("response"))
    assert statuses == [200, 200, 200, 200, 400, 403]  # and one that was cut in its body
    places = {"the flows": _asked(running, "/flows.json"), "the events": _asked(running, "/events.json")}
    assert b"GetObject" in places["the events"]
    for number, flow in enumerate(flows):
        for part in ("request", "response"):
            if (flow.get(part) or {}).get("contentLength") is not None:  # a streamed body is not kept
                places[f"flow {number}, {part}"] = _asked(running, f"/flows/{flow['id']}/{part}/content.data")
    CANARY.check(places)
