"""A changed configuration, secret or certificate takes effect in a running gateway and drops no transfer."""

import ssl
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.backends import s3_client
from lab.certs import Certs, make_certs
from lab.gateway import SPARK_CLIENT, Gateway, gateway_config
from lab.minio import Minio
from tests.conftest import GatewayFactory
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import CHUNK, Key, Target, put_chunked, sign
from tests.real.waiting import eventually

DATA = b"0123456789abcdef" * (CHUNK // 16)


def _status(running: Gateway, key: Key) -> int:
    with Raw(running.port) as raw:
        return raw.ask(sign("GET", Target("", ""), key=key).head).status


def _complaint(running: Gateway, since: int) -> str:
    return next((line for line in running.log()[since:].splitlines() if "not reloaded" in line), "")


def _reloaded(running: Gateway, times: int = 1) -> bool:
    return running.log().count("configuration reloaded") >= times


def test_a_change_keeps_running_transfers(gateway: GatewayFactory, minio: Minio, bucket: str) -> None:
    """An upload and a download that began before a reload end under what they began with, though their key is gone."""
    minio.client().put_object(Bucket=bucket, Key="large", Body=DATA * 512)
    config = gateway_config(minio)
    running = gateway(config)
    put = put_chunked(Target(bucket, "up"), DATA * 8)
    with Raw(running.port) as up, Raw(running.port) as down:
        up.send(put.head + put.body[: len(put.body) // 2])
        down.send(sign("GET", Target(bucket, "large")).head)
        assert down.read_head().status == 200
        down.read_exactly(len(DATA))
        new = dict(SPARK_CLIENT) | {"access_key_id": "NEWKEY", "secret_access_key": "new-secret"}
        running.write_config(config | {"clients": [new], "encryption": [{"sse-kms": "my-key"}]})
        eventually(lambda: _reloaded(running), running.log())
        assert (_status(running, Key()), _status(running, Key("NEWKEY", "new-secret"))) == (403, 200)
        up.send(put.body[len(put.body) // 2 :])
        assert up.read().status == 200
        assert down.read_exactly(511 * len(DATA)) == DATA * 511
    head = minio.client().head_object(Bucket=bucket, Key="up")
    assert head["ContentLength"] == len(DATA) * 8
    assert "ServerSideEncryption" not in head


def test_a_broken_configuration_is_reported_and_the_old_one_stays(gateway: GatewayFactory, minio: Minio) -> None:
    """Syntax, an unknown key, a lost file: one line each; and a good one afterwards is taken."""
    config = gateway_config(minio)
    running = gateway(config)
    broken: list[tuple[Any, str]] = [
        ("clients: [", "YAML"),
        (config | {"unheard_of": 1}, "unheard_of"),
        (config | {"clients": []}, "clients"),
        (config | {"listen": {**config["listen"], "port": 1}}, "listen"),
        (config | {"backend": {**config["backend"], "ca_file": "/nowhere.crt"}}, "/nowhere.crt"),
        (config | {"backend": {**config["backend"], "endpoint": "https://${MINIO_HOST}:9000"}}, "backend.endpoint"),
        (config | {"encryption": [{"client": "sparc", "sse-s3": True}]}, "encryption[0].client"),
    ]
    for text, told in broken:
        before = len(running.log())
        running.write_config(text)
        line = eventually(partial(_complaint, running, before), str(text))
        assert told in line, line
        assert _status(running, Key()) == 200
    running.write_config(config | {"clients": [dict(SPARK_CLIENT) | {"secret_access_key": "another"}]})
    eventually(lambda: _status(running, Key(secret="another")) == 200)
    assert SPARK_CLIENT["secret_access_key"] not in running.log()


def test_a_secret_file_is_followed(gateway: GatewayFactory, minio: Minio, tmp_path: Path) -> None:
    """A client's secret and the backend's credentials, each in a file of its own, also when the file is a symlink."""
    secret, link, credentials = tmp_path / "one", tmp_path / "secret", tmp_path / "creds.yaml"
    secret.write_text("first\n")
    link.symlink_to(secret)
    credentials.write_text(f"static: {{access_key_id: {minio.access_key}, secret_access_key: wrong}}\n")
    client = {"name": "f", "access_key_id": "FILEKEY", "secret_access_key_file": str(link), "buckets": ["*"]}
    config = gateway_config(minio, clients=[client])
    config["backend"]["credentials"] = {"file": str(credentials)}
    running = gateway(config)
    with Raw(running.port) as raw:  # MinIO tells its code in a header where there is no body
        assert raw.ask(sign("HEAD", Target("any", "k"), key=Key("FILEKEY", "first")).head, "HEAD").status == 503
    eventually(lambda: '"backend_error": "SignatureDoesNotMatch"' in running.log())
    credentials.write_text(f"static: {{access_key_id: {minio.access_key}, secret_access_key: {minio.secret_key}}}\n")
    eventually(lambda: _status(running, Key("FILEKEY", "first")) == 200)
    (tmp_path / "two").write_text("second\n")
    link.unlink()
    link.symlink_to(tmp_path / "two")
    eventually(lambda: _status(running, Key("FILEKEY", "second")) == 200)
    assert _status(running, Key("FILEKEY", "first")) == 403


def test_a_profile_is_followed(gateway: GatewayFactory, minio: Minio, tmp_path: Path) -> None:
    """The AWS shared files are credential files, too: a key that is rotated there counts; half of one does not."""
    shared = tmp_path / "credentials"
    profile = f"[lake]\naws_access_key_id = {minio.access_key}\n"
    shared.write_text(f"{profile}aws_secret_access_key = wrong\n")
    config = gateway_config(minio)
    config["backend"]["credentials"] = {"profile": "lake"}
    running = gateway(config, env={"AWS_SHARED_CREDENTIALS_FILE": str(shared)})
    assert _status(running, Key()) == 503
    shared.write_text(f"{profile}aws_secret_access_key = {minio.secret_key}\n")
    eventually(lambda: _status(running, Key()) == 200)
    at = len(running.log())
    shared.write_text(profile)
    eventually(lambda: "backend.credentials" in _complaint(running, at))
    assert _status(running, Key()) == 200


def test_a_file_that_comes_after_the_configuration_that_names_it(
    gateway: GatewayFactory, minio: Minio, certs: Certs, tmp_path: Path
) -> None:
    """Secrets and configurations are rolled out apart: what was refused for a file is taken once the file is right."""
    config = gateway_config(minio)
    running = gateway(config)
    client = {
        "name": "f",
        "access_key_id": "FILEKEY",
        "secret_access_key_file": str(tmp_path / "late"),
        "buckets": ["*"],
    }
    changed = config | {"clients": [client], "backend": config["backend"] | {"ca_file": str(tmp_path / "ca.crt")}}
    (tmp_path / "ca.crt").write_text("not yet\n")
    running.write_config(changed)
    eventually(lambda: "clients[0].secret_access_key_file: file" in _complaint(running, 0), running.log())
    before = len(running.log())
    (tmp_path / "late").write_text("late-secret\n")
    eventually(lambda: "backend.ca_file" in _complaint(running, before), running.log())
    assert _status(running, Key()) == 200
    (tmp_path / "ca.crt").write_bytes(certs.ca.read_bytes())
    eventually(lambda: _status(running, Key("FILEKEY", "late-secret")) == 200, running.log())
    assert running.log().count("configuration not reloaded") == 2


def test_a_new_certificate_is_shown(
    gateway: GatewayFactory, minio: Minio, certs: Certs, tmp_path: Path, bucket: str
) -> None:
    """Clients that connect after the change see it; one that is connected goes on with its upload."""
    own = tmp_path / "gateway.pem"
    own.write_bytes(certs.gateway.read_bytes())
    running = gateway(gateway_config(minio, certificate=own))
    other, _ = make_certs(tmp_path / "other")

    def shown() -> bytes:
        return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", running.port)))

    put = put_chunked(Target(bucket, "k"), DATA)
    first = shown()
    with Raw(running.port, certs.ca) as raw:
        raw.send(put.wire[:5000])
        own.write_bytes(other.gateway.read_bytes())
        eventually(lambda: shown() != first)
        raw.send(put.wire[5000:])
        assert raw.read().status == 200
    with Raw(running.port, other.ca) as raw:
        assert raw.ask(sign("GET", Target(bucket, "k")).head).body == DATA
    with pytest.raises(ssl.SSLCertVerificationError):
        Raw(running.port, certs.ca)


def test_many_reloads_under_load(gateway: GatewayFactory, minio: Minio, bucket: str) -> None:
    """Requests of four clients go on without a single failure while the configuration changes again and again."""
    config = gateway_config(minio)
    running = gateway(config)
    stop, failed, done = threading.Event(), [], []

    def work(number: int) -> None:
        s3 = s3_client(running.url, Key().access_key_id, Key().secret)
        while not stop.is_set():
            try:
                s3.put_object(Bucket=bucket, Key=f"k{number}", Body=DATA)
                done.append(s3.get_object(Bucket=bucket, Key=f"k{number}")["Body"].read() == DATA)
            except (ClientError, OSError) as error:
                failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for number in range(1, 4):
            running.write_config(config | {"encryption": [{"sse-s3": True}] * number})
            eventually(partial(_reloaded, running, number))
            before = len(done)
            eventually(lambda: failed or len(done) > before + 4)  # noqa: B023 - called at once
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failed == []
    assert all(done)
