"""The search for secrets finds them: every kind, in every form, in a log, a flow file and an answer.

Each gateway here runs a copy of the code with one deliberate leak in it. Every other gateway of the suite is searched
in the same way when it stops.
"""

import base64
import os
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from lab.certs import Certs
from lab.gateway import gateway_config
from lab.minio import Minio
from tests.canary import CANARY, Canary
from tests.mitm.conftest import CopiedGateway, Copies
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import CHUNK, Key, Target, put_chunked, sign
from tests.real.waiting import eventually
from tests.sigv4 import aws

KEY = bytes(range(32, 64))
TOKEN = "a-session-token/with+odd=characters"


@pytest.mark.parametrize(
    "written",
    [KEY, base64.b64encode(KEY), KEY.hex().encode(), KEY.hex(" ").encode(), repr(KEY).encode(), quote(KEY).encode()],
    ids=["raw", "base64", "hex", "spaced", "repr", "url"],
)
def test_every_form_is_found(written: bytes) -> None:
    """However a program would write it."""
    canary = Canary()
    canary.watch("key", KEY)
    assert canary.find(b"before " + written + b" after") == ["key"]
    assert canary.find(b"before and after") == []


def test_what_is_sent_is_watched() -> None:
    """SSE-C keys and session tokens of a request, and its signature, from its bytes."""
    canary = Canary()
    encoded = base64.b64encode(KEY).decode()
    headers = [("x-amz-copy-source-server-side-encryption-customer-key", encoded), ("x-amz-security-token", TOKEN)]
    request = sign("GET", Target("b", "k"), headers=headers)
    canary.watch_wire(request.head)
    assert canary.find(KEY) == canary.find(encoded.encode()) == ["SSE-C key"]
    assert canary.find(TOKEN.encode()) == ["session token"]
    assert canary.find(request.signature.encode()) == ["signature in use"]
    presigned = Canary()
    presigned.watch_wire(f"PUT /b/k?a=1&X-Amz-Server-Side-Encryption-Customer-Key={quote(encoded)} HTTP/1.1".encode())
    assert presigned.find(KEY) == presigned.find(encoded.encode()) == ["SSE-C key"]
    assert canary.find(b"GET /?X-Amz-Signature=" + b"5" * 64) == ["signature"]
    assert canary.find(b"0;chunk-signature=" + b"5" * 64) == ["signature"]
    assert canary.find(b"5" * 64) == []
    assert canary.find(b"0;chunk-signature=" + b"0" * 64) == []  # masked


def test_a_report_does_not_show_what_it_found() -> None:
    """It names secret and place."""
    canary = Canary()
    canary.watch("backend secret", "the-very-secret")
    with pytest.raises(AssertionError) as raised:
        canary.check({"the log": b"x the-very-secret y"})
    assert "backend secret in the log" in str(raised.value)
    assert "the-very-secret" not in str(raised.value)


def test_a_configurations_secrets_are_watched(tmp_path: Path) -> None:
    """Those in files as well, and the keys that are derived from them today."""
    for name, text in (("client", "secret-in-a-file\n"), ("creds", "static: {secret_access_key: secret-in-yaml}\n")):
        (tmp_path / name).write_text(text)
    (tmp_path / "sse-c").write_bytes(KEY)
    canary = Canary()
    canary.watch_config(
        {
            "backend": {"region": "eu-1", "credentials": {"file": str(tmp_path / "creds")}},
            "clients": [{"access_key_id": "A", "secret_access_key_file": str(tmp_path / "client")}],
            "encryption": [{"sse-c": str(tmp_path / "sse-c")}],
        }
    )
    assert canary.find(b"secret-in-yaml") == ["backend secret"]
    assert canary.find(b"secret-in-a-file") == ["client secret"]
    assert canary.find(_signing_key("secret-in-yaml", "eu-1")) == ["backend signing key"]
    assert canary.find(_signing_key("secret-in-a-file", "us-east-1")) == ["client signing key"]
    assert canary.find(KEY) == ["SSE-C key"]


def _signing_key(secret: str, region: str) -> bytes:
    return aws.Key("A", secret, f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}", region).signing_key


LEAK = """

import logging as _logging

def _leak(what):
    _logging.getLogger(__name__).debug("leaked: %s", what)

"""
OUTGOING = """
_before = write_request

def write_request(method, target, headers):
    head = RequestHead(method, target, headers)
    _leak(LEAKED)
    return _before(method, target, headers)
"""
VERIFIED = """
_before = verify

def verify(claim, head, secret, now):
    verified = _before(claim, head, secret, now)
    _leak(LEAKED)
    return verified
"""
KEPT = """
def redact(flow):
    pass
"""
BLABBING = """
S3Error.to_xml = lambda self, *_: b"<Error><Code>x</Code><Message>spark-secret-of-the-lab</Message></Error>"
"""
LEAKS = {
    "client secret in the log": ("sigv4/verify.py", VERIFIED.replace("LEAKED", "secret.reveal()")),
    "client signing key in the log": ("sigv4/verify.py", VERIFIED.replace("LEAKED", "verified.signing_key")),
    "signature in use in the log": ("sigv4/verify.py", VERIFIED.replace("LEAKED", "verified.seed.hex")),
    "signature in the log": ("http1/head.py", OUTGOING.replace("LEAKED", "head.all(b'authorization')")),
    "SSE-C key in the log": (
        "http1/head.py",
        OUTGOING.replace("LEAKED", "head.all(b'x-amz-server-side-encryption-customer-key')"),
    ),
    "session token in the log": ("http1/head.py", OUTGOING.replace("LEAKED", "head.all(b'x-amz-security-token')")),
    "backend secret in the log": ("signer.py", "Signer.own_headers = _leaking(Signer.own_headers, 'secret')"),
    "backend signing key in the log": ("signer.py", "Signer.own_headers = _leaking(Signer.own_headers, 'key')"),
    "signature in the flow file": ("mitm/watched/flows.py", KEPT),
    "session token in the flow file": ("mitm/watched/flows.py", KEPT),
    "SSE-C key in the flow file": ("mitm/watched/flows.py", KEPT),
}
LEAKING = """
def _leaking(own_headers, what):
    def leaking(self, now):
        key = self.signing_key(CredentialScope(f"{now:%Y%m%d}", self._region))
        _leak({"secret": self._keys.secret.reveal().decode(), "key": key.hex()}[what])
        return own_headers(self, now)
    return leaking

"""


@pytest.mark.parametrize("leak", LEAKS)
def test_a_leak_is_found(minio: Minio, certs: Certs, copied_gateway: Copies, tmp_path: Path, leak: str) -> None:
    """One upload through a gateway that writes one secret it should not: the search names it when it stops."""
    bucket = f"leak-{os.getpid()}-{list(LEAKS).index(leak)}"
    minio.client().create_bucket(Bucket=bucket)
    (tmp_path / "key").write_bytes(KEY)
    own = minio.temporary_credentials()
    config = gateway_config(minio, certificate=certs.gateway, encryption=[{"sse-c": str(tmp_path / "key")}])
    config["backend"]["credentials"] = {
        "access_key_id": own["AccessKeyId"],
        "secret_access_key": own["SecretAccessKey"],
        "session_token": own["SessionToken"],
    }
    of, patch = LEAKS[leak]
    running = copied_gateway(config, of, LEAK + LEAKING + patch, watched=True)
    with Raw(running.port) as raw:
        assert raw.ask(put_chunked(Target(bucket, "k"), b"x" * CHUNK).wire).status == 200
    eventually(lambda: '"status": 200' in running.log())
    assert leak in _found(running)


def test_a_leak_in_an_answer_is_found(minio: Minio, copied_gateway: Copies) -> None:
    """The tests' own client looks at every error that it reads, and the flow has the answer."""
    running = copied_gateway(gateway_config(minio), "errors.py", BLABBING, watched=True)
    with Raw(running.port) as raw:
        raw.send(sign("GET", Target("bucket", "k"), key=Key(secret="wrong")).head)
        with pytest.raises(AssertionError, match="client secret in the answer"):
            raw.read()
    eventually(lambda: '"status": 403' in running.log())
    assert "client secret in the flow file" in _found(running)


def test_no_leak_is_found_where_there_is_none(minio: Minio, copied_gateway: Copies) -> None:
    """The same copy without a leak, at the same level: the log and the flow file are there, and clean."""
    running = copied_gateway(gateway_config(minio), watched=True)
    with Raw(running.port) as raw:
        assert raw.ask(sign("GET", Target("", "")).head).status == 200
    eventually(lambda: '"status": 200' in running.log())
    running.stop()
    assert "ListBuckets" in running.log()
    assert b"ListAllMyBucketsResult" in running.flow_file.read_bytes() or running.flow_file.stat().st_size > 500
    assert "client connect" in running.log()  # mitmproxy's own lines, as chatty as they get
    assert CANARY.find(running.flow_file.read_bytes()) == []


def _found(running: CopiedGateway) -> str:
    with pytest.raises(AssertionError, match="secrets were written") as raised:
        running.stop()
    return str(raised.value)
