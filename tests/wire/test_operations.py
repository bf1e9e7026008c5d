"""Each operation with a sub-resource is one to MinIO too: it does not carry out the plain operation, or another one."""

import base64
from hashlib import md5, sha256

import pytest

from s3gateway.rules import actions
from tests.real.rawhttp import Answer
from tests.refusing import auth
from tests.wire.front import Front, now

ROWS = sorted((level, method.decode(), sub.decode()) for level, method, sub in actions._ACTIONS if sub)
LISTS = {"list-type", "versions", "uploads"}
VALUES = {"list-type": "2", "uploadId": "none", "partNumber": "1", "select-type": "2"}
DELETES_OLD = b"<Delete><Object><Key>old</Key></Object></Delete>"


def _ask(front: Front, method: str, path: str, sub: str) -> Answer:
    """To a key with a body that deletes an object, if it is taken for such."""
    level = "object" if path.count("/") > 1 else "bucket"
    needed = sorted(name.decode() for name in actions._ACTIONS[level, method.encode(), sub.encode()].required)
    query = "&".join(f"{name}={VALUES[name]}" if name in VALUES else name for name in needed)
    body = DELETES_OLD if level == "object" and method in {"PUT", "POST"} else b""
    checksum = base64.b64encode(md5(body, usedforsecurity=False).digest()).decode()
    headers = [("content-md5", checksum)] if body else []
    return front.ask(auth(method, f"{path}?{query}", headers, payload=sha256(body).hexdigest(), body=body)(now()))


def _rows(level: str, method: str) -> list[str]:
    return [sub for row_level, row_method, sub in ROWS if (row_level, row_method) == (level, method)]


def _buckets(front: Front) -> set[str]:
    return {bucket["Name"] for bucket in front.s3.list_buckets()["Buckets"]}


def test_the_table_is_tested() -> None:
    """Nothing but the rows below."""
    assert {(level, method) for level, method, _ in ROWS} == {
        *(("bucket", method) for method in ("GET", "PUT", "POST", "DELETE")),
        *(("object", method) for method in ("GET", "PUT", "POST", "DELETE")),
    }
    assert _rows("bucket", "POST") == ["delete"]


@pytest.mark.parametrize("sub", _rows("bucket", "PUT"))
def test_a_put_makes_no_bucket(front: Front, sub: str) -> None:
    """As MinIO does on a sub-resource that it has no route for."""
    before = _buckets(front)
    assert _ask(front, "PUT", "/not-there", sub).status >= 400
    assert _buckets(front) == before


@pytest.mark.parametrize("sub", _rows("bucket", "DELETE"))
def test_a_delete_takes_no_bucket(front: Front, sub: str) -> None:
    """An empty one, which DeleteBucket would take."""
    front.s3.create_bucket(Bucket="empty")
    _ask(front, "DELETE", "/empty", sub)
    assert "empty" in _buckets(front)
    front.s3.delete_bucket(Bucket="empty")


@pytest.mark.parametrize("sub", _rows("bucket", "GET"))
def test_a_get_lists_nothing(front: Front, sub: str) -> None:
    """Unless it is one that lists."""
    answer = _ask(front, "GET", "/bucket", sub)
    assert (b"<Key>old</Key>" in answer.body) is (sub in LISTS - {"uploads"})


@pytest.mark.parametrize("sub", _rows("object", "PUT"))
def test_a_put_stores_nothing(front: Front, sub: str) -> None:
    """The body is not taken for an object's."""
    before = front.stored()
    _ask(front, "PUT", "/bucket/old", sub)
    _ask(front, "PUT", "/bucket/new", sub)
    assert front.stored() == before


@pytest.mark.parametrize("sub", _rows("object", "DELETE"))
def test_a_delete_takes_no_object(front: Front, sub: str) -> None:
    """What it names stays."""
    before = front.stored()
    _ask(front, "DELETE", "/bucket/old", sub)
    assert front.stored() == before


@pytest.mark.parametrize("sub", _rows("object", "GET"))
def test_a_get_reads_nothing(front: Front, sub: str) -> None:
    """The answer is not the object."""
    assert _ask(front, "GET", "/bucket/old", sub).body != b"old"


@pytest.mark.parametrize("sub", _rows("object", "POST"))
def test_a_post_deletes_nothing(front: Front, sub: str) -> None:
    """MinIO looks for `?delete` behind a key, too, when nothing else fits."""
    before = front.stored()
    _ask(front, "POST", "/bucket/new", sub)
    assert front.stored() == before


def test_an_upload_id_is_no_path(front: Front) -> None:
    """MinIO lists the parts of an object that is named in one, and takes new ones for it."""
    upload = base64.urlsafe_b64encode(b"x.../../../bucket/old").decode().rstrip("=")
    direct = front.s3.list_parts(Bucket="bucket", Key="any", UploadId=upload)
    assert direct["Key"] == "any"  # or there would be nothing to keep from it
    front.forget()
    before = front.stored()
    for method, target in (("GET", "?uploadId="), ("DELETE", "?uploadId="), ("PUT", "?partNumber=1&uploadId=")):
        answer = front.ask(auth(method, f"/bucket/any{target}{upload}")(now()))
        assert (answer.status, answer.code) == (404, "NoSuchUpload")
        assert front.untouched()
    assert front.stored() == before


@pytest.mark.parametrize(
    ("method", "target", "sent"),
    [
        ("GET", "/bucket/old?a=1", "/bucket/old"),
        ("GET", "/bucket?Version=2006-03-01&list-type=2", "/bucket?list-type=2"),
        ("PUT", "/bucket/new?a=1&x-id=PutObject", "/bucket/new?x-id=PutObject"),
    ],
)
def test_a_parameter_that_nobody_knows_does_not_travel(front: Front, method: str, target: str, sent: str) -> None:
    """The backend carries out the plain operation, and sees nothing of it."""
    made = auth(method, target, payload="UNSIGNED-PAYLOAD", body=b"x" if method == "PUT" else None)
    assert front.ask(made(now())).status == 200
    assert [request.target for request in front.recorder.requests()] == [sent.encode()]
    front.s3.delete_object(Bucket="bucket", Key="new")


@pytest.mark.parametrize(
    ("method", "target"),
    [("PUT", "/bucket/old?renameObject"), ("DELETE", "/bucket?unknown=1"), ("DELETE", "/bucket/old?unknown=1")],
)
def test_a_sub_resource_that_nobody_knows_is_refused(front: Front, method: str, target: str) -> None:
    """It must not turn into the operation without it."""
    answer = front.ask(auth(method, target)(now()))
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert front.untouched()
