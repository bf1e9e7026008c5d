"""What a rule's headers make of a request at MinIO, row by row; where it is another request, the gateway refuses it.

Each copy is run twice: at MinIO itself with the headers that the rule would add, which shows what they do, and through
the gateway without them. ``LOST`` is a newest version that nobody can read any more.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from itertools import count, product
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from lab.certs import Certs
from lab.gateway import Gateway, gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from tests.conftest import GatewayFactory

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEY, OTHER_KEY = bytes(range(97, 129)), bytes(range(32))
DATA = os.urandom(70_000)  # too large for MinIO to keep it with its metadata, which a rotation copies
RULES: dict[str, Any] = {
    "sse-s3": {"ServerSideEncryption": "AES256"},
    "sse-kms": {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "my-key"},
    "sse-c": {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": KEY},
}
"""The rules, by the prefix that each is for, and what they add, as boto3 says it."""

SOURCE: dict[str, Any] = {"CopySourceSSECustomerAlgorithm": "AES256", "CopySourceSSECustomerKey": KEY}
OWN: dict[str, Any] = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": OTHER_KEY}
MADE, LOST, NOTHING = "made", "lost", "nothing changes"
NOTHING_CHANGES = "This copy request is illegal because it is trying to copy an object to itself without changing"

CHANGES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "COPY": {"MetadataDirective": "COPY"},
    "metadata without a directive": {"Metadata": {"a": "2"}},
    "a checksum": {"ChecksumAlgorithm": "SHA256"},
    "metadata": {"MetadataDirective": "REPLACE", "Metadata": {"a": "2"}},
    "tags": {"TaggingDirective": "REPLACE", "Tagging": "a=b"},
    "its storage class": {"StorageClass": "STANDARD"},
    "the storage class": {"StorageClass": "REDUCED_REDUNDANCY"},
}
IDLE = ("nothing", "COPY", "metadata without a directive", "a checksum")

# What is changed, rule, versioned: what the added headers come to at MinIO, and whether the gateway refuses.
ROWS = [
    *((what, rule, ver, MADE, True) for what, rule, ver in product(IDLE, ("sse-s3", "sse-kms"), (False, True))),
    *((what, rule, ver, MADE, False) for what, rule, ver in product(list(CHANGES)[4:], list(RULES)[:2], (False, True))),
    *((what, "sse-c", False, MADE, True) for what in CHANGES),
    *((what, "sse-c", True, LOST, True) for what in list(CHANGES)[:-1]),
    ("the storage class", "sse-c", True, MADE, True),  # whether it is another one, only the backend knows
]
_numbers = count()


class Stand:
    """Two buckets of MinIO, one that keeps versions, and a gateway with a rule for each prefix."""

    def __init__(self, minio: Minio, gateway: Gateway) -> None:
        self.direct, self.gateway, self.through = minio.client(), gateway, gateway.client()
        self.buckets = {False: f"onto-{uuid4().hex[:10]}", True: f"onto-{uuid4().hex[:10]}"}
        for bucket in self.buckets.values():
            self.direct.create_bucket(Bucket=bucket)
        self._set_versions("Enabled")

    def stored(self, rule: str, *, versioned: bool) -> tuple[str, str, str]:
        """Store an object under the rule: bucket, key and version."""
        bucket, key = self.buckets[versioned], f"{rule}/{next(_numbers)}"
        answer = self.through.put_object(Bucket=bucket, Key=key, Body=DATA, Metadata={"a": "1"})
        return bucket, key, answer.get("VersionId", "null")

    @contextmanager
    def versions_suspended(self) -> Iterator[None]:
        """Let the bucket with versions keep none."""
        self._set_versions("Suspended")
        yield
        self._set_versions("Enabled")

    def _set_versions(self, status: Literal["Enabled", "Suspended"]) -> None:
        self.direct.put_bucket_versioning(Bucket=self.buckets[True], VersioningConfiguration={"Status": status})

    def newest(self, bucket: str, key: str, rule: str) -> str:
        """Read the newest version, as the rule has it."""
        extra: Any = RULES[rule] if rule == "sse-c" else {}
        try:
            return MADE if self.direct.get_object(Bucket=bucket, Key=key, **extra)["Body"].read() == DATA else LOST
        except (BotoCoreError, HTTPError, AttributeError):  # botocore gives up on a body that breaks off in many ways
            return LOST


@pytest.fixture(scope="module")
def stand(
    minio: Minio,
    certs: Certs,
    _recorder: Recorder,
    session_gateway: GatewayFactory,
    tmp_path_factory: pytest.TempPathFactory,
) -> Stand:
    key = tmp_path_factory.mktemp("onto-itself") / "key"
    key.write_bytes(KEY)
    rules: list[dict[str, Any]] = [
        {"prefix": "none/", "none": True},
        {"prefix": "sse-s3/", "sse-s3": True},
        {"prefix": "sse-kms/", "sse-kms": "my-key"},
        {"prefix": "sse-c/", "sse-c": str(key)},
    ]
    config = gateway_config(_recorder, encryption=rules, certificate=certs.gateway)
    return Stand(minio, session_gateway(config))


@pytest.mark.parametrize(("what", "rule", "versioned", "at_minio", "refused"), ROWS)
def test_a_copy_onto_itself(
    stand: Stand, recorder: Recorder, what: str, rule: str, at_minio: str, *, versioned: bool, refused: bool
) -> None:
    """The row's outcome at MinIO with the headers added; through the gateway it is refused unseen, or it is done."""
    added: Any = RULES[rule] | (SOURCE if rule == "sse-c" else {})
    bucket, key, _ = stand.stored(rule, versioned=versioned)
    stand.direct.copy_object(Bucket=bucket, Key=key, CopySource=f"{bucket}/{key}", **added, **CHANGES[what])
    assert stand.newest(bucket, key, rule) == at_minio

    bucket, key, _ = stand.stored(rule, versioned=versioned)
    recorder.clear()
    copy = _copying(stand.through, bucket, key, **CHANGES[what])
    if not refused:
        copy()
        assert len(recorder.requests()) == 1
    else:
        error = _refusal(copy)
        assert f"the rule encryption[{list(RULES).index(rule) + 1}] " in error
        assert (NOTHING_CHANGES in error) == (rule != "sse-c")
        assert recorder.requests() == []
    assert stand.newest(bucket, key, rule) == MADE


def _copying(client: "S3Client", bucket: str, key: str, version: str = "", **args: Any) -> Callable[[], object]:
    source = f"{bucket}/{key}" + (f"?versionId={version}" if version else "")
    return lambda: client.copy_object(Bucket=bucket, Key=key, CopySource=source, **args)


def _refusal(ask: Callable[[], object]) -> str:
    with pytest.raises(ClientError, match="InvalidRequest") as refused:
        ask()
    return refused.value.response["Error"]["Message"]


@pytest.mark.parametrize("versioned", [False, True])
@pytest.mark.parametrize("rule", ["sse-s3", "sse-kms"])
def test_a_named_version_is_restored(stand: Stand, rule: str, *, versioned: bool) -> None:
    """Which S3 takes, whatever it changes."""
    bucket, key, version = stand.stored(rule, versioned=versioned)
    _copying(stand.through, bucket, key, version)()
    _copying(stand.through, bucket, key, version, **CHANGES["metadata"])()
    assert stand.newest(bucket, key, rule) == MADE
    assert stand.through.head_object(Bucket=bucket, Key=key)["Metadata"] == {"a": "2"}
    for nothing in ("%20", "a;b"):  # MinIO reads no version there
        assert "the rule encryption[" in _refusal(_copying(stand.through, bucket, key, nothing))


@pytest.mark.parametrize(
    ("version", "versioned", "at_minio"),
    [
        ("null", False, LOST),
        ("00000000-0000-0000-0000-000000000000", False, LOST),
        ("{}", True, MADE),
        ("{}", None, LOST),  # the bucket keeps versions no more
    ],
)
def test_a_version_does_not_help_with_a_customer_key(
    stand: Stand, recorder: Recorder, version: str, at_minio: str, *, versioned: bool | None
) -> None:
    """Whether it does depends on the bucket, and on how the version is called."""
    bucket, key, own = stand.stored("sse-c", versioned=versioned is not False)
    version = version.format(own)
    added: Any = RULES["sse-c"] | SOURCE | CHANGES["metadata"]
    recorder.clear()
    assert "the rule encryption[3] " in _refusal(_copying(stand.through, bucket, key, version, **CHANGES["metadata"]))
    assert recorder.requests() == []
    with stand.versions_suspended() if versioned is None else nullcontext():
        _copying(stand.direct, bucket, key, version, **added)()
    assert stand.newest(bucket, key, "sse-c") == at_minio


def test_what_no_rule_touches_is_answered_by_the_backend(stand: Stand, recorder: Recorder) -> None:
    """As AWS would; and an encryption that the client asks for itself is a change."""
    bucket, key, _ = stand.stored("none", versioned=False)
    recorder.clear()
    assert NOTHING_CHANGES in _refusal(_copying(stand.through, bucket, key))
    assert len(recorder.requests()) == 1
    for rule, other in (("sse-s3", "sse-kms"), ("sse-kms", "sse-s3")):
        bucket, key, _ = stand.stored(rule, versioned=True)
        _copying(stand.through, bucket, key, **RULES[other])()
        assert stand.newest(bucket, key, rule) == MADE


def test_a_clients_own_key_with_the_rules(stand: Stand, recorder: Recorder) -> None:
    """From the rule's key to the client's, or the other way round: a rotation as well, with one key of each."""
    bucket, key, _ = stand.stored("sse-c", versioned=True)
    tls = stand.gateway.client(tls=True)
    recorder.clear()
    source: Any = SOURCE | {"CopySourceSSECustomerKey": OTHER_KEY}
    for args in (OWN, source):
        assert "the rule encryption[3] " in _refusal(_copying(tls, bucket, key, **args, **CHANGES["metadata"]))
    assert recorder.requests() == []
    assert stand.newest(bucket, key, "sse-c") == MADE


@pytest.mark.parametrize(("rule", "mine"), list(product(RULES, ("", "sse-s3", "sse-kms"))))
def test_parts_keep_the_encryption_of_their_upload(stand: Stand, rule: str, mine: str) -> None:
    """What a rule adds to a part is ignored, or refused, where the client has chosen another one for the upload."""
    bucket, key = stand.buckets[False], f"{rule}/{next(_numbers)}"
    own: Any = RULES.get(mine, {})
    upload = stand.through.create_multipart_upload(Bucket=bucket, Key=key, **own)["UploadId"]
    args: Any = {"Bucket": bucket, "Key": key, "UploadId": upload}
    part: Any = {"PartNumber": 1, "ETag": stand.through.upload_part(**args, PartNumber=1, Body=DATA)["ETag"]}
    stand.through.complete_multipart_upload(**args, MultipartUpload={"Parts": [part]})
    assert stand.newest(bucket, key, mine or rule) == MADE
    source_bucket, source_key, _ = stand.stored(rule, versioned=False)
    upload = stand.through.create_multipart_upload(Bucket=bucket, Key=key, **own)["UploadId"]
    args["UploadId"] = upload
    source: Any = {"CopySource": f"{source_bucket}/{source_key}", "PartNumber": 1}
    if (rule, mine) == ("sse-c", "sse-s3"):
        assert "initiate requested encryption" in _refusal(lambda: stand.through.upload_part_copy(**args, **source))
        return
    copied: Any = stand.through.upload_part_copy(**args, **source)
    part = {"PartNumber": 1, "ETag": copied["CopyPartResult"]["ETag"]}
    stand.through.complete_multipart_upload(**args, MultipartUpload={"Parts": [part]})
    assert stand.newest(bucket, key, mine or rule) == MADE


@pytest.mark.parametrize("rule", RULES)
def test_conditions_and_tags_mean_the_same_under_a_rule(stand: Stand, rule: str) -> None:
    """An ETag that the client has read is the one that its conditions are held against; tags go with a copy."""
    bucket, key, _ = stand.stored(rule, versioned=False)
    s3 = stand.through
    etag = s3.head_object(Bucket=bucket, Key=key)["ETag"]
    s3.put_object(Bucket=bucket, Key=key, Body=DATA, IfMatch=etag, Tagging="a=b")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=bucket, Key=key, Body=DATA, IfNoneMatch="*")
    etag = s3.head_object(Bucket=bucket, Key=key)["ETag"]
    source = {"Bucket": bucket, "Key": key}
    s3.copy_object(Bucket=bucket, Key=key + "-kept", CopySource=source, CopySourceIfMatch=etag)  # type: ignore[arg-type]
    changed: Any = {"TaggingDirective": "REPLACE", "Tagging": "c=d"}
    s3.copy_object(Bucket=bucket, Key=key + "-changed", CopySource=source, **changed)  # type: ignore[arg-type]
    told = [s3.get_object_tagging(Bucket=bucket, Key=key + end)["TagSet"] for end in ("-kept", "-changed")]
    assert told == [[{"Key": "a", "Value": "b"}], [{"Key": "c", "Value": "d"}]]
    assert [stand.newest(bucket, key + end, rule) for end in ("-kept", "-changed")] == [MADE, MADE]
