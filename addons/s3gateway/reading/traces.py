"""Requests that are written field by field, without a request line: ``mc admin trace -v``, and what JavaScript logs."""

import re
from urllib.parse import quote

from s3gateway.reading.draft import Draft

_BEGINS = re.compile(rb"(?P<node>\S+) \[(?:REQUEST|RESPONSE)\b")
_METHOD = re.compile(rb"(GET|PUT|POST|HEAD|DELETE|OPTIONS|PATCH) (/\S*)$")
_STATUS = re.compile(rb"([1-5]\d\d)(?: [A-Za-z' -]+)?$")
_FIELD = re.compile(rb"([A-Za-z][A-Za-z0-9-]*):(?: (.*))?$")
_GO = "the trace sorts headers and writes their names its own way: order and case are not the client's"

_JS_BEGINS = re.compile(rb"\b(HttpRequest|HttpResponse) \{$")
_JS_PAIR = re.compile(rb"\s*(?:'([^']+)'|\"([^\"]+)\"|([A-Za-z_$][\w$]*)): (.*?),?$")
_JS_INNER = re.compile(rb"(?:'([^']*)'|\"([^\"]*)\"|([\w$-]+)): ('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\d+)")
_JS_DEPTH = 3
_JS = "what the SDK's HTTP client adds after the log line (Connection, Accept) is not in it"


class AdminTrace:
    """``mc admin trace -v``: each line behind the node's name."""

    def __init__(self) -> None:
        self.draft: Draft | None = None
        self._node = b""
        self._state = ""

    @property
    def open(self) -> bool:
        """Whether a request or an answer has begun."""
        return bool(self._state)

    def take(self) -> Draft | None:
        """Give a request that nothing has ended."""
        return self.draft if self._state == "fields" else None

    def feed(self, line: bytes, number: int) -> tuple[bool, Draft | None]:
        """Take a line: whether it belongs here, and a request that it ends."""
        begins = _BEGINS.search(line) if b" [RE" in line else None
        if begins:
            self._node = begins["node"] + b" "
            if b"[REQUEST" in line:
                ready = self.take()
                self.draft, self._state = Draft("minio-admin-trace", number, missing=[_GO]), "line"
                return True, ready
            ready = self.take()
            self._state = "status"
            return True, ready
        if not self._state or not line.startswith(self._node):
            return False, None
        return self._take(line[len(self._node) :]), None

    def _take(self, rest: bytes) -> bool:
        draft = self.draft
        if draft is None:
            return False
        if self._state == "line":
            found = _METHOD.match(rest)
            self._state = "fields" if found else ""
            if found:
                draft.method, draft.target = found[1], found[2]
            return bool(found)
        if self._state == "status":
            found = _STATUS.match(rest)
            self._state = "answer" if found else ""
            if found:
                draft.status = int(found[1])
            return bool(found)
        found = _FIELD.match(rest)
        if found and not (self._state == "fields" and found[1] == b"Proto"):
            where = draft.fields if self._state == "fields" else draft.answer_fields
            where.append((found[1], found[2] or b""))
        elif self._state == "answer" and not found:
            self._state = ""
            return False
        return True


class JsObject:
    """``HttpRequest`` and ``HttpResponse`` as ``console.log`` prints them."""

    def __init__(self) -> None:
        self._kind = b""
        self._path: list[bytes] = []
        self._pairs: list[tuple[bytes, bytes, bytes]] = []
        self._line = 0
        self._lines = 0

    @property
    def open(self) -> bool:
        """Whether an object has begun and has not ended."""
        return bool(self._kind)

    def starts(self, line: bytes, number: int) -> bool:
        """Whether one begins on this line."""
        found = _JS_BEGINS.search(line)
        if found:
            self._kind, self._path, self._pairs, self._line, self._lines = found[1], [], [], number, 0
        return bool(found)

    def feed(self, line: bytes) -> Draft | tuple[int, list[tuple[bytes, bytes]]] | None:
        """Take a line; give the request, or status and fields of an answer, when it is over."""
        self._lines += 1
        inner = line.strip()
        if inner.startswith((b"}", b"]")):
            if self._path:
                self._path.pop()
                return None
            return self._over()
        found = _JS_PAIR.match(line)
        name = (found[1] or found[2] or found[3]) if found else b""
        value = found[4] if found else b""
        if inner.endswith((b"{", b"[")):
            self._path.append(name)
            if self._kind == b"HttpResponse" and name == b"body":
                return self._over()
        elif value.startswith(b"{"):
            self._pairs += [(name, n1 or n2 or n3, _js_text(v)) for n1, n2, n3, v in _JS_INNER.findall(value)]
        elif found and len(self._path) < _JS_DEPTH:
            self._pairs.append((b".".join(self._path), name, _js_text(value)))
        if self._lines > 5000:  # noqa: PLR2004 - an object that never ends
            self._kind = b""
        return None

    def _over(self) -> Draft | tuple[int, list[tuple[bytes, bytes]]] | None:
        kind, self._kind = self._kind, b""
        own = {name: value for where, name, value in self._pairs if where == b""}
        fields = [(name, value) for where, name, value in self._pairs if where == b"headers"]
        if kind == b"HttpResponse":
            status = own.get(b"statusCode", b"")
            return (int(status), fields) if status.isdigit() else None
        if not own.get(b"method") or not fields:
            return None
        query = sorted((name, value) for where, name, value in self._pairs if where == b"query")
        target = own.get(b"path", b"/") + (b"?" + b"&".join(map(_js_parameter, query)) if query else b"")
        draft = Draft("js-v3", self._line, own[b"method"], target, fields, complete=False, missing=[_JS])
        draft.tls = own.get(b"protocol") == b"https:"
        return draft


def _js_parameter(pair: tuple[bytes, bytes]) -> bytes:
    name, value = (quote(part, safe="") for part in pair)
    return f"{name}={value}".encode("ascii")


def _js_text(value: bytes) -> bytes:
    if value[:1] in b"'\"`" and value[:1] and value.endswith(value[:1]) and len(value) > 1:
        return re.sub(rb"\\(.)", rb"\1", value[1:-1])
    return value
