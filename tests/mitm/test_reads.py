"""connections.read_larger against the real mitmdump: bodies come in larger pieces than mitmproxy's own."""

import pytest

from lab.gateway import gateway_config
from lab.minio import Minio
from tests.mitm.conftest import Copies

TWO_OF_MITMPROXYS = 2 * 65535
BODY = bytes(16 << 20)

UPLOADS = f"""
_own_call = UploadStream.__call__


def _noting(self, data):
    if len(data) > {TWO_OF_MITMPROXYS}:
        logger.error("a larger read")
    return _own_call(self, data)


UploadStream.__call__ = _noting
"""
DOWNLOADS = UPLOADS.replace("UploadStream", "DownloadStream")


@pytest.mark.parametrize("patch", [UPLOADS, DOWNLOADS], ids=["uploads", "downloads"])
def test_bodies_come_in_larger_pieces(minio: Minio, copied_gateway: Copies, patch: str) -> None:
    """Each of mitmproxy's reads costs a walk through its layers, so there are fewer; bytes stay what they are."""
    bucket = f"reads-{len(patch)}"
    minio.client().create_bucket(Bucket=bucket)
    running = copied_gateway(gateway_config(minio), of="mitm/streams.py", patch=patch)
    client = running.client()
    client.put_object(Bucket=bucket, Key="k", Body=BODY)
    assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == BODY
    assert "a larger read" in running.log()
