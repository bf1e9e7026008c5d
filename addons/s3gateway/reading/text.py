"""A text of any forms, alone or mixed -> its requests: each line goes to whoever is reading, else to who can begin."""

import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final

from s3gateway.reading import answers, canonical, documents, logs, single
from s3gateway.reading.draft import Draft
from s3gateway.reading.heads import FOLLOW, RawStream, Stream
from s3gateway.reading.joined import Joined
from s3gateway.reading.lines import Reading, clean, interesting, unwrapped
from s3gateway.reading.model import Found
from s3gateway.reading.traces import AdminTrace, JsObject

_HTTPCLIENT = re.compile(rb"(\S*?(?:http-outgoing|ex|ep|c)-\d+\S*):? (>>|<<) (.*)$")
_WIRE = re.compile(rb"\"(.*?)(?:\[\\r\])?(?:\[\\n\])?\"?$")
_CURL = re.compile(rb"(?:\d\d:\d\d:\d\d\.\d+ )?([<>])(?: (.*))?$")
_MARKS: Final = (
    (re.compile(rb"^={40,}$"), "http"),
    (re.compile(rb"-START-HTTP-"), "minio-trace"),
    (re.compile(rb"^Follow: (?:tcp|tls|http)"), FOLLOW),
    (re.compile(rb"^\S+ (?:IP6?|ARP) |^tcpdump: "), "tcpdump"),
    (re.compile(rb"^SDK .* (?:DEBUG|WARN) Re(?:quest|sponse)\b"), "go-v2"),
)
_PATIENCE = 400
"""Lines for which more is asked for a head that has not ended."""


class TextReader:
    """Feed it lines; :meth:`finish` gives the rest of what it found, :meth:`settled` what is complete before that."""

    def __init__(self) -> None:
        self._joined = Joined()
        self._raw = RawStream(self._joined.send)
        self._streams: dict[tuple[bytes, bool] | str, Stream] = {}
        self._signing = canonical.Signing()
        self._document = answers.Document()
        self._command = single.Command()
        self._trace = AdminTrace()
        self._object = JsObject()
        self._number = 0

    def wanted(self) -> bool:
        """Whether the next line may belong to something that has begun."""
        open_heads = any(
            stream.open and self._number - stream.last < _PATIENCE for stream in (self._raw, *self._streams.values())
        )
        return open_heads or any(
            part.open for part in (self._signing, self._document, self._command, self._trace, self._object)
        )

    def feed(self, number: int, raw: bytes) -> None:
        """Take a line of the text."""
        if number != self._number + 1:
            self._jump()
        self._number = number
        for line in unwrapped(raw):
            self._line(clean(line), number)

    def _line(self, line: bytes, number: int) -> None:
        if self._goes_on(line) or self._log_line(line):
            return
        if b'"s3-header-capture/' in line and (one := documents.carried(line, number)):
            self._joined.add(Draft("capture", number, ready=one))
        elif self._document.starts(line):
            self._read_document(line)
        elif not self._raw.line(line, number):
            self._alone(line)
            self._mark(line)
        elif self._raw.draft is not None:
            self._joined.current = self._raw.draft

    def settled(self) -> list[Found]:
        """Give requests so old that nothing will be added to them."""
        return self._joined.settled()

    def finish(self) -> list[Found]:
        """Give the rest."""
        self._jump()
        for stream in (self._raw, *self._streams.values()):
            stream.end()
        return self._joined.finish()

    def _jump(self) -> None:
        """Text was passed over: what is open gets no more."""
        if self._document.open:
            self._error(self._document.take())
        if self._command.open:
            self._joined.add(self._command.take())
        self._joined.add(self._trace.take())
        self._trace = AdminTrace()
        if self._raw.open:
            self._raw.end()

    def _goes_on(self, line: bytes) -> bool:
        """Hand the line to what is in the middle of something."""
        if self._signing.open and self._signing.takes(line):
            if text := self._signing.whole():
                self._joined.signed(*text, self._number)
            return True
        if self._object.open:
            self._said(self._object.feed(line))
            return True
        if self._command.open:
            self._joined.add(self._command.feed(line, self._number))
            return True
        if self._document.open:
            self._read_document(_payload(line))
            return True
        return False

    def _log_line(self, line: bytes) -> bool:
        """Lines that a log's own words tell."""
        return self._framed(line) or self._client_log(line) or self._traced(line)

    def _framed(self, line: bytes) -> bool:
        if (b">> " in line or b"<< " in line) and (framed := _HTTPCLIENT.search(line)):
            wire = _WIRE.match(framed[3])
            self._feed((framed[1], bool(wire)), "httpclient", wire[1] if wire else framed[3])
            return True
        curl = _CURL.match(line) if line[:1] in b"<>0123456789" else None
        if curl and not line.startswith(b"<?xml"):
            return self._feed("curl", "curl-verbose", curl[2] or b"")
        if line.startswith((b"send: ", b"reply: ", b"header: ")) and (said := logs.spoken(line)) is not None:
            for payload in said.split(b"\r\n") if b"\r\n" in said else [said]:
                self._feed("http.client", "botocore", payload)
            return True
        return False

    def _feed(self, key: tuple[bytes, bool] | str, form: str, payload: bytes) -> bool:
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = Stream(form, partial(self._joined.send_twice, log=key))
        if self._document.starts(payload):
            self._joined.current = stream.draft or self._joined.current
            self._read_document(payload)
            return True
        taken = stream.feed(payload, self._number)
        self._joined.current = stream.draft or self._joined.current
        return taken

    def _client_log(self, line: bytes) -> bool:
        if self._signing.starts(line):
            return True
        if draft := logs.sending(line, self._number):
            self._joined.current = self._joined.send_twice(draft, "botocore")
        elif said := logs.answered(line):
            self._joined.answered(*said)
        elif fields := logs.answer_headers(line):
            if self._joined.current is not None and not self._joined.current.answer_fields:
                self._joined.current.answer_fields = fields
        elif b"Request: " in line and (draft := logs.announced(line, self._number)):
            self._joined.add(draft)
        elif refused := logs.refused(line):
            self._joined.refused(*refused)
        elif code := logs.failed_call(line):
            if self._joined.current is not None and self._joined.current.format == "botocore":
                self._joined.current.code = code
        else:
            return self._object.starts(line, self._number)
        return True

    def _traced(self, line: bytes) -> bool:
        taken, draft = self._trace.feed(line, number=self._number)
        if draft is not None:
            self._trace.draft = self._joined.send(draft)
        if taken and self._trace.draft is not None and self._trace.draft.status:
            self._joined.current = self._trace.draft
        return taken

    def _alone(self, line: bytes) -> None:
        """Lines that are a request by themselves."""
        if self._command.starts(line):
            self._joined.add(self._command.feed(line, self._number))
        elif b"X-Amz-Signature=" in line and (drafts := single.presigned_urls(line, self._number)):
            for each in drafts:
                self._joined.add(each)
        elif b" HTTP/" in line:
            self._joined.add(single.access_line(line, self._number))

    def _mark(self, line: bytes) -> None:
        for mark, form in _MARKS:
            if mark.search(line):
                self._raw.mark(form, self._number)
                return

    def _read_document(self, line: bytes) -> None:
        self._error(self._document.feed(line))

    def _error(self, document: bytes) -> None:
        if document:
            self._joined.error(document, self._number)

    def _said(self, said: "Draft | tuple[int, list[tuple[bytes, bytes]]] | None") -> None:
        if isinstance(said, Draft):
            self._joined.current = self._joined.send(said)
        elif said and self._joined.current is not None and not self._joined.current.status:
            self._joined.current.status, self._joined.current.answer_fields = said


def read(blocks: Iterable[bytes], seen: Reading) -> Iterator[Found]:
    """Give the requests of a text in its order."""
    reader = TextReader()
    for number, line in interesting(blocks, reader.wanted, seen):
        reader.feed(number, line)
        yield from reader.settled()
    yield from reader.finish()


def _payload(line: bytes) -> bytes:
    """What a line of an error document says, without what a log puts before it."""
    if framed := _HTTPCLIENT.search(line):
        wire = _WIRE.match(framed[3])
        return wire[1] if wire else framed[3]
    return line
