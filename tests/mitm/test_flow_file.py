"""What is written to disk or shown: neither a flow file nor a log, at its most talkative, holds a secret."""

import base64
import os
import re
import urllib.request
from hashlib import md5
from pathlib import Path
from urllib.parse import urlsplit

from botocore.config import Config

from capturing import sources
from capturing.listing import listing
from lab.backends import verified_opener
from lab.certs import Certs
from lab.gateway import SPARK_CLIENT, gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from s3gateway.observed.capture import dump
from tests.conftest import GatewayFactory
from tests.real.rawhttp import Answer, Raw
from tests.real.sdkv1 import CHUNK, Key, Target, put_chunked, sign
from tests.real.waiting import eventually

_SIGNATURE = re.compile(rb"Signature=([0-9a-f]{64})")


def test_no_secret_is_written(
    gateway: GatewayFactory, minio: Minio, recorder: Recorder, certs: Certs, tmp_path: Path
) -> None:
    """Client and backend secrets, session token, SSE-C keys and every signature that was used, in any traffic."""
    bucket = f"canary-{os.getpid()}"
    minio.client().create_bucket(Bucket=bucket)
    own = minio.temporary_credentials()
    policy_key, client_key = os.urandom(32), b"client-own-sse-c-key-of-32-bytes"
    (tmp_path / "sse-c.key").write_bytes(policy_key)
    live_file = tmp_path / "live.jsonl"
    config = gateway_config(
        recorder,
        certificate=certs.gateway,
        log={"capture": str(live_file)},
        encryption=[{"bucket": bucket, "prefix": "c/", "sse-c": str(tmp_path / "sse-c.key")}],
    )
    config["backend"]["credentials"] = {
        "access_key_id": own["AccessKeyId"],
        "secret_access_key": own["SecretAccessKey"],
        "session_token": own["SessionToken"],
    }
    running = gateway(config, watched=True, arguments=["--set", "flow_detail=4"])

    s3 = running.client(tls=True, config=Config(signature_version="s3v4"))
    s3.put_object(Bucket=bucket, Key="c/k", Body=b"x")
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "c/k"})
    s3.get_object(Bucket=bucket, Key="c/k")["Body"].read()
    customer = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": client_key.decode()}
    s3.put_object(Bucket=bucket, Key="own", Body=b"x", **customer)  # type: ignore[arg-type]
    s3.copy_object(
        Bucket=bucket,
        Key="own-copy",
        CopySource={"Bucket": bucket, "Key": "own"},
        CopySourceSSECustomerAlgorithm="AES256",
        CopySourceSSECustomerKey=client_key.decode(),
    )
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "copy"})
    verified_opener(certs.ca).open(urllib.request.Request(url), timeout=120).close()
    used = [re.findall(r"X-Amz-Signature=([0-9a-f]{64})", url)[0].encode()]
    chunked = put_chunked(Target(bucket, "k"), b"x" * (CHUNK + 1))
    _raw(running.port, chunked.wire)
    tampered = put_chunked(Target(bucket, "t"), b"x" * CHUNK)
    _raw(running.port, tampered.tampered(0, -50).wire)
    wrong = sign("GET", Target(bucket, "k"), key=Key(secret="wrong"))
    assert _raw(running.port, wrong.head).error["SignatureProvided"] == wrong.signature
    _raw(running.port, sign("GET", Target(bucket, "k"), headers=[("x-amz-security-token", "TOKEN-OF-CLIENT")]).head)
    # A client that leaves in the middle, and one whose flow is still open when all is written.
    with Raw(running.port) as raw:
        raw.send(put_chunked(Target(bucket, "half"), b"x" * CHUNK).wire[:5000])
    eventually(lambda: running.log().count('"status"') >= 11, running.log())
    with Raw(running.port) as raw:
        raw.send(put_chunked(Target(bucket, "open"), b"x" * CHUNK).wire[:5000])
        eventually(lambda: any(b"/open" in request.target for request in recorder.requests()))
        for request in recorder.requests():
            used += _SIGNATURE.findall(request.header("authorization") or b"")
        # The last one's sender was told it, as SignatureProvided.
        used += [request.signature.encode() for request in (chunked.request, tampered.request, wrong)]
        log = running.log().encode()
        running.stop()
    log += running.log().encode()
    flow_file = running.flow_file
    written = flow_file.read_bytes() + live_file.read_bytes() + _captured(flow_file, live_file)
    assert b"GetObject" in log
    assert urlsplit(url).path.encode() in written
    secrets = {
        "client": str(SPARK_CLIENT["secret_access_key"]).encode(),
        "backend": own["SecretAccessKey"].encode(),
        "token": own["SessionToken"].encode(),
        "client token": b"TOKEN-OF-CLIENT",
        "policy key": policy_key,
        "policy key in base64": base64.b64encode(policy_key),
        "client key": client_key,
        "client key in base64": base64.b64encode(client_key),
    }
    for name, secret in secrets.items():
        assert secret not in written, name
        assert secret not in log, name
    assert base64.b64encode(md5(client_key).digest()) in written  # a digest is none: the header is there
    assert len(used) > 10
    for signature in used:
        at = written.find(signature)
        assert at < 0, written[max(0, at - 800) : at + 80]
        assert signature not in log


def _captured(flow_file: Path, live_file: Path) -> bytes:
    """Give what people see of the captures, which hold the exchanges, tokens named and not shown."""
    exchanges = (*sources.read(flow_file), *sources.read(live_file))
    assert len(exchanges) >= 22
    outgoing = [exchange.outgoing.canonical_request for exchange in exchanges if exchange.outgoing]
    assert any("x-amz-security-token:<redacted>" in text for text in outgoing)
    return ("".join(map(listing, exchanges)) + dump(exchanges)).encode()


def _raw(port: int, data: bytes) -> Answer:
    with Raw(port) as raw:
        return raw.ask(data)
