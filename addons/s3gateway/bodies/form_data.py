"""A multipart/form-data body, read as it comes: fields first, then the bytes of its file. Sans-IO.

The grammar (RFC 7578, RFC 2046 §5.1.1), with CRLF line ends and no padding behind a boundary, as all clients write it::

    --BOUNDARY CRLF Content-Disposition: form-data; name="key" CRLF CRLF value CRLF
    --BOUNDARY CRLF Content-Disposition: form-data; name="file"; filename="a.txt" CRLF CRLF data CRLF
    --BOUNDARY--

Fields before the file are kept, up to :data:`MOST_BEFORE_FILE` bytes with their framing; what follows the file is
dropped, as S3 does (AWS "POST Object"). It is a reader of our own because the length of the file has to be known before
its end: that takes the exact number of bytes before it, which python-multipart and others do not tell.
"""

import re
from enum import Enum, auto
from typing import Final

from s3gateway import errors

MOST_BEFORE_FILE: Final = 20 * 1024
"""Bytes before the file's data; AWS's own limit. They are held in memory before anybody is proven."""

FILE: Final = "file"

_DISPOSITION = re.compile(rb"content-disposition[ \t]*:[ \t]*form-data[ \t]*((?:;.*)?)", re.IGNORECASE)
_PARAMETER = re.compile(rb';[ \t]*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))[ \t]*')
_ESCAPED_QUOTE = re.compile(rb'\\(["\\])')
_BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_LINE_END, _BLANK_LINE, _CLOSE = b"\r\n", b"\r\n\r\n", b"--"


def malformed(why: str = "", remedy: str = "") -> errors.S3Error:
    """400: no form that can be read in one way only; ``why`` is for the log, ``remedy`` for the client as well."""
    message = "The body of your POST request is not well-formed multipart/form-data."
    return errors.S3Error(400, "MalformedPOSTRequest", f"{message} {remedy}".strip(), reason=why)


def boundary_of(content_type: bytes) -> bytes:
    """Take the boundary from a Content-Type. Raises MalformedPOSTRequest where there is none, or more than one."""
    parameters = [piece.partition(b"=") for piece in content_type.split(b";")[1:]]
    found = [value.strip() for name, _, value in parameters if name.strip().lower() == b"boundary"]
    if len(found) != 1:
        raise malformed("the Content-Type names no boundary, or several")
    value = found[0]
    quoted = len(value) > 1 and value.startswith(b'"') and value.endswith(b'"')
    boundary = value[1:-1] if quoted else value
    if not _BOUNDARY.fullmatch(boundary):
        raise malformed("the Content-Type's boundary is none")
    return boundary


class _State(Enum):
    PREAMBLE = auto()  # before the first boundary
    PART_HEAD = auto()
    VALUE = auto()
    FILE = auto()
    AFTER = auto()  # the file: what comes is dropped
    CLOSED = auto()


class FormReader:
    """Reads one form. ``fields`` are by lower-case name; ``file_name`` is empty where the client gives none.

    ``before_file`` is the number of bytes before the file's data, once ``has_file``.
    """

    def __init__(self, boundary: bytes) -> None:
        self.fields: dict[str, bytes] = {}
        self.file_name = b""
        self.has_file = False
        self.before_file = 0
        self.closing = len(_LINE_END + _CLOSE + boundary + _CLOSE + _LINE_END)
        self._delimiter = _LINE_END + _CLOSE + boundary
        self._buffer = _LINE_END  # the first delimiter has no line before it
        self._taken = 0
        self._at = 0  # where in the buffer the part begins that is being read
        self._name: str | None = None
        self._state = _State.PREAMBLE

    @property
    def file_has_ended(self) -> bool:
        """Whether all of the file has been given."""
        return self.has_file and self._state in (_State.AFTER, _State.CLOSED)

    @property
    def is_closed(self) -> bool:
        """Whether the closing boundary has come."""
        return self._state is _State.CLOSED

    def feed(self, data: bytes) -> list[bytes]:
        """Take some of the body; give what of it is the file's data. Raises :class:`~s3gateway.errors.S3Error`."""
        self._taken += len(data)
        if self._state is _State.CLOSED:
            return []
        self._buffer += data
        out: list[bytes] = []
        while self._reads_on(out):
            pass
        if not self.has_file and self._taken > MOST_BEFORE_FILE:
            raise _too_much()
        return out

    def finish(self) -> None:
        """Raise where the body has ended before the form."""
        if not self.is_closed:
            raise malformed("the body ends before the form")

    def _reads_on(self, out: list[bytes]) -> bool:
        """Read the next thing, if it is here whole."""
        match self._state:
            case _State.PART_HEAD:
                return self._read_part_head()
            case _State.FILE:
                return self._read_file(out)
            case _State.CLOSED:
                self._buffer = b""
                return False
            case _:
                return self._read_to_delimiter()

    def _read_to_delimiter(self) -> bool:
        """Read a field's value, or drop what nobody wants."""
        end = self._find_delimiter(self._at)
        if end < 0:
            if self._state is _State.AFTER:
                self._buffer = self._buffer[-len(self._delimiter) - 1 :]
            return False
        if self._name is not None:
            self._add(self._name, self._buffer[self._at : end])
            self._name = None
        self._at = end + len(self._delimiter)
        if self._buffer.startswith(_CLOSE, self._at):
            self._state = _State.CLOSED
        elif self._state is _State.AFTER:
            self._buffer, self._at = self._buffer[self._at :], 0
        else:
            self._state = _State.PART_HEAD
        return True

    def _read_part_head(self) -> bool:
        end = self._buffer.find(_BLANK_LINE, self._at)
        if end < 0:
            return False
        name, file_name = _read_names(self._buffer[self._at : end])
        self._at = end + len(_BLANK_LINE)
        if name != FILE:
            self._name, self._state = name, _State.VALUE
            return True
        self.has_file, self.file_name = True, file_name
        self._buffer, self._at = self._buffer[self._at :], 0
        self.before_file = self._taken - len(self._buffer)
        if self.before_file > MOST_BEFORE_FILE:
            raise _too_much()
        self._state = _State.FILE
        return True

    def _read_file(self, out: list[bytes]) -> bool:
        """Give the data up to the delimiter, or but for what may be the beginning of one."""
        end = self._find_delimiter(0)
        data = self._buffer[: end if end >= 0 else max(0, len(self._buffer) - len(self._delimiter) - 1)]
        if data:
            out.append(data)
        if end >= 0:
            self._state = _State.AFTER  # whose search finds this delimiter again
        self._buffer = self._buffer[len(data) :]
        return end >= 0

    def _find_delimiter(self, start: int) -> int:
        """Find a delimiter that a line end or two dashes follow: other lines that begin like one are data."""
        buffer, size = self._buffer, len(self._delimiter)
        while (at := buffer.find(self._delimiter, start)) >= 0:
            if buffer.startswith((_LINE_END, _CLOSE), at + size):
                return at
            start = at + 1
        return -1

    def _add(self, name: str, value: bytes) -> None:
        if name in self.fields:
            raise errors.invalid_argument("A field of the form is there twice.", name, "")
        self.fields[name] = value


def _read_names(head: bytes) -> tuple[str, bytes]:
    """Read a part's head, which begins with a line end: its field's lower-case name, and its file's."""
    found = [match for line in head.split(_LINE_END) if (match := _DISPOSITION.fullmatch(line))]
    if len(found) != 1:
        raise malformed("a part has no Content-Disposition: form-data, or several")
    text, at = found[0][1].rstrip(b" \t"), 0
    parameters: dict[bytes, bytes] = {}
    while at < len(text):
        match = _PARAMETER.match(text, at)
        if match is None or match[1].lower() in parameters:
            raise malformed("a part's Content-Disposition cannot be read")
        quoted, token = match[2], match[3]
        parameters[match[1].lower()] = token if quoted is None else _ESCAPED_QUOTE.sub(rb"\1", quoted)
        at = match.end()
    name = parameters.get(b"name", b"").decode("utf-8", "replace").lower()
    if not name:
        raise malformed("a part has no name")
    return name, parameters.get(b"filename", b"")


def _too_much() -> errors.S3Error:
    return errors.S3Error(
        400,
        "MaxPostPreDataLengthExceeded",
        "Your POST request fields preceding the upload file were too large.",
        (("MaxSizeAllowed", str(MOST_BEFORE_FILE)),),
    )
