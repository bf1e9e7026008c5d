"""What a configuration is refused for: each message names key, problem and remedy in one line, and no secret."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gateway.config.check import ConfigError
from s3gateway.config.gateway_yaml import build, load, parse
from s3gateway.config.model import Config

CANARY = "c4n4ry-s3cr3t"
KEY = bytes(range(32))

OK = "backend: {endpoint: 'https://h'}\n"
CLIENT = "clients: [{name: a, access_key_id: K, secret_access_key: " + CANARY + "}"
KEYS = "backend: {endpoint: 'https://h', credentials: {access_key_id: %s, secret_access_key: %s, session_token: %s}}\n"

REFUSED = [
    ("", "the file: is not a mapping; start with one of"),
    ("[]", "the file: is not a mapping; start with one of"),
    ("listn: {}", "listn: unknown key; did you mean listen?"),
    ("zzz: {}", "zzz: unknown key; known here: listen, backend"),
    ("listen: {prot: 1}", "listen.prot: unknown key; did you mean port?"),
    ("backend: {credentials: {acces_key_id: a}}", "backend.credentials.acces_key_id: unknown key; did you mean"),
    ("clients: [{naem: a}]", "clients[0].naem: unknown key; did you mean name?"),
    ("clients: {name: a}", "clients: a mapping is not a list; start each entry of clients with '- '"),
    ("listen: [a]", "listen: a list is not a mapping; write the keys of listen below it"),
    ("clients: [a]", "clients[0]: a value is not a mapping; write the keys of clients[0] below it"),
    ("listen: {port: 0}", "listen.port: 0 is not a port number; write a port number"),
    ("listen: {port: 65536}", "listen.port: 65536 is not a port number"),
    ("listen: {port: '80'}", "listen.port: '80' is not a port number; take the quotes off"),
    ("listen: {port: true}", "listen.port: true is not a port number"),
    ("listen: {port: }", "listen.port: is empty; write a port number"),
    ("listen: {host: 1}", "listen.host: 1 is not text; put it in quotes"),
    ("listen: {regions: us-east-1}", "listen.regions: 'us-east-1' is not a list of text; write [\"us-east-1\"]"),
    ("listen: {regions: ['']}", "listen.regions[0]: is empty; write text"),
    ("backend: {type: AIStor}", "backend.type: 'AIStor' is not minio or aistor; write minio or aistor"),
    ("listen: {regions: ['a b']}", "listen.regions[0]: 'a b' holds ' '; take it out: YAML adds"),
    (
        "listen: {regions: ['eu-*']}",
        "listen.regions: 'eu-*' is a pattern, and backend.region is not one that it matches; add a region by its name",
    ),
    (OK + "limits: {aws_chunk: 0}", "limits.aws_chunk: 0 is not a number of bytes > 0"),
    (OK + "limits: {headers: 0}", "limits.headers: 0 is not a number > 0"),
    (OK + "limits: {metadata: 2k}", "limits.metadata: '2k' is not a number of bytes > 0"),
    (OK + "limits: {aws_chunk: 4096}", "limits.aws_chunk_min: 8192 is more than limits.aws_chunk; lower it, or raise"),
    (OK + CLIENT[:-1] + ", read_only: 1}]", "clients[0].read_only: 1 is not true or false; write true or false"),
    (OK + CLIENT[:-1] + ", prefixes: a/}]", "clients[0].prefixes: 'a/' is not a list of text; write [\"a/\"]"),
    (
        OK + CLIENT[:-1] + ", operations: [GetObjekt]}]",
        "clients[0].operations: 'GetObjekt' is no S3 operation; did you mean",
    ),
    (
        OK + CLIENT[:-1] + ", operations: ['s3:*']}]",
        "clients[0].operations: 's3:*' is no S3 operation; write it like Get",
    ),
    (OK + "shutdown: {grace: -1}", "shutdown.grace: -1 is not a number of seconds; write a number of seconds"),
    (OK + "shutdown: {delay: .inf}", "shutdown.delay: inf is not a number of seconds"),
    (OK + "shutdown: {dealy: 1}", "shutdown.dealy: unknown key; did you mean delay?"),
    (OK + "limits: {request_rate: 0}", "limits.request_rate: 0 is not a number a second > 0"),
    (OK + "limits: {connections: 1.5}", "limits.connections: 1.5 is not a number > 0"),
    (OK + "limits: {keep_alive: never}", "limits.keep_alive: 'never' is not a number of seconds > 0"),
    (OK + "limits: {refusal_linger: true}", "limits.refusal_linger: true is not a number of seconds > 0"),
    (OK + "limits: {refusal_linger: .inf}", "limits.refusal_linger: inf is not a number of seconds > 0"),
    (OK + "limits: {refusal_linger: .nan}", "limits.refusal_linger: nan is not a number of seconds > 0"),
    ("log: {format: xml}", "log.format: 'xml' is not auto, text or json; write auto, text or json"),
    (OK + "encryption: [{sse-s3: 'true'}]", "encryption[0].sse-s3: 'true' is not true; take the quotes off"),
    (
        OK + CLIENT[:-1] + ", read_only: 'false'}]",
        "clients[0].read_only: 'false' is not true or false; take the quotes",
    ),
    (OK + CLIENT[:-1] + ", buckets: [lake, 2024]}]", "clients[0].buckets[1]: 2024 is not text; put it in quotes"),
    (OK + CLIENT[:-1] + ", buckets: [2024-01-31]}]", "clients[0].buckets[0]: a value is not text; put it in quotes"),
    (OK + CLIENT[:-1] + ", buckets: '*'}]", "clients[0].buckets: '*' is not a list of text; write [\"*\"]"),
    (OK + CLIENT[:-1] + ", buckets: [*]}]", '; quote what begins with *, as in "*"'),
    (OK + CLIENT[:-1] + ", buckets: [*-logs]}]", '; quote what begins with *, as in "*"'),
    (
        "listen:\n\thost: ::1",
        "line 2: is not valid YAML (found character ... that cannot start any token); indent with",
    ),
    ("a: 1\na: 2", "line 2: is not valid YAML (key 'a' appears twice); correct it"),
    ("listen: {port: 1, port: 2}", "line 1: is not valid YAML (key 'port' appears twice)"),
    ("listen: {", "line 1: is not valid YAML"),
    ("listen: 2024-13-45", "the file: is not valid YAML"),
    ("listen: !!int x", "the file: is not valid YAML"),
    ("listen: !!bool x", "the file: is not valid YAML"),
    ("listen: !!timestamp x", "the file: is not valid YAML"),
    ("listen: " + "[" * 5000, "the file: is not valid YAML"),
    ("{}", "backend.endpoint: is missing; set it to the https:// address of the S3 server"),
    (
        "backend: {endpoint: 'http://minio:9000'}",
        "backend.endpoint: 'http://minio:9000' is not encrypted; use https://",
    ),
    (OK, "clients: is missing or empty; list who may sign requests"),
    ("backend: {endpoint: minio}", "backend.endpoint: 'minio' is not an http(s) address; write it like https://"),
    ("backend: {endpoint: 'ftp://h'}", "backend.endpoint: 'ftp://h' is not an http(s) address"),
    ("backend: {endpoint: 'https://h/path'}", "backend.endpoint: 'https://h/path' is not an http(s) address"),
    ("backend: {endpoint: 'https://h?x'}", "backend.endpoint: 'https://h?x' is not an http(s) address"),
    ("backend: {endpoint: 'https://h:x'}", "backend.endpoint: 'https://h:x' is not a URL"),
    ("backend: {endpoint: 'https://h:0'}", "backend.endpoint: 'https://h:0' is not"),
    ("backend: {endpoint: 'https://[h'}", "backend.endpoint: 'https://[h' is not a URL"),
    (
        "backend: {endpoint: 'https://h', ca_file: nope}",
        "backend.ca_file: file 'nope' does not exist; correct the path",
    ),
    (
        "backend: {endpoint: 'https://h', ca_file: ~nobody-here/x}",
        "backend.ca_file: '~nobody-here/x' names an unknown user; correct",
    ),
    (OK + "listen: {key: x}", "listen.key: is set without listen.certificate; set listen.certificate as well"),
    (OK + "encryption: [{bucket: a}]", "encryption[0]: names no encryption; give each rule exactly one of"),
    (OK + "encryption: [{sse-s3: true, none: true}]", "encryption[0]: names sse-s3, none; give each rule exactly one"),
    (OK + "encryption: [{sse-s3: false}]", "encryption[0].sse-s3: false is not true; write true, or leave it out"),
    (OK + "encryption: [{none: true}, {sse-c: nope}]", "encryption[1].sse-c: file 'nope' does not exist"),
    ("clients: [{access_key_id: K}]", "clients[0].name: is missing; write text"),
    ("clients: [{name: a, access_key_id: 123}]", "clients[0].access_key_id: 123 is not text; put it in quotes"),
    (
        OK + "clients: [{name: a, access_key_id: K}]",
        "clients[0].secret_access_key: is missing or empty; set exactly one",
    ),
    (
        OK + CLIENT + ", {name: b, access_key_id: K, secret_access_key: x}]",
        "clients[1].access_key_id: 'K' is used twice",
    ),
    (
        OK + "clients: [{name: a, access_key_id: a/b, secret_access_key: x}]",
        "clients[0].access_key_id: 'a/b' holds a slash",
    ),
    (OK + "clients: [{name: a, access_key_id: K, secret_access_key: ''}]", "clients[0].secret_access_key: is empty"),
    # What a header would carry, or be ended by.
    (
        "backend: {endpoint: 'https://h', region: \"eu\\n\"}",
        "backend.region: 'eu\\n' holds '\\n'; take it out: YAML adds",
    ),
    ("backend: {endpoint: 'https://h', region: 'eu, us'}", "backend.region: 'eu, us' holds ','; take it out"),
    (KEYS % (r'"K\n"', "s", "t"), r"backend.credentials.access_key_id: 'K\n' holds '\n'; take it out"),
    (KEYS % ("'K K'", "s", "t"), "backend.credentials.access_key_id: 'K K' holds ' '; take it out"),
    (KEYS % ("Ké", "s", "t"), "backend.credentials.access_key_id: 'Ké' holds what is not ASCII; take it out"),
    (KEYS % ("K", r'"s\n"', "t"), r"backend.credentials.secret_access_key: the value holds '\n'; take it out"),
    (KEYS % ("K", "s", r'"t\r"'), r"backend.credentials.session_token: the value holds '\r'; take it out"),
    (OK + r'encryption: [{sse-kms: "key\n"}]', r"encryption[0].sse-kms: 'key\n' holds '\n'; take it out"),
    (OK + "encryption: [{sse-kms: ' key'}]", "encryption[0].sse-kms: ' key' holds ' '; take it out"),
    (
        OK + "clients: [{name: a, access_key_id: 'a,b', secret_access_key: x}]",
        "clients[0].access_key_id: 'a,b' holds ','; take it out",
    ),
    (
        OK + 'clients: [{name: a, access_key_id: K, secret_access_key: "x\\n"}]',
        r"clients[0].secret_access_key: the value holds '\n'; take it out",
    ),
]


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[text[:40] or "empty" for text, _ in REFUSED])
def test_refused(text: str, message: str) -> None:
    """Every refusal begins with the key's path, and says the problem and the remedy in one line."""
    said = refusal(text)
    assert message in said
    assert ("\n" not in said, "; " in said) == (True, True)


def refusal(text: str, folder: Path = Path()) -> str:
    with pytest.raises(ConfigError) as raised:
        parse(text, folder)
    return str(raised.value)


@pytest.mark.parametrize("content", [b"", KEY[1:], KEY + b"1", base64.b64encode(KEY[1:]), b"!" * 44, b"\xff" * 44])
def test_bad_customer_key_files(tmp_path: Path, content: bytes) -> None:
    """Anything else is refused; what it holds is not told."""
    (tmp_path / "key").write_bytes(content)
    message = refusal(OK + "encryption: [{sse-c: key}]", tmp_path)
    assert message == "encryption[0].sse-c: 'key' holds no 256-bit key; store 32 raw bytes, or their base64"


LEAKS: list[Callable[[str], str]] = [
    lambda secret: f"backend: {{credentials: {{access_key_id: a, secret_access_key: [{secret}]}}}}",
    lambda secret: f"backend: {{credentials: {{access_key_id: a, session_token: {{a: {secret}}}}}}}",
    lambda secret: f"backend: {{endpoint: 'https://h', credentials: {{secret_access_key: {secret}}}}}",
    lambda secret: f"backend: {{endpoint: 'https://h', credentials: {{access_key_id: a, session_token: {secret}}}}}",
    lambda secret: f"backend: {{endpoint: 'https://h', credentials: {{profile: p, secret_access_key: {secret}}}}}",
    lambda secret: f"backend: {{credentials: {secret}}}",
    lambda secret: f"backend: {{credentials: [{secret}]}}",
    lambda secret: f"backend: {{endpoint: 'https://user:{secret}@h'}}",
    lambda secret: f"backend: {{endpoint: 'https://user:{secret}@h:99999'}}",
    lambda secret: f"backend: {{endpoint: 'https://user:{secret}@h:port'}}",
    lambda secret: f"backend: {{endpoint: 'https://user:{secret}@[h'}}",
    lambda secret: f"backend: {{endpoint: 'user:{secret}@h'}}",
    lambda secret: f"clients: {secret}",
    lambda secret: f"clients: [{secret}]",
    lambda secret: OK + f"clients: [{{name: a, access_key_id: K, secret_access_key: [{secret}]}}]",
    lambda secret: OK + f"clients: [{{name: a, access_key_id: a/b, secret_access_key: {secret}}}]",
    lambda secret: (
        OK + f"clients: [{{name: a, access_key_id: K, secret_access_key: {secret}, secret_access_key_file: f}}]"
    ),
    lambda secret: f"clients: [{{secret_access_key: *{secret}}}]",
    lambda secret: f"clients: [{{secret_access_key: !{secret} x}}]",
    lambda secret: f"clients: [{{secret_access_key: !{secret}!x y}}]",
    lambda secret: f"clients: [{{secret_access_key: '{secret}",
    lambda secret: f"clients: [{{secret_access_key: @{secret}}}]",
    lambda secret: f"clients: [{{secret_access_key: %{secret}}}]",
    lambda secret: f"clients: [{{secret_access_key: |{secret}}}]",
    lambda secret: f"clients:\n - secret_access_key: a: {secret}",
    lambda secret: f"clients: [{{secret_access_key: &{secret} a, x: &{secret} b, y: *{secret}, y: 1}}]",
]


@pytest.mark.parametrize("write", LEAKS)
def test_no_refusal_tells_a_secret(write: Callable[[str], str]) -> None:
    """A secret in its key stays out of the message, however wrong the rest of the file is."""
    assert CANARY not in refusal(write(CANARY))


@pytest.mark.parametrize("number", ["12345678", "1.5", "true", "2024-01-01", "0x10"])
def test_a_secret_that_yaml_reads_as_something_else(number: str) -> None:
    """What YAML takes for a number, a date or a truth is refused without repeating it."""
    said = refusal(f"clients: [{{name: a, access_key_id: K, secret_access_key: {number}}}]")
    assert said.startswith("clients[0].secret_access_key: the value is not secret text; put it in quotes")
    assert number not in said


def test_unreadable_files(tmp_path: Path) -> None:
    """The configuration itself, and every file it names, must be readable."""
    (tmp_path / "latin").write_bytes(b"caf\xe9")
    with pytest.raises(ConfigError, match=r"^s3_config: cannot read '.*none' \(No such file or directory\); name a"):
        load(tmp_path / "none")
    with pytest.raises(ConfigError, match=r"^s3_config: cannot read '.*latin' \(not UTF-8 text\); name a"):
        load(tmp_path / "latin")
    with pytest.raises(ConfigError, match=r"^s3_config: cannot read '.*' \(Is a directory\); name a"):
        load(tmp_path)
    client = "clients: [{name: a, access_key_id: K, secret_access_key_file: %s}]"
    (tmp_path / "folder").mkdir()
    assert refusal(OK + client % "folder", tmp_path) == (
        f"clients[0].secret_access_key_file: '{tmp_path / 'folder'}' is a directory; name a file"
    )
    assert refusal(OK + client % "latin", tmp_path).startswith("clients[0].secret_access_key_file: cannot read 'latin'")
    (tmp_path / "two").write_text("first\nsecond\n")
    said = refusal(OK + client % "two", tmp_path)
    assert said.startswith(
        r"clients[0].secret_access_key_file: the value holds '\n'; take it out: YAML adds a line end"
    )
    (tmp_path / "empty").write_text(" \n")
    assert refusal(OK + client % "empty", tmp_path) == (
        "clients[0].secret_access_key_file: 'empty' is empty; put the secret into it"
    )


@pytest.mark.parametrize("text", ["\na: [", "\na: 1\na: 1", "a: !!int x"])
def test_what_is_not_yaml_is_told_with_its_file(tmp_path: Path, text: str) -> None:
    """Several files are YAML; which one, and where it is known its line."""
    (tmp_path / "gateway.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"^gateway\.yaml(?: line [23])?: is not valid YAML"):
        load(tmp_path / "gateway.yaml")


_scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
_names = st.sampled_from(
    ["listen", "backend", "clients", "encryption", "limits", "log", "endpoint", "credentials", "name", "sse-s3", "port"]
)
_documents = st.recursive(
    _scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(_names, st.text(max_size=3)), inner)
    ),
    max_leaves=12,
)


@given(_documents)
def test_any_document_is_a_configuration_or_refused(document: Any) -> None:
    """Invariant: whatever YAML holds becomes a Config or one ConfigError of one line."""
    try:
        built: Config | str = build(document, Path("/nonexistent"))
    except ConfigError as error:
        built = str(error)
    assert isinstance(built, Config) or (": " in built and "\n" not in built)
