"""What the tests' own clients send, so that whatever the recorder sees is held against it: in every test, by itself.

A request behind the gateway is known by the id that boto3 gives it, or by method and target, which stay byte for byte
but for what presigned it. What was sent in virtual-host style has another target there; tests of its own look at that.
"""

import contextlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from lab.recorder import Recorder
from lab.wire import RecordedRequest
from tests.real import invariant

Pairs = list[tuple[bytes, bytes]]

_HEAD = re.compile(rb"(?<![A-Z])([A-Z]{3,6}) (/\S*) HTTP/1\.[01]\r\n(.*?)\r\n\r\n", re.DOTALL)
_MOST = 1 << 16
"""Bytes of one write in which heads are looked for: who writes more at once writes a body, or a flood."""

_FOLD = re.compile(rb"[ \t]*\r\n[ \t]+")
_ADDED_LATE = {b"host", b"accept-encoding"}
"""Fields that http.client adds after boto3 has told what it sends."""


class Sent:
    """The heads that were sent since the recorder was cleared."""

    def __init__(self) -> None:
        self._by_id: defaultdict[bytes, list[Pairs]] = defaultdict(list)  # a retry has the same
        self._by_line: defaultdict[tuple[bytes, bytes], list[Pairs]] = defaultdict(list)

    def note(self, data: bytes) -> None:
        """Take what a raw client writes at once, pipelined heads as well; one that comes in pieces is not known."""
        end = data.rfind(b"\r\n\r\n", 0, _MOST) + 4  # behind it no head ends, and a flood would be searched for one
        for match in _HEAD.finditer(data, 0, end):
            lines = _FOLD.sub(b" ", match[3]).split(b"\r\n")
            pairs = [(name, value) for name, _, value in (line.partition(b":") for line in lines)]
            self._by_line[match[1], _bare(match[2])].append(pairs)

    def note_headers(self, headers: Pairs) -> None:
        """Take what boto3 is about to send."""
        if identity := invariant.invocation(headers):
            self._by_id[identity].append(headers)

    def clear(self) -> None:
        """Forget all: for the next test, or because an operator edits what was sent."""
        self._by_id.clear()
        self._by_line.clear()

    def check(self, requests: Iterable[RecordedRequest]) -> None:
        """Each request has what it signs, and each header that its client gave it."""
        for request in requests:
            invariant.check_signed_names(request)
            line = request.method.encode(), _bare(request.target)
            if known := self._by_id[invariant.invocation(request.headers) or b""]:
                _check_one([_as_written(sent, request) for sent in known], request)
            elif known := self._by_line[line]:
                _check_one(known, request)


def _bare(target: bytes) -> bytes:
    path, mark, query = target.partition(b"?")
    left = [piece for piece in query.split(b"&") if not piece.startswith(b"X-Amz-")]
    return path + mark + b"&".join(left) if left else path


def _as_written(sent: Pairs, request: RecordedRequest) -> Pairs:
    late = _ADDED_LATE - {name.lower() for name, _ in sent}
    return [*(pair for pair in request.headers if pair[0].lower() in late), *sent]


def _check_one(known: Sequence[Pairs], request: RecordedRequest) -> None:
    """One of those that were sent alike is there as it was; if none is, tell of the last."""
    for sent in known[:-1]:
        with contextlib.suppress(AssertionError):
            _check_kept(sent, request)
            return
    _check_kept(known[-1], request)


def _check_kept(sent: Pairs, request: RecordedRequest) -> None:
    presigned = all(name.lower() != b"authorization" for name, _ in sent)
    invariant.check_headers_kept(_end_to_end(sent, request), request, presigned=presigned)


def _end_to_end(sent: Pairs, request: RecordedRequest) -> Pairs:
    """Without what ``Connection`` names and the gateway took off; S3's own it must not (tests/real/test_sdkv1.py)."""
    named = {token.strip().lower() for n, v in sent if n.lower() == b"connection" for token in v.split(b",")}
    left = {name.lower() for name, _ in request.headers}
    return [pair for pair in sent if pair[0].lower() not in named - left]


SENT = Sent()
"""One for the whole test process, as there is one recorder."""


class WatchedRecorder(Recorder):
    """The recorder, which lets nothing be forgotten before it was held against what was sent."""

    def clear(self) -> None:
        self.check()
        self.forget()

    def forget(self) -> None:
        """Clear, whatever is there: another test's, which has been looked at, or nobody's."""
        super().clear()
        SENT.clear()

    def check(self) -> None:
        """Fail if a header was lost or changed, or signed and not sent."""
        SENT.check(self.requests())
