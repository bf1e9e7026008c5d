"""Forms in the core: what is one, what PutObject it becomes, and how its success is answered."""

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from s3gateway.config.model import Config
from s3gateway.errors import S3Error
from s3gateway.gateway import Arrival, Outgoing, admit
from s3gateway.post_object import begin
from s3gateway.sigv4.model import Headers, RequestHead
from tests import forms
from tests.admission import CONFIG, DOCUMENT, configured
from tests.forms import CONTENT_TYPE, Pairs, form
from tests.refusing import Wire
from tests.sigv4 import aws
from tests.sigv4.aws import CLIENT, GATEWAY

HTTP, TLS = Arrival(tls=False, has_body=True), Arrival(tls=True, has_body=True)
ETAG = (b"ETag", b'"5d41402abc4b2a76b9719d911017c592"')


def sent(
    fields: Pairs = (),
    *,
    config: Config = CONFIG,
    arrival: Arrival = TLS,
    host: str = "gateway.example:8000",
    **how: Any,
) -> tuple[Outgoing, bytes]:
    """Send a form with these fields; give what leaves."""
    request = form(fields, **how)(Wire(host=host))
    found = begin(request.head, arrival, len(request.body or b""), config)
    assert found is not None
    return forms.passed(found, request, arrival, config, GATEWAY.now)


def fields_of(outgoing: Outgoing) -> dict[str, str]:
    own = {b"host", b"x-amz-date", b"x-amz-content-sha256", b"authorization", b"content-length"}
    return {n.decode(): v.decode() for n, v in outgoing.headers if n.lower() not in own}


def test_a_form_becomes_a_put_object() -> None:
    """Signed by the gateway over every x-amz-* header, with the length of the file and nothing of the form's."""
    browser = [(b"Cache-Control", b"no-cache"), (b"Cookie", b"a=b"), (b"If-None-Match", b"*"), (b"User-Agent", b"x")]
    outgoing, data = sent([("x-amz-meta-a", "1")], headers=browser, key="a b/ü")
    head = RequestHead(outgoing.method, outgoing.target, outgoing.headers)
    assert (outgoing.method, outgoing.target, data) == (b"PUT", b"/bucket/a%20b/%C3%BC", b"data")
    assert (outgoing.operation.name, outgoing.operation.key) == ("PutObject", "a b/ü")
    assert fields_of(outgoing) == {"User-Agent": "x", "x-amz-meta-a": "1"}
    assert head.first(b"content-length") == b"4"
    assert head.first(b"x-amz-content-sha256") == b"UNSIGNED-PAYLOAD"
    assert {b"x-amz-meta-a", b"x-amz-content-sha256", b"x-amz-date", b"host"} <= set(outgoing.signed_headers)
    assert aws.signed_by(head, GATEWAY, uri="/bucket/a%20b/%C3%BC", query="")


TAGGING = "<Tagging><TagSet><Tag><Key>a</Key><Value>1 &amp; 2</Value></Tag></TagSet></Tagging>"


@pytest.mark.parametrize(
    ("field", "header"),
    [
        (("Content-Type", "image/png"), {"content-type": "image/png"}),
        (("CACHE-CONTROL", " max-age=60 "), {"cache-control": "max-age=60"}),
        (("Content-Disposition", "attachment"), {"content-disposition": "attachment"}),
        (("Content-Encoding", "gzip"), {"content-encoding": "gzip"}),
        (("Expires", "Wed, 21 Oct 2037 07:28:00 GMT"), {"expires": "Wed, 21 Oct 2037 07:28:00 GMT"}),
        (("acl", "private"), {"x-amz-acl": "private"}),
        (("tagging", TAGGING), {"x-amz-tagging": "a=1+%26+2"}),
        (("x-amz-storage-class", "STANDARD"), {"x-amz-storage-class": "STANDARD"}),
        (("x-amz-website-redirect-location", "/x"), {"x-amz-website-redirect-location": "/x"}),
        (("X-Amz-Meta-Tag", ""), {"x-amz-meta-tag": ""}),
        (("x-amz-server-side-encryption", "AES256"), {"x-amz-server-side-encryption": "AES256"}),
        (("x-amz-checksum-crc32", "rfPxfQ=="), {"x-amz-checksum-crc32": "rfPxfQ=="}),
        (("x-amz-checksum-algorithm", "CRC32"), {}),
        (("x-amz-object-lock-mode", "GOVERNANCE"), {"x-amz-object-lock-mode": "GOVERNANCE"}),
        (("success_action_status", "201"), {}),
        (("submit", "Upload"), {}),
        (("x-ignore-me", "1"), {}),
        (("bucket", "bucket"), {}),
    ],
)
def test_fields_become_headers(field: tuple[str, str], header: dict[str, str]) -> None:
    """Those that AWS lists for a form, by the name that a PutObject has for them; others are of no effect."""
    assert fields_of(sent([field])[0]) == header


@pytest.mark.parametrize(
    ("field", "operation"),
    [("acl", "PutObjectAcl"), ("tagging", "PutObjectTagging"), ("x-amz-object-lock-legal-hold", "PutObjectLegalHold")],
)
def test_a_field_needs_its_own_permission(field: str, operation: str) -> None:
    """What a field does besides needs what the header would need."""
    value = TAGGING if field == "tagging" else "ON"
    client = {**DOCUMENT["clients"][0], "operations": ["PutObject"]}
    with pytest.raises(S3Error, match="AccessDenied") as raised:
        sent([(field, value)], config=configured(clients=[client]))
    assert operation in raised.value.reason
    client = {**client, "operations": ["PutObject", operation]}
    sent([(field, value)], config=configured(clients=[client]))


@pytest.mark.parametrize(
    ("rule", "fields", "expected"),
    [
        ({"sse-kms": "my-key"}, [], ("aws:kms", "SSE-KMS", 0)),
        ({"sse-s3": True}, [], ("AES256", "SSE-S3", 0)),
        ({"sse-s3": True, "prefix": "other/"}, [], (None, "", None)),
        ({"sse-kms": "my-key"}, [("x-amz-server-side-encryption", "AES256")], ("AES256", "client", None)),
    ],
)
def test_the_encryption_rule_decides(rule: Any, fields: Pairs, expected: tuple[Any, ...]) -> None:
    """As for a PutObject: unless the form's own fields say something."""
    outgoing, _ = sent(fields, config=configured(encryption=[rule]))
    found = fields_of(outgoing).get("x-amz-server-side-encryption")
    assert (found, outgoing.sse, outgoing.rule) == expected


@pytest.mark.parametrize(
    ("key", "file_name", "expected"),
    [
        ("in/${filename}", b"a b.txt", "in/a b.txt"),
        ("${filename}${filename}", b"x", "xx"),
        ("in/${filename}", b"C:\\dir\\a.txt", "in/a.txt"),
        ("in/${filename}", b"../../etc/passwd", "in/passwd"),
        ("in/${filename}.bin", b"", "in/.bin"),
        ("in/$filename", b"x", "in/$filename"),
    ],
)
def test_the_files_name(key: str, file_name: bytes, expected: str) -> None:
    """It stands for ``${filename}`` in each field, without its folders; conditions see what comes out."""
    outgoing, _ = sent(
        [("x-amz-meta-name", "<${filename}>")], key=key, file_name=file_name, policy=forms.conditions({"key": expected})
    )
    assert outgoing.operation.key == expected
    name = file_name.decode().replace("\\", "/").rpartition("/")[2]
    assert fields_of(outgoing)["x-amz-meta-name"] == f"<{name}>"


@pytest.mark.parametrize(
    "wanted",
    [
        [["EQ", "$KEY", "key"]],
        [{"KeY": "key"}],
        [["Starts-With", "$key", "k"], ["starts-with", "$key", ""]],
        [["content-length-range", 4, 4], ["Content-Length-Range", "0", "5"]],
        [["starts-with", "$Content-Type", "image/"]],
    ],
)
def test_conditions_that_hold(wanted: list[Any]) -> None:
    """Names and operators in any letters, sizes as numbers or text, each of a list of content types."""
    sent([("content-type", "image/png, image/gif")], policy=forms.conditions(*wanted))


def test_escapes_of_awss_own() -> None:
    r"""``\\$`` and ``\\v`` are no JSON, and AWS's policies have them."""
    quoted = forms.text_of(lambda text: text.replace('"$key", ""', r'"\u0024key", "\$\\b"'))
    sent(key="$\\b-c", policy=quoted)


@pytest.mark.parametrize(
    ("method", "target", "content_type", "host"),
    [
        ("POST", "/bucket", CONTENT_TYPE, ""),
        ("POST", "/bucket/", CONTENT_TYPE.replace(b"multipart/form-data", b"Multipart/Form-Data "), ""),
        ("POST", "/", CONTENT_TYPE, "bucket.s3.example.com"),
    ],
)
def test_what_is_a_form(method: str, target: str, content_type: bytes, host: str) -> None:
    """A POST on a bucket, in the path or in the host name."""
    request = form(target=target, content_type=content_type)(Wire(host=host or "gateway:1"))
    found = begin(request.head, HTTP, 1, CONFIG)
    assert found is not None
    assert found.bucket == "bucket"


@pytest.mark.parametrize(
    ("target", "operation"),
    [
        ("/bucket/key?uploads", "CreateMultipartUpload"),
        ("/bucket/key?uploads=", "CreateMultipartUpload"),
        ("/bucket/key?uploadId=1", "CompleteMultipartUpload"),
        ("/bucket?delete", "DeleteObjects"),
        ("/bucket/key?restore", "RestoreObject"),
    ],
)
def test_the_query_decides_first(target: str, operation: str) -> None:
    """Whatever the Content-Type says: boto3 and others write the object's own into CreateMultipartUpload."""
    head = aws.authorized("POST", target, [("Content-Type", CONTENT_TYPE)], payload=aws.UNSIGNED)
    assert begin(head, HTTP, 1, CONFIG) is None
    assert admit(head, HTTP, CONFIG, CLIENT.now).operation.name == operation


@pytest.mark.parametrize("target", ["/bucket/key", "/", "/bucket?x-id=PostObject", "/bucket?policy"])
def test_what_is_no_form(target: str) -> None:
    """On a key, on no bucket, or with a query: that is for a signature in the head to say."""
    head = RequestHead(b"POST", target.encode(), ((b"Host", b"gateway"), (b"Content-Type", CONTENT_TYPE)))
    assert begin(head, HTTP, 1, CONFIG) is None


def answered(fields: Pairs, headers: Headers = (ETAG,), **how: Any) -> tuple[int, dict[str, str], bytes]:
    outgoing, _ = sent(fields, **how)
    assert outgoing.form is not None
    status, found, body = outgoing.form.answer(headers)
    return status, {name.decode(): value.decode() for name, value in found}, body


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ((), 204),
        ([("success_action_status", "200")], 200),
        ([("success_action_status", "204")], 204),
        ([("success_action_status", "404")], 204),
        ([("success_action_status", "")], 204),
        ([("success_action_redirect", "ftp://example.com/")], 204),
        ([("success_action_redirect", "not a url")], 204),
        ([("success_action_redirect", "http://example.com/\r\nx: y")], 204),
    ],
)
def test_an_empty_answer(fields: Pairs, status: int) -> None:
    """204 unless 200 is wanted; a redirect that is no URL of HTTP's counts for none, as on AWS."""
    put = (ETAG, (b"x-amz-version-id", b"v"), (b"Content-Length", b"0"), (b"Location", b"https://backend/x"))
    found = answered(fields, put, key="a/b c")
    assert (found[0], found[2]) == (status, b"")
    expected = {"ETag": ETAG[1].decode(), "x-amz-version-id": "v"}
    expected["Location"] = "https://gateway.example:8000/bucket/a%2Fb%20c"
    assert found[1] == expected | ({"Content-Length": "0"} if status == 200 else {})


@pytest.mark.parametrize(
    ("host", "target", "arrival", "base"),
    [
        ("gateway.example:8000", "/bucket", TLS, "https://gateway.example:8000/bucket"),
        ("gateway.example:8000", "/bucket/", HTTP, "http://gateway.example:8000/bucket"),
        ("bucket.s3.example.com", "/", HTTP, "http://bucket.s3.example.com"),
    ],
)
def test_the_document(host: str, target: str, arrival: Arrival, base: str) -> None:
    """201 has the four elements of AWS's PostResponse, the client's address among them, and each slash escaped."""
    wanted = [("success_action_status", "201")]
    status, headers, body = answered(wanted, host=host, target=target, arrival=arrival, key="a&b/ü c")
    location = f"{base}/a%26b%2F%C3%BC%20c"
    assert status == 201
    assert headers == {
        "ETag": ETAG[1].decode(),
        "Location": location,
        "Content-Type": "application/xml",
        "Content-Length": str(len(body)),
    }
    root = ET.fromstring(body)
    found = [(each.tag, each.text) for each in root]
    assert (root.tag, found) == (
        "PostResponse",
        [("Location", location), ("Bucket", "bucket"), ("Key", "a&b/ü c"), ("ETag", ETAG[1].decode())],
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.com/done", "https://example.com/done?{}"),
        ("http://example.com/?a=b", "http://example.com/?a=b&{}"),
        ("http://example.com/#x", "http://example.com/?{}#x"),
    ],
)
@pytest.mark.parametrize("field", ["success_action_redirect", "redirect"])
def test_a_redirect(field: str, url: str, expected: str) -> None:
    """303 with bucket, key and ETag in the query, whatever status is wanted besides."""
    status, headers, body = answered([(field, url), ("success_action_status", "201")], key="a/b c")
    told = "bucket=bucket&key=a%2Fb%20c&etag=%225d41402abc4b2a76b9719d911017c592%22"
    assert (status, body, headers["Content-Length"]) == (303, b"", "0")
    assert headers["Location"] == expected.format(told)


def test_a_virtual_host_is_not_doubled() -> None:
    """The bucket of the host name is in the path of the PutObject, once."""
    outgoing, _ = sent(host="bucket.s3.example.com", target="/")
    assert outgoing.target == b"/bucket/key"
