"""What a backend made up itself and a later request names again: upload ids, ETags, version ids, kept old to new."""

import re
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from s3gateway.observed.capture import Exchange, Response
from s3gateway.sigv4.model import RequestHead

_ETAG: Final = re.compile(r"[0-9a-f]{32}(?:-\d+)?")
_UPLOAD_ID: Final = re.compile(rb"<UploadId>([^<]+)</UploadId>")
_ETAG_ELEMENT: Final = re.compile(rb"<ETag>[^<]*?([0-9a-f]{32}(?:-\d+)?)[^<]*</ETag>")
_CHECKSUM: Final = "x-amz-checksum-"
_IS_VALUE: Final = re.compile(_CHECKSUM + r"(crc32c?|crc64nvme|sha1|sha256)")
_PART_ELEMENT: Final = re.compile(rb"<(ETag|Checksum(?:CRC32C?|CRC64NVME|SHA1|SHA256))>([^<]*)<")
_DOCUMENTS: Final = frozenset(("CompleteMultipartUpload", "DeleteObjects"))
"""The operations whose body names such things; a body of data is never touched."""


@dataclass(slots=True)
class Memory:
    """Captured names to those of today. An upload's is known by bucket and key, in the order in which they began."""

    _names: dict[str, str] = field(default_factory=dict)
    _begun: defaultdict[tuple[str, str], deque[str]] = field(default_factory=lambda: defaultdict(deque))
    _parts: defaultdict[str, dict[int, str]] = field(default_factory=lambda: defaultdict(dict))

    def translate(self, exchange: Exchange, head: RequestHead) -> RequestHead:
        """The head with the names of today."""
        upload = _parameter(head, b"uploadId")
        waiting = self._begun[exchange.bucket, exchange.key]
        if upload and upload not in self._names and waiting:
            self._names[upload] = waiting.popleft()
        headers = tuple((name, self._in(value)) for name, value in head.headers)
        return RequestHead(head.method, head.path + (b"?" if head.query else b"") + self._in(head.query), headers)

    def translate_body(self, exchange: Exchange, body: bytes) -> bytes:
        """The body with the names of today, where it is a document that has any."""
        return self._in(body) if exchange.operation in _DOCUMENTS else body

    def parts(self, head: RequestHead) -> dict[int, str]:
        """Part numbers to today's ETags and checksums, as XML, of the upload that a translated head names."""
        return self._parts[_parameter(head, b"uploadId")]

    def learn(self, exchange: Exchange, sent: RequestHead, live: Response, body: bytes) -> None:
        """Take the names that this answer gives, beside those that were captured."""
        if exchange.operation == "CreateMultipartUpload" and (found := _UPLOAD_ID.search(body)):
            self._begun[exchange.bucket, exchange.key].append(found[1].decode())
        before, after = (_named(answer) for answer in (exchange.response, live))
        self._names |= {old: after[name] for name, old in before.items() if name in after and old != after[name]}
        number = _parameter(sent, b"partNumber")
        if number.isdigit() and (part := _part(live, body)):
            self._parts[_parameter(sent, b"uploadId")][int(number)] = part

    def learn_document(self, captured: bytes | None, live: bytes) -> None:
        """ETags that an answer's document holds: those of copies."""
        before, after = _ETAG_ELEMENT.findall(captured or b""), _ETAG_ELEMENT.findall(live)
        if len(before) == len(after) == 1:
            self._names[before[0].decode()] = after[0].decode()

    def in_text(self, text: str) -> str:
        """A captured text with the names of today."""
        return self._in(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def _in(self, raw: bytes) -> bytes:
        for old, new in self._names.items():
            raw = raw.replace(old.encode(), new.encode()).replace(quote(old).encode(), quote(new).encode())
        return raw


def _part(live: Response, body: bytes) -> str:
    """What a CompleteMultipartUpload says of a part: from the answer's head, or from the document of a copy."""
    headers = {name.lower(): value for name, value in live.headers}
    told = {"ETag": headers["etag"]} if "etag" in headers else {}
    told |= {
        f"Checksum{name[len(_CHECKSUM) :].upper()}": headers[name] for name in headers if _IS_VALUE.fullmatch(name)
    }
    told |= {name.decode(): value.decode() for name, value in _PART_ELEMENT.findall(body)}
    return "".join(f"<{name}>{value}</{name}>" for name, value in told.items())


def _named(answer: Response | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in answer.headers if answer else ():
        if name.lower() == "etag" and (etag := _ETAG.search(value)):
            found["etag"] = etag[0]
        if name.lower() == "x-amz-version-id":
            found["version"] = value
    return found


def _parameter(head: RequestHead, name: bytes) -> str:
    return next((value.decode("utf-8", "replace") for known, value in head.parameters if known == name), "")
