"""What reaches the gateway through nginx and HAProxy, as they come and as the README advises: its table is true."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from lab import CHECKOUT
from lab.gateway import Gateway, gateway_config
from lab.minio import Minio
from lab.peer_parts import nginx_program
from lab.proxies import HAPROXY_DEFAULT, NGINX_DEFAULT, Proxy, haproxy_program
from tests.conftest import GatewayFactory, _have
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import EMPTY, Signed, Target, put_chunked, sign

pytestmark = pytest.mark.real

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

README = (CHECKOUT / "README.md").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Way:
    """A proxy, its configuration, and the bucket behind it."""

    port: int
    bucket: str

    @property
    def host(self) -> str:
        """The proxy's own address: what a client of it signs."""
        return f"127.0.0.1:{self.port}"

    def ask(self, *writes: bytes, method: str = "GET") -> str:
        """Send a request in these writes, and give what came of it: the status, with S3's code where it has one."""
        with Raw(self.port) as raw:
            for data in writes:
                raw.send(data)
            answer = raw.read(method)
            while answer.status == 100:
                answer = raw.read(method)
        is_s3 = answer.status >= 400 and b"<Code>" in answer.body
        return f"{answer.status} {answer.code}" if is_s3 else str(answer.status)


def _get(way: Way, key: str = "plain", *more: tuple[str, str]) -> str:
    return way.ask(sign("GET", Target(way.bucket, key), headers=more, host=way.host).head)


def _put(way: Way, key: str, body: bytes, *more: tuple[str, str]) -> bytes:
    fields = [("Content-Length", str(len(body))), *more]
    return sign("PUT", Target(way.bucket, key), sha256(body).hexdigest(), fields, host=way.host).head


def _stored(way: Way, key: str, *writes: bytes) -> str:
    """Upload, and read back from the gateway what is there."""
    said = way.ask(*writes, method="PUT")
    return said if said != "200" else _get(way, key)


def _odd_key(key: str) -> Callable[[Way], str]:
    def asked(way: Way) -> str:
        return _stored(way, key, _put(way, key, b"x") + b"x")

    return asked


def _waiting(way: Way, head: bytes) -> str:
    """Wait for 100 Continue before the body."""
    with Raw(way.port) as raw:
        raw.send(head)
        answer = raw.read("PUT")
        if answer.status == 100:
            raw.send(b"x" * 1000)
            answer = raw.read("PUT")
            if answer.status == 100:
                answer = raw.read("PUT")
    return f"{answer.status} {answer.code}" if answer.status >= 400 and answer.body else str(answer.status)


def _expects(way: Way) -> str:
    """As curl and SDK v1 do."""
    fields = [("Content-Length", "1000")]
    signed = sign("PUT", Target(way.bucket, "e"), sha256(b"x" * 1000).hexdigest(), fields, host=way.host)
    return _waiting(way, signed.with_headers(("Expect", "100-continue")).head)


def _expects_signed(way: Way) -> str:
    """As the AWS CLI does."""
    return _waiting(way, _put(way, "e", b"x" * 1000, ("Expect", "100-continue")))


def _aws_chunks(way: Way) -> str:
    upload = put_chunked(Target(way.bucket, "chunks"), b"x" * 300_000, host=way.host)
    return _stored(way, "chunks", upload.wire)


def _large(way: Way) -> str:
    body = b"x" * 3_000_000
    return _stored(way, "large", _put(way, "large", body) + body)


def _lower(way: Way) -> str:
    """Names in lower case, as proxies that speak HTTP/2 behind have them."""
    signed = sign("GET", Target(way.bucket, "plain"), EMPTY, host=way.host)
    lower = [(name.lower(), value) for name, value in signed.headers]
    return way.ask(Signed(signed.method, signed.target, lower, signed.key, signed.signature).head)


def _old(way: Way) -> str:
    """A client of HTTP/1.0."""
    head = sign("GET", Target(way.bucket, "plain"), host=way.host).head
    return way.ask(head.replace(b"HTTP/1.1", b"HTTP/1.0", 1))


ROWS: dict[str, Callable[[Way], str]] = {
    "GET; `Host` has a port": _get,
    "header names in lower case": _lower,
    "a client of HTTP/1.0": _old,
    "a key with `+`, space, `ä`": _odd_key("a+b c/ä"),
    "a key with `//`": _odd_key("a//b"),
    "a key with `%` and `?`": _odd_key("a%2Fb?c"),
    "PUT with `Expect: 100-continue`": _expects,
    "the same, `Expect` signed": _expects_signed,
    "PUT in signed aws-chunks": _aws_chunks,
    "PUT of 3 MB": _large,
}
COLUMNS = ("nginx, as it comes", "nginx, as above", "HAProxy, as it comes", "HAProxy, as above")


def _snippet(name: str) -> str:
    """The README's own configuration of a proxy."""
    section = README.partition("### Behind nginx or HAProxy")[2]
    found = re.search(rf"```{name}\n(.*?)```", section, re.DOTALL)
    assert found
    return found[1]


@pytest.fixture(scope="module")
def gateway_behind(minio: Minio, session_gateway: GatewayFactory) -> Gateway:
    return session_gateway(gateway_config(minio, log={"explain": False}))


def _way(s3: "S3Client", name: str, port: int) -> Way:
    bucket = f"proxy-{name}-{port}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="plain", Body=b"x")
    return Way(port, bucket)


@pytest.fixture(scope="module")
def ways(gateway_behind: Gateway, minio: Minio) -> Iterator[list[Way]]:
    """The gateway itself and the four of them, each with a bucket of its own."""
    kinds = (
        ("nginx", NGINX_DEFAULT),
        ("nginx", _snippet("nginx")),
        ("haproxy", HAPROXY_DEFAULT),
        ("haproxy", _snippet("haproxy")),
    )
    _have(nginx_program)
    _have(haproxy_program)
    s3 = minio.client()
    with ExitStack() as stack:
        found = [_way(s3, "direct", gateway_behind.port)]
        for number, (program, text) in enumerate(kinds):
            proxy = stack.enter_context(Proxy(program, text, gateway_behind.port))
            found.append(_way(s3, f"{number}", proxy.port))
        yield found


@pytest.mark.parametrize("row", ROWS)
def test_a_row_of_the_readmes_table(ways: list[Way], row: str) -> None:
    """Each cell is what the client got: ✔ for what the gateway answers directly, or the answer."""
    directly, *got = [ROWS[row](way) for way in ways]
    cells = " | ".join("✔" if said == directly else said for said in got)
    assert f"| {row} | {cells} |" in README


def test_the_table_has_no_other_rows() -> None:
    section = README.partition("### Behind nginx or HAProxy")[2].partition("\n### ")[0]
    rows = re.findall(r"^\| ([^|]+?) \|", section, re.MULTILINE)
    assert rows == ["What is sent", "---", *ROWS]
    assert f"| What is sent | {' | '.join(COLUMNS)} |" in section
