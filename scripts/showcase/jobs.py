"""Jobs that write and read back without a pause, while the keys that they sign with rotate."""

import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from lab.at_work import AtWork
from lab.backends import s3_client

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_BODY: Final = bytes(range(256)) * 16
_KEYS: Final = 20  # objects of each job, written over and over
_AT_LEAST: Final = 10  # requests of each job, in each phase
_PATIENCE: Final = 60.0


class Job:
    """One job of a client, which tries every request once. `failed` are the errors, which nobody hides."""

    def __init__(self, name: str, url: str, access_key: str, secret_key: str) -> None:
        self.name: Final = name
        self.requests = 0
        self.failed: list[str] = []
        self._url, self._access_key = url, access_key
        self.sign_with(secret_key)

    def sign_with(self, secret_key: str) -> None:
        """Sign with this secret from the next object on."""
        self._s3: S3Client = s3_client(self._url, self._access_key, secret_key)

    def write_and_read(self, bucket: str) -> None:
        """Write one object and read it back."""
        s3, key = self._s3, f"{self.name}/{self.requests % _KEYS}"
        try:
            self.requests += 1
            s3.put_object(Bucket=bucket, Key=key, Body=_BODY)
            self.requests += 1
            if s3.get_object(Bucket=bucket, Key=key)["Body"].read() != _BODY:
                self.failed.append(f"{self.name}: {key} is not what was written")
        except (ClientError, BotoCoreError, OSError) as error:
            self.failed.append(f"{self.name}: {error}")


class Jobs(AtWork):
    """All of them at work, each in a thread, for a `with` block."""

    def __init__(self, bucket: str, jobs: Sequence[Job]) -> None:
        self._bucket = bucket
        self._jobs = list(jobs)
        super().__init__(partial(self._work, job) for job in self._jobs)

    @property
    def requests(self) -> int:
        """Requests so far."""
        return sum(job.requests for job in self._jobs)

    @property
    def failed(self) -> list[str]:
        """What went wrong so far."""
        return [error for job in self._jobs for error in job.failed]

    def go_on(self, seconds: float) -> None:
        """Let them work so long, and until each has made some requests more; a failure ends it."""
        wanted = [job.requests + _AT_LEAST for job in self._jobs]
        ends, gives_up = time.monotonic() + seconds, time.monotonic() + _PATIENCE
        while not self.failed and time.monotonic() < gives_up:
            if time.monotonic() >= ends and all(job.requests >= n for job, n in zip(self._jobs, wanted, strict=True)):
                return
            self.is_over.wait(0.05)

    def _work(self, job: Job) -> None:
        while not self.is_over.is_set() and not job.failed:
            job.write_and_read(self._bucket)
