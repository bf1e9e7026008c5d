"""The audit log beside MinIO's own, of the same requests; and what becomes of it under way."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.certs import Certs
from lab.gateway import Gateway, gateway_config
from lab.minio import Minio
from lab.ports import free_port
from tests.conftest import GatewayFactory
from tests.mitm.test_admin import get, samples
from tests.real.rawhttp import Raw
from tests.real.waiting import eventually, whole_lines
from tests.wire.test_audit_log import Collector, collector

__all__ = ["collector"]  # the fixture

BUCKET = "audited"
OURS_ALONE = {"tags", "requestNode", "parentUser"}  # fields of MinIO's that it leaves out here
MINIOS_ALONE = {"requestClaims", "txHeaders", "type"}


@pytest.fixture
def audited(certs: Certs, minio: Minio, collector: Collector) -> Iterator[Minio]:
    """A MinIO that posts its own audit log, beside the shared one, whose program it is."""
    where = f"http://127.0.0.1:{collector.server_address[1]}/"
    with Minio(
        certs, env={"MINIO_AUDIT_WEBHOOK_ENABLE_lab": "on", "MINIO_AUDIT_WEBHOOK_ENDPOINT_lab": where}
    ) as server:
        server.client().create_bucket(Bucket=BUCKET)
        yield server


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in whole_lines(path).splitlines()] if path.exists() else []


def shape(value: object) -> object:
    """Names and types, to the bottom of `api`; what is in headers and query depends on who asks."""
    if not isinstance(value, dict):
        return type(value).__name__
    return {name: shape(one) if name == "api" else type(one).__name__ for name, one in value.items()}


def of_minio(collector: Collector, api: dict[str, Any]) -> dict[str, Any]:
    """The line that MinIO has of the same request."""

    def found() -> list[dict[str, Any]]:
        return [one for one in collector.lines if all(one["api"].get(name) == api[name] for name in ("name", "object"))]

    eventually(found)
    (line,) = found()
    return line


def test_the_shape_is_minios(audited: Minio, gateway: GatewayFactory, collector: Collector, tmp_path: Path) -> None:
    """Of a PUT and a GET that both have told of: the same names, of the same types, with the same values."""
    file = tmp_path / "audit.jsonl"
    running = gateway(gateway_config(audited, audit={"file": str(file), "deployment_id": "lab"}))
    client = running.client()
    client.put_object(Bucket=BUCKET, Key="a key/ü", Body=b"0123456789")
    client.get_object(Bucket=BUCKET, Key="a key/ü")["Body"].read()
    eventually(lambda: len(lines(file)) == 2)
    for ours in lines(file):
        theirs = of_minio(collector, ours["api"])
        alone = set(ours) - set(theirs)
        assert alone <= OURS_ALONE, alone
        assert set(theirs) - set(ours) <= MINIOS_ALONE
        assert set(theirs["api"]) - set(ours["api"]) <= MINIOS_ALONE
        assert set(ours["api"]) <= set(theirs["api"])
        for both in set(ours) & set(theirs):
            assert shape(ours)[both] == shape(theirs)[both] or both == "api", both  # type: ignore[index]
        for both in ours["api"]:
            assert type(ours["api"][both]) is type(theirs["api"][both]), both
        for both in ("bucket", "object", "status", "statusCode"):
            assert ours["api"][both] == theirs["api"][both]
        assert ours["version"] == theirs["version"]
        assert ours["trigger"] == theirs["trigger"]
        assert ours["tags"]["backendRequestID"] == theirs["requestID"]
        assert ours["userAgent"] == theirs["userAgent"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def refused(running: Gateway) -> None:
    with Raw(running.port) as raw:
        assert raw.ask(b"GET /bucket/key HTTP/1.1\r\nHost: h\r\n\r\n").status == 403


def test_each_request_has_its_line(minio: Minio, gateway: GatewayFactory, file: Path) -> None:
    """A refused one as well, and not a health poll; on standard output too, where that is asked for."""
    running = gateway(gateway_config(minio, audit={"file": str(file), "stdout": True}), watched=False)
    running.client().list_buckets()
    refused(running)
    with Raw(running.port) as raw:
        raw.ask(b"GET /minio/health/live HTTP/1.1\r\nHost: h\r\n\r\n")
    eventually(lambda: len(lines(file)) == 2)
    served, denied = lines(file)
    assert (served["api"]["name"], served["accessKey"], served["parentUser"]) == ("ListBuckets", "SPARKKEY", "spark")
    assert (denied["api"]["statusCode"], denied["error"]) == (403, "AccessDenied: anonymous: there is no signature")
    eventually(lambda: running.log().count('"trigger":"incoming"') == 2)


def test_a_full_disk_refuses_only_where_it_must(minio: Minio, gateway: GatewayFactory, file: Path) -> None:
    """By default requests go on, and the log says it once; with `audit.required` each is 503 until there is room."""
    port = free_port()
    file.symlink_to("/dev/full")
    config = gateway_config(minio, admin={"port": port}, audit={"file": str(file)})
    running = gateway(config)
    running.client().list_buckets()
    eventually(lambda: "No space left on device" in running.log())
    running.client().list_buckets()
    assert get(port, "/readyz")[0] == 200
    running.write_config(config | {"audit": {"file": str(file), "required": True}})
    eventually(lambda: get(port, "/readyz")[0] == 503)
    assert json.loads(get(port, "/readyz")[1])["reasons"] == [
        "the audit log cannot be written (No space left on device)"
    ]
    with pytest.raises(ClientError, match="cannot write its audit log"):
        running.client().list_buckets()
    assert samples(port)["s3gateway_refusals_total", (("code", "ServiceUnavailable"), ("reason", "audit"))] >= 1
    assert running.log().count("cannot be written (No space left on device)") == 1
    file.unlink()
    eventually(lambda: get(port, "/readyz")[0] == 200)
    running.client().list_buckets()
    eventually(lambda: [one["api"]["statusCode"] for one in lines(file)][:3] == [200, 200, 503])


def test_a_webhook_that_hangs_stalls_nobody(minio: Minio, gateway: GatewayFactory, collector: Collector) -> None:
    """Its queue is full at once; what it loses is counted."""
    port = free_port()
    collector.goes_on.clear()
    where = {"url": f"http://127.0.0.1:{collector.server_address[1]}/", "queue": 2, "timeout": 600}
    running = gateway(gateway_config(minio, admin={"port": port}, audit={"webhook": where}))
    client = running.client()
    for _ in range(5):
        client.list_buckets()
    assert samples(port)["s3gateway_audit_lost_total", (("target", "webhook"),)] == 3
    collector.goes_on.set()
    eventually(lambda: len(collector.lines) == 2)
