"""boto3 as it comes, with its own retries: what they hide is counted, and what they do not hide is a fault."""

import hashlib
import random
import threading
from typing import TYPE_CHECKING, Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lab.backends import s3_client
from soaking.cluster.lane import Lane
from soaking.cluster.raw import SMALL_KEYS, standing
from soaking.ledger import Finding, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

AS_IT_COMES: Final = Config(retries={"mode": "legacy", "total_max_attempts": 5}, connect_timeout=60, read_timeout=60)
"""botocore's own defaults."""

_PAUSE: Final = 0.1
_PART: Final = 5 * 1024 * 1024
_SERVER_ERROR: Final = 500


class Sdk:
    """One boto3 client in a thread of its own."""

    def __init__(self, lane: Lane, chance: random.Random, name: str) -> None:
        self._lane, self._chance, self._name = lane, chance, name
        self._s3: S3Client = s3_client(lane.url, lane.access_key, lane.secret_key, config=AS_IT_COMES)
        events = self._s3.meta.events
        events.register("before-send.s3", self._sends)
        events.register("response-received.s3", self._hears)
        self._objects = standing(lane)
        self._acknowledged: list[str] = []

    def run(self, stop: threading.Event) -> None:
        """Go on until stopped."""
        work: dict[str, tuple[Callable[[], None], int]] = {
            "put": (self._put, 6),
            "get": (self._get, 8),
            "large get": (self._get_large, 1),
            "list": (self._list, 2),
            "delete": (self._delete, 1),
            "multipart": (self._multipart, 1),
        }
        names, weights = list(work), [weight for _, weight in work.values()]
        while not stop.wait(_PAUSE):
            (name,) = self._chance.choices(names, weights)
            try:
                work[name][0]()
            except (BotoCoreError, ClientError) as error:
                self._lane.tally.give_up(self._name, f"{name}: {type(error).__name__}: {error}")
        self._s3.close()

    def _sends(self, **_: Any) -> None:
        self._lane.tally.ask("boto3's")

    def _hears(self, *, response_dict: dict[str, Any] | None, exception: Exception | None, **_: Any) -> None:
        status = response_dict["status_code"] if response_dict is not None else 0
        if exception is not None:
            self._lane.tally.fail(self._name, "boto3's", type(exception).__name__, tries_again=True)
        elif status >= _SERVER_ERROR:
            self._lane.tally.fail(self._name, "boto3's", str(status), tries_again=True)

    def _put(self) -> None:
        key = f"objects/{self._name}-{self._chance.randrange(30)}"
        data = self._chance.randbytes(self._chance.choice((100, 10_000, 300_000)))
        attempt = self._lane.ledger.begin(key, hashlib.sha256(data).hexdigest())
        self._s3.put_object(Bucket=self._lane.bucket, Key=key, Body=data)
        self._lane.ledger.close(attempt, Outcome.ACKNOWLEDGED)
        self._acknowledged.append(key)

    def _get(self) -> None:
        key = f"standing/{self._chance.randrange(SMALL_KEYS)}"
        self._check(key, self._s3.get_object(Bucket=self._lane.bucket, Key=key)["Body"].read() == self._objects[key])
        if self._acknowledged:
            key = self._acknowledged.pop()
            body = self._s3.get_object(Bucket=self._lane.bucket, Key=key)["Body"].read()
            self._check(key, self._lane.ledger.find(key, hashlib.sha256(body).hexdigest()) is Finding.INTACT)

    def _get_large(self) -> None:
        body = self._s3.get_object(Bucket=self._lane.bucket, Key="standing/large")["Body"].read()
        self._check("standing/large", body == self._objects["standing/large"])

    def _check(self, key: str, is_right: bool) -> None:  # noqa: FBT001 - what is checked
        if not is_right:
            self._lane.tally.give_up(self._name, f"get {key}: the bytes are not the object's")

    def _list(self) -> None:
        found = self._s3.list_objects_v2(Bucket=self._lane.bucket, Prefix="standing/")["KeyCount"]
        self._check("the listing", found == len(self._objects))

    def _delete(self) -> None:
        if self._acknowledged:
            key = self._acknowledged.pop()
            attempt = self._lane.ledger.begin(key, None)
            self._acknowledged = [other for other in self._acknowledged if other != key]
            self._s3.delete_object(Bucket=self._lane.bucket, Key=key)
            self._lane.ledger.close(attempt, Outcome.ACKNOWLEDGED)

    def _multipart(self) -> None:
        key = f"objects/{self._name}-parts"
        pieces = [self._chance.randbytes(_PART), self._chance.randbytes(100_000)]
        bucket = self._lane.bucket
        upload = self._s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
        attempt = self._lane.ledger.begin(key, hashlib.sha256(b"".join(pieces)).hexdigest())
        parts: list[CompletedPartTypeDef] = []
        for i, piece in enumerate(pieces, 1):
            told = self._s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=i, Body=piece)
            parts.append({"PartNumber": i, "ETag": told["ETag"]})
        self._s3.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})
        self._lane.ledger.close(attempt, Outcome.ACKNOWLEDGED)
