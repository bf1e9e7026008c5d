"""Preflights where somebody watches: a line in the log, an exchange in the capture and on a flow, as of any request."""

import json
from pathlib import Path

import pytest

from capturing import sources
from lab.gateway import gateway_config
from lab.moto import Moto
from tests.conftest import GatewayFactory
from tests.real.rawhttp import Raw
from tests.real.waiting import eventually, whole_lines

RULE = {"origins": ["https://app.example.com"], "methods": ["PUT"], "headers": ["*"]}


def request(origin: str) -> bytes:
    lines = ("OPTIONS /bucket/key HTTP/1.1", "Host: h", f"Origin: {origin}", "Access-Control-Request-Method: PUT")
    return "\r\n".join((*lines, "", "")).encode()


@pytest.mark.parametrize("cors", [[RULE], "bucket"], ids=["rules", "bucket"])
def test_a_preflight_is_kept_as_any_request(
    gateway: GatewayFactory, moto_backend: Moto, tmp_path: Path, cors: object
) -> None:
    """Allowed or refused: what was asked, what was answered, and that nothing went out."""
    s3 = moto_backend.client()
    s3.create_bucket(Bucket="bucket")
    s3.put_bucket_cors(
        Bucket="bucket",
        CORSConfiguration={"CORSRules": [{"AllowedOrigins": RULE["origins"], "AllowedMethods": RULE["methods"]}]},
    )
    flows, captured = tmp_path / "flows", tmp_path / "captures.jsonl"
    config = gateway_config(moto_backend, cors=cors, log={"capture": str(captured), "format": "json"})
    running = gateway(config, arguments=["-w", str(flows)])
    with Raw(running.port) as raw:
        allowed = raw.ask(request("https://app.example.com"), "OPTIONS")
        refused = raw.ask(request("https://evil.test"), "OPTIONS")
    eventually(lambda: whole_lines(captured).count("\n") == 2, "not captured")
    running.stop()
    lines = running.log_path.read_text(encoding="utf-8").splitlines()
    logged = [json.loads(line) for line in lines if '"operation": "Preflight"' in line]
    assert [(line["bucket"], line["key"], line["status"]) for line in logged] == [
        ("bucket", "key", 200),
        ("bucket", "key", 403),
    ]
    why = "no rule of the bucket allows it: https://evil.test wants to PUT"
    assert logged[1]["reason"] == why
    for kept in (sources.read(captured), sources.read(flows)):
        assert [(one.verdict, one.code, one.message) for one in kept] == [
            ("admitted", "", ""),
            ("refused", "AccessForbidden", why),
        ]
        assert [one.outgoing for one in kept] == [None, None]
        assert [one.response and list(one.response.headers) for one in kept] == [allowed.headers, refused.headers]
