"""Where the gateway's own credentials come from: AIStor-GW's variables, botocore's chain, temporary ones."""

import os
from pathlib import Path
from typing import Any

from lab import CHECKOUT
from lab.backends import s3_client
from lab.gateway import Gateway, gateway_config
from lab.minio import Minio
from lab.ports import accepts, free_port
from lab.process import Command, start
from lab.recorder import Recorder
from tests.conftest import GatewayFactory
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import Key, Target, put_chunked, sign
from tests.real.waiting import eventually


def _without_credentials(recorder: Recorder) -> dict[str, Any]:
    config = gateway_config(recorder)
    del config["backend"]["credentials"]
    return config


def _check_temporary(running: Gateway, wire: Recorder, bucket: str, token: str) -> None:
    put = put_chunked(Target(bucket, "k"), b"x" * 200_000)
    with Raw(running.port) as raw:
        assert raw.ask(put.wire).status == 200
        assert raw.ask(sign("GET", Target(bucket, "k")).head).body == b"x" * 200_000
        with_token = sign("GET", Target(bucket, "k"), headers=[("x-amz-security-token", "of-the-client")])
        assert raw.ask(with_token.head).code == "InvalidToken"
    sent = wire.requests()
    assert [request.method for request in sent] == ["PUT", "GET"]
    for request in sent:
        assert request.header("x-amz-security-token") == token.encode()
        assert "x-amz-security-token" in request.signed_headers()
    assert token not in running.log()


def test_temporary_credentials_from_the_environment(
    gateway: GatewayFactory, minio: Minio, wire: Recorder, bucket: str
) -> None:
    """The gateway's session token travels, signed, with every request and every chunk; the client's never does."""
    found = minio.temporary_credentials()
    env = {
        "AWS_ACCESS_KEY_ID": found["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": found["SecretAccessKey"],
        "AWS_SESSION_TOKEN": found["SessionToken"],
    }
    running = gateway(_without_credentials(wire), env=env)
    _check_temporary(running, wire, bucket, found["SessionToken"])


def test_temporary_credentials_from_a_profile(
    gateway: GatewayFactory, minio: Minio, wire: Recorder, bucket: str, tmp_path: Path
) -> None:
    """A named profile of the AWS shared files."""
    found = minio.temporary_credentials()
    shared = tmp_path / "credentials"
    shared.write_text(
        f"[lab]\naws_access_key_id={found['AccessKeyId']}\naws_secret_access_key={found['SecretAccessKey']}\n"
        f"aws_session_token={found['SessionToken']}\n"
    )
    config = _without_credentials(wire)
    config["backend"]["credentials"] = {"profile": "lab"}
    running = gateway(config, env={"AWS_SHARED_CREDENTIALS_FILE": str(shared)})
    _check_temporary(running, wire, bucket, found["SessionToken"])


def test_temporary_credentials_in_the_configuration(
    gateway: GatewayFactory, minio: Minio, wire: Recorder, bucket: str
) -> None:
    """A session token beside the key pair."""
    found = minio.temporary_credentials()
    config = gateway_config(wire)
    config["backend"]["credentials"] = {
        "access_key_id": found["AccessKeyId"],
        "secret_access_key": found["SecretAccessKey"],
        "session_token": found["SessionToken"],
    }
    _check_temporary(gateway(config), wire, bucket, found["SessionToken"])


def test_aistor_gws_variables(minio: Minio, bucket: str, tmp_path: Path) -> None:
    """With them and no YAML: the same static key pair on both sides, over HTTP; ``:port`` listens everywhere."""
    credentials = tmp_path / "creds.yaml"
    credentials.write_text(f"static:\n  access_key_id: {minio.access_key}\n  secret_access_key: {minio.secret_key}\n")
    port = free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
        "LOCAL_ENDPOINT": f"http://127.0.0.1:{port}",
        "MINIO_ENDPOINT": minio.endpoint,
        "MINIO_CACERT_FILE": str(minio.ca_file),
        "CREDS_FILE": str(credentials),
        "VERBOSE": "true",
    }
    mitmdump = CHECKOUT / ".venv" / "bin" / "mitmdump"
    arguments = [str(mitmdump), "-s", str(CHECKOUT / "addons/s3_gateway.py"), "--set", f"confdir={tmp_path}"]
    process = start(Command("mitmdump", arguments, tmp_path / "log", env), lambda: accepts(port))
    try:
        s3 = s3_client(f"http://127.0.0.1:{port}", minio.access_key, minio.secret_key)
        s3.put_object(Bucket=bucket, Key="k", Body=b"drop-in")
        assert minio.client().get_object(Bucket=bucket, Key="k")["Body"].read() == b"drop-in"
        with Raw(port) as raw:
            assert raw.ask(sign("GET", Target(bucket, "k"), key=Key()).head).code == "InvalidAccessKeyId"
        assert minio.secret_key not in process.log()
        # A changed key pair is followed on both sides.
        credentials.write_text("static: {access_key_id: another, secret_access_key: pair}\n")
        eventually(lambda: _code(port, bucket, Key(minio.access_key, minio.secret_key)) == "InvalidAccessKeyId")
        # MinIO does not know it, so the old one goes on to sign there.
        assert _code(port, bucket, Key("another", "pair")) == ""
        eventually(lambda: "another is not used, as the backend refuses it" in process.log())
        assert "aistor-gw" in process.log()
    finally:
        process.stop()


def _code(port: int, bucket: str, key: Key) -> str:
    with Raw(port) as raw:
        answer = raw.ask(sign("GET", Target(bucket, "k"), key=key).head)
    return answer.code if answer.status != 200 else ""
