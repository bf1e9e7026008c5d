"""What one client does, again and again: uploads in every mode, downloads, forgeries, and leaving in the middle.

Whatever a client is told goes into the ledger. An answer that is not the one due is a fault, and so is a failure while
the backend was there all the time.
"""

import contextlib
import hashlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from showcase.sigv4 import STREAMING
from soaking.ledger import Attempt, Ledger, Outcome
from soaking.refusals import any_refusal
from soaking.site import BUCKET, LARGE, LARGE_SIZE, Site
from soaking.wire import STREAMING_TRAILER, UNSIGNED_TRAILER, Answer, Connection, Request

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

KEYS: Final = 60
LOST_CREATION: Final = "multipart uploads of unknown id"
_SIZES: Final = (0, 1, 9_000, 200_000, 1_500_000)
_PART: Final = 5 * 1024 * 1024  # S3's least
_PAUSE: Final = 0.3  # seconds after a failure, as an SDK waits
_MANY: Final = 20  # faults that are told one by one
_OK, _MISSING = 200, 404


@dataclass(slots=True)
class Tally:
    """What all clients did, by name, and what was wrong. Threads share it."""

    done: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    open_uploads: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, what: str) -> None:
        """One more."""
        with self._lock:
            self.done[what] += 1

    def fault(self, what: str) -> None:
        """Note something that must not happen."""
        with self._lock:
            self.done["faults"] += 1
            if len(self.faults) < _MANY:
                self.faults.append(what)

    def opened(self, upload: str) -> None:
        """A multipart upload is there until it is closed."""
        with self._lock:
            self.open_uploads.add(upload)

    def closed(self, upload: str) -> None:
        """It was completed or aborted."""
        with self._lock:
            self.open_uploads.discard(upload)


class _FailedError(Exception):
    """An answer that is an error; whether it may be one depends on the backend."""


class Client:
    """One client in a thread of its own."""

    def __init__(self, site: Site, ledger: Ledger, tally: Tally, chance: random.Random) -> None:
        self._site = site
        self._ledger = ledger
        self._tally = tally
        self._chance = chance
        self._tls: S3Client = site.gateway.client(tls=True)
        self._http: S3Client = site.gateway.client()
        self._work: tuple[tuple[str, Callable[[], None], int], ...] = (
            ("upload as Spark", self._spark_upload, 30),
            ("upload as boto3 over TLS", self._boto_upload, 15),
            ("multipart", self._multipart, 2),
            ("deletion", self._delete, 3),
            ("download", self._download, 20),
            ("refusal", self._refusal, 15),
            ("upload cut", self._cut_upload, 12),
            ("download cut", self._cut_download, 3),
        )

    def run(self, stop: threading.Event) -> None:
        """Go on until stopped."""
        names = [name for name, _, _ in self._work]
        weights = [weight for _, _, weight in self._work]
        work = {name: do for name, do, _ in self._work}
        while not stop.is_set():
            (name,) = self._chance.choices(names, weights)
            if not self._do(name, work[name]):
                stop.wait(_PAUSE)
        self._tls.close()
        self._http.close()

    def _do(self, name: str, work: Callable[[], None]) -> bool:
        """Whether it went well; a failure is a fault unless the backend was away meanwhile."""
        began = time.monotonic()
        try:
            work()
        except (_FailedError, ClientError, BotoCoreError, OSError) as error:
            if self._site.outages.touch(began, time.monotonic()):
                self._tally.count("failed while the backend was away")
            else:
                self._tally.fault(f"{name}: {type(error).__name__}: {error}")
            return False
        self._tally.count(name)
        return True

    def _in(self, share: float) -> bool:
        return self._chance.random() < share

    def _key(self) -> str:
        return f"objects/{self._chance.randrange(KEYS)}"

    def _begin(self, key: str, size: int) -> tuple[bytes, Attempt]:
        """Bytes that no other attempt has, entered into the ledger."""
        data = self._chance.randbytes(32) + self._chance.randbytes(64) * (size // 64) if size else b""
        return data, self._ledger.begin(key, hashlib.sha256(data).hexdigest())

    def _spark_upload(self) -> None:
        size = self._chance.choice(_SIZES)
        key = self._key() if size else "empty/marker"  # all empty objects are the same bytes
        data, attempt = self._begin(key, size)
        mode = self._chance.choice((STREAMING, STREAMING, STREAMING_TRAILER))
        self._send(self._site.writer.upload(f"/{BUCKET}/{key}", data, mode, http_chunked=self._in(0.2)))
        self._ledger.close(attempt, Outcome.ACKNOWLEDGED)

    def _send(self, request: Request) -> Answer:
        with self._site.connect() as connection:
            connection.send(request.whole)
            answer = connection.answer()
        if answer.status != _OK:
            raise _FailedError(f"{answer.status} {answer.code}")
        return answer

    def _boto_upload(self) -> None:
        key = self._key()
        data, attempt = self._begin(key, self._chance.choice(_SIZES[1:]))
        self._tls.put_object(Bucket=BUCKET, Key=key, Body=data)
        self._ledger.close(attempt, Outcome.ACKNOWLEDGED)

    def _delete(self) -> None:
        key = self._key()
        attempt = self._ledger.begin(key, None)
        self._http.delete_object(Bucket=BUCKET, Key=key)
        self._ledger.close(attempt, Outcome.ACKNOWLEDGED)

    def _multipart(self) -> None:
        """Two parts: boto3's over TLS, or Spark's signed chunks over HTTP. What fails is aborted if that goes."""
        key = self._key()
        s3 = self._chance.choice((self._tls, self._http))
        try:
            upload = s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
        except (ClientError, BotoCoreError):
            self._tally.count(LOST_CREATION)
            raise
        self._tally.opened(upload)
        data, attempt = self._begin(key, _PART + 100_000)
        try:
            parts = [
                self._part(s3, key, upload, number, piece)
                for number, piece in enumerate((data[:_PART], data[_PART:]), 1)
            ]
        except BaseException:
            self._ledger.close(attempt, Outcome.DEAD)
            with contextlib.suppress(ClientError, BotoCoreError):
                s3.abort_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload)
                self._tally.closed(upload)
            raise
        s3.complete_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})
        self._tally.closed(upload)
        self._ledger.close(attempt, Outcome.ACKNOWLEDGED)

    def _part(self, s3: "S3Client", key: str, upload: str, number: int, data: bytes) -> "CompletedPartTypeDef":
        if s3 is self._http:
            request = self._site.writer.upload(f"/{BUCKET}/{key}?partNumber={number}&uploadId={upload}", data)
            return {"ETag": self._send(request).etag, "PartNumber": number}
        told = s3.upload_part(Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=number, Body=data)
        return {"ETag": told["ETag"], "PartNumber": number}

    def _download(self) -> None:
        key = self._key()
        with self._site.connect(tls=self._in(0.5)) as connection:
            connection.send(self._site.writer.get(f"/{BUCKET}/{key}").whole)
            answer = connection.answer()
        if answer.status == _OK:
            self._ledger.read(key, answer.digest)
        elif answer.status != _MISSING:
            raise _FailedError(f"{answer.status} {answer.code}")

    def _refusal(self) -> None:
        refusal = any_refusal(self._chance)
        key = f"/{BUCKET}/forged/{self._chance.randrange(KEYS)}"
        try:
            with self._site.connect(tls=self._in(0.5)) as connection:
                connection.send(refusal.make(self._site.writer, key).whole)
                answer = connection.answer()
        except OSError as error:
            got = f"{type(error).__name__}: {error}"
        else:
            got = f"{answer.status} {answer.code}"
        if got == f"{refusal.status} {refusal.code}":
            return
        if refusal.in_body:
            raise _FailedError(f"{refusal.name}: {got}")
        self._tally.fault(f"refusal: {refusal.name}: {got}")  # the backend has no part in it

    def _cut_upload(self) -> None:
        """Leave anywhere in the head, the chunks or the trailer, but before the last byte."""
        key = self._key()
        data, attempt = self._begin(key, self._chance.choice(_SIZES[1:]))
        mode = self._chance.choice((STREAMING, STREAMING_TRAILER, UNSIGNED_TRAILER))
        request = self._site.writer.upload(f"/{BUCKET}/{key}", data, mode)
        self._ledger.close(attempt, Outcome.DEAD)
        near_the_end = self._in(0.5)
        at = len(request.whole) - self._chance.randint(1, 250 if near_the_end else len(request.whole) - 1)
        with self._site.connect(tls=self._in(0.3)) as connection:
            connection.send(request.whole[: max(at, 1)])
            self._leave(connection)

    def _cut_download(self) -> None:
        with self._site.connect() as connection:
            connection.send(self._site.writer.get(f"/{BUCKET}/{LARGE}").whole)
            status, _ = connection.answer_head()
            if status != _OK:
                raise _FailedError(str(status))
            connection.skim(self._chance.randrange(LARGE_SIZE // 2))
            self._leave(connection)

    def _leave(self, connection: Connection) -> None:
        if self._in(0.5):
            connection.reset()
