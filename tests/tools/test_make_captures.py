"""``scripts/make_captures``: anyone can make the golden captures again, and nothing of their machine is in them."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from lab import CHECKOUT
from lab.minio import Minio
from s3gateway.observed.capture import Exchange, Head, Response
from sampling.shapes import samples
from tests.tools.test_replay_flows import run

CAPTURES = CHECKOUT / "tests" / "captures"
HEAD = Head("GET", "/b/k", (("Host", "127.0.0.1:34567"), ("Range", "bytes=0-1")), ("host",))
EXCHANGE = Exchange("1F", "2026-01-31T12:00:00.000Z", False, HEAD, operation="GetObject", identity="spark")


def test_boto3_is_captured_anew(minio: Minio, tmp_path: Path) -> None:
    """Of the same shapes as the shipped file, and the gateway makes the same of them."""
    env = dict(os.environ) | {"PYTHONPATH": f"{CHECKOUT}/addons:{CHECKOUT}/scripts", "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "sampling", "boto3", "--to", str(tmp_path)]
    ended = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("boto3.json: ")
    assert run(tmp_path / "boto3.json").returncode == 0
    new, shipped = (json.loads((folder / "boto3.json").read_text()) for folder in (tmp_path, CAPTURES))
    assert new["gateway"] == shipped["gateway"]
    assert [one["id"] for one in new["exchanges"]] == [one["id"] for one in shipped["exchanges"]]
    for one, other in zip(new["exchanges"], shipped["exchanges"], strict=True):
        assert one["incoming"]["signed_headers"] == other["incoming"]["signed_headers"], one["id"]


def test_one_of_each_shape() -> None:
    """The same headers, signed alike, are one shape whatever their values; the target with most to escape is kept."""
    other_values = replace(HEAD, target="/b/%C3%A9", headers=(("Host", "127.0.0.1:1"), ("Range", "bytes=5-")))
    more = replace(HEAD, headers=(*HEAD.headers, ("If-Match", "x")))
    unsigned = replace(HEAD, signed_headers=())
    heads = [HEAD, other_values, HEAD, more, unsigned, replace(HEAD, target="/b/k?versionId=1")]
    found = samples(replace(EXCHANGE, incoming=head) for head in heads)
    assert [exchange.incoming.target for exchange in found] == ["/b/%C3%A9", "/b/k", "/b/k", "/b/k?versionId=1"]
    assert [exchange.id for exchange in found] == ["GetObject-1", "GetObject-2", "GetObject-3", "GetObject-4"]


def test_what_is_of_the_machine_goes() -> None:
    """The port, the kernel and the account; the client's own version and vendor stay, as does what an answer tells."""
    headers = (
        ("Host", "127.0.0.1:34567"),
        ("User-Agent", "Hadoop 3.3.4, aws-sdk-java/1.12.262 Linux/6.8.0-31-generic OpenJDK/17.0.15 vendor/Debian"),
        ("User-Agent", "Boto3/1.44.5 os/linux#6.8.0-31-generic md/arch#x86_64"),
        ("User-Agent", "aws-sdk-cpp/1.11.0 OS/Linux#6.8.0-31-generic lang/c++ os/linux/6.8.0"),
        ("Referer", "https://audit.example.org/hadoop/1/op_create/?op=op_create&pr=somebody&ps=1"),
    )
    answer = Response(200, (("ETag", "x"), ("Server", "MinIO"), ("X-Amz-Request-Id", "18C0")))
    (found,) = samples([replace(EXCHANGE, incoming=replace(HEAD, headers=headers), response=answer)])
    assert [value for _, value in found.incoming.headers] == [
        "127.0.0.1:8000",
        "Hadoop 3.3.4, aws-sdk-java/1.12.262 Linux/6.1 OpenJDK/17.0.15 vendor/Debian",
        "Boto3/1.44.5 os/linux#6.1 md/arch#x86_64",
        "aws-sdk-cpp/1.11.0 OS/Linux#6.1 lang/c++ os/linux/6.1",
        "https://audit.example.org/hadoop/1/op_create/?op=op_create&pr=spark&ps=1",
    ]
    assert found.response == Response(200, (("ETag", "x"),))
