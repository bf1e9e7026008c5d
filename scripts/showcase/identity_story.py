"""The first scenes of `scripts/demo --identities`: logins, and a session at work in its role and outside of it."""

import random
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import boto3
from botocore.config import Config

from lab.backends import REGION
from lab.wire import RecordedRequest
from showcase.heads import all_arrived, compared
from showcase.identity_stage import HOMES, ROLE, IdentityStage
from showcase.lines import told
from showcase.login import Login, log_in
from showcase.screen import Screen
from showcase.sigv4 import STREAMING, chunks_hold, head_holds
from showcase.spark import CHUNK, Answer, SparkClient, Wanted
from showcase.stage import BUCKET, KMS_KEY, eventually, log_records

_DENIED: Final = (403, "AccessDenied")
_PARQUET: Final = ("Content-Type", "application/octet-stream")
_HOME: Final = f"/{BUCKET}/{HOMES}alice"
_TEMPORARY: Final = f"{_HOME}/orders/_temporary/0/part-00000.snappy.parquet"
PART: Final = f"{_HOME}/orders/part-00000.snappy.parquet"
_BOBS: Final = f"{HOMES}bob/salaries.csv"
_SESSION_HEADER: Final = "x-amz-security-token"
_LOGIN: Final = "login  https"
_SPARK: Final = "spark  http "


class IdentityStory:
    """One performance on a stage."""

    def __init__(self, stage: IdentityStage, screen: Screen, *, all_headers: bool) -> None:
        self._stage = stage
        self._screen = screen
        self._all_headers = all_headers
        self._lines = 0
        noise = random.Random(2013)  # noqa: S311 - test data, the same each time
        self._data = noise.randbytes(2 * CHUNK + 37_000)
        self._direct = stage.backend.client()
        self._received: list[tuple[RecordedRequest, RecordedRequest]] = []

    def play(self) -> Login:
        """The scenes, in order; the session that Alice got."""
        self._direct.create_bucket(Bucket=BUCKET)
        self._direct.put_object(Bucket=BUCKET, Key=_BOBS, Body=b"bob's own")
        session = self._logins()
        with spark_with(session, self._stage) as spark:
            self._upload(spark)
            self._outside(spark)
        return session

    def _logins(self) -> Login:
        stage, screen = self._stage, self._screen
        screen.title(
            "1. Alice logs in with the password that the directory knows (AssumeRoleWithLDAPIdentity, over TLS)"
        )
        session = self._log_in(stage.alice.uid, stage.alice.password)
        identity = self._sts(session).get_caller_identity()
        self._show_lines("boto3  https", 1)
        until = datetime.fromisoformat(session.expiration)
        screen.note(f"a session until {until:%H:%M} UTC, of {identity['Arn']}; the gateway keeps nothing of it")
        whose = str(identity["Arn"]).endswith(f":assumed-role/{ROLE}/{stage.alice.uid}")
        hour = timedelta(minutes=55) < until - datetime.now(UTC) <= timedelta(hours=1)
        screen.check("the right password gives keys for an hour, and GetCallerIdentity says whose they are",
                     holds=whose and hour)  # fmt: skip
        wrong = (
            (stage.alice.uid, secrets.token_urlsafe(12)),
            ("mallory", secrets.token_urlsafe(12)),
            (stage.bob.uid, stage.bob.password),
        )
        refused = [self._log_in(*names) for names in wrong]
        same = all((one.status, one.code) == _DENIED and not one.secret_key for one in refused)
        screen.check(
            "a wrong password, an unknown name and bob, who has no role, are told alike: 403 AccessDenied", holds=same
        )
        return session

    def _upload(self, spark: SparkClient) -> None:
        self._screen.title(
            "2. Spark commits a file with that session (AWS SDK v1 over plain HTTP, signed 128 KiB chunks)"
        )
        marker = f"{_HOME}/orders/_temporary/0/"
        self._pass(spark, Wanted("PUT", marker, [("Content-Type", "application/x-directory")], b""))
        self._pass(spark, Wanted("PUT", _TEMPORARY, [_PARQUET], self._data), table=True)
        self._pass(spark, Wanted("HEAD", _TEMPORARY))
        self._pass(spark, Wanted("PUT", PART, [_PARQUET, ("x-amz-copy-source", _TEMPORARY)]))
        self._pass(spark, Wanted("DELETE", _TEMPORARY))
        read = self._pass(spark, Wanted("GET", PART))
        key = PART.removeprefix(f"/{BUCKET}/")
        head = self._direct.head_object(Bucket=BUCKET, Key=key)
        encrypted = f"{head.get('ServerSideEncryption')} {head.get('SSEKMSKeyId', '')}"
        self._screen.note(
            f"{self._stage.backend_name}, asked directly for {key}: {head['ContentLength']} bytes, {encrypted}"
        )
        self._screen.check("the upload in signed chunks, the rename by copy and the read work with the session",
                           holds=read.body == self._data)  # fmt: skip
        self._screen.check("her role's encryption rule holds: SSE-KMS, which she did not ask for",
                           holds=head.get("ServerSideEncryption") == "aws:kms" and KMS_KEY in encrypted)  # fmt: skip
        self._screen.check("a second opinion of the wire: all is signed with the gateway's key, and every header as "
                           "it came but the session's token, which stays here", holds=self._wire_holds())  # fmt: skip

    def _outside(self, spark: SparkClient) -> None:
        self._screen.title(f"3. The same session outside of its role, which opens {HOMES}{{user}}/ alone")
        self._stage.behind.clear()
        asked = (
            Wanted("GET", f"/{BUCKET}/{_BOBS}"),
            Wanted("PUT", f"{_HOME}/stolen.csv", [_PARQUET, ("x-amz-copy-source", f"/{BUCKET}/{_BOBS}")]),
            Wanted("PUT", f"/{BUCKET}/{HOMES}bob/planted.csv", [_PARQUET], self._data),
            Wanted("GET", f"/{BUCKET}?list-type=2"),
        )
        refused = []
        for wanted in asked:
            answer = spark.send(spark.sign(wanted))
            self._show_lines(_SPARK, 1)
            refused.append(answer.status == _DENIED[0] and f"<Code>{_DENIED[1]}</Code>".encode() in answer.body)
        self._screen.check("a read, a copy out of bob's files, a write and a listing are refused: 403 AccessDenied",
                           holds=all(refused))  # fmt: skip
        self._screen.check(f"and {self._stage.backend_name} heard nothing of them",
                           holds=not self._stage.behind.requests())  # fmt: skip

    def _log_in(self, user: str, password: str) -> Login:
        found = log_in(self._stage.gateway.port, self._stage.certs, user, password)
        self._show_lines(_LOGIN, 1)
        return found

    def _sts(self, session: Login) -> Any:
        make: Any = boto3.client  # its stubs are S3's alone
        return make(
            "sts",
            endpoint_url=self._stage.gateway.tls_url,
            region_name=REGION,
            aws_access_key_id=session.access_key,
            aws_secret_access_key=session.secret_key,
            aws_session_token=session.session_token,
            verify=str(self._stage.certs.ca),
            config=Config(proxies={}, retries={"total_max_attempts": 1}),
        )

    def _pass(self, spark: SparkClient, wanted: Wanted, *, table: bool = False) -> Answer:
        """Send a request that is to pass; what the backend got of it is kept."""
        self._stage.behind.clear()
        sent = spark.sign(wanted)
        answer = spark.send(sent)
        self._show_lines(_SPARK, 1)
        found = eventually(self._stage.behind.requests, lambda seen: bool(seen) and all(one.complete for one in seen))
        self._received += [(sent.seen, one) for one in found]
        if table or self._all_headers:
            for one in found:
                self._screen.headers(compared(sent.seen, one))
        return answer

    def _wire_holds(self) -> bool:
        """Whether each request that the backend got is right."""
        return bool(self._received) and all(self._holds(sent, received) for sent, received in self._received)

    def _holds(self, sent: RecordedRequest, received: RecordedRequest) -> bool:
        backend = self._stage.backend
        streaming = received.header("x-amz-content-sha256") == STREAMING.encode()
        return (
            received.header(_SESSION_HEADER) is None
            and all_arrived(compared(sent, received), but=frozenset((_SESSION_HEADER,)))
            and head_holds(received, backend)
            and (not streaming or all(chunks_hold(received, backend)))
        )

    def _show_lines(self, who: str, wanted: int) -> None:
        """One line for each request, from the gateway's own log."""
        seen = self._lines
        records = eventually(lambda: log_records(self._stage.gateway)[seen:], lambda lines: len(lines) >= wanted)
        self._lines += len(records)
        for record in records:
            self._screen.line(*told(who, record))
            if record.get("reason"):
                self._screen.note(f"only the log says why: {record['reason']}")


def spark_with(session: Login, stage: IdentityStage) -> SparkClient:
    """A Spark-shaped client with the keys of a session."""
    return SparkClient(stage.gateway.port, session.access_key, session.secret_key, REGION, session.session_token)
