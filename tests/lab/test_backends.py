"""lab.minio, lab.moto and lab.tools: the backends do what tests rely on."""

import os
import subprocess
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from lab import MissingPartError, tools
from lab.backends import s3_client
from lab.certs import Certs
from lab.minio import Minio
from lab.moto import Moto
from tests.sent import WatchedRecorder


def test_minio_encrypts_with_its_kms_key_when_asked_to(minio: Minio) -> None:
    client = minio.client()
    client.create_bucket(Bucket="lab-kms")
    client.put_object(
        Bucket="lab-kms", Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=minio.kms_key_id
    )
    head = client.head_object(Bucket="lab-kms", Key="k")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", f"arn:aws:kms:{minio.kms_key_id}")


def test_minio_encrypts_nothing_by_itself(minio: Minio) -> None:
    client = minio.client()
    client.create_bucket(Bucket="lab-plain")
    client.put_object(Bucket="lab-plain", Key="k", Body=b"x")
    assert "ServerSideEncryption" not in client.head_object(Bucket="lab-plain", Key="k")


def test_minio_refuses_a_signature_for_another_region(minio: Minio, recorder: WatchedRecorder) -> None:
    """On the wire, as boto3 heals it: it signs anew for the region that the refusal names."""
    minio.client().create_bucket(Bucket="lab-elsewhere")
    elsewhere = s3_client(
        recorder.endpoint, minio.access_key, minio.secret_key, region="eu-west-1", ca_file=minio.ca_file
    )
    elsewhere.put_object(Bucket="lab-elsewhere", Key="k", Body=b"x")
    answers = b"".join(bytes(connection.received) for connection in recorder.connections())
    assert b"<Code>AuthorizationHeaderMalformed</Code>" in answers
    scopes = [(request.header("authorization") or b"").split(b"/")[2] for request in recorder.requests()]
    assert (scopes[0], scopes[-1]) == (b"eu-west-1", b"us-east-1")
    recorder.forget()  # no gateway's


def test_minio_keeps_port_and_data_over_a_restart(certs: Certs, minio: Minio) -> None:
    with Minio(certs) as own:
        own.client().create_bucket(Bucket="kept")
        endpoint, pid = own.endpoint, own.pid
        own.restart()
        assert (own.endpoint, own.pid != pid) == (endpoint, True)
        assert [bucket["Name"] for bucket in own.client().list_buckets()["Buckets"]] == ["kept"]


def test_mc_is_minios_and_trusts_the_ca(mc: Path, minio: Minio, tmp_path: Path) -> None:
    host = f"https://{minio.access_key}:{minio.secret_key}@127.0.0.1:{minio.port}"
    env = os.environ | {"MC_HOST_lab": host, "SSL_CERT_FILE": str(minio.ca_file)}
    command = [str(mc), "--config-dir", str(tmp_path), "--json", "ls", "lab"]
    said = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr) == (0, "")


def test_a_variable_that_names_something_else_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MC_BINARY", "/bin/true")
    with pytest.raises(MissingPartError, match=r"^MC_BINARY=/bin/true is not MinIO's mc$"):
        tools.mc()


def test_a_midnight_commander_is_passed_over_and_a_missing_go_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    impostor = tmp_path / "bin" / "mc"
    impostor.parent.mkdir()
    impostor.write_text("#!/bin/sh\necho GNU Midnight Commander 4.8.29\n")
    impostor.chmod(0o755)
    monkeypatch.delenv("MC_BINARY", raising=False)
    monkeypatch.setenv("PATH", str(impostor.parent))
    monkeypatch.setenv("S3_GATEWAY_CACHE", str(tmp_path / "cache"))
    with pytest.raises(MissingPartError, match="no go to build it"):
        tools.mc()


def test_moto_serves_its_user_and_refuses_a_wrong_secret(moto_backend: Moto) -> None:
    client = moto_backend.client()
    client.create_bucket(Bucket="lab-moto")
    client.put_object(Bucket="lab-moto", Key="k", Body=b"x", ServerSideEncryption="AES256")
    assert client.head_object(Bucket="lab-moto", Key="k")["ServerSideEncryption"] == "AES256"
    wrong = s3_client(moto_backend.endpoint, moto_backend.access_key, "wrong", ca_file=moto_backend.ca_file)
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        wrong.list_buckets()
