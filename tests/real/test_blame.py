"""What the backend refuses: the client's affair goes on to it, the gateway's own is 503 and a line for the operator."""

import contextlib
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.config import Config

from lab.gateway import Gateway, gateway_config
from lab.minio import Minio
from tests.conftest import GatewayFactory
from tests.real.rawhttp import Answer, Raw
from tests.real.sdkv1 import CHUNK, Target, put_chunked, put_plain, sign
from tests.real.waiting import eventually

SSE = "x-amz-server-side-encryption"

type Ask = Callable[[Gateway, str], Answer]

BROKEN: dict[str, tuple[dict[str, Any], str, str]] = {
    "secret": ({"secret_access_key": "not-the-one-of-minio"}, "SignatureDoesNotMatch", "the secret in `backend."),
    "access key": ({"access_key_id": "nobody"}, "InvalidAccessKeyId", "it does not know the access key"),
    "token": ({"session_token": "not-a-token-of-minio"}, "InvalidTokenId", "renew the temporary credentials"),
}


def _signed(method: str, key: str = "k") -> Ask:
    def ask(running: Gateway, bucket: str) -> Answer:
        with Raw(running.port) as raw:
            return raw.ask(sign(method, Target(bucket, key)).head, method)

    return ask


def _upload(size: int, *, chunked: bool) -> Ask:
    """MinIO answers before it has read it; the gateway's client may have been cut while it wrote."""

    def ask(running: Gateway, bucket: str) -> Answer:
        target, data = Target(bucket, "k"), b"x" * size
        upload = put_chunked(target, data) if chunked else put_plain(target, data)
        with Raw(running.port) as raw:
            with contextlib.suppress(ConnectionError):
                raw.send(upload.wire)
            return raw.read("PUT")

    return ask


def _presigned(running: Gateway, bucket: str) -> Answer:
    s3 = running.client(config=Config(signature_version="s3v4"))
    url = urlsplit(s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}))
    with Raw(running.port) as raw:
        return raw.ask(f"GET {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n".encode())


def _compressed(running: Gateway, bucket: str) -> Answer:
    """MinIO compresses a document of 1000 bytes, which a long key makes it."""
    target = Target(bucket, "/".join(["k" * 200] * 4), (("tagging", ""),))
    with Raw(running.port) as raw:
        return raw.ask(sign("GET", target, headers=[("Accept-Encoding", "gzip")]).head)


ASKED: dict[str, Ask] = {
    "GET": _signed("GET"),
    "HEAD": _signed("HEAD"),
    "compressed": _compressed,
    "DELETE": _signed("DELETE"),
    "list": _signed("GET", ""),
    "presigned": _presigned,
    "small": _upload(10, chunked=False),
    "chunks": _upload(CHUNK * 2, chunked=True),
    "large": _upload(24 << 20, chunked=False),
    "many chunks": _upload(CHUNK * 200, chunked=True),
}


@pytest.mark.parametrize("what", BROKEN)
def test_the_gateways_own_key_is_not_the_clients_fault(
    gateway: GatewayFactory, minio: Minio, bucket: str, what: str
) -> None:
    """Every request is 503, which SDKs retry; the log says what to correct, and the answer tells no more."""
    changes, code, told = BROKEN[what]
    minio.client().put_object(Bucket=bucket, Key="k", Body=b"old")
    config = gateway_config(minio)
    config["backend"]["credentials"] |= changes
    running = gateway(config)
    for name, ask in ASKED.items():
        before = len(running.log())
        answer = ask(running, bucket)
        assert answer.status == 503, name
        if name != "HEAD":
            assert answer.code == "ServiceUnavailable", name
            assert "the gateway's own credentials" in answer.error["Message"]
        assert code not in repr(answer), name
        complaint = f"the gateway's own key is refused at backend {minio.endpoint}: the backend answered 403 {code}"
        eventually(lambda: f'"backend_error": "{code}"' in running.log()[before:], name)  # noqa: B023
        (line,) = [line for line in running.log()[before:].splitlines() if complaint in line]
        assert told in line, name
    assert minio.client().get_object(Bucket=bucket, Key="k")["Body"].read() == b"old"
    assert len(minio.client().list_objects_v2(Bucket=bucket)["Contents"]) == 1


def test_a_backend_of_another_region(gateway: GatewayFactory, minio: Minio, bucket: str) -> None:
    """MinIO names the region that it wants, and so does the line."""
    config = gateway_config(minio)
    config["backend"]["region"] = "eu-west-9"
    running = gateway(config)
    assert _signed("GET")(running, bucket).status == 503
    eventually(lambda: f"own; set `backend.region` to {minio.region}\n" in running.log())


def test_what_the_client_has_to_know_goes_on_to_it(gateway: GatewayFactory, minio: Minio, bucket: str) -> None:
    """The backend's own document, and its code in the log."""
    running = gateway(gateway_config(minio))
    with Raw(running.port) as raw:
        assert (_compressed(running, bucket).header("Content-Encoding"), "own key" in running.log()) == ("gzip", False)
        eventually(lambda: '"backend_error": "NoSuchKey"' in running.log())
        for target, status, code in (
            (Target(bucket, "other"), 404, "NoSuchKey"),
            (Target("no-such-bucket"), 404, "NoSuchBucket"),
            (Target(bucket, "", (("policy", ""),)), 404, "NoSuchBucketPolicy"),
        ):
            answer = raw.ask(sign("GET", target).head)
            assert (answer.status, answer.code) == (status, code)
            assert answer.error["RequestId"] == answer.header("x-amz-request-id")
            eventually(lambda: f'"backend_error": "{code}"' in running.log())  # noqa: B023
        odd = Target(bucket, "", (("x-é", "1"), ("x-z", "2")))  # MinIO sorts them the other way round
        assert raw.ask(sign("GET", odd).head).code == "SignatureDoesNotMatch"
    assert "own key" not in running.log()


def test_a_rule_that_the_backend_cannot_follow(gateway: GatewayFactory, minio: Minio, bucket: str) -> None:
    """The client reads the backend's answer, and the operator which rule to correct; not where the client asked."""
    config = gateway_config(minio, encryption=[{"prefix": "ruled/", "sse-kms": "no-such-key"}])
    running = gateway(config)
    with Raw(running.port) as raw:
        for key, headers in (("own", [(SSE, "aws:kms"), (f"{SSE}-aws-kms-key-id", "no-such-key")]), ("ruled/k", [])):
            assert "encryption[" not in running.log()
            answer = raw.ask(put_plain(Target(bucket, key), b"x", headers=headers).wire, "PUT")
            assert (answer.status, answer.code) == (404, "kms:KeyNotFound")
    complaint = f"encryption[0] fails at backend {minio.endpoint}: the backend answered 404 kms:KeyNotFound"
    eventually(lambda: complaint in running.log())
    (line,) = [line for line in running.log().splitlines() if complaint in line]
    assert line.endswith("create the key there, or correct `sse-kms` in the rule")
