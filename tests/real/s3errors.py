"""The form of every refusal."""

from lab.minio import Minio
from tests.real.rawhttp import Answer
from tests.real.sdkv1 import Key, Signed


def check_error(answer: Answer, status: int, code: str, head: Signed) -> None:
    assert (answer.status, answer.code) == (status, code)
    error = answer.error
    assert error["Message"]
    assert error["Resource"] == head.target.decode().partition("?")[0]
    assert error["RequestId"] == answer.header("x-amz-request-id")
    assert answer.header("Content-Type") == "application/xml"
    text = answer.body.decode()
    assert Key().secret not in text
    assert Minio.secret_key not in text
