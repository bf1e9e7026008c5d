"""``scripts/clients``: what a run tells, and the part of the matrix that needs no download, run."""

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lab import CHECKOUT
from lab.certs import Certs
from lab.minio import Minio
from matrix import results
from matrix.__main__ import run
from matrix.behind import MINIO, SEAWEEDFS
from matrix.catalogue import CLIENTS
from matrix.installing import Installed
from matrix.results import Case, Result, Sent
from matrix.sending import sent
from matrix.settings import S3A, SPARK, effects
from matrix.stage import LANES, Stage, _told, keys_to_list, rules, staged
from matrix.table import document, markdown, unexplained
from replaying.golden import read_golden
from s3gateway.observed.capture import Chunks, Exchange, Head

MATRIX = (CHECKOUT / "tests" / "clients" / "matrix.md").read_text(encoding="utf-8")
HEAD = Head("PUT", "/b/k", (("Host", "h"), ("content-length", "10")), ("host", "x-amz-date"))
PUT = Exchange("1", "2026-01-31T12:00:00.000Z", False, HEAD, operation="PutObject", payload="UNSIGNED-PAYLOAD")
RESULT = Result(
    "boto3",
    "1",
    "2026-01-31",
    {"direct": (Case("get"), Case("list", "no")), "http": (Case("get", "a | b"), Case("list", "no"))},
    {"HTTP": Sent(("HASH",), ("1 MiB",), ("x-amz-checksum-crc32",), "never", ("host",))},
    settings={"fs.a=b": "yes"},
)


@pytest.fixture(scope="module")
def stage(minio: Minio, certs: Certs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(minio, certs, tmp_path_factory.mktemp("stage")) as made:
        yield made


@pytest.mark.xdist_group("matrix")  # the listing is made once
@pytest.mark.parametrize("name", [client.name for client in CLIENTS.values() if client.short])
def test_a_client_passes_as_directly(stage: Stage, name: str, tmp_path: Path) -> None:
    """Every case, in every lane; and the golden captures of the same run are what the gateway does offline."""
    result = run(stage, CLIENTS[name], tmp_path)
    assert result.problem == ""
    assert {lane: result.failed(lane) for lane in result.lanes} == {lane.name: {} for lane in LANES}
    assert result.sent["HTTP"].modes
    assert result.sent["TLS"].modes
    kept = read_golden(tmp_path / f"{name}.golden")
    assert kept is not None
    assert {exchange.sse for exchange in kept.exchanges} == {"", "SSE-KMS", "SSE-C"}


@pytest.mark.xdist_group("matrix")
def test_a_driver_that_breaks_off_is_a_case_that_failed(stage: Stage, tmp_path: Path) -> None:
    """What it has told before stays."""
    code = """print('{"case": "get"}', flush=True); raise SystemExit("no more")"""
    output = stage._run(Installed((sys.executable, "-c", code)), {}, tmp_path)
    assert list(_told(output)) == [Case("get"), Case("(driver)", "ended with status 1: no more")]


def _rows(text: str) -> list[str]:
    return re.findall(r"^\| ([a-z][\w.-]*) \| \S.* \|$", text.partition("\n## ")[0], re.MULTILINE)


def test_every_client_has_a_row() -> None:
    assert _rows(MATRIX) == list(CLIENTS)
    assert set(_rows(SEAWEEDFS.table.read_text(encoding="utf-8"))) < set(CLIENTS)


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    assert results.load(tmp_path, "boto3") is None
    results.save(tmp_path, RESULT)
    assert results.load(tmp_path, "boto3") == RESULT


def test_what_fails_directly_as_well_is_no_fault() -> None:
    """Nor is what is known of a client."""
    assert unexplained(RESULT) == [("http", "get", "a | b")]
    presigned = {"direct": (Case("presign-get"),), "http": (Case("presign-get", "403"),)}
    assert unexplained(replace(RESULT, lanes=presigned)) == [("http", "presign-get", "403")]
    assert unexplained(replace(RESULT, client="libcloud", lanes=presigned)) == []


def test_the_table_tells_of_it() -> None:
    text = markdown([RESULT, Result("kopia", "2", "2026-01-31", problem="no go")])
    assert "| boto3 | 1 | 1/2 ✖ | 0/2 ✖ | - | - | - | - |" in text
    assert "| kopia | 2 | - | - | - | - | - | - |" in text
    assert "* **boto3**, `list` in direct, http: no" in text
    assert "* **boto3**, `get` in http: a \\| b" in text
    assert "* **kopia** did not run: no go" in text
    assert "| boto3 | HTTP | HASH | 1 MiB | x-amz-checksum-crc32 | never | host |" in text
    assert "| Setting | boto3 |\n| --- | --- |\n| `fs.a=b` | yes |\n" in text


def test_the_table_of_the_other_backend() -> None:
    """Its own lanes; and what is known of a client before MinIO is not said of it there."""
    presigned = {lane.name: (Case("presign-get", "403"),) for lane in SEAWEEDFS.lanes}
    not_run = Result("kopia", "2", "2026-01-31", problem="no go")
    text = document([replace(RESULT, client="libcloud", lanes=presigned), not_run], SEAWEEDFS)
    assert "Not run there: kopia." in text
    assert "| libcloud | 1 | 0/1 ✖ | 0/1 ✖ | 0/1 ✖ | 0/1 ✖ | 0/1 ✖ | 0/1 ✖ | 0/1 ✖ |" in text
    assert "* **libcloud**, `presign-get` in every lane: 403" in text
    assert "it signs a Host without the port" in document([replace(RESULT, client="libcloud", lanes=presigned)], MINIO)
    assert rules("key", SEAWEEDFS.lanes) == [
        {"bucket": "kms-*", "sse-kms": "my-key"},
        {"bucket": "sses3-*", "sse-s3": True},
    ]


def test_what_a_setting_shows() -> None:
    """S3A ignores keys that it does not know: only a request tells."""

    def put(key: str, *more: tuple[str, str], operation: str = "PutObject") -> Exchange:
        return replace(PUT, key=key, operation=operation, incoming=replace(HEAD, headers=(*HEAD.headers, *more)))

    found = effects(
        S3A,
        [
            put("checksum/CRC32/small", ("x-amz-trailer", "x-amz-checksum-crc32")),
            put("checksum/SHA1/small", ("X-Amz-Checksum-Sha1", "AAAA")),
            put("checksum/SHA256/small"),
            put("conditional/1024", ("If-None-Match", "*")),
            put("kms"),
            put("off", ("Expect", "100-continue")),
            put("off", ("range", "bytes=0-1"), operation="GetObject"),
            put("analytics", ("User-Agent", "Hadoop s3analyticsaccelerator/1"), operation="GetObject"),
            put("classic", ("User-Agent", "Hadoop s3analyticsaccelerator/1"), operation="GetObject"),
            put("job/part-0", operation="CompleteMultipartUpload"),
        ],
    )
    assert {name.removeprefix("fs.s3a."): value for name, value in found.items()} == {
        "create.checksum.algorithm=CRC32": "yes",
        "create.checksum.algorithm=CRC32C": "-",
        "create.checksum.algorithm=SHA1": "yes",
        "create.checksum.algorithm=SHA256": "ignored",
        "create.checksum.algorithm=CRC64NVME": "-",
        "create.conditional.enabled=true": "yes",
        "encryption.context": "ignored",
        "input.stream.type=classic": "ignored",
        "input.stream.type=analytics": "yes",
        "vectored reads": "-",
        "connection.expect.continue=false": "ignored",
        "committer.name=magic": "yes",
    }
    assert set(effects(SPARK, [put("base/magic/part=1/part-0")]).values()) == {"ignored"}


def test_what_uploads_look_like() -> None:
    """Payload modes and chunks once each; Expect from the smallest body that has it; headers that all sign."""
    streamed = Head("PUT", "/b/k", (("x-amz-decoded-content-length", "99"), ("Expect", "100-continue")), ("host",))
    large = replace(
        PUT,
        incoming=streamed,
        payload="STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        chunks=Chunks(3, 99, None, ((65536, 2), (5, 1), (0, 1))),
    )
    presigned = replace(PUT, incoming=replace(HEAD, target="/b/k?X-Amz-Signature=1"), payload="UNSIGNED-PAYLOAD")
    read = replace(PUT, operation="GetObject", payload="0" * 64)
    assert sent([PUT, large, large, presigned, read]) == Sent(("UP", "S"), ("64 KiB",), (), "from 99 B", ("host",))
    whole = replace(large, chunks=Chunks(2, 99, None, ((99, 1), (0, 1))))
    assert sent([large, whole]).chunks == ("64 KiB",)
    assert sent([whole]).chunks == ("the whole body",)
    assert sent([large]).expect == "all"
    assert sent([]) == Sent(expect="never")


def test_a_driver_may_say_other_things() -> None:
    """What its client prints is no case."""
    lines = 'hello\n{"case": "get"}\n[1]\n{"a": 1}\n{"case": "list", "error": "no\\n  way"}\n'
    assert list(_told(lines)) == [Case("get"), Case("list", "no way")]


def test_keys_are_in_the_order_of_s3() -> None:
    keys = keys_to_list()
    assert len(set(keys)) == 1200
    assert keys == sorted(keys, key=str.encode)
