"""YAML -> configuration: what it comes to, and that every refusal names key, problem and remedy, and no secret."""

import base64
from pathlib import Path

import pytest

from s3gateway.config.files import fingerprint
from s3gateway.config.gateway_yaml import build, load, parse
from s3gateway.config.model import Backend, Chain, Client, KeyPair
from s3gateway.rules.access import Access
from s3gateway.rules.encryption import SseC, SseKms, SseS3

CANARY = "c4n4ry-s3cr3t"
KEY = bytes(range(32))

FULL = """
listen: {host: 0.0.0.0, port: 8443, certificate: gateway.pem, key: gateway.key, regions: [eu-*, us-east-1]}
backend:
  endpoint: https://minio.example:9000/
  ca_file: ca.crt
  region: eu-west-1
  credentials: {access_key_id: AK, secret_access_key: secret, session_token: token}
clients:
  - {name: spark, access_key_id: K1, secret_access_key: s1, buckets: ["*"]}
  - {name: other, access_key_id: K2, secret_access_key_file: k2}
encryption:
  - {bucket: "finance-*", prefix: pii/, sse-kms: my-key}
  - {client: spark, sse-s3: true}
  - {bucket: vault, sse-c: key}
  - {none: true, prefix: ""}
addressing: {domains: [S3.example.com.]}
limits: {aws_chunk: 1048576, refusal_linger: 0.5}
log: {format: json}
"""


LEAST = """
backend: {endpoint: "https://minio.example"}
clients: [{name: spark, access_key_id: K1, secret_access_key: s1}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that :data:`FULL` names."""
    for name, text in (("gateway.pem", "x"), ("gateway.key", "x"), ("ca.crt", "x"), ("k2", " s2\n")):
        (tmp_path / name).write_text(text)
    (tmp_path / "key").write_bytes(KEY)
    return tmp_path


def _access(client: Client) -> Access:
    assert isinstance(client.access, Access)
    return client.access


def test_everything(folder: Path) -> None:
    """Each section comes to frozen values, with files relative to the configuration's own folder."""
    (folder / "gateway.yaml").write_text(FULL)
    config = load(folder / "gateway.yaml")
    assert (config.listen.host, config.listen.port, config.listen.regions) == ("0.0.0.0", 8443, ("eu-*", "us-east-1"))
    assert (config.listen.certificate, config.listen.key) == (folder / "gateway.pem", folder / "gateway.key")
    assert config.backend == Backend("https", "minio.example", 9000, folder / "ca.crt", "eu-west-1")
    assert isinstance(config.credentials, KeyPair)
    assert config.credentials.secret.reveal() == b"secret"
    assert config.credentials.session_token is not None
    assert config.credentials.session_token.reveal() == b"token"
    assert {
        key: (client.name, client.keys.secret.reveal(), _access(client).buckets)
        for key, client in config.clients.items()
    } == {
        "K1": ("spark", b"s1", ("*",)),
        "K2": ("other", b"s2", ()),
    }
    assert [type(rule.sse) for rule in config.encryption] == [SseKms, SseS3, SseC, type(None)]
    assert [(rule.bucket, rule.prefix, rule.client) for rule in config.encryption] == [
        ("finance-*", "pii/", "*"),
        ("*", "", "spark"),
        ("vault", "", "*"),
        ("*", "", "*"),
    ]
    assert (config.domains, config.limits.aws_chunk, config.limits.refusal_linger) == (
        ("s3.example.com",),
        1048576,
        0.5,
    )
    assert config.log_format == "json"
    assert {path.name for path in config.files} == {"gateway.yaml", "gateway.pem", "gateway.key", "ca.crt", "k2", "key"}


def test_the_least() -> None:
    """An endpoint and a client suffice: botocore finds the credentials."""
    config = parse(LEAST, Path())
    assert (config.backend.authority, config.backend.url) == ("minio.example", "https://minio.example:443")
    assert (config.listen.host, config.listen.port, config.encryption) == ("127.0.0.1", 8000, ())
    assert (config.credentials, [_access(client).buckets for client in config.clients.values()]) == (Chain(None), [()])
    assert config.listen.regions == ("us-east-1", "us-east-1", "us-east-2")


@pytest.mark.parametrize(
    ("endpoint", "authority", "url"),
    [
        ("https://h", "h", "https://h:443"),
        ("https://h:443", "h", "https://h:443"),
        ("https://h:9000", "h:9000", "https://h:9000"),
        ("http://127.0.0.1:443", "127.0.0.1:443", "http://127.0.0.1:443"),
        ("http://[::1]", "[::1]", "http://[::1]:80"),
        ("http://LOCALHOST:80/", "localhost", "http://localhost:80"),
        ("https://[fe80::1]:9000", "[fe80::1]:9000", "https://[fe80::1]:9000"),
    ],
)
def test_endpoints(endpoint: str, authority: str, url: str) -> None:
    """``authority`` is what ``Host`` says, ``url`` always has its port."""
    backend = parse(LEAST.replace("https://minio.example", endpoint), Path()).backend
    assert (backend.authority, backend.url) == (authority, url)


def test_fallbacks_fill_what_is_missing() -> None:
    """A value from elsewhere counts only where the file has none."""
    fallback = {"backend.endpoint": "https://cli:1", "listen.port": 1}
    config = build({"listen": {"port": 2}}, Path(), fallback=fallback)
    assert (config.backend.host, config.listen.port) == ("cli", 2)


@pytest.mark.parametrize("content", [b"s\xc3\xa9cret", b" s\xc3\xa9cret\r\n", b"\xef\xbb\xbfs\xc3\xa9cret\r\n"])
def test_secret_files(tmp_path: Path, content: bytes) -> None:
    """A secret is what is in its file, without white space around it or the mark that Windows' editors put first."""
    (tmp_path / "secret").write_bytes(content)
    client = "clients: [{name: a, access_key_id: K, secret_access_key_file: secret}]"
    config = parse("backend: {endpoint: 'https://minio.example'}\n" + client, tmp_path)
    assert config.clients["K"].keys.secret.reveal() == "sécret".encode()


@pytest.mark.parametrize("content", [KEY, base64.b64encode(KEY), b" " + base64.b64encode(KEY) + b"\r\n"])
def test_customer_key_files(tmp_path: Path, content: bytes) -> None:
    """A customer key is 32 raw bytes or their base64."""
    (tmp_path / "key").write_bytes(content)
    rule = parse(LEAST + "encryption: [{sse-c: key}]", tmp_path).encryption[0]
    assert isinstance(rule.sse, SseC)
    assert rule.sse.key.reveal() == base64.b64encode(KEY)


def test_fingerprints_follow_content(folder: Path) -> None:
    """A changed or missing file shows, a touched one does not."""
    config = parse(FULL, folder)
    before = fingerprint(config.files)
    (folder / "k2").write_text(" s2\n")
    assert fingerprint(config.files) == before
    (folder / "k2").write_text("new")
    changed = {path.name for path, value in fingerprint(config.files).items() if before[path] != value}
    (folder / "key").unlink()
    assert (changed, fingerprint(config.files)[folder / "key"]) == ({"k2"}, "")


def test_access(folder: Path) -> None:
    """Rules of access come as they are written; the list of buckets is open where all buckets are, or by its key."""
    entries = "".join(
        f"  - {{name: c, access_key_id: K{number}, secret_access_key: s, {rules}}}\n"
        for number, rules in enumerate(
            (
                "buckets: [a, '*']",
                "buckets: ['*'], list_buckets: false",
                "buckets: [a], list_buckets: true",
                "buckets: [a], prefixes: [p/], operations: [Get*], read_only: true",
            )
        )
    )
    config = parse(f"backend: {{endpoint: 'https://h'}}\nclients:\n{entries}", folder)
    assert [client.access for client in config.clients.values()] == [
        Access(("a", "*"), list_buckets=True),
        Access(("*",)),
        Access(("a",), list_buckets=True),
        Access(("a",), ("p/",), ("Get*",), read_only=True),
    ]
