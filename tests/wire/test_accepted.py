"""The table of good requests through a real mitmdump to MinIO: what is stored is what was sent, and nothing more."""

from collections.abc import Iterator
from urllib.parse import unquote

import pytest

from tests.accepted import BODIES, HEADS
from tests.refusing import Request
from tests.wire.front import BUCKET, Front, body_bytes, head_bytes, now

DATA = b"the object's data"
METADATA = {
    "duplicates join": "1,2",
    "double spaces fold": "1   2",
    "obs-fold joins": "1 2",
    "empty value": "",
    "a no-break space kept": "=?UTF-8?q?1=E2=80=AF2?=",  # how MinIO tells what is not ASCII
    "Unicode's spaces fold": "=?UTF-8?q?1=E2=80=AF=E3=80=80_2=C2=85?=",
}
REFUSED_BY_MINIO = {
    "2 KiB of metadata": "MetadataTooLarge",  # it counts x-amz-meta- as well
    "key /bucket/a//b": "XMinioInvalidObjectName",
}


@pytest.fixture(autouse=True)
def _only_old(front: Front) -> Iterator[None]:
    """What a test has stored goes again."""
    yield
    s3 = front.s3
    for key in front.stored():
        if key != "old":
            s3.delete_object(Bucket=BUCKET, Key=key)


def send(front: Front, request: Request, *, tls: bool = False) -> bytes:
    """Send head and body, after ``100 Continue`` where it is asked for; give the body of the 200 that must follow."""
    with front.connect(tls=tls) as raw:
        raw.send(head_bytes(request))
        if request.head.first(b"expect"):
            assert raw.read().status == 100
        raw.send(body_bytes(request))
        answer = raw.read(request.head.method.decode())
    front.check_hidden(answer)
    assert answer.status == 200, answer
    return answer.body


@pytest.mark.parametrize("name", [name for name in HEADS if name not in REFUSED_BY_MINIO])
def test_heads(front: Front, name: str) -> None:
    """Uploads arrive with data and metadata, downloads give the data, and the target is the client's, byte for byte."""
    request = HEADS[name](now())
    key = unquote(request.head.path.decode()).removeprefix(f"/{BUCKET}/")
    s3 = front.s3
    if request.head.method == b"GET" and key != f"/{BUCKET}":
        s3.put_object(Bucket=BUCKET, Key=key, Body=DATA)
    got = send(front, request)
    if "presigned" not in name:
        assert [sent.target for sent in front.recorder.requests()] == [request.head.target]
    if request.head.method == b"GET":
        assert got == DATA or b"<ListBucketResult" in got
    elif request.head.method == b"POST":
        assert b"<UploadId>" in got
    else:
        found = s3.get_object(Bucket=BUCKET, Key=key)
        assert found["Body"].read() == b"x"
        assert found.get("ContentEncoding", "") == ""
        assert found["Metadata"] == ({"a": METADATA[name]} if name in METADATA else {})


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
def test_bodies(front: Front, name: str, *, tls: bool) -> None:
    """The object is the decoded data and its Content-Encoding is what is left without aws-chunked."""
    chunks = BODIES[name]
    send(front, chunks.made(now()), tls=tls)
    found = front.s3.get_object(Bucket=BUCKET, Key="key", ChecksumMode="ENABLED")
    assert found["Body"].read() == chunks.data
    assert ("ChecksumCRC64NVME" in found) >= name.startswith("no trailer")  # as AWS computes where a client sends none
    assert found.get("ContentEncoding", "") == ("gzip" if "gzip" in name else "")
    (sent,) = front.recorder.requests()
    assert sent.complete


@pytest.mark.parametrize("name", REFUSED_BY_MINIO)
def test_what_s3_takes_and_minio_does_not(front: Front, name: str) -> None:
    """The request goes to MinIO as it came, and MinIO's own answer comes back."""
    request = HEADS[name](now())
    answer = front.ask(request)
    assert (answer.status, answer.code) == (400, REFUSED_BY_MINIO[name])
    assert [sent.target for sent in front.recorder.requests()] == [request.head.target]


def test_a_checksum_in_a_header_is_left_to_the_backend(front: Front) -> None:
    """A wrong one is MinIO's to refuse: its answer arrives, and nothing is stored."""
    answer = front.ask(Request(HEADS["one checksum"](now()).head, b"y"))
    assert (answer.status, answer.code) == (400, "XAmzContentChecksumMismatch")
    assert list(front.stored()) == ["old"]
