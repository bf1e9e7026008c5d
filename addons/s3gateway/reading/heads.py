"""HTTP heads as logs have them: a request's lines, its answer's lines, whatever stands before each of them.

One :class:`Stream` reads what one connection, or one writer, says in turn. It is fed payloads: lines without what the
log puts in front. :class:`RawStream` finds out itself what that is, from the request line.
"""

import re
from collections.abc import Callable
from typing import Final

from s3gateway.reading.draft import Draft

_METHOD: Final = rb"(?:GET|PUT|POST|HEAD|DELETE|OPTIONS|PATCH)"
REQUEST_LINE: Final = re.compile(rb"(" + _METHOD + rb") (/\S*|\*|https?://\S+) HTTP/(?:1\.[01]|2(?:\.0)?|3)[ \t]*$")
ANSWER_LINE: Final = re.compile(rb"HTTP/(?:1\.[01]|2(?:\.0)?|3) ([1-5]\d\d)(?: [^\"]*)?$")
FIELD: Final = re.compile(rb"([A-Za-z][!#$%&'*+.^_`|~0-9A-Za-z-]*|:[a-z]+):(?:[ \t]+|$|(?=[^ \t/]))(.*)$")
FOLLOW: Final = "follow"
_NEAR = 12
"""Lines between what says what a head is of, and the head; Wireshark says it once for a whole stream."""

_TELLING = re.compile(rb"(?i)host$|authorization$|user-agent$|x-amz-")
_NUMBER = re.compile(rb"([A-Za-z]{2}(?:\\?[-_])?\d+)|\d+")
"""Digits in a time, or a counter, differ from line to line; those of a name, ``executor-7``, do not."""

_BARE = re.compile(rb"(" + _METHOD + rb") (/\S*)$")
_FIRST = 3
"""Lines at the beginning of which one may be a request line without a version."""
MOST_FIELDS: Final = 20_000

_TRACED = "what the HTTP client adds or changes after the trace (Accept-Encoding, Content-Length) is not in it"
_IDLE, _REQUEST, _ANSWER, _INTERIM = range(4)
_FINAL = 200
_PATIENCE = 60
"""Lines of other writers that may stand between two lines of a head."""


class Stream:
    """Requests and answers of one writer, in turn. ``send`` takes each request, and says what it was joined to."""

    def __init__(self, form: str, send: Callable[[Draft], Draft]) -> None:
        self.format = form
        self.draft: Draft | None = None
        self.last = 0
        self._send = send
        self._state = _IDLE

    @property
    def open(self) -> bool:
        """Whether a head has begun and has not ended."""
        return self._state != _IDLE

    def feed(self, payload: bytes, number: int) -> bool:
        """Take a line, if it belongs to a head."""
        request = REQUEST_LINE.match(payload) if b" HTTP/" in payload else None
        if request:
            self.begin(request[1], request[2], number)
            return True
        answer = ANSWER_LINE.match(payload) if payload.startswith(b"HTTP/") else None
        if answer:
            self.answered(int(answer[1]), number)
            return True
        return self._line(payload, number)

    def begin(self, method: bytes, target: bytes, number: int) -> Draft:
        """A request line."""
        self.end()
        self.draft = Draft(self.format, number, method, target)
        if self.format == "minio-trace":
            self.draft.complete = False
            self.draft.missing.append(_TRACED)
        self._state, self.last = _REQUEST, number
        return self.draft

    def answered(self, status: int, number: int) -> None:
        """An answer's first line; an interim one is passed over."""
        self.end()
        self.last = number
        if status < _FINAL:
            self._state = _INTERIM
            return
        if self.draft is None or (self.draft.status and self.draft.status != status):
            self.draft = Draft(self.format, number, b"", b"", complete=False)  # nothing is known of what it answers
        self.draft.status = status
        self.draft.answer_fields.clear()
        self._state = _ANSWER

    def end(self) -> None:
        """The head that is being read is over."""
        state, self._state = self._state, _IDLE
        if state == _REQUEST and self.draft is not None:
            self.draft = self._send(self.draft) if self.is_request(self.draft) else None

    def is_request(self, draft: Draft) -> bool:
        """Whether it is one, or somebody talks about a request."""
        return bool(draft.fields)

    def _line(self, payload: bytes, number: int) -> bool:
        if self._state == _IDLE:
            return False
        if not payload.strip():
            self.end()
            return True
        if self._state == _INTERIM or self.draft is None:
            return True
        fields = self.draft.fields if self._state == _REQUEST else self.draft.answer_fields
        if payload[:1] in b" \t" and fields:
            name, value = fields[-1]
            fields[-1] = (name, value + b" " + payload.strip())
        elif (found := FIELD.match(payload)) and len(fields) < MOST_FIELDS:
            fields.append((found[1], found[2].rstrip()))
        elif found:
            self.draft.complete = False
            self._once(f"the head has more than {MOST_FIELDS} fields; these were read")
        else:
            return False
        self.last = number
        return True

    def _once(self, clause: str) -> None:
        if self.draft is not None and clause not in self.draft.missing:
            self.draft.missing.append(clause)


class RawStream(Stream):
    """Heads as they are, or each line behind the same words: a time, a level, a container's name."""

    def __init__(self, send: Callable[[Draft], Draft]) -> None:
        super().__init__("http", send)
        self._prefix: re.Pattern[bytes] | None = None
        self._prefixed = False
        self._form, self._marked = "http", 0

    def is_request(self, draft: Draft) -> bool:
        """Where a log puts words before, the next line may look like a field and be none."""
        named = any(_TELLING.match(name) for name, _ in draft.fields)
        return bool(draft.fields) and (named or not self._prefixed)

    def mark(self, form: str, number: int) -> None:
        """A line that says what the next head is of."""
        self._form, self._marked = form, number

    def line(self, line: bytes, number: int) -> bool:
        """Take a line with whatever stands before it."""
        if b"HTTP/" in line:
            found = REQUEST_LINE.search(line) or ANSWER_LINE.search(line)
            if found and not line[: found.start()].endswith(b'"'):
                self._learn(line[: found.start()])
                near = self._form == FOLLOW or number - self._marked < _NEAR
                self.format = "mc" if b"<DEBUG>" in line[: found.start()] else self._form if near else "http"
                return self.feed(line[found.start() :], number)
        if not self.open:
            return False
        before = self._prefix.match(line) if self._prefix else None
        strange = self._prefixed and not before
        apart = strange and number > self.last + 1  # mc has its words before the first line only
        if not apart and self._line(line[before.end() :] if before else line, number):
            return True
        if not (strange and number - self.last < _PATIENCE):
            self._cut(number)
            self.end()
        return False

    def _cut(self, number: int) -> None:
        if self._state == _REQUEST and self.draft is not None and self.draft.fields:
            self.draft.complete = False
            self._once(f"the head breaks off at line {number}: fields after that are not known")

    def _learn(self, before: bytes) -> None:
        """The words before a request line stand before its fields too, with another time in them."""
        self._prefixed = bool(before.strip())
        pattern = _NUMBER.sub(lambda found: found[1] or rb"\d+", re.escape(before)) if len(before) < 300 else b""  # noqa: PLR2004
        self._prefix = re.compile(pattern) if pattern else None
