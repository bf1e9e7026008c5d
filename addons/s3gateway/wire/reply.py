"""The way back of one exchange: the backend's bytes in, the client's out. Sans-IO.

What may pass is decided in :mod:`s3gateway.answer`; how it is framed for the client is decided here: the client's
connection is its own affair, and so is the end of a body on it.
"""

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from s3gateway import answer as answers
from s3gateway.answer_watch import AnswerWatch, Refuse, Released
from s3gateway.config.model import Config
from s3gateway.gateway import Admitted, Outgoing
from s3gateway.http1 import framing
from s3gateway.http1.head import (
    HTTP_1_0,
    NO_LENGTH,
    ProtocolError,
    answer_length,
    find_end,
    read_answer,
    reason,
    write_answer,
)
from s3gateway.rules.answer_head import AnswerHead
from s3gateway.sigv4.model import Headers

if TYPE_CHECKING:
    from s3gateway.rules.post_form import Success

MAX_HEAD: Final = 256 * 1024
"""Bytes of an answer's head; MinIO's have a thousand or two, user metadata included."""

_OF_ONE_CONNECTION: Final = frozenset(
    (b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-connection", b"te", b"trailer", b"upgrade",
     b"transfer-encoding")
)  # fmt: skip
"""Fields of an answer that concern the backend's connection, and not the client's (RFC 9110 §7.6.1)."""

_FINAL, _REFUSED = 200, 400
_SWITCHES: Final = 101
_NO_BODY: Final = (204, 304)


class Step(Enum):
    """What has come of the answer so far."""

    MORE = auto()  # its head is not whole
    HEAD = auto()  # the head is here, and may pass


class Reply:
    """One answer. ``is_1_0`` clients get no chunks, and the end of the connection in their place.

    ``length`` is that of the body in bytes, negative where the head does not tell.
    """

    def __init__(self, *, is_1_0: bool) -> None:
        self.head: AnswerHead | None = None
        self.reason = b""
        self.backend_keeps = True
        self.code = ""
        self.length = 0
        self.notes: list[str] = []
        self._is_1_0 = is_1_0
        self._is_in_chunks = False
        self._edits: tuple[Headers, Headers] = (), ()
        self._left: int | None = None  # bytes of the body that the head has promised
        self._buffer = bytearray()
        self._reader: framing.Reader | None = None
        self._watch: AnswerWatch | None = None
        self._form: Success | None = None
        self._document: bytes | None = None  # the gateway's own, in place of the backend's body

    @property
    def has_come(self) -> bool:
        """Whether a byte of an answer has come."""
        return bool(self._buffer) or self._reader is not None

    @property
    def framing(self) -> tuple[int | None, bool]:
        """How its body is framed for the client: bytes still promised, if any number is, and whether in chunks."""
        return self._left, self._is_in_chunks

    @property
    def is_success(self) -> bool:
        """Whether it says that the request was done, as far as it has been read."""
        return self.head is not None and self.head.status < _REFUSED and not self.code

    @property
    def is_whole(self) -> bool:
        """Whether the end of the body has come."""
        return self._reader is not None and self._reader.done

    @property
    def leaves_clean(self) -> bool:
        """Whether the backend's connection can serve another request: it says so, and has sent no more than asked."""
        return self.backend_keeps and self.is_whole and not self._buffer and not (self._reader and self._reader.rest)

    def read_head(
        self, data: bytes, admitted: Admitted, outgoing: Outgoing, config: Config, for_page: Headers | None
    ) -> Step | Refuse:
        """Take some of the answer until its head is whole. Raises :class:`~s3gateway.http1.head.ProtocolError`.

        Interim answers are passed over: they may come unasked (RFC 9110 §15.2).
        """
        buffer = self._buffer
        buffer += data
        while True:
            end = find_end(buffer)
            if end < 0:
                if len(buffer) > MAX_HEAD:
                    raise ProtocolError("an answer's head is too long")
                return Step.MORE
            found = read_answer(bytes(memoryview(buffer)[:end]))
            if found.status >= _FINAL or found.status == _SWITCHES:
                break
            del buffer[:end]
        del buffer[:end]
        length = self.length = answer_length(found, outgoing.method)
        self.reason = found.reason
        self.backend_keeps = found.version != HTTP_1_0 and b"close" not in b",".join(found.all(b"connection")).lower()
        self.head = found
        if length == NO_LENGTH:
            return answers.unframed(config.backend)
        decision = answers.returned(self.head, admitted, outgoing, config, for_page)
        if isinstance(decision, Refuse):
            return decision
        self._reader = framing.reader(length)
        self._form = outgoing.form
        if isinstance(decision, answers.Pass):
            self._note(decision.code, decision.why)
            self.head = found.with_headers(decision.headers)
        elif isinstance(decision, answers.Watch):
            self.head, self._watch = found.with_headers(decision.headers), decision.watch
        else:
            self.head, self._watch = decision.answer, decision.watch
        if self._watch is None:
            self._answer_form()
        return Step.HEAD

    def _answer_form(self) -> None:
        """Answer a form that was stored as its fields ask for it."""
        if self._form is not None and self.head is not None and self.is_success:
            status, headers, self._document = self._form.answer(self.head.headers)
            self.head, self.reason = AnswerHead(status, headers), reason(status)

    def goes_on(self, begun: "Reply") -> None:
        """Bring the rest of an answer that has begun: its head has left, and its framing goes on."""
        self.head = begun.head
        self._left, self._is_in_chunks = begun.framing

    def keep(self, data: bytes) -> None:
        """Take what comes while nobody can go on with it."""
        self._buffer += data

    def read_body(self, data: bytes) -> list[bytes] | Refuse:
        """Take some of the body; give what may pass. Raises :class:`~s3gateway.http1.head.ProtocolError`."""
        reader = self._reader
        if reader is None:
            raise ProtocolError("a body came before its head")
        if self._buffer:
            data = bytes(self._buffer) + data
            self._buffer.clear()
        pieces = reader.feed(data)
        watch = self._watch
        if watch is None:
            return pieces if self._document is None else self._in_place(is_whole=reader.done)
        had_begun = watch.has_begun
        out = [passed for piece in pieces if (passed := watch.feed(piece))]
        if reader.done and (passed := watch.finish()):
            out.append(passed)
        verdict = watch.verdict
        if isinstance(verdict, Refuse):
            if had_begun and out and self._is_in_chunks:
                self._note(verdict.code, verdict.why)
                return out  # it closes the document with the gateway's error
            return verdict
        if isinstance(verdict, Released):
            self._note(verdict.code, verdict.why)
            if not had_begun:
                self.head = AnswerHead(verdict.status, self._edited(verdict.headers))
                self._answer_form()
        return out if self._document is None else self._in_place(is_whole=reader.done)

    def _in_place(self, *, is_whole: bool) -> list[bytes]:
        """Give the gateway's own document when the backend's has come whole."""
        document = self._document
        if not is_whole or not document:
            return []
        self._document = b""
        return [document]

    def edit(self, headers: Headers) -> None:
        """Take the head's fields as somebody has changed them, who watches; what is held has its own later."""
        head = self.head
        if head is not None and headers != head.headers:
            self._edits = head.headers, headers
            self.head = head.with_headers(headers)

    def _edited(self, headers: Headers) -> Headers:
        """Make the same changes to the fields of an answer that was held."""
        before, after = self._edits
        gone = [pair for pair in before if pair not in after]
        new = [pair for pair in after if pair not in before]
        return (*[pair for pair in headers if pair not in gone], *new)

    def answer_with(self, status: int, reason: bytes, headers: Headers) -> None:
        """Take an answer that is here whole, in place of the backend's."""
        self.head, self.reason = AnswerHead(status, headers), reason
        self._reader, self._watch = framing.LengthReader(0), None

    def head_for_client(self, method: bytes, *, closes: bool) -> bytes:
        """Write the head: once, before the first of the body."""
        answer = self.head
        if answer is None:
            raise ProtocolError("there is no answer")
        names = answer.lower_names
        fields = answer.headers
        if not _OF_ONE_CONNECTION.isdisjoint(names):
            pairs = zip(names, fields, strict=True)
            fields = tuple([pair for name, pair in pairs if name not in _OF_ONE_CONNECTION])
        given = answer.first(b"content-length")
        length = None if given is None else int(given)
        has_body = method != b"HEAD" and answer.status not in _NO_BODY
        self._left = length if has_body else None
        self._is_in_chunks = has_body and length is None and not self._is_1_0
        if self._is_in_chunks:
            fields = (*fields, (b"Transfer-Encoding", b"chunked"))
        if closes:
            fields = (*fields, (b"Connection", b"close"))
        return write_answer(answer.status, self.reason, fields)

    def framed(self, pieces: list[bytes], *, is_whole: bool) -> list[bytes]:
        """Frame some of the body for the client; raise where it is not as long as the head has promised."""
        if self._left is not None:
            self._left -= sum(map(len, pieces))
            if self._left < 0 or (is_whole and self._left):
                raise ProtocolError("the body is not as long as its head says")
        if not self._is_in_chunks:
            return pieces
        framed = framing.chunk(b"".join(pieces))
        return [framed, framing.LAST_CHUNK] if is_whole else [framed]

    @property
    def is_undecided(self) -> bool:
        """Whether the head must wait: nothing of the body has come out yet, and it may be an error document."""
        return self._watch is not None and not self._watch.has_begun and not self.is_whole

    def drop(self) -> None:
        """Let go of every byte."""
        self._buffer.clear()
        self._watch = None

    def _note(self, code: str, why: str) -> None:
        self.code = code or self.code
        if why:
            self.notes.append(why)
