"""Forms as they are kept and shown: no policy's signature in any of it, and every difference has its reason."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from mitmproxy import http, io

from capturing import sources
from lab.certs import Certs
from lab.gateway import Gateway, gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from s3gateway.bodies.form_file import MOST_HELD
from s3gateway.observed import curl
from s3gateway.observed.compare import compare_exchange
from tests import forms
from tests.conftest import GatewayFactory
from tests.forms import form
from tests.real.rawhttp import Answer, Raw
from tests.real.waiting import eventually
from tests.refusing import CLIENTS, Made
from tests.sigv4.aws import CLIENT
from tests.wire.front import now, on_wire

LARGE = b"x" * (MOST_HELD + 300_000)
SSE_C = [
    ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
    ("x-amz-server-side-encryption-customer-key", "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2traz0="),
    ("x-amz-server-side-encryption-customer-key-MD5", "U0hPVUxEIE5PVCBGSVQhIQ=="),
]


@pytest.fixture
def bucket(minio: Minio) -> str:
    name = f"forms-{os.urandom(4).hex()}"
    minio.client().create_bucket(Bucket=name)
    return name


@pytest.fixture
def running(gateway: GatewayFactory, recorder: Recorder, certs: Certs, tmp_path: Path) -> Gateway:
    config = gateway_config(
        recorder,
        clients=CLIENTS,
        certificate=certs.gateway,
        encryption=[{"sse-kms": "my-key"}],
        log={"capture": str(tmp_path / "captured.jsonl")},
    )
    arguments = ["-w", str(tmp_path / "flows"), "--set", "store_streamed_bodies=true"]
    return gateway(config, arguments=arguments)


@pytest.fixture
def ask(running: Gateway, certs: Certs) -> Callable[[Made], Answer]:
    """Send a form over TLS."""

    def send(made: Made) -> Answer:
        with Raw(running.port, certs.ca) as raw:
            raw.send(on_wire(made(now())))
            return raw.read("POST")

    return send


def test_what_is_kept(running: Gateway, ask: Callable[[Made], Answer], bucket: str, tmp_path: Path) -> None:
    """Both heads, what became of each header, and of the body the file alone; of a refused one its head and why."""
    headers = [(b"User-Agent", b"a browser"), (b"Accept", b"text/html"), (b"Origin", b"https://app.example")]
    fields = [("Content-Type", "image/png"), ("x-amz-meta-a", "1")]
    good = form(fields, b"data", bucket=bucket, headers=headers)
    assert ask(good).status == 204
    assert ask(form(file=LARGE, bucket=bucket, key="large")).status == 204
    forged = form(bucket=bucket, edit=forms.changed("policy", lambda old: old[:-4] + "AAAA"))
    assert ask(forged).code == "SignatureDoesNotMatch"
    assert ask(form(SSE_C, bucket=bucket, key="sse-c")).status == 400
    eventually(lambda: running.log().count('"status"') >= 4, running.log())
    running.stop()
    for kept in (tmp_path / "flows", tmp_path / "captured.jsonl"):
        first, large, refused, sse_c = sources.read(kept)
        assert (first.verdict, first.operation, first.key, first.sse) == ("admitted", "PutObject", "key", "SSE-KMS")
        assert first.outgoing is not None
        assert (first.incoming.method, first.incoming.target) == ("POST", f"/{bucket}")
        assert (first.outgoing.method, first.outgoing.target) == ("PUT", f"/{bucket}/key")
        for exchange in (first, large, sse_c):
            comparison = compare_exchange(exchange)
            assert comparison is not None
            assert (comparison.lost, comparison.faults) == ((), ())
            assert comparison.survived
            assert all(row.reason for row in comparison.rows if row.fate.value != "kept")
        assert (refused.verdict, refused.code, refused.outgoing) == ("refused", "SignatureDoesNotMatch", None)
        assert (refused.identity, refused.key) == ("spark?", "key")
        assert "signed with another secret, or has been changed" in refused.message
        assert refused.explanation is not None
        assert (refused.explanation.cause, refused.explanation.sentence) == ("form-policy", refused.message)
        command = curl.command(first)
        assert "--request PUT" in command
        assert f"/{bucket}/key" in command
        assert "--header 'content-type: image/png'" in command
        assert "server-side-encryption" not in command
        assert b"multipart/form-data; boundary" in kept.read_bytes()
    with (tmp_path / "flows").open("rb") as file:
        flows = [flow for flow in io.FlowReader(file).stream() if isinstance(flow, http.HTTPFlow)]
    assert [flow.request.raw_content for flow in flows[:2]] == [b"data", LARGE]
    assert flows[2].request.raw_content is None


def test_a_form_is_not_replayed(
    gateway: GatewayFactory, running: Gateway, ask: Callable[[Made], Answer], recorder: Recorder, bucket: str,
    tmp_path: Path,
) -> None:  # fmt: skip
    """Its policy is not kept, so nobody can sign it anew."""
    assert ask(form(bucket=bucket)).status == 204
    eventually(lambda: running.log().count('"status"') >= 1, running.log())
    running.stop()
    recorder.clear()
    arguments = ["-C", str(tmp_path / "flows"), "--set", "keepserving=true"]
    again = gateway(gateway_config(recorder, clients=CLIENTS), arguments=arguments)
    eventually(lambda: '"refusal": "AccessDenied"' in again.log(), again.log())
    assert "its policy is not kept" in again.log()
    assert recorder.requests() == []
    assert CLIENT.secret not in again.log()
