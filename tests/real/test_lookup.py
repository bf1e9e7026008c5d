"""Keys of a portal, in a real gateway before real MinIO: no `clients` at all."""

from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from lab.backends import s3_client
from lab.certs import Certs
from lab.gateway import gateway_config
from lab.minio import Minio
from tests.canary import CANARY
from tests.conftest import GatewayFactory
from tests.real.waiting import eventually
from tests.wire.portal import key, portal

SECRET = "secret-that-the-portal-knows"
TOKEN = "token-of-the-lab-for-the-portal"


def test_boto3_with_a_key_of_the_portal(
    gateway: GatewayFactory, minio: Minio, certs: Certs, bucket: str, tmp_path: Path
) -> None:
    """Over HTTP and TLS, with an encryption rule for its user; a wrong secret is explained; the portal may be gone."""
    CANARY.watch("secret of a look-up", SECRET)
    CANARY.watch("header of a look-up", TOKEN)
    (tmp_path / "headers").write_text(f"Authorization: Bearer {TOKEN}\n")
    with portal(certs) as desk:
        desk.keys["ALICEKEY"] = key("ALICEKEY", SECRET, "alice", "engineers")
        lookup = {
            "url": desk.url,
            "ca_file": str(certs.ca),
            "headers_file": str(tmp_path / "headers"),
            "rights": [{"groups": ["engineers"], "buckets": [bucket]}],
            "cache": 0.2,
        }
        rules = [{"client": "alice", "sse-s3": True}]
        config = gateway_config(minio, clients=(), encryption=rules, lookup=lookup, certificate=certs.gateway)
        running = gateway(config)
        for url, ca_file in ((running.url, None), (running.tls_url, certs.ca)):
            s3 = s3_client(url, "ALICEKEY", SECRET, ca_file=ca_file)
            s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 200_000)
            assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x" * 200_000
        assert minio.client().head_object(Bucket=bucket, Key="k")["ServerSideEncryption"] == "AES256"
        with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
            s3_client(running.url, "ALICEKEY", f"{SECRET} ").list_objects_v2(Bucket=bucket)
        eventually(lambda: "client `alice` signs with its secret and a space after it" in running.log(), running.log())

    def goes_on() -> bool:
        s3.put_object(Bucket=bucket, Key="k", Body=b"the portal is gone")
        return "keys that it named within 3600 s still count" in running.log()

    eventually(goes_on)
    with pytest.raises(ClientError, match="ServiceUnavailable"):
        s3_client(running.url, "NEWKEY", SECRET).list_buckets()
