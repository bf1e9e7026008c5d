"""The incident that this project began with, replayed: MinIO's 400, and the tool that names its cause."""

import re
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from diffing.__main__ import main
from lab import CHECKOUT
from lab.incident import incident, run_job, symptom
from lab.minio import Minio
from lab.spark import Spark
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import Target, sign

PAGE = (CHECKOUT / "scripts" / "DEBUGGING.md").read_text(encoding="utf-8")
CAUSE = (
    "Connection is in the outgoing SignedHeaders but not on the wire. The client sent it, the gateway signed it and "
    "then dropped it"
)


def flat(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_connection_is_named(minio: Minio, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As SDK v1 sends it: 400 without a word to a HEAD; the culprit is named, and ``amz-sdk-retry`` acquitted."""
    bucket = f"incident-{uuid4().hex[:12]}"
    minio.client().create_bucket(Bucket=bucket)
    with incident(minio, tmp_path) as running:
        port = urlsplit(running.url).port
        assert port is not None
        with Raw(port) as raw:
            for method in ("HEAD", "GET"):
                answer = raw.ask(sign(method, Target(bucket, "orders"), host=f"127.0.0.1:{port}").head, method)
                assert answer.status == 400
                said = answer.header("x-minio-error-code") if method == "HEAD" else answer.code
                assert said == "AccessDenied"

    assert main([str(running.front), str(running.behind)]) == 1
    told = capsys.readouterr().out
    assert CAUSE in flat(told)
    assert "in requests 1, 2" in told
    assert len(re.findall(r"^  = amz-sdk-retry ", told, re.MULTILINE)) == 2


def test_without_connection_the_same_gateway_works(
    minio: Minio, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The header alone is to blame: the same request, by a client that does not send it, is answered."""
    bucket = f"incident-{uuid4().hex[:12]}"
    minio.client().create_bucket(Bucket=bucket)
    with incident(minio, tmp_path) as running:
        port = urlsplit(running.url).port
        assert port is not None
        request = sign("GET", Target(bucket, "", [("list-type", "2")]), host=f"127.0.0.1:{port}")
        head = request.head.replace(b"Connection: Keep-Alive\r\n", b"")
        with Raw(port) as raw:
            assert raw.ask(head).status == 200

    assert main([str(running.front), str(running.behind)]) == 0
    assert "✓ Every client header survived in 1 request" in capsys.readouterr().out


def test_spark_fails_as_the_walk_through_says(
    minio: Minio, spark35: Spark, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page's symptom is Spark's, and its cause the one that is found."""
    s3 = minio.client()
    if "warehouse" not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket="warehouse")
    with incident(minio, tmp_path) as running:
        ended = run_job(spark35, running.url, tmp_path)
    assert ended.returncode != 0
    shown = re.search(r"org\.apache\.hadoop\.fs\.s3a\.AWSBadRequestException:[^`]*?400 Bad Request", PAGE)
    assert shown is not None
    assert symptom(ended.stdout).startswith(flat(shown[0]))

    assert main([str(running.front), str(running.behind)]) == 1
    assert CAUSE in flat(capsys.readouterr().out)
