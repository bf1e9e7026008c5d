"""A cluster that has lost its quorum: it would hang, so the gateway must refuse; and what it still has must be read."""

import time
from typing import TYPE_CHECKING, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lab.backends import s3_client
from lab.minio_cluster import MinioCluster
from soaking.cluster.lane import Lane

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_SEEN: Final = 20.0  # seconds until it must have been seen
_AT_ONCE: Final = 1.0
_ONCE: Final = Config(retries={"total_max_attempts": 1}, read_timeout=30)


def check(cluster: MinioCluster, lane: Lane) -> list[str]:
    """Kill two servers of four, then a third, and start them again; give what was not as it should be.

    With two there are reads and no writes, with one there is nothing.
    """
    s3 = s3_client(lane.url, lane.access_key, lane.secret_key, config=_ONCE)
    faults = []
    for number in (0, 1):
        cluster.kill(number)
    faults += _refuses(s3, lane, "without write quorum", "put")
    faults += _serves(s3, lane, "without write quorum", "get")
    cluster.kill(2)
    faults += _refuses(s3, lane, "without read quorum", "get")
    faults += _refuses(s3, lane, "without read quorum", "put")
    for number in (0, 1, 2):
        cluster.start(number)
    ends = time.monotonic() + 60
    while not all(cluster.stores(number) for number in range(len(cluster.ports))) and time.monotonic() < ends:
        time.sleep(0.2)
    faults += _serves(s3, lane, "with all servers again", "get")
    faults += _serves(s3, lane, "with all servers again", "put")
    s3.close()
    return faults


def _do(s3: "S3Client", lane: Lane, operation: str) -> tuple[str, float]:
    """The error's code, empty where there is none, and the seconds that it took."""
    began = time.monotonic()
    try:
        if operation == "put":
            s3.put_object(Bucket=lane.bucket, Key="quorum", Body=b"x")
        else:
            s3.get_object(Bucket=lane.bucket, Key="standing/0")["Body"].read()
    except ClientError as error:
        code = error.response["Error"]["Code"]
    except BotoCoreError as error:
        code = type(error).__name__
    else:
        code = ""
    return code, time.monotonic() - began


def _refuses(s3: "S3Client", lane: Lane, state: str, operation: str) -> list[str]:
    """Soon it is refused each time, and at once."""
    ends = time.monotonic() + _SEEN
    while (code := _do(s3, lane, operation)[0]) != "SlowDown":
        if time.monotonic() > ends:
            return [f"{state} a {operation} still ended with {code or 'success'} after {_SEEN:g} s"]
    again = [_do(s3, lane, operation) for _ in range(5)]
    return [
        f"{state} a {operation} ended with {code or 'success'} after {seconds:.1f} s"
        for code, seconds in again
        if code != "SlowDown" or seconds > _AT_ONCE
    ]


def _serves(s3: "S3Client", lane: Lane, state: str, operation: str) -> list[str]:
    """Soon it goes well, each time."""
    ends = time.monotonic() + _SEEN
    while _do(s3, lane, operation)[0]:
        if time.monotonic() > ends:
            return [f"{state} a {operation} is not served within {_SEEN:g} s"]
    codes = [_do(s3, lane, operation)[0] for _ in range(5)]
    return [f"{state} a {operation} ended with {code}" for code in codes if code]
