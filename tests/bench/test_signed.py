"""Requests signed ahead of time: a real server takes each mode, and stores the bytes."""

from pathlib import Path

import pytest

from benchmark.lane import LoadError
from benchmark.load import Endpoint, Load
from benchmark.signed import CHUNK, KIB, MIB, Content, Keys, Mode
from lab.minio import Minio

BLOCK = bytes(range(256)) * 512  # 128 KiB
BUCKET = "bench-signed"


@pytest.fixture(scope="module")
def server(minio: Minio) -> Endpoint:
    minio.client().create_bucket(Bucket=BUCKET)
    return Endpoint(minio.endpoint, Path(minio.ca_file))


@pytest.fixture(scope="module")
def keys(minio: Minio, server: Endpoint) -> Keys:
    return Keys(minio.access_key, minio.secret_key, server.host)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(
    ("content", "chunk"),
    [
        (Content(BLOCK[:KIB]), CHUNK),
        (Content(BLOCK, 5), CHUNK),
        (Content(BLOCK, 3), 64 * KIB),
        (Content(BLOCK, 5), 2 * CHUNK),
    ],
)
def test_each_mode_is_stored(
    minio: Minio, server: Endpoint, keys: Keys, mode: Mode, content: Content, chunk: int
) -> None:
    with Load(server, [keys.put(f"/{BUCKET}/k", content, mode, chunk=chunk)]) as load:
        assert load.run(0, 2)[0] == 2  # the same bytes again are the same request
    assert minio.client().get_object(Bucket=BUCKET, Key="k")["Body"].read() == content.block * content.times


@pytest.mark.parametrize("bad", [0, 1, 3])
def test_a_bad_chunk_is_refused(server: Endpoint, keys: Keys, bad: int) -> None:
    request = keys.put(f"/{BUCKET}/bad", Content(BLOCK, 3), Mode.SIGNED_CHUNKS, bad_chunk=bad)
    with Load(server, [request]) as load, pytest.raises(LoadError, match="403"):
        load.run(0)


def test_blocks_are_shared() -> None:
    """A request of 64 MiB does not take 64 MiB."""
    content = Content(bytes(MIB), 64)
    for mode in Mode:
        body = Keys("k", "s", "h").put("/b/k", content, mode, chunk=16 * MIB).body
        assert sum({id(piece): len(piece) for piece in body}.values()) < 18 * MIB
