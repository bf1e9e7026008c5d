"""One bit of a valid request changed anywhere is refused, unless it says the same; random valid requests pass."""

import string
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from s3gateway.bodies.whole import Piece
from s3gateway.errors import S3Error
from s3gateway.gateway import Arrival, admit, forward
from s3gateway.sigv4.model import RequestHead
from tests.admission import CONFIG, DOCUMENT, SIGNER, admitted, configured
from tests.committing import Committing
from tests.receiving import joined
from tests.refusing import Request, Wire, stream
from tests.sigv4 import aws, oracle
from tests.sigv4.aws import CLIENT, GATEWAY, authorized

TINY = configured(limits={"aws_chunk_min": 1}, clients=DOCUMENT["clients"])
HASHED = "SHA256"
MODES = (aws.STREAMING, aws.STREAMING_TRAILER, aws.STREAMING_UNSIGNED_TRAILER, HASHED)


def flip(data: bytes, at: int, bit: int) -> bytes:
    out = bytearray(data)
    out[at % len(out)] ^= 1 << bit
    return bytes(out)


def parts(head: RequestHead) -> Iterator[tuple[str, int]]:
    """Name everything in a head that has bytes."""
    yield "method", 0
    yield "target", 0
    for number, (_, value) in enumerate(head.headers):
        yield "name", number
        if value:
            yield "value", number


def mutated(head: RequestHead, part: tuple[str, int], at: int, bit: int) -> RequestHead:
    kind, number = part
    if kind == "method":
        return replace(head, method=flip(head.method, at, bit))
    if kind == "target":
        return replace(head, target=flip(head.target, at, bit))
    name, value = head.headers[number]
    pair = (flip(name, at, bit), value) if kind == "name" else (name, flip(value, at, bit))
    return replace(head, headers=(*head.headers[:number], pair, *head.headers[number + 1 :]))


def says_the_same(one: RequestHead, other: RequestHead) -> bool:
    """Whether two heads differ only in letter case of names, or in white space of values, or in an unsigned header."""

    def said(head: RequestHead) -> object:
        fields = sorted((name.lower(), b" ".join(value.split())) for name, value in head.headers)
        return head.method, head.target, [pair for pair in fields if pair[0] != b"authorization"]

    return said(one) == said(other)


class Upload(RuleBasedStateMachine):
    """A valid upload, delivered in any pieces, in which at most one bit of head or body is changed on the way.

    Invariant: unchanged, all of it arrives under the gateway's signatures. Changed, it is refused and there is no
    object at a backend that commits as soon as it has the data; or it says the same, and the object is what was signed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.at = 0
        self.flipped = False
        self.refusal: S3Error | None = None
        self.body: Any = None
        self.backend: Committing | None = None

    @initialize(
        mode=st.sampled_from(MODES),
        chunks=st.lists(st.binary(min_size=1, max_size=20), max_size=4),
        change=st.none() | st.tuples(st.integers(0, 400), st.integers(0, 400), st.integers(0, 7)),
    )
    def begin(self, mode: str, chunks: list[bytes], change: tuple[int, int, int] | None) -> None:
        """Sign an upload, perhaps change a bit of its head, and see whether it is admitted."""
        request = self.make(mode, chunks)
        self.mode, self.data, self.sent = mode, b"".join(chunks), request.body or b""
        head = request.head
        if change:
            known = list(parts(head))
            head, self.flipped = mutated(head, known[change[0] % len(known)], *change[1:]), True
        try:
            proven = admit(head, Arrival(tls=False, has_body=True), TINY, CLIENT.now)
            outgoing = forward(proven, proven.head, TINY, SIGNER, GATEWAY.now)
        except S3Error as error:
            self.refusal = error
            return
        if change:
            assert (outgoing.operation.bucket, outgoing.operation.key) == ("bucket", "key")
        sent = RequestHead(b"PUT", outgoing.target, outgoing.headers)
        self.body, self.backend = outgoing.body, Committing(sent, GATEWAY)

    @staticmethod
    def make(mode: str, chunks: list[bytes]) -> Request:
        """Sign it: aws-chunked, or with the SHA-256 of the whole."""
        if mode != HASHED:
            return stream(mode, chunks)(Wire())
        whole = b"".join(chunks)
        length = [("Content-Length", str(len(whole)))]
        head = authorized("PUT", "/bucket/key", length, payload=sha256(whole).hexdigest())
        return Request(head, whole)

    @precondition(lambda self: not self.flipped and self.at < len(self.sent))
    @rule(offset=st.integers(0, 400), bit=st.integers(0, 7))
    def change(self, offset: int, bit: int) -> None:
        """Flip a bit that is still on its way."""
        self.sent = flip(self.sent, self.at + offset % (len(self.sent) - self.at), bit)
        self.flipped = True

    @precondition(lambda self: self.refusal is None and self.at < len(self.sent))
    @rule(size=st.integers(1, 300))
    def read(self, size: int) -> None:
        """Let the next bytes arrive."""
        data, self.at = self.sent[self.at : self.at + size], self.at + size
        self.deliver(lambda: self.body.feed(data))

    @rule()
    def go_on(self) -> None:
        """A read of nothing changes nothing; and after a refusal nothing more leaves, whatever arrives."""
        if self.refusal is None:
            assert joined(self.body.feed(b"")) == b""
        elif self.body is not None:
            with pytest.raises(S3Error):
                self.body.feed(self.sent[-100:])

    @invariant()
    def only_what_was_changed_is_refused(self) -> None:
        """A sound upload is never refused."""
        assert self.refusal is None or self.flipped

    @invariant()
    def the_backend_has_nothing_or_what_was_signed(self) -> None:
        """Not for a moment is there another object."""
        if self.backend is not None:
            assert self.backend.committed in {None, self.data}
            assert self.backend.committed is None or self.refusal is None

    def deliver(self, step: Callable[[], Iterable[Piece]]) -> None:
        """Hand the backend what leaves, and after a fault the bytes that are to spoil what it has."""
        assert self.backend is not None
        out: Iterable[Piece]
        try:
            out = step()
        except S3Error as error:
            self.refusal, out = error, self.body.poison() or ()
        self.backend.receive(joined(out))

    def teardown(self) -> None:
        """Let the rest arrive, and look at what is there."""
        if self.backend is None:
            return
        while self.refusal is None and self.at < len(self.sent):
            self.read(300)
        if self.refusal is None:
            self.deliver(self.body.finish)
        self.only_what_was_changed_is_refused()
        self.the_backend_has_nothing_or_what_was_signed()
        if self.refusal is None:
            assert self.backend.committed == (self.data or (None if self.mode == HASHED else b""))


TestUpload = Upload.TestCase
TestUpload.settings = settings(max_examples=150, stateful_step_count=12, deadline=None)


@given(st.data())
def test_one_bit_of_a_head(data: st.DataObject) -> None:
    """Invariant: no bit of a signed head can change without a refusal, unless the head says the same."""
    headers = [("x-amz-meta-a", "b  c"), ("x-amz-tagging", "d=e"), ("Content-Type", "text/plain")]
    head = authorized("PUT", "/bucket/a%20key?partNumber=1&uploadId=x", headers, payload=aws.UNSIGNED)
    part = data.draw(st.sampled_from(list(parts(head))))
    other = mutated(head, part, data.draw(st.integers(0, 300)), data.draw(st.integers(0, 7)))
    with suppress(S3Error):
        admitted(other)
        kind, number = part
        is_authorization = kind == "value" and head.headers[number][0] == b"Authorization"
        is_spelling = other.target.lower() == head.target.lower() and kind == "target"
        assert says_the_same(head, other) or is_authorization or is_spelling


_text = st.text(st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12)
SIGV2 = {"AWSAccessKeyId", "Signature"}
_SAFE = set(string.ascii_letters + string.digits + "-._~")


def escaped(text: str, safe: str = "") -> str:
    """UriEncode as AWS spells it."""
    return "".join(c if c in _SAFE or c in safe else "".join(f"%{b:02X}" for b in c.encode()) for c in text)


@given(
    _text.map(lambda text: "/".join(part for part in text.split("/") if part not in {".", ".."})),
    st.dictionaries(
        _text.filter(lambda text: text and text not in SIGV2 and not text.lower().startswith("x-amz-")),
        _text,
        max_size=4,
    ),
    st.dictionaries(
        st.from_regex(r"x-amz-meta-[a-z]{1,4}", fullmatch=True),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12),
        max_size=3,
    ),
)
def test_botocore_and_the_gateway_agree(key: str, query: dict[str, str], headers: dict[str, str]) -> None:
    """Invariant: whatever target and headers botocore signs, the gateway computes the same signature."""
    target = "/bucket/" + escaped(key, "/")
    if query:
        target += "?" + "&".join(f"{escaped(name)}={escaped(value)}" for name, value in query.items())
    head = oracle.signed("GET", target, tuple(headers.items()))
    assert oracle.verified(head).timestamp


@pytest.mark.parametrize("count", [0, 1])
def test_the_mutations_start_from_what_is_good(count: int) -> None:
    """The head that is changed above is admitted unchanged, by either configuration."""
    head = authorized("PUT", "/bucket/a%20key?partNumber=1&uploadId=x", payload=aws.UNSIGNED)
    assert admitted(head, config=(CONFIG, TINY)[count]).operation.name == "UploadPart"
