"""How a GetObject whose backend broke off goes on at another one: the rest of the same bytes, or nothing. Pure.

The rest is asked for by ``Range``, within the client's own, and ``If-Match`` with the ETag that the client has. What is
not exactly that rest must not reach the client, who would take it for part of the object.
"""

import re
from dataclasses import dataclass
from typing import Final

from s3gateway.rules.answer_head import AnswerHead, length
from s3gateway.rules.operations import Operation
from s3gateway.sigv4.model import RequestHead

_OK: Final = 200
_PARTIAL: Final = 206
_RANGE: Final = re.compile(rb"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19})")
_STRONG: Final = re.compile(rb'"[^"]*"')
_OWN_CONDITIONS: Final = frozenset(
    (b"range", b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since", b"if-range")
)


@dataclass(frozen=True, slots=True)
class Rest:
    """The bytes ``first`` to ``last`` of an object of ``total`` bytes that has this ETag."""

    first: int
    last: int
    total: int
    etag: bytes

    def request(self, head: RequestHead) -> RequestHead:
        """Ask for it, as ``head`` asked for the whole."""
        kept = tuple(pair for pair in head.headers if pair[0].lower() not in _OWN_CONDITIONS)
        asked = (b"Range", b"bytes=%d-%d" % (self.first, self.last)), (b"If-Match", self.etag)
        return RequestHead(head.method, head.target, (*kept, *asked))

    def is_in(self, answer: AnswerHead) -> bool:
        """Whether an answer brings just that, and says so."""
        return (
            answer.status == _PARTIAL
            and answer.all(b"content-range") == [b"bytes %d-%d/%d" % (self.first, self.last, self.total)]
            and length(answer) == self.last - self.first + 1
            and answer.all(b"etag") == [self.etag]
        )


def rest(head: RequestHead, operation: Operation, answer: AnswerHead, given: int) -> Rest | None:
    """Tell what is left of an answer of which ``given`` bytes have gone to the client; None where that is not sure."""
    size, etags = length(answer), answer.all(b"etag")
    if operation.name != "GetObject" or head.method != b"GET" or size is None or given >= size:
        return None
    if len(etags) != 1 or not _STRONG.fullmatch(etags[0]) or any(name == b"partNumber" for name, _ in head.parameters):
        return None
    if answer.status == _OK:
        return Rest(given, size - 1, size, etags[0])
    ranges = answer.all(b"content-range")
    found = _RANGE.fullmatch(ranges[0]) if answer.status == _PARTIAL and len(ranges) == 1 else None
    if found is None:
        return None
    first, last, total = map(int, found.groups())
    return Rest(first + given, last, total, etags[0]) if last - first + 1 == size else None
