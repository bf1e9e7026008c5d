"""POST policy forms as a browser sends them, signed by AWS's text alone; and the table of those that are refused."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from s3gateway.bodies.form_file import Budget, FormUpload
from s3gateway.config.model import Config
from s3gateway.gateway import Arrival, Outgoing
from s3gateway.http1.head import CHUNKED
from s3gateway.post_object import Form, admit_form, forward_form
from s3gateway.sigv4.model import RequestHead
from tests.admission import SIGNER
from tests.refusing import GETTER, NARROW, PII, READER, Made, Request, Row, Wire
from tests.sigv4.aws import Key

BOUNDARY = b"----WebKitFormBoundary7MA4YWxkTrZu0gW"
CONTENT_TYPE = b"multipart/form-data; boundary=" + BOUNDARY
SIGNING = ("policy", "x-amz-signature", "x-amz-algorithm", "x-amz-credential", "x-amz-date")

Pairs = Sequence[tuple[str, str]]
Edit = Callable[[list[tuple[str, str]]], list[tuple[str, str]]]


def passed(form: Form, request: Request, arrival: Arrival, config: Config, now: datetime) -> tuple[Outgoing, bytes]:
    """Read the whole form, and give what the backend would get: the PutObject's head and its body."""
    body = request.body or b""
    upload = FormUpload(form.boundary, len(body), Budget())
    upload.feed(body)
    upload.reader.finish()
    admitted = admit_form(form, upload.reader, arrival, request.head, config, now)
    data = upload.whole()
    return forward_form(admitted, len(data), config, SIGNER, now), data


def length_of(request: Request) -> int:
    """The body's length as the head frames it."""
    return CHUNKED if request.head.all(b"transfer-encoding") else len(request.body or b"")


def same(fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return fields


def document(fields: Pairs, bucket: str, conditions: Sequence[Any], expiration: Any) -> Any:
    """Write a policy with a condition for the bucket and for each field, and ``conditions`` besides."""
    covered = [{"bucket": bucket}, *(["starts-with", f"${name}", ""] for name, _ in fields), *conditions]
    return {"expiration": expiration, "conditions": covered}


def signed(key: Key, policy: Any, fields: Pairs) -> list[tuple[str, str]]:
    """Give the fields with those that sign; ``policy`` is its document, or its text."""
    text = policy if isinstance(policy, bytes) else json.dumps(policy).encode()
    encoded = base64.b64encode(text).decode()
    return [*fields, ("policy", encoded), ("x-amz-signature", key.sign(encoded.encode()))]


def credential(key: Key) -> list[tuple[str, str]]:
    """Give the fields that say who signs, and when."""
    return [
        ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
        ("x-amz-credential", f"{key.access_key_id}/{key.scope_text}"),
        ("x-amz-date", key.timestamp),
    ]


def part(name: str, value: bytes, file_name: bytes | None = None) -> bytes:
    """Write one part."""
    more = b"" if file_name is None else b'; filename="%b"\r\nContent-Type: text/plain' % file_name
    disposition = b'Content-Disposition: form-data; name="%b"%b' % (name.encode(), more)
    return b"--%b\r\n%b\r\n\r\n%b\r\n" % (BOUNDARY, disposition, value)


def body_of(
    fields: Pairs, file: bytes | None, *, after: Pairs = (), file_name: bytes = b"a.txt", end: bytes = b"--\r\n"
) -> bytes:
    """Write a form's body: fields, file, fields that do not count, and the closing boundary."""
    parts = [part(name, value.encode()) for name, value in fields]
    parts += [part("file", file, file_name)] if file is not None else []
    return b"".join((*parts, *(part(name, value.encode()) for name, value in after), b"--", BOUNDARY, end))


def seconds(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def form(
    fields: Pairs = (),
    file: bytes | None = b"data",
    *,
    bucket: str = "bucket",
    key: str = "key",
    conditions: Sequence[Any] = (),
    who: Mapping[str, str] | None = None,
    lifetime: timedelta = timedelta(minutes=10),
    policy: Callable[[Any], Any] = lambda document: document,
    edit: Edit = same,
    target: str = "",
    headers: Sequence[tuple[bytes, bytes]] = (),
    content_type: bytes = CONTENT_TYPE,
    **body: Any,
) -> Made:
    """Make a form. ``policy`` changes the document before it is signed, ``edit`` the fields afterwards."""

    def make(w: Wire) -> Request:
        signer = w.who(dict(who or {}))
        named = [("key", key), *fields, *credential(signer)]
        text = policy(document(named, bucket, conditions, seconds(signer.now + lifetime)))
        sent = edit(signed(signer, text, named))
        head = RequestHead(
            b"POST",
            (target or f"/{bucket}").encode(),
            ((b"Host", w.host.encode()), (b"Content-Type", content_type), *headers),
        )
        return Request(head, body_of(sent, file, **body))

    return make


def without(*names: str) -> Edit:
    """Leave fields out."""
    return lambda fields: [pair for pair in fields if pair[0] not in names]


def changed(name: str, value: str | Callable[[str], str]) -> Edit:
    """Change a field after the policy was signed."""
    return lambda fields: [
        (known, (value if isinstance(value, str) else value(old)) if known == name else old) for known, old in fields
    ]


def member(**members: Any) -> Callable[[Any], Any]:
    """Set members of the policy; None leaves one out."""
    return lambda document: {k: v for k, v in (document | members).items() if v is not None}


def uncovered(name: str) -> Callable[[Any], Any]:
    """Take a field's conditions out of the policy."""
    return lambda document: (
        document
        | {
            "conditions": [
                each
                for each in document["conditions"]
                if not (name in each if isinstance(each, dict) else each[1] == f"${name}")
            ]
        }
    )


def conditions(*wanted: Any) -> Callable[[Any], Any]:
    """Add to the conditions."""
    return lambda document: document | {"conditions": [*document["conditions"], *wanted]}


def text_of(change: Callable[[str], str]) -> Callable[[Any], Any]:
    """Change the policy's JSON text."""
    return lambda document: change(json.dumps(document)).encode()


def _one_byte(policy: str) -> str:
    """Change one byte of the base64: another year of expiration."""
    text = base64.b64decode(policy)
    return base64.b64encode(text.replace(b'"expiration": "2', b'"expiration": "3')).decode()


def violated(what: str) -> str:
    return f"Invalid according to Policy: {what}"


def failed(*condition: str) -> str:
    return violated(f"Policy Condition failed: {json.dumps(condition)}")


def missing(name: str) -> str:
    return (
        f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields."
    )


AQPE = "AuthorizationQueryParametersError"
ONE_PROPERTY = "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."
WORDS = {"policy": "policy", "x-amz-signature": "X-Amz-Signature", "x-amz-algorithm": "X-Amz-Algorithm",
         "x-amz-credential": "X-Amz-Credential", "x-amz-date": "X-Amz-Date"}  # fmt: skip
RANGE = ["content-length-range", 5, 10]
LATE = timedelta(minutes=20)
LONG = timedelta(days=365)
CONTENT = ("Content-Type", "text/html")

# ruff: noqa: E501 - a table reads by its rows
# fmt: off
ROWS = [
    Row("r48 no policy at all", form(edit=without(*SIGNING)), 403, "AccessDenied", "Access Denied."),
    *(Row(f"r48 no {name}", form(edit=without(name)), 400, "InvalidArgument", missing(WORDS[name]), (("ArgumentName", WORDS[name]),)) for name in SIGNING),
    Row("r48 no key", form(edit=without("key")), 400, "InvalidArgument", missing("key")),
    Row("r48 an empty key", form(key=""), 400, "InvalidArgument", "User key must have a length greater than 0."),
    Row("r48 the file before the policy", lambda w: _file_first(form()(w)), 400, "InvalidArgument", missing("policy")),
    Row("r48 the file first", lambda w: _file_first(form()(w), "key"), 400, "InvalidArgument", missing("key")),
    Row("r48 no file", form(file=None), 400, "InvalidArgument", "POST requires exactly one file upload per request."),
    Row("r48 a field twice", form(edit=lambda fields: [*fields, ("key", "other")]), 400, "InvalidArgument", "twice"),
    Row("r48 a field twice in other letters", form(edit=lambda fields: [*fields, ("KEY", "other")]), 400, "InvalidArgument", "twice"),
    Row("r48 SigV2", form(edit=lambda fields: [*without(*SIGNING[1:])(fields), ("AWSAccessKeyId", "x"), ("signature", "x")]), 400, "InvalidRequest", "Please use AWS4-HMAC-SHA256."),
    Row("r48 a session token", form([("x-amz-security-token", "t")]), 400, "InvalidToken"),
    Row("r48 signed in the head as well", form(headers=[(b"Authorization", b"AWS4-HMAC-SHA256 x")]), 400, "InvalidArgument", "Only one auth mechanism allowed"),
    Row("r48 an unsigned header", form(headers=[(b"x-amz-acl", b"public-read")]), 403, "AccessDenied", "headers present in the request which were not signed", (("HeadersNotSigned", "x-amz-acl"),)),
    Row("r48 a header of the backend's", form(headers=[(b"x-minio-force-delete", b"true")]), 403, "AccessDenied", "headers present in the request which were not signed"),
    Row("r48 a field of the backend's", form([("x-minio-fanout-list", "[]")]), 403, "AccessDenied", "x-minio-*"),
    Row("r48 a copy", form([("x-amz-copy-source", "/bucket/old")]), 501, "NotImplemented", "x-amz-copy-source"),
    Row("r48 snowball", form([("x-amz-meta-snowball-auto-extract", "true")]), 501, "NotImplemented"),
    Row("r48 two lines in a value", form([("x-amz-meta-a", "1\r\nx-amz-acl: public-read")]), 400, "InvalidArgument", "several lines"),
    Row("r48 a folded value", form([("x-amz-meta-a", "1\n 2")]), 400, "InvalidArgument", "several lines"),
    Row("r48 a control character", form([("x-amz-meta-a", "1\x7f")]), 400, "InvalidRequest", "characters that are not allowed"),
    Row("r48 two checksums", form([("x-amz-checksum-crc32", "AAAAAA=="), ("x-amz-checksum-sha1", "AAAA")]), 400, "InvalidRequest", "Multiple checksum Types"),
    Row("r48 metadata", form([("x-amz-meta-a", "x" * 2048)]), 400, "MetadataTooLarge"),
    Row("r48 tags that are no document", form([("tagging", "a=1")]), 400, "MalformedXML"),
    Row("r48 SSE-C over HTTP", form([("x-amz-server-side-encryption-customer-key", "AAAA")]), 400, "InvalidRequest", "secure connection"),
    *(Row(f"r48 the key {key!r}", form(key=key), 400, code) for key, code in (("/key", "InvalidArgument"), ("a/../key", "InvalidURI"), ("..", "InvalidURI"), ("a__XLDIR__", "InvalidArgument"))),
    Row("r48 a file's name of dots", form(key="a/${filename}", file_name=b"x/.."), 400, "InvalidURI"),
    *(Row(f"r48 policy: {name}", form(policy=policy), 400, "InvalidPolicyDocument", f"Invalid Policy: {message}") for name, policy, message in (
        ("no JSON", lambda _: b"{policy}", "Invalid JSON."),
        ("no object", lambda _: [], "Invalid JSON."),
        ("no UTF-8", lambda _: b'{"expiration": "\xff"}', "Invalid JSON."),
        ("deep", lambda _: b"[" * 9000, "Invalid JSON."),
        ("no expiration", member(expiration=None), "Policy missing expiration."),
        ("no conditions", member(conditions=None), "Policy missing conditions."),
        ("EXPIRATION", lambda document: {"EXPIRATION": document["expiration"], "conditions": []}, "Unexpected: 'EXPIRATION'"),
        ("a member nobody knows", member(version=1), "Unexpected: 'version'"),
        ("a member twice", text_of(lambda text: text[:-1] + ', "conditions": []}'), "a member is there twice"),
        ("conditions that are an object", member(conditions={}), "Invalid 'conditions' value"),
        ("a local time", member(expiration="2999-01-01 00:00:00"), "Invalid 'expiration' value: '2999-01-01 00:00:00'"),
        ("an offset", member(expiration="2999-01-01T00:00:00+00:00"), "Invalid 'expiration' value"),
        ("30 February", member(expiration="2999-02-30T00:00:00Z"), "Invalid 'expiration' value"),
        ("a number", member(expiration=32503680000), "Invalid 'expiration' value"),
        ("an empty condition", conditions({}), ONE_PROPERTY.removeprefix("Invalid Policy: ")),
        ("a condition of two", conditions({"acl": "private", "key": "k"}), ONE_PROPERTY.removeprefix("Invalid Policy: ")),
        ("a condition twice in one", text_of(lambda text: text.replace('{"bucket": "bucket"}', '{"bucket": "x", "bucket": "bucket"}')), "Invalid Simple-Condition"),
        ("a condition that is text", conditions("bucket"), "Invalid Condition"),
        ("a condition without a value", conditions(["eq", "$key"]), "Invalid Condition"),
        ("a value that is no text", conditions({"acl": 1}), "Invalid Condition"),
        ("an operator nobody knows", conditions(["ends-with", "$key", "y"]), "Invalid Condition"),
        ("a field without a dollar sign", conditions(["eq", "key", "key"]), "Invalid Condition"),
        ("a range of one", conditions(["content-length-range", 0]), "Invalid content-length-range"),
        ("a negative range", conditions(["content-length-range", -1, 0]), "Invalid content-length-range"),
        ("a range of words", conditions(["content-length-range", 0, "x"]), "Invalid content-length-range"),
        ("a range of truths", conditions(["content-length-range", False, True]), "Invalid content-length-range"),
    )),
    Row("r49 expired", form(), 403, "AccessDenied", violated("Policy expired."), late=LATE),
    Row("r49 signed more than seven days ago", form(lifetime=LONG), 403, "AccessDenied", violated("Policy expired."), late=timedelta(days=7, minutes=1)),
    Row("r49 from the future", form(), 403, "AccessDenied", "Request is not valid yet", late=-LATE),
    Row("r49 eq", form(policy=conditions(["eq", "$key", "a/b"])), 403, "AccessDenied", failed("eq", "$key", "a/b")),
    Row("r49 eq in an object", form([("acl", "private")], policy=conditions({"acl": "x"})), 403, "AccessDenied", failed("eq", "$acl", "x")),
    Row("r49 eq in other letters", form(key="A", policy=conditions({"Key": "a"})), 403, "AccessDenied", failed("eq", "$Key", "a")),
    Row("r49 eq to nothing", form([("x-amz-meta-a", "1")], policy=conditions(["eq", "$x-amz-meta-a", ""])), 403, "AccessDenied", failed("eq", "$x-amz-meta-a", "")),
    Row("r49 starts-with", form([CONTENT], policy=conditions(["starts-with", "$Content-Type", "image/"])), 403, "AccessDenied", failed("starts-with", "$Content-Type", "image/")),
    Row("r49 starts-with, one of a list", form([("Content-Type", "image/png,text/html")], policy=conditions(["starts-with", "$Content-Type", "image/"])), 403, "AccessDenied", failed("starts-with", "$Content-Type", "image/")),
    Row("r49 a field that is not there", form(policy=conditions(["starts-with", "$Content-Type", ""])), 403, "AccessDenied", failed("starts-with", "$Content-Type", "")),
    Row("r49 a field behind the file", form(policy=conditions({"acl": "private"}), after=[("acl", "private")]), 403, "AccessDenied", failed("eq", "$acl", "private")),
    Row("r49 the file's name in the key", form(key="in/${filename}", policy=conditions({"key": "in/${filename}"})), 403, "AccessDenied", failed("eq", "$key", "in/${filename}")),
    *(Row(f"r49 no condition for {name}", form([("Expires", "0")], policy=uncovered(name)), 403, "AccessDenied", violated(f"Extra input fields: {name.lower()}")) for name in ("bucket", "key", "Expires", "x-amz-date", "x-amz-credential", "x-amz-algorithm")),
    Row("r49 another bucket", form(target="/team-a"), 403, "AccessDenied", failed("eq", "$bucket", "bucket")),
    Row("r49 another bucket, and the field", form(target="/team-a", edit=lambda fields: [("bucket", "bucket"), *fields]), 403, "AccessDenied", failed("eq", "$bucket", "bucket")),
    Row("r50 one byte of the policy", form(edit=changed("policy", _one_byte)), 403, "SignatureDoesNotMatch", names=("AWSAccessKeyId", "StringToSign", "SignatureProvided", "StringToSignBytes")),
    Row("r50 another secret", form(who={"secret": "wrong"}), 403, "SignatureDoesNotMatch"),
    Row("r50 another client's key", form(edit=changed("x-amz-credential", lambda old: old.replace("SPARKKEY", "READKEY"))), 403, "SignatureDoesNotMatch"),
    Row("r50 a digit of the signature", form(edit=changed("x-amz-signature", lambda old: old[:-1] + ("1" if old[-1] == "0" else "0"))), 403, "SignatureDoesNotMatch"),
    Row("r50 an unknown key", form(who={"access_key_id": "NOBODY"}), 403, "InvalidAccessKeyId"),
    Row("r50 another region", form(who={"region": "eu-west-1"}), 400, AQPE, "eu-west-1"),
    Row("r50 another algorithm", form(edit=changed("x-amz-algorithm", "AWS4-HMAC-SHA1")), 400, AQPE, "X-Amz-Algorithm only supports"),
    Row("r50 another service", form(edit=changed("x-amz-credential", lambda old: old.replace("/s3/", "/ec2/"))), 400, AQPE, "service"),
    Row("r50 a credential of three parts", form(edit=changed("x-amz-credential", "SPARKKEY/us-east-1/s3")), 400, AQPE, "YYYYMMDD/REGION/SERVICE/aws4_request"),
    Row("r50 a date in another format", form(edit=changed("x-amz-date", "2024-02-29T12:00:00Z")), 400, AQPE, "X-Amz-Date must be in the ISO8601 Long Format"),
    Row("r50 the scope of another day", form(edit=changed("x-amz-credential", lambda old: old.replace("/20", "/19", 1))), 400, AQPE, "Invalid credential date"),
    Row("r50 a signature that is none", form(edit=changed("x-amz-signature", "x")), 400, AQPE, "X-Amz-Signature"),
    Row("r51 too large", form(file=b"x" * 11, policy=conditions(RANGE)), 400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", (("ProposedSize", "11"), ("MaxSizeAllowed", "10"))),
    Row("r51 too small", form(file=b"x" * 4, policy=conditions(RANGE)), 400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", (("ProposedSize", "4"), ("MinSizeAllowed", "5"))),
    Row("r51 two ranges", form(file=b"x" * 8, policy=conditions(RANGE, ["content-length-range", "0", "7"])), 400, "EntityTooLarge", fields=(("MaxSizeAllowed", "7"),)),
    Row("r51 the larger least of two", form(file=b"x" * 5, policy=conditions(RANGE, ["content-length-range", 6, 9])), 400, "EntityTooSmall", fields=(("MinSizeAllowed", "6"),)),
    Row("r52 url-encoded", form(content_type=b"application/x-www-form-urlencoded"), 412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", (("Condition", "Bucket POST must be of the enclosure-type multipart/form-data"),)),
    Row("r52 of another multipart type", form(content_type=b"multipart/mixed; boundary=" + BOUNDARY), 412, "PreconditionFailed"),
    Row("r52 no boundary", form(content_type=b"multipart/form-data"), 400, "MalformedPOSTRequest"),
    Row("r52 two boundaries", form(content_type=CONTENT_TYPE + b"; boundary=x"), 400, "MalformedPOSTRequest"),
    Row("r52 another boundary", form(content_type=b"multipart/form-data; boundary=x"), 400, "MalformedPOSTRequest"),
    Row("r52 an empty boundary", form(content_type=b'multipart/form-data; boundary=""'), 400, "MalformedPOSTRequest"),
    Row("r52 no closing boundary", form(end=b"\r\n"), 400, "MalformedPOSTRequest"),
    Row("r52 in HTTP chunks", lambda w: _chunked(form()(w)), 411, "MissingContentLength"),
    Row("r52 no form", lambda w: replace(form()(w), body=b"key=k&file=x"), 400, "MalformedPOSTRequest"),
    Row("r52 a part without a name", lambda w: _renamed(form()(w), b"; name=", b"; named="), 400, "MalformedPOSTRequest"),
    Row("r52 a part that is no form's", lambda w: _renamed(form()(w), b"form-data; name", b"attachment; name"), 400, "MalformedPOSTRequest"),
    Row("r52 more than 20 KB before the file", form([("x-ignore-a", "x" * 20_000)]), 400, "MaxPostPreDataLengthExceeded"),
    *(Row(f"r46 form {who['secret']} {bucket}/{key}", form(fields, bucket=bucket, key=key, who=who), 403, "AccessDenied", "Access Denied.") for who, bucket, key, fields in (
        (NARROW, "bucket", "key", ()),
        (PII, "bucket", "other", ()),
        (PII, "bucket", "pii", ()),
        (READER, "bucket", "key", ()),
        (GETTER, "bucket", "key", ()),
    )),
    Row("r46 form pii by the file's name", form(key="${filename}", who=PII, file_name=b"pii/x"), 403, "AccessDenied", "Access Denied."),
]
# fmt: on


def _chunked(request: Request) -> Request:
    """Let the body come in HTTP chunks."""
    head = request.head
    return replace(request, head=replace(head, headers=(*head.headers, (b"Transfer-Encoding", b"chunked"))))


def _file_first(request: Request, before: str = "policy") -> Request:
    """Move the file in front of another field."""
    body = request.body or b""
    policy = body.index(b'--%b\r\nContent-Disposition: form-data; name="%b"' % (BOUNDARY, before.encode()))
    file = body.index(b'--%b\r\nContent-Disposition: form-data; name="file"' % BOUNDARY)
    end = body.rindex(b"--" + BOUNDARY)
    moved = body[:policy] + body[file:end] + body[policy:file] + body[end:]
    return replace(request, body=moved)


def _renamed(request: Request, old: bytes, new: bytes) -> Request:
    return replace(request, body=(request.body or b"").replace(old, new, 1))
