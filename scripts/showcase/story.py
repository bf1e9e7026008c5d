"""The demo's scenes: each sends requests through the gateway, shows what became of them, and checks it."""

import io
import random
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from lab.wire import RecordedRequest
from showcase.heads import HOP_BY_HOP, OWN, all_arrived, compared
from showcase.lines import told
from showcase.screen import Screen
from showcase.sigv4 import STREAMING, chunks_hold, head_holds, split_chunks
from showcase.spark import CHUNK, Answer, Sent, SparkClient, Wanted
from showcase.stage import ACCESS_KEY, BUCKET, KMS_KEY, KMS_PREFIX, Stage

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PARQUET: Final = ("Content-Type", "application/octet-stream")
_TABLE: Final = f"/{BUCKET}/{KMS_PREFIX}orders"
_TEMPORARY: Final = f"{_TABLE}/_temporary/0/part-00000.snappy.parquet"
_PART: Final = f"{_TABLE}/part-00000.snappy.parquet"
_README: Final = "public/read me.txt"
_EXPORT: Final = f"{KMS_PREFIX}export.bin"
_TAMPERED: Final = f"/{BUCKET}/{KMS_PREFIX}tampered.parquet"
_SMUGGLED: Final = f"/{BUCKET}/{KMS_PREFIX}smuggled.parquet"
_MEBIBYTE: Final = 1 << 20
_REFUSED: Final = 403


class Story:
    """One performance on a stage."""

    def __init__(self, stage: Stage, screen: Screen, *, all_headers: bool) -> None:
        self._stage = stage
        self._screen = screen
        self._all_headers = all_headers
        self._direct: S3Client = stage.backend.client()
        self._lines = 0
        self._passed = 0
        self._refused: set[str] = set()  # which of the invariants some request did not keep
        noise = random.Random(2013)  # noqa: S311 - test data, the same each time
        self._part = noise.randbytes(2 * CHUNK + 37_000)
        self._export = noise.randbytes(6 * _MEBIBYTE)
        self._text = b"anyone may read this\n" * 10_000

    def play(self) -> None:
        """All scenes, in order."""
        with SparkClient(
            self._stage.gateway.port, ACCESS_KEY, self._stage.secret_key, self._stage.backend.region
        ) as spark:
            self._spark_writes(spark)
            self._boto3()
            self._objects()
            self._tampered(spark)
            self._smuggled(spark)
        self._invariants()

    def _spark_writes(self, spark: SparkClient) -> None:
        self._screen.title("1. Spark commits a file over plain HTTP (requests as AWS SDK v1 writes them)")
        self._boto3_call(tls=False, call=lambda client: client.create_bucket(Bucket=BUCKET))
        marker = f"{_TABLE}/_temporary/0/"
        self._ask(spark, Wanted("PUT", marker, [("Content-Type", "application/x-directory")], b""))
        written = self._ask(spark, Wanted("PUT", _TEMPORARY, [_PARQUET], self._part), table=True, chunks=True)
        found = self._ask(spark, Wanted("HEAD", _TEMPORARY))
        self._ask(spark, Wanted("PUT", _PART, [_PARQUET, ("x-amz-copy-source", _TEMPORARY)]))
        self._ask(spark, Wanted("DELETE", _TEMPORARY))
        read = self._ask(spark, Wanted("GET", _PART))
        key_id = "x-amz-server-side-encryption-aws-kms-key-id"
        self._screen.note("the key id is left out of HEAD over plain HTTP only: SDK v1 would refuse to rename with it")
        self._screen.check("Spark's upload in signed chunks, rename and read back work", holds=read.body == self._part)
        hidden = key_id in written.headers and key_id not in found.headers
        self._screen.check("the KMS key id comes back on PUT, and not on HEAD over plain HTTP", holds=hidden)

    def _boto3(self) -> None:
        self._screen.title("2. boto3 over the gateway's own TLS, and over HTTP, on the same port")
        body = self._text
        self._boto3_call(tls=True, call=lambda s3: s3.put_object(Bucket=BUCKET, Key=_README, Body=body), table=True)
        got = self._boto3_call(
            tls=True, call=lambda client: client.get_object(Bucket=BUCKET, Key=_README)["Body"].read()
        )
        self._screen.check("boto3 reads over TLS what it wrote", holds=got == self._text)
        config = TransferConfig(multipart_threshold=_MEBIBYTE, multipart_chunksize=5 * _MEBIBYTE, use_threads=False)
        self._boto3_call(tls=False, call=lambda client: self._upload(client, config), wanted=4)
        listed = self._boto3_call(
            tls=False, call=lambda client: client.list_objects_v2(Bucket=BUCKET, Prefix=KMS_PREFIX)
        )
        keys = {entry["Key"] for entry in listed["Contents"]}
        wanted = {_EXPORT, _PART.removeprefix(f"/{BUCKET}/")}
        self._screen.check("boto3 uploads in parts over HTTP, and lists", holds=wanted <= keys)

    def _upload(self, client: "S3Client", config: TransferConfig) -> None:
        with io.BytesIO(self._export) as source:
            client.upload_fileobj(source, BUCKET, _EXPORT, Config=config)

    def _objects(self) -> None:
        name = self._stage.backend_name
        self._screen.title(f"3. The objects as {name} itself reports them, asked directly")
        contents = {_PART.removeprefix(f"/{BUCKET}/"): self._part, _EXPORT: self._export, _README: self._text}
        rows, right = [], True
        for key, data in contents.items():
            head = self._direct.head_object(Bucket=BUCKET, Key=key)
            sse, key_id = str(head.get("ServerSideEncryption", "none")), head.get("SSEKMSKeyId", "")
            rows.append([key, f"{head['ContentLength']}", sse, key_id])
            policy = ("aws:kms", KMS_KEY) if key.startswith(KMS_PREFIX) else ("AES256", "")
            stored = self._direct.get_object(Bucket=BUCKET, Key=key)["Body"].read()
            plain_id = re.split("[:/]", key_id)[-1]  # MinIO reports an ARN
            right = right and (sse, plain_id) == policy and stored == data
        self._screen.table(["key", "bytes", "encryption", "KMS key"], rows)
        self._screen.check(
            f"{name} reports SSE-KMS under {KMS_PREFIX} and SSE-S3 elsewhere, no client asked for either, and holds "
            "the very bytes that were sent",
            holds=right,
        )

    def _tampered(self, spark: SparkClient) -> None:
        self._screen.title("4. One bit flipped in the second chunk, on the way to the gateway")
        sent = spark.sign(Wanted("PUT", _TAMPERED, [_PARQUET], self._part)).with_flipped_bit(1)
        answer, received = self._refuse(spark, sent)
        evil = split_chunks(sent.seen.body)[1].data
        for request in received:
            length = request.header("content-length") or b"?"
            self._screen.note(f"the backend got the head and {request.body_length} of {length.decode()} body bytes:")
            self._chunks(request, sent.seen)
            self._screen.note("and then the end of the connection")
        stopped = bool(received) and all(not request.complete and evil not in request.body for request in received)
        refused = answer.status == _REFUSED and b"<Code>SignatureDoesNotMatch</Code>" in answer.body
        self._screen.check("the tampered upload is refused, as S3 would: 403 SignatureDoesNotMatch", holds=refused)
        self._screen.check("its tampered chunk never reached the backend, nor did the end of its body", holds=stopped)
        self._absent(_TAMPERED)

    def _smuggled(self, spark: SparkClient) -> None:
        self._screen.title("5. An unsigned x-amz-copy-source slipped into a request, to read what Spark may not")
        plain = spark.sign(Wanted("PUT", _SMUGGLED, [_PARQUET], self._part))
        answer, received = self._refuse(spark, plain.with_header("x-amz-copy-source", f"/{BUCKET}/somebody/secret"))
        self._screen.note(f"the backend got {len(received) or 'no'} request of it")
        refused = answer.status == _REFUSED and b"<Code>AccessDenied</Code>" in answer.body
        self._screen.check("the smuggled header is refused: 403 AccessDenied", holds=refused)
        self._screen.check("and the backend heard nothing of it", holds=not received)
        self._absent(_SMUGGLED)

    def _invariants(self) -> None:
        what = {
            "arrived": "every header of Spark's, and of boto3's over TLS, arrived unchanged: all but "
            + ", ".join(sorted(OWN | HOP_BY_HOP)),
            "head": "a second opinion of the wire: each is signed with the gateway's key over headers that are there",
            "chunks": "and so is every chunk of them",
        }
        self._screen.check(f"{self._passed} requests reached the backend", holds=self._passed > 0)
        for name, text in what.items():
            self._screen.check(text, holds=name not in self._refused)

    def _ask(self, spark: SparkClient, wanted: Wanted, *, table: bool = False, chunks: bool = False) -> Answer:
        """Send a request of Spark's that is to pass."""
        self._clear()
        sent = spark.sign(wanted)
        answer = spark.send(sent)
        self._lines_of("spark  http ", 1)
        received = self._stage.outgoing()
        for request in received:
            self._compare(sent.seen, request, table=table)
            if chunks:
                self._chunks(request, sent.seen)
        return answer

    def _boto3_call[T](self, *, tls: bool, call: "Callable[[S3Client], T]", table: bool = False, wanted: int = 1) -> T:
        """Make a call of boto3's that is to pass, as `wanted` requests."""
        self._clear()
        result = call(self._stage.client(tls=tls))
        self._lines_of("boto3  https" if tls else "boto3  http ", wanted)
        received = self._stage.outgoing()
        sent = self._stage.front.requests() if tls else [None] * len(received)  # only `front` sees what boto3 writes
        for before, after in zip(sent, received, strict=True):
            self._compare(before, after, table=table)
        return result

    def _refuse(self, spark: SparkClient, sent: Sent) -> tuple[Answer, Sequence[RecordedRequest]]:
        """Send an upload that is to be refused; the answer, and what the backend got.

        The client waits after its first chunk until the backend has that: only then is it of interest what follows.
        """
        self._clear()
        target = sent.seen.target
        first = len(sent.body[0])
        answer = spark.send(sent, after_first=lambda: self._stage.begun(target, length=first))
        self._lines_of("spark  http ", 1)
        self._screen.line(f"    HTTP {answer.status}, {answer.headers.get('content-type')}")
        for line in answer.body.decode().replace("><", ">\n<").splitlines():
            self._screen.line(f"      {line}", "red")
        return answer, self._stage.begun(target)

    def _clear(self) -> None:
        self._stage.behind.clear()
        self._stage.front.clear()

    def _lines_of(self, who: str, wanted: int) -> None:
        """One line for each request, from the gateway's own log."""
        lines = self._stage.log_lines(self._lines, wanted=wanted)
        self._lines += len(lines)
        for line in lines:
            self._screen.line(*told(who, line))

    def _compare(self, sent: RecordedRequest | None, received: RecordedRequest, *, table: bool) -> None:
        backend = self._stage.backend
        self._passed += 1
        streaming = received.header("x-amz-content-sha256") == STREAMING.encode()
        comparison = None if sent is None else compared(sent, received)
        holds = {
            "arrived": comparison is None or all_arrived(comparison),
            "head": head_holds(received, backend),
            "chunks": not streaming or (received.complete and all(chunks_hold(received, backend))),
        }
        self._refused |= {name for name, held in holds.items() if not held}
        if comparison is not None and (table or self._all_headers):
            self._screen.headers(comparison)

    def _chunks(self, received: RecordedRequest, sent: RecordedRequest) -> None:
        """Signatures of the chunks, in and out, and what a second opinion says of those that went out."""
        before, after = split_chunks(sent.body), split_chunks(received.body)
        verdicts = chunks_hold(received, self._stage.backend)
        rows = []
        for number, (one, other, holds) in enumerate(zip(before, after, verdicts, strict=False), start=1):
            same = "the client's" if one.data == other.data else "zeros" if not any(other.data) else "others"
            verdict = "✓ valid" if holds else "invalid on purpose"
            rows.append([f"{number}", f"{len(other.data)}", same, one.signature[:8], other.signature[:8], verdict])
        self._screen.table(["chunk", "bytes", "data", "signed by client", "by gateway", "checked on the wire"], rows)

    def _absent(self, target: str) -> None:
        name, key = self._stage.backend_name, target.removeprefix(f"/{BUCKET}/")
        try:
            self._direct.head_object(Bucket=BUCKET, Key=key)
            code = "200"
        except ClientError as error:
            code = error.response["Error"]["Code"]
        self._screen.note(f"{name}, asked directly for {key}: {code}")
        self._screen.check(f"{name} has no object {key}", holds=code == "404")
