"""The canonicaliser against botocore's, both ways: what a client signed, and what the gateway signs for the backend.

Invariant: for whatever target and headers, spelled in whatever way URIs and HTTP leave open, both compute the same.
"""

import random
import string

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from s3gateway.sigv4 import canonical
from s3gateway.sigv4.model import RequestHead
from tests.admission import SIGNER
from tests.sigv4 import oracle
from tests.sigv4.aws import EMPTY, GATEWAY

_UNRESERVED = set(string.ascii_letters + string.digits + "-._~")
_BARE_IN_PATH = set("!$&'()*+,=:@")
_BARE_IN_QUERY = set("!$'()*,:@/?")
_text = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8)
_keys = st.lists(_text.filter(lambda part: part not in {".", ".."}), max_size=4).map("/".join)
_SIGV2 = {"AWSAccessKeyId", "Signature"}
_names = _text.filter(lambda name: name and name not in _SIGV2 and name[:6].lower() != "x-amz-")
_queries = st.lists(st.tuples(_names, _text), max_size=4)
_words = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=6)
_fields = st.lists(
    st.tuples(
        st.sampled_from(["x-amz-meta-a", "x-amz-meta-b-c", "x-amz-acl", "content-type", "range", "cache-control"]),
        st.lists(_words, max_size=3),
    ),
    max_size=5,
)


def encoded(text: str, keep: str = "") -> str:
    """UriEncode, as AWS spells it."""
    return "".join(c if c in _UNRESERVED or c in keep else "".join(f"%{b:02X}" for b in c.encode()) for c in text)


def target_of(key: str, query: list[tuple[str, str]]) -> str:
    """The canonical target, which is the form that boto3 sends."""
    pairs = sorted((encoded(name), encoded(value)) for name, value in query)
    return "/bucket/" + encoded(key, "/") + ("?" if pairs else "") + "&".join(f"{n}={v}" for n, v in pairs)


def respelled(text: str, bare: set[str], dice: random.Random, space: str) -> str:
    """Write it as another SDK might: characters encoded, or bare where that is allowed, and hex in any case."""

    def spell(character: str) -> str:
        if character == " " and dice.random() < 0.5:
            return space
        if (character in bare or character in _UNRESERVED) and dice.random() < 0.7:
            return character
        return "".join(f"%{byte:02x}" if dice.random() < 0.5 else f"%{byte:02X}" for byte in character.encode())

    return "".join(map(spell, text))


@given(_keys, _queries, st.randoms(use_true_random=False))
def test_any_spelling_of_a_target(key: str, query: list[tuple[str, str]], dice: random.Random) -> None:
    """What botocore signed verifies in every spelling of path and query, and parameters in any order."""
    head = oracle.signed("GET", target_of(key, query))
    path = "/bucket/" + "/".join(respelled(part, _BARE_IN_PATH, dice, "%20") for part in key.split("/"))
    pieces = [
        respelled(name, _BARE_IN_QUERY, dice, "+") + ("=" if value or dice.random() < 0.5 else "")
        + respelled(value, _BARE_IN_QUERY | {"="}, dice, "+")
        for name, value in dice.sample(query, len(query))
    ]  # fmt: skip
    wire = path.replace("//", dice.choice(["//", "/%2F", "/%2f"]))  # the second form is AWS SDK for Java v1's
    other = wire + ("?" if pieces else "") + "&".join(pieces)
    assert oracle.verified(RequestHead(head.method, other.encode(), head.headers)).timestamp


@given(_fields, st.randoms(use_true_random=False))
def test_any_spelling_of_headers(fields: list[tuple[str, list[str]]], dice: random.Random) -> None:
    """What botocore signed verifies with other white space, letter case of names, and place among other headers."""
    head = oracle.signed("PUT", "/bucket/k", tuple((name, " ".join(words)) for name, words in fields))
    own = {b"host", b"x-amz-date", b"x-amz-content-sha256", b"authorization"}  # mitmproxy trims them
    pairs = [
        (_other_case(name, dice), value if name.lower() in own else _other_space(value, dice))
        for name, value in head.headers
    ]
    groups: dict[bytes, list[tuple[bytes, bytes]]] = {}
    for pair in pairs:
        groups.setdefault(pair[0].lower(), []).append(pair)
    names = dice.sample(sorted(groups), len(groups))
    shuffled = tuple(pair for name in names for pair in groups[name])  # those of one name keep their order
    assert oracle.verified(RequestHead(head.method, head.target, shuffled)).timestamp


def _other_case(name: bytes, dice: random.Random) -> bytes:
    return bytes(byte ^ 0x20 if chr(byte).isalpha() and dice.random() < 0.5 else byte for byte in name)


def _other_space(value: bytes, dice: random.Random) -> bytes:
    between = dice.choice([b" ", b"  ", b"\t", b"\r\n ", b" \t "])
    return dice.choice([b"", b" ", b"\t "]) + between.join(value.split(b" ")) + dice.choice([b"", b"   "])


@given(_keys, _queries, _fields, st.sampled_from(["GET", "PUT", "HEAD", "POST", "DELETE"]))
def test_what_the_gateway_signs(
    key: str, query: list[tuple[str, str]], fields: list[tuple[str, list[str]]], method: str
) -> None:
    """botocore's own canonical request and signature of a request are those of the gateway's, text for text."""
    target = target_of(key, query)
    request = AWSRequest(method, f"https://minio.example:9000{target}")
    own = [("Host", "minio.example:9000"), ("X-Amz-Date", GATEWAY.timestamp), ("X-Amz-Content-SHA256", EMPTY)]
    for name, value in (*own, *((name, "  ".join(words)) for name, words in fields)):
        request.headers.add_header(name, value)
    request.context.update(timestamp=GATEWAY.timestamp, payload=EMPTY)
    auth = S3SigV4Auth(Credentials(GATEWAY.access_key_id, GATEWAY.secret), "s3", GATEWAY.region)
    text = auth.canonical_request(request)
    signature = auth.signature(auth.string_to_sign(request, text), request)

    head = RequestHead(
        method.encode(), target.encode(), tuple((n.encode(), v.encode()) for n, v in request.headers.items())
    )
    uri, parameters = canonical.canonical_uri(head.path), canonical.canonical_query(head.query)
    names = sorted(head.names)
    ours = canonical.canonical_request(
        head.method, uri, parameters, canonical.canonical_headers(head, names), names, EMPTY
    )
    assert text == ours.decode()
    assert SIGNER.sign(head, names, EMPTY, (uri, parameters), GATEWAY.now).seed.hex == signature
