"""Reads an answer piece by piece: an error document is held and judged, everything else streams on. Sans-IO.

Bytes go in by :meth:`AnswerWatch.feed`, and what may go to the client comes out. The answer's head must not leave
before the first byte has come out: an error document in front of which nothing came out can still become another
answer, with another status.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from s3gateway.errors import S3Error
from s3gateway.observed.capture import Explanation
from s3gateway.rules.first_element import BLANKS, MAX_BEGINNING, First, first_element, prolog_end
from s3gateway.rules.responses import GZIP, LocationRewriter
from s3gateway.sigv4.model import Headers

MAX_DOCUMENT: Final = 64 * 1024
"""Bytes of an error document that is read, on the wire and decoded. Real ones have some hundred."""

_DECLARATION_END: Final = b"?>\n"


@dataclass(frozen=True, slots=True)
class Released:
    """A held answer that may go to the client. ``body`` is the backend's own document, or the gateway's in its place.

    ``code`` is the backend's error code; ``why`` is for one log line, empty where there is nothing to say.
    """

    status: int
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)
    code: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Refuse:
    """An answer that must not reach the client. The client gets ``error``, and ``why`` is one line for the log.

    ``code`` is the backend's error code and ``explanation`` what is known about it, for the record. ``is_of_gateway``
    says that the backend refuses what the gateway signs with, and not what the client asks for.
    """

    error: S3Error
    why: str
    code: str = ""
    explanation: Explanation | None = None
    is_of_gateway: bool = False


class _State(Enum):
    LOOKING = "the first element is not known yet"
    PASSING = "this is no error document"
    COLLECTING = "this is, or may be, an error document"
    SETTLED = "there is a verdict"


class AnswerWatch:
    """One answer's body. ``judge`` decides about an error document, ``render`` writes an error as a document.

    ``whole`` holds everything to its end. ``gzip`` says that the body is compressed: it passes as it is, or plain where
    a ``rewriter`` needs to read it.
    """

    def __init__(
        self,
        judge: Callable[[bytes], Released | Refuse],
        render: Callable[[S3Error], bytes],
        refuse: Callable[[str], Refuse],
        *,
        whole: bool = False,
        gzip: bool = False,
        rewriter: LocationRewriter | None = None,
    ) -> None:
        self._judge, self._render, self._refuse = judge, render, refuse
        self._rewriter = rewriter
        self._gzip = zlib.decompressobj(wbits=GZIP) if gzip and not whole else None
        self._state = _State.COLLECTING if whole else _State.LOOKING
        self._held = bytearray()
        self._plain = bytearray()
        self._declaration: bytes | None = None
        self.has_begun = False
        self.verdict: Released | Refuse | None = None

    def feed(self, data: bytes) -> bytes:
        """Take some of the body; give what may go to the client now. After a ``Refuse`` nothing comes out any more."""
        if self._state is _State.SETTLED:
            return b""
        try:
            out = self._feed(data)
        except zlib.error:
            out = self._settle(self._refuse("cannot be decompressed"))
        self.has_begun = self.has_begun or bool(out)
        return out

    def finish(self) -> bytes:
        """Take the end; give the rest.

        Where the head has left, this closes the body also where the verdict is a ``Refuse``: with the gateway's error.
        """
        if self._state is _State.SETTLED:
            return b""
        if self._state is _State.LOOKING and not bytes(self._text()).strip(BLANKS) and not self._is_cut():
            self._state = _State.PASSING
            return self._pass(bytes(self._held)) + (self._rewriter.finish() if self._rewriter else b"")
        if self._state is not _State.PASSING:
            document = (self._declaration or b"") + bytes(self._held)
            return self._settle(self._judge(document), document)
        if self._rewriter and self._is_cut():
            return self._settle(self._refuse("ends before its compressed data does"))
        return self._rewriter.finish() if self._rewriter else b""

    def _feed(self, data: bytes) -> bytes:
        if self._gzip and self._rewriter:
            data = self._gzip.decompress(data)
        if self._state is _State.PASSING:
            return self._pass(data)
        self._held += data
        if self._state is _State.LOOKING:
            self._unpack(data)
            out = self._look()
        else:
            out = b""
        if len(self._held) > MAX_DOCUMENT:
            return self._settle(self._refuse("is too large"))
        return out

    def _look(self) -> bytes:
        text = bytes(self._text())
        prolog = self._prolog(text)
        first = first_element(text[prolog:])
        if first is First.OTHER:
            self._state = _State.PASSING
            held, self._held = bytes(self._held), bytearray()
            return self._pass(held)
        if first is not First.MORE:
            self._state = _State.COLLECTING
            return b""
        return b"" if self._is_packed() else self._release(prolog)

    def _release(self, prolog: int) -> bytes:
        """Let the blanks and the declaration in front pass; the declaration is kept, it may name the encoding."""
        passed = bytes(self._held[:prolog])
        del self._held[:prolog]
        if passed.strip(BLANKS):
            self._declaration = passed.strip(BLANKS)
        return passed

    def _unpack(self, data: bytes) -> None:
        """Decompress the beginning of a body that passes compressed. Blanks in front of it are dropped here."""
        if self._gzip is None or self._rewriter:
            return
        data = self._gzip.unconsumed_tail + data
        while data and len(self._plain) <= MAX_BEGINNING:
            self._plain += self._gzip.decompress(data, MAX_DOCUMENT)
            self._plain = self._plain.lstrip(BLANKS)
            data = self._gzip.unconsumed_tail

    def _prolog(self, text: bytes) -> int:
        if self._declaration is None:
            return prolog_end(text)
        return len(text) - len(text.lstrip(BLANKS))

    def _text(self) -> bytearray:
        return self._plain if self._is_packed() else self._held

    def _is_packed(self) -> bool:
        """Whether what passes is compressed."""
        return self._gzip is not None and self._rewriter is None

    def _is_cut(self) -> bool:
        return self._gzip is not None and not self._gzip.eof

    def _pass(self, data: bytes) -> bytes:
        return self._rewriter.feed(data) if self._rewriter else data

    def _settle(self, verdict: Released | Refuse, document: bytes = b"") -> bytes:
        """End with a verdict; give the body that follows what has already come out."""
        self._state, self.verdict = _State.SETTLED, verdict
        self._held, self._plain = bytearray(), bytearray()
        if isinstance(verdict, Refuse):
            return self._continued(self._render(verdict.error)) if document else b""
        if verdict.body is document:
            return document[len(self._declaration or b"") :]
        return self._continued(verdict.body)

    def _continued(self, document: bytes) -> bytes:
        """Write a document behind what has come out: no second declaration, and ASCII whatever the first one names."""
        if not self.has_begun:
            return document
        text = document.partition(_DECLARATION_END)[2] or document
        return text.decode().encode("ascii", "xmlcharrefreplace")
