"""``s3_buffer_bodies``: a body held in mitmweb can be edited, and what is not proven is not even held."""

import base64
import os
from hashlib import sha256
from typing import Any

import pytest

from lab.gateway import Gateway, gateway_config
from lab.minio import Minio
from lab.process import ProcessError
from lab.recorder import Recorder
from tests.conftest import GatewayFactory
from tests.mitm.conftest import Copies
from tests.mitm.web import Web, ask
from tests.real import invariant
from tests.real.rawhttp import Answer, Raw
from tests.real.sdkv1 import CHUNK, Target, Upload, put_chunked, put_plain
from tests.real.waiting import eventually

HELD = ["--set", "intercept=~q & ~u /held$", "--set", "s3_buffer_bodies=512k"]


@pytest.fixture
def running(gateway: GatewayFactory, recorder: Recorder) -> Gateway:
    return gateway(gateway_config(recorder), program="mitmweb", arguments=HELD)


@pytest.fixture
def bucket(minio: Minio) -> str:
    name = f"buffer-{os.urandom(4).hex()}"
    minio.client().create_bucket(Bucket=name)
    return name


def _stored(minio: Minio, bucket: str, key: str = "held") -> bytes:
    return minio.client().get_object(Bucket=bucket, Key=key)["Body"].read()


def _upload(form: str, bucket: str, data: bytes) -> Upload:
    target = Target(bucket, "held")
    if form == "hash":
        return put_plain(target, data)
    return put_chunked(target, data, trailer=("x-amz-checksum-sha256", _sha256(data)) if form == "trailer" else None)


def _sha256(data: bytes) -> str:
    return base64.b64encode(sha256(data).digest()).decode()


@pytest.mark.parametrize("form", ["hash", "chunks", "trailer"])
def test_an_edited_body_is_what_the_backend_stores(
    running: Gateway, recorder: Recorder, minio: Minio, bucket: str, form: str
) -> None:
    """Body, key and metadata changed in mitmweb: MinIO takes hash, chunks and trailer, and stores just that."""
    web, answers = Web(running), list[Answer]()
    thread = ask(running, _upload(form, bucket, b"a" * (CHUNK + 1)).wire, answers)
    flow = eventually(web.held)[0]
    assert recorder.requests() == []
    assert flow["request"]["contentLength"] == CHUNK + 1
    content = b"edited " * 40_000
    web.call("PUT", f"/flows/{flow['id']}", {"request": {"content": content.decode()}})
    now = web.call("GET", "/flows")[-1]["request"]["headers"]
    edits = {"path": f"/{bucket}/other", "headers": [*now, ["x-amz-meta-by", "operator"]]}
    web.call("PUT", f"/flows/{flow['id']}", {"request": edits})
    web.call("POST", f"/flows/{flow['id']}/resume", {})
    thread.join()
    assert answers[0].status == 200, answers
    stored = minio.client().get_object(Bucket=bucket, Key="other")
    assert (stored["Body"].read(), stored["Metadata"]) == (content, {"by": "operator"})
    (request,) = recorder.requests()
    invariant.check_signed_names(request)


@pytest.mark.parametrize("form", ["hash", "chunks", "trailer"])
def test_an_unedited_body_arrives_as_it_was(
    running: Gateway, recorder: Recorder, minio: Minio, bucket: str, form: str
) -> None:
    """Held and let go: the bytes differ from those of a stream in nothing, its chunk sizes included."""
    web, answers = Web(running), list[Answer]()
    upload = _upload(form, bucket, b"b" * (CHUNK + 1))
    thread = ask(running, upload.wire, answers)
    flow = eventually(web.held)[0]
    web.call("POST", f"/flows/{flow['id']}/resume", {})
    thread.join()
    assert answers[0].status == 200, answers
    assert _stored(minio, bucket) == b"b" * (CHUNK + 1)
    (request,) = recorder.requests()
    assert request.header("content-length") == str(len(upload.body)).encode()
    invariant.check_signed_names(request)


def test_a_larger_body_streams(running: Gateway, minio: Minio, bucket: str) -> None:
    """Above the limit nothing is held: a job that writes large files goes on."""
    data = os.urandom(600 * 1024)
    with Raw(running.port) as raw:
        assert raw.ask(put_chunked(Target(bucket, "held-large"), data).wire, "PUT").status == 200
    assert _stored(minio, bucket, "held-large") == data


@pytest.mark.parametrize("form", ["hash", "chunks", "trailer"])
def test_a_body_that_is_not_what_was_signed(running: Gateway, recorder: Recorder, bucket: str, form: str) -> None:
    """It is refused at once: nobody gets to edit it, and nothing is sent."""
    upload = _upload(form, bucket, b"c" * 1000).tampered(0, -50)
    with Raw(running.port) as raw:
        answer = raw.ask(upload.wire, "PUT")
    assert answer.code == {"hash": "XAmzContentSHA256Mismatch"}.get(form, "SignatureDoesNotMatch")
    assert recorder.requests() == []


BOOM = "def _boom(*_, **__):\n    raise KeyError\n\n\n"


@pytest.mark.parametrize(
    ("module", "patch"),
    [
        ("bodies/held.py", f"{BOOM}hold = _boom\n"),
        ("bodies/held.py", f"{BOOM}release = _boom\n"),
        ("bodies/held.py", f"{BOOM}_through = _boom\n"),
        ("mitm/watched/flow_watch.py", f"{BOOM}FlowWatch.holds = _boom\n"),
        ("mitm/watched/flow_watch.py", f"async {BOOM}FlowWatch.request_came = _boom\n"),
        ("mitm/watched/flow_watch.py", f"{BOOM}FlowWatch.request_now = _boom\n"),
        ("mitm/watched/flow_watch.py", f"{BOOM}FlowWatch.sent = _boom\n"),
    ],
)
def test_whatever_breaks_nothing_leaves(unreached: Recorder, copied_gateway: Copies, module: str, patch: str) -> None:
    """A body that nobody verified is answered with 500, and the backend hears nothing of it."""
    config: dict[str, Any] = gateway_config(unreached)
    arguments = ["--set", "s3_buffer_bodies=1m"]
    running = copied_gateway(config, module, "\n\n" + patch, watched=True, arguments=arguments)
    with Raw(running.port) as raw:
        assert raw.ask(put_chunked(Target("bucket", "k"), b"x" * 1000).wire, "PUT").status == 500
    assert unreached.connections() == []


def test_what_mitmproxy_streams_is_not_held(gateway: GatewayFactory, minio: Minio, bucket: str) -> None:
    """``stream_large_bodies`` lowers the limit, and a stream is verified chunk by chunk."""
    arguments = ["--set", "s3_buffer_bodies=1m", "--set", "stream_large_bodies=1"]
    running = gateway(gateway_config(minio), arguments=arguments)
    upload = put_chunked(Target(bucket, "held"), b"x" * 1000)
    with Raw(running.port) as raw:
        assert raw.ask(upload.tampered(0, -50).wire, "PUT").code == "SignatureDoesNotMatch"
    assert "Contents" not in minio.client().list_objects_v2(Bucket=bucket)
    with Raw(running.port) as raw:
        assert raw.ask(upload.wire, "PUT").status == 200
    assert _stored(minio, bucket) == b"x" * 1000


def test_an_option_that_changes_while_a_body_is_read(
    running: Gateway, recorder: Recorder, minio: Minio, bucket: str
) -> None:
    """A body whose head came while it was to be held stays held, and leaves when it is let go."""
    upload = put_chunked(Target(bucket, "held"), b"x" * 1000)
    with Raw(running.port) as raw:
        raw.send(upload.wire[:-500])
        web = Web(running)
        eventually(lambda: web.call("GET", "/flows"))
        web.call("PUT", "/options", {"stream_large_bodies": "1"})
        raw.send(upload.wire[-500:])
        flow = eventually(web.held)[0]
        assert recorder.requests() == []
        web.call("POST", f"/flows/{flow['id']}/resume", {})
        assert raw.read().status == 200
    assert _stored(minio, bucket) == b"x" * 1000


def test_no_size(gateway: GatewayFactory, unreached: Recorder) -> None:
    """Said at start, and the gateway does not run without what it was asked for."""
    with pytest.raises(ProcessError, match=r"s3_buffer_bodies: 'much' is no size such as 65536, 64k or 1m"):
        gateway(gateway_config(unreached), arguments=["--set", "s3_buffer_bodies=much"])
