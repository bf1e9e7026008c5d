"""Several processes give sessions only where each can open those of the others."""

from collections import Counter
from pathlib import Path

import boto3
import pytest

from lab.fixed import Fixed
from lab.gateway import SPARK_CLIENT, gateway_config
from s3gateway.config.check import ConfigError
from s3gateway.serve.__main__ import _load
from tests.canary import CANARY
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import Key, Target, sign
from tests.serve.conftest import Start
from tests.tools.test_usage import script

BACKEND = 'backend: {endpoint: "https://minio.example"}\n'


def test_the_ring_must_be_a_file(tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(BACKEND + "sts: {}\n")
    with pytest.raises(ConfigError, match=r"^sts\.ring: is not set, and each worker would seal sessions"):
        _load(config)
    assert script("make_ring", "ring.yaml", cwd=tmp_path).returncode == 0
    config.write_text(BACKEND + "sts: {ring: ring.yaml}\n")
    assert _load(config).sts is not None


def test_each_worker_opens_what_another_has_sealed(fixed: Fixed, serve: Start, tmp_path: Path) -> None:
    """One asks for a session; then connection after connection comes to whichever worker has the fewest."""
    assert script("make_ring", "ring.yaml", cwd=tmp_path).returncode == 0
    config = gateway_config(fixed, sts={"ring": str(tmp_path / "ring.yaml")}, log={"format": "json"})
    running = serve(config, workers=2)
    url = f"http://127.0.0.1:{config['listen']['port']}"
    sts = boto3.client(
        "sts",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=SPARK_CLIENT["access_key_id"],
        aws_secret_access_key=SPARK_CLIENT["secret_access_key"],
    )
    found = sts.assume_role(RoleArn="arn:aws:iam::000000000000:role/any", RoleSessionName="me")["Credentials"]
    CANARY.watch("session's secret", found["SecretAccessKey"])
    key = Key(found["AccessKeyId"], found["SecretAccessKey"])
    token = [("x-amz-security-token", found["SessionToken"])]
    answers: Counter[int] = Counter()
    with Raw(running.port) as kept:
        for _ in range(4):  # one connection stays, so that the others come to the other worker
            answers[kept.ask(sign("GET", Target("bucket", "1k"), key=key, headers=token).head).status] += 1
            with Raw(running.port) as raw:
                answers[raw.ask(sign("GET", Target("bucket", "1k"), key=key, headers=token).head).status] += 1
    assert answers == {200: 8}
