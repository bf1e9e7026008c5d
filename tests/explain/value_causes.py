"""What becomes of a value's bytes between signing and sending: each signed by a real signer, written by a real library.

``http.client`` and urllib3 write ISO-8859-1, Java writes ``?`` for what does not fit, ``email`` makes encoded-words.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from email.header import Header
from urllib.parse import quote, quote_plus, unquote

from s3gateway.sigv4.model import RequestHead
from tests.explain.causes import Case
from tests.explain.clients import Keys, Own, botocore, drops, java, presigned, puts, sets, writes
from tests.real.sdkv1 import Target

NAME = "x-amz-meta-author"
CAFE = "Caf\u00e9 M\u00fcller"
TRACES = (f"00-{'a' * 32}-{'b' * 16}-01", f"00-{'c' * 32}-{'d' * 16}-01")
Change = Callable[[str], bytes]


def http_client(text: str) -> bytes:
    """What Python's ``http.client`` puts on the wire for a header of text."""
    return text.encode("iso-8859-1")


def java_client(text: str) -> bytes:
    """What Java's ``OutputStreamWriter`` in ISO-8859-1 makes of it: a ``?`` for what does not fit."""
    return text.encode("iso-8859-1", "replace")


def node(text: str) -> bytes:
    """What Node.js writes of a string as ``latin1``: the low byte of each UTF-16 unit."""
    return text.encode("utf-16-le")[::2]


def written(value: str, change: Change, name: str = NAME) -> Callable[[Keys], RequestHead]:
    """Let botocore sign a header (it hashes UTF-8), and write it otherwise."""
    return lambda keys: puts(put(keys, (name, value)), name, change(value))


def signed_as(form: Change, sent: Change, value: str = CAFE) -> Callable[[Keys], RequestHead]:
    """Let a client of its own hash one form and send another."""

    def make(keys: Keys) -> RequestHead:
        line = form(value).decode("utf-8", "surrogateescape")
        own = Own(
            "PUT",
            headers=((NAME, "?"),),
            lines=lambda lines: [text.replace(f"{NAME}:?", f"{NAME}:{line}") for text in lines],
        )
        return puts(own.head(keys), NAME, sent(value))

    return make


def put(keys: Keys, *headers: tuple[str, str], target: str = "/bucket/key") -> RequestHead:
    return botocore(keys, "PUT", target, headers, payload="UNSIGNED-PAYLOAD")


def copy(keys: Keys, source: str, sent: str) -> RequestHead:
    return sets(put(keys, ("x-amz-copy-source", source)), "x-amz-copy-source", sent)


def two_values(keys: Keys) -> RequestHead:
    head = put(keys, (NAME, CAFE), ("x-amz-meta-title", "\u00dcber"))
    return puts(puts(head, NAME, http_client(CAFE)), "x-amz-meta-title", http_client("\u00dcber"))


def sorted_lines(keys: Keys) -> RequestHead:
    """Three lines, signed in one order and sent in another."""
    head = Own("PUT", headers=((NAME, "z"), (NAME, "c"), (NAME, "b"))).head(keys)
    values = iter((b"b", b"c", b"z"))
    return replace(head, headers=tuple((n, next(values) if n == NAME.encode() else v) for n, v in head.headers))


def utf8(text: str) -> bytes:
    return text.encode()


CHARSETS = (
    Case(
        "http.client writes ISO-8859-1 of what was signed in UTF-8",
        "charset",
        (f"signed {NAME} in UTF-8", "sent in ISO-8859-1"),
        written(CAFE, http_client),
    ),
    Case(
        "two headers in ISO-8859-1",
        "charset",
        ("x-amz-meta-author and x-amz-meta-title in UTF-8 and sent in ISO-8859-1",),
        two_values,
    ),
    Case(
        "signed in ISO-8859-1, sent in UTF-8",
        "charset",
        ("in ISO-8859-1 and sent in UTF-8",),
        signed_as(http_client, utf8),
    ),
    Case(
        "typographic quotes in Windows-1252",
        "charset",
        ("in UTF-8 and sent in Windows-1252",),
        written("the client\u2019s \u201ckey\u201d", lambda t: t.encode("cp1252")),
    ),
    Case(
        "the euro sign in ISO-8859-15",
        "charset",
        ("sent in ISO-8859-15",),
        written("5 \u20ac caf\u00e9", lambda t: t.encode("iso-8859-15")),
    ),
    Case(
        "Cyrillic in KOI8-R",
        "charset",
        ("sent in KOI8-R",),
        written("\u041c\u043e\u0441\u043a\u0432\u0430", lambda t: t.encode("koi8-r")),
    ),
    Case(
        "Shift_JIS",
        "charset",
        ("in UTF-8 and sent in Shift_JIS",),
        written("\u65e5\u672c\u8a9e", lambda t: t.encode("shift_jis")),
    ),
    Case(
        "Node writes the low byte of what it signed in UTF-8",
        "charset",
        ("in UTF-8 and sent in ISO-8859-1",),
        written("na\u00efve", node),
    ),
    Case(
        "UTF-8 taken for ISO-8859-1 and encoded again",
        "charset-twice",
        ("encoded in UTF-8 twice",),
        written(CAFE, lambda t: t.encode().decode("iso-8859-1").encode()),
    ),
    Case(
        "Java sends a question mark for what does not fit",
        "charset-lost",
        ("in UTF-8 and sent with `?`",),
        written("cost 5\u20ac", java_client),
    ),
    Case(
        "ASCII with a question mark",
        "charset-lost",
        ("sent with `?`",),
        written("Fran\u00e7ois", lambda t: t.encode("ascii", "replace")),
    ),
    Case(
        "two letters lost",
        "charset-lost",
        ("sent with `?`",),
        written("\u00e4rm\u00e9", lambda t: t.encode("ascii", "replace")),
    ),
    Case(
        "signed with question marks, sent in UTF-8",
        "charset-lost",
        ("with `?` for what is not ASCII and sent in UTF-8",),
        signed_as(lambda t: t.encode("ascii", "replace"), utf8),
    ),
    Case(
        "signed without the accents, sent in UTF-8",
        "charset-lost",
        ("without what is not ASCII",),
        signed_as(lambda t: t.encode("ascii", "ignore"), utf8),
    ),
    Case(
        "signed with replacement characters",
        "charset-lost",
        ("U+FFFD",),
        signed_as(lambda t: t.encode("ascii", "replace").decode().replace("?", "\ufffd").encode(), utf8),
    ),
    Case(
        "signed raw, sent as encoded-words",
        "charset-encoded-word",
        ("raw, in UTF-8, and sent as encoded-words (RFC 2047)",),
        written(CAFE, lambda t: Header(t, "utf-8").encode().encode()),
    ),
    Case(
        "signed as encoded-words, sent raw",
        "charset-encoded-word",
        ("as encoded-words (RFC 2047) and sent raw, in UTF-8",),
        signed_as(lambda t: Header(t, "utf-8").encode().encode(), utf8),
    ),
    Case(
        "signed as encoded-words, sent raw in ISO-8859-1",
        "charset-encoded-word",
        ("as encoded-words (RFC 2047) and sent raw, in ISO-8859-1",),
        signed_as(lambda t: Header(t, "utf-8").encode().encode(), http_client),
    ),
    Case(
        "decomposed after signing",
        "unicode-form",
        ("in Unicode NFC and sent in NFD",),
        written(CAFE, lambda t: unicodedata.normalize("NFD", t).encode()),
    ),
    Case(
        "composed after signing",
        "unicode-form",
        ("in Unicode NFD and sent in NFC",),
        written(unicodedata.normalize("NFD", CAFE), lambda t: unicodedata.normalize("NFC", t).encode()),
    ),
    Case(
        "signed decomposed, sent in ISO-8859-1",
        "charset",
        ("Unicode NFD) and sent in ISO-8859-1",),
        signed_as(lambda t: unicodedata.normalize("NFD", t).encode(), http_client),
    ),
    Case(
        "signed raw, sent percent-encoded",
        "percent-encoding",
        ("raw and sent percent-encoded",),
        written("a b/c", lambda t: quote(t, safe="").encode()),
    ),
    Case(
        "signed percent-encoded, sent raw",
        "percent-encoding",
        ("percent-encoded (UTF-8) and sent raw",),
        written(quote(CAFE), lambda t: unquote(t).encode()),
    ),
    Case(
        "signed form-encoded, sent raw",
        "percent-encoding",
        ("percent-encoded (UTF-8) and sent raw",),
        written(quote_plus(CAFE), lambda _: CAFE.encode()),
    ),
    Case("escapes in lower case", "percent-encoding", ("escapes",), written("a%2Fb", lambda t: t.lower().encode())),
    Case(
        "a copy source encoded twice",
        "copy-source-encoding",
        ("percent-encoded once: encode it in one place",),
        lambda k: copy(k, "/bucket/a%20b", "/bucket/a%2520b"),
    ),
    Case(
        "a copy source decoded after signing",
        "copy-source-encoding",
        ("x-amz-copy-source percent-encoded",),
        lambda k: copy(k, "/bucket/caf%C3%A9", "/bucket/caf\u00e9"),
    ),
    Case(
        "a copy source signed twice encoded",
        "copy-source-encoding",
        ("once more than it was sent",),
        lambda k: copy(k, "/bucket/a%2520b", "/bucket/a%20b"),
    ),
    Case(
        "a path in ISO-8859-1",
        "path-charset",
        ("`/bucket/caf%C3%A9`", "wire says `/bucket/caf%E9`"),
        lambda k: writes(botocore(k, "GET", "/bucket/caf%C3%A9"), "%C3%A9", "%E9"),
    ),
    Case(
        "a path encoded in UTF-8 twice",
        "path-charset",
        ("encoded in UTF-8 twice",),
        lambda k: writes(botocore(k, "GET", "/bucket/caf%C3%A9"), "%C3%A9", "%C3%83%C2%A9"),
    ),
    Case(
        "a path that macOS decomposed",
        "path-unicode-form",
        ("NFC",),
        lambda k: writes(botocore(k, "GET", "/bucket/caf%C3%A9"), "%C3%A9", "e%CC%81"),
    ),
    Case(
        "a prefix in ISO-8859-1",
        "query-charset",
        ("in UTF-8 and sent in ISO-8859-1",),
        lambda k: writes(botocore(k, "GET", "/bucket?prefix=caf%C3%A9"), "%C3%A9", "%E9"),
    ),
    Case(
        "a prefix that was decomposed",
        "query-unicode-form",
        ("NFC",),
        lambda k: writes(botocore(k, "GET", "/bucket?prefix=caf%C3%A9"), "%C3%A9", "e%CC%81"),
    ),
)
LETTERS = (
    Case(
        "a hop writes the value in lower case",
        "header-case",
        ("changes the case of the value of x-amz-meta-author",),
        lambda k: sets(put(k, (NAME, "Ada Lovelace")), NAME, "ada lovelace"),
    ),
    Case(
        "a hop takes the quotes off",
        "header-quotes",
        ("into quotation marks or takes them off",),
        lambda k: sets(put(k, ("If-Match", '"0f343b09"')), "If-Match", "0f343b09"),
    ),
    Case(
        "a hop puts quotes around",
        "header-quotes",
        ("into quotation marks",),
        lambda k: sets(put(k, ("If-Match", "0f343b09")), "If-Match", '"0f343b09"'),
    ),
    Case(
        "a hop joins two lines with comma and space",
        "header-joined",
        ("joined with a comma and a space",),
        lambda k: sets(drops(Own("PUT", headers=((NAME, "a"), (NAME, "b"))).head(k), NAME), NAME, "a, b"),
    ),
    Case("a hop sorts two lines", "header-order", ("arrived in another order",), sorted_lines),
    Case(
        "a hop appends to a list",
        "header-appended",
        ("appends to x-amz-meta-author",),
        lambda k: sets(put(k, (NAME, "one/1.0")), NAME, "one/1.0 hop/2 (x)"),
    ),
    Case(
        "a hop puts something before",
        "header-appended",
        ("puts something before x-amz-meta-author",),
        lambda k: sets(put(k, (NAME, "one/1.0")), NAME, "hop.one/1.0"),
    ),
    Case(
        "a hop loses a semicolon's space",
        "header-spaces",
        ("spaces after semicolons",),
        lambda k: sets(
            put(k, ("Content-Disposition", "attachment; filename=a; b=c")),
            "Content-Disposition",
            "attachment;filename=a;b=c",
        ),
    ),
    Case(
        "a hop unfolds a long line without its space",
        "header-one-byte",
        ("one character of it arrived otherwise",),
        lambda k: sets(put(k, (NAME, "a long line")), NAME, "a longline"),
    ),
    Case(
        "a hop takes an underscore for a dash",
        "header-one-byte",
        ("one character of it",),
        lambda k: sets(put(k, (NAME, "a_b")), NAME, "a-b"),
    ),
    Case(
        "a caching proxy drops Range",
        "header-missing",
        ("Range is signed and did not arrive", "$http_range"),
        lambda k: drops(botocore(k, "GET", "/bucket/key", [("Range", "bytes=0-5242879")]), "Range"),
        control="header-missing",
    ),
    Case(
        "nginx drops a name with a dot",
        "header-missing",
        ("ignore_invalid_headers off",),
        lambda k: drops(put(k, ("x-amz-meta-user.xdg.origin.url", "http://x/")), "x-amz-meta-user.xdg.origin.url"),
        control="header-missing",
    ),
    Case(
        "Transfer-Encoding is signed and dropped",
        "header-missing",
        ("signed Transfer-Encoding `chunked`",),
        lambda k: drops(put(k, ("Transfer-Encoding", "chunked")), "Transfer-Encoding"),
        control="header-missing",
    ),
    Case(
        "a proxy adds Expect where an empty one was signed",
        "header-added",
        ("Expect was empty or absent",),
        lambda k: sets(Own("PUT", headers=(("Expect", ""),)).head(k), "Expect", "100-continue"),
    ),
    Case(
        "Cloudflare asks for gzip and br",
        "header-changed",
        ("signed Accept-Encoding `identity`", "wire says `gzip, br`"),
        lambda k: sets(put(k, ("Accept-Encoding", "identity")), "Accept-Encoding", "gzip, br"),
    ),
    Case(
        "a browser sends another Content-Type than was presigned",
        "header-changed",
        ("signed Content-Type `image/jpeg`", "application/x-www-form-urlencoded"),
        lambda k: sets(
            put(k, ("Content-Type", "image/jpeg"), target="/bucket/me.jpg"),
            "Content-Type",
            "application/x-www-form-urlencoded",
        ),
    ),
    Case(
        "an SDK counts its attempt up and does not sign anew",
        "retry-not-signed",
        ("amz-sdk-request",),
        lambda k: sets(java(k, "GET", Target("bucket", "key")), "amz-sdk-request", "attempt=2;max=21"),
    ),
    Case(
        "a secret that went through HTML",
        "secret-encoding",
        ("HTML",),
        lambda k: put(replace(k, secret=k.secret.replace("+", "&#43;"))),
    ),
    Case(
        "a secret with a comma behind it",
        "secret-quotes",
        ("and a comma after it",),
        lambda k: put(replace(k, secret=k.secret + ",")),
    ),
    Case(
        "a presigned URL of another region's key",
        "scope-region",
        ("region `eu-west-1`",),
        lambda k: Own(key_scope=lambda steps: [steps[0], "eu-west-1", *steps[2:]]).head(k),
    ),
)

TRACKERS = (
    Case(
        "a URL presigned inside of a cluster and used outside",
        "host-rewritten",
        ("signed Host `minio:9000`", "good for its own host name and port only"),
        lambda k: sets(presigned(k, "GET", "/bucket/key", at="http://minio:9000"), "Host", "files.example.com"),
    ),
    Case(
        "an agent writes traceparent anew after signing",
        "tracing-header-signed",
        ("Traceparent is signed", "above all on a retry"),
        lambda k: sets(
            put(k, ("traceparent", f"00-{'a' * 32}-{'b' * 16}-01")), "traceparent", f"00-{'c' * 32}-{'d' * 16}-01"
        ),
        control="tracing-header-signed",
    ),
    Case(
        "a proxy appends to a signed X-Forwarded-For",
        "header-changed",
        ("signed X-Forwarded-For",),
        lambda k: sets(put(k, ("X-Forwarded-For", "192.0.2.7")), "X-Forwarded-For", "192.0.2.7, 10.0.0.1"),
    ),
    Case(
        "Traefik's path sanitization",
        "path-slashes-merged",
        ("`/bucket//file`",),
        lambda k: writes(botocore(k, "HEAD", "/bucket//file"), "//", "/"),
    ),
)
VALUES = (*CHARSETS, *LETTERS, *TRACKERS)
