"""A client of HTTP/1.0 before real MinIO: what has no length there is ended by closing, and whole."""

import re
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.refusing import Made, auth
from tests.sigv4 import aws
from tests.wire.front import BUCKET, Front, body_bytes, head_bytes, now

ROWS = "".join(f"{number},name{number}\n" for number in range(20_000))
SELECT = (
    "<SelectObjectContentRequest><Expression>SELECT s._2 FROM S3Object s</Expression>"
    "<ExpressionType>SQL</ExpressionType><InputSerialization><CSV/></InputSerialization>"
    "<OutputSerialization><CSV/></OutputSerialization></SelectObjectContentRequest>"
)


def asked(front: Front, made: Made) -> tuple[bytes, bytes]:
    """Ask in HTTP/1.0, and read to the end of the connection: the head, and all behind it."""
    request = made(now())
    with front.connect() as raw:
        raw.send(head_bytes(request, version=b"HTTP/1.0") + body_bytes(request))
        head, _, body = raw.socket.makefile("rb").read().partition(b"\r\n\r\n")
    assert re.search(rb"(?i)\r\nconnection: close(\r\n|$)", head)
    assert b"transfer-encoding" not in head.lower()
    return head, body


def test_select(front: Front) -> None:
    """MinIO streams its events in HTTP chunks; all of them arrive."""
    front.s3.put_object(Bucket=BUCKET, Key="rows.csv", Body=ROWS.encode())
    made = auth("POST", "/bucket/rows.csv?select&select-type=2", payload=aws.UNSIGNED, body=SELECT.encode())
    head, body = asked(front, made)
    front.s3.delete_object(Bucket=BUCKET, Key="rows.csv")
    assert head.startswith(b"HTTP/1.1 200 ")
    records, at = b"", 0
    kinds = []
    while at < len(body):  # AWS "event stream encoding": lengths, their CRC, headers, payload, CRC
        total, headers = int.from_bytes(body[at : at + 4]), int.from_bytes(body[at + 4 : at + 8])
        fields, payload = body[at + 12 : at + 12 + headers], body[at + 12 + headers : at + total - 4]
        kind = re.search(rb":event-type\x07\x00.(\w+)", fields)
        assert kind
        kinds.append(kind[1])
        records += payload if kinds[-1] == b"Records" else b""
        at += total
    assert at == len(body)
    assert kinds[-1] == b"End"
    assert records.decode().split() == [f"name{number}" for number in range(20_000)]


def test_a_long_listing(front: Front) -> None:
    """A thousand keys of 1200, and the rest by the token."""
    s3, bucket = front.s3, "http10"
    s3.create_bucket(Bucket=bucket)
    name = "n" * 200  # no letter of an SSE-C key of the tests: MinIO gives the last key in base64, as a token
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: s3.put_object(Bucket=bucket, Key=f"{name}{number:05}", Body=b""), range(1200)))
    front.forget()
    found: list[str | None] = []
    token = ""
    for count in (1000, 200):
        head, body = asked(front, auth("GET", f"/{bucket}?list-type=2{token}"))
        assert head.startswith(b"HTTP/1.1 200 ")
        root = ET.fromstring(body)
        space = root.tag.partition("}")[0] + "}"
        keys = [element.text for element in root.iter(f"{space}Key")]
        assert len(keys) == count
        found += keys
        more = root.findtext(f"{space}NextContinuationToken")
        token = (
            f"&continuation-token={more.replace('+', '%2B').replace('/', '%2F').replace('=', '%3D')}" if more else ""
        )
    assert found == [f"{name}{number:05}" for number in range(1200)]
    for half in (found[:1000], found[1000:]):
        s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": str(key)} for key in half]})
    s3.delete_bucket(Bucket=bucket)


def test_complete_multipart_upload(front: Front) -> None:
    """The document that MinIO gives, with the client's own address in it."""
    s3 = front.s3
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="parts")["UploadId"]
    tag = s3.upload_part(Bucket=BUCKET, Key="parts", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    part = f"<Part><PartNumber>1</PartNumber><ETag>{tag}</ETag></Part>"
    document = f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>".encode()
    made = auth("POST", f"/bucket/parts?uploadId={upload}", payload=aws.UNSIGNED, body=document)
    head, body = asked(front, made)
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"<Location>http://gateway.example:8000/bucket/parts</Location>" in body
    assert ET.fromstring(body).tag.endswith("CompleteMultipartUploadResult")
    assert s3.get_object(Bucket=BUCKET, Key="parts")["Body"].read() == b"x"
    s3.delete_object(Bucket=BUCKET, Key="parts")


@pytest.mark.parametrize(
    ("made", "status", "body"),
    [
        (auth("GET", "/bucket/old"), 200, b"old"),
        (auth("HEAD", "/bucket/old"), 200, b""),
        (auth("GET", "/bucket/nothing"), 404, b"<Code>NoSuchKey</Code>"),
        (auth("HEAD", "/bucket/nothing"), 404, b""),
        (auth("GET", "/bucket/old", who={"secret": "x"}), 403, b"<Code>SignatureDoesNotMatch</Code>"),
        (auth("DELETE", "/bucket/nothing"), 204, b""),
        (auth("GET", "/bucket/old", [("Range", "bytes=1-1")]), 206, b"l"),
    ],
)
def test_every_kind_of_answer(front: Front, made: Made, status: int, body: bytes) -> None:
    """With a length, without a body, refused here or there."""
    head, got = asked(front, made)
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert body in got
    assert bool(body) is bool(got)
