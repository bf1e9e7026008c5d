"""lab.peers: each passes an object on to MinIO. Only those that are in the cache: scripts/bench --peer gets them."""

from pathlib import Path

import pytest
from botocore.config import Config

from lab import MissingPartError, peer_parts, tools
from lab.backends import s3_client
from lab.cache import cache_dir
from lab.certs import Certs
from lab.minio import Minio
from lab.peers import PEERS


def _there(name: str) -> bool:
    if name == "versitygw":
        return tools._present(tools._VERSITYGW) is not None
    if name == "s3proxy":
        return (cache_dir("bin") / f"s3proxy-{peer_parts.S3PROXY_VERSION}.jar").exists()
    return (cache_dir("bin") / f"nginx-{peer_parts.NGINX_RELEASE}").exists()


@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
@pytest.mark.parametrize("name", PEERS)
def test_a_peer_passes_on(minio: Minio, certs: Certs, name: str, tls: bool) -> None:
    if not _there(name):
        pytest.skip(f"{name} is not in the cache; scripts/bench --peer {name} gets it")
    bucket = f"peer-{name}-{'tls' if tls else 'http'}"
    minio.client().create_bucket(Bucket=bucket)
    with PEERS[name](minio, certs if tls else None) as peer:
        assert peer.version[0] in "v123456789"
        plain = Config(request_checksum_calculation="when_required")  # s3proxy takes no checksum header
        client = s3_client(peer.url, *peer.keys, ca_file=certs.ca if tls else None, config=plain)
        client.put_object(Bucket=bucket, Key="k", Body=b"content")
        assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"content"
    assert minio.client().get_object(Bucket=bucket, Key="k")["Body"].read() == b"content"


def test_what_cannot_be_fetched_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("S3_GATEWAY_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingPartError, match="no s3proxy in the cache, and no mvn to fetch it with: install Maven"):
        peer_parts.s3proxy_jar()
    with pytest.raises(MissingPartError, match="no versitygw on PATH or in VERSITYGW_BINARY, and no go"):
        tools.versitygw()
