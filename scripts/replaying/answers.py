"""What of an answer must be as it was captured, and what may be other every time.

A status decides what a client does next. Of the headers those matter that a client acts on; the reason stands at each.
A body of data has to be the same bytes; an XML document the same elements, and in those that are named the same text.
"""

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from s3gateway.observed.capture import Pairs, Response

MATTERS: Final = {
    "content-type": "decides how a client reads the body",
    "content-encoding": "a client that is told otherwise does not decode, or decodes twice",
    "content-range": "a reader seeks by it",
    "content-length": "of data: S3A takes a file's length from HEAD",
    "cache-control": "stored with the object, given back as it was",
    "content-disposition": "stored with the object, given back as it was",
    "content-language": "stored with the object, given back as it was",
    "expires": "stored with the object, given back as it was",
    "x-amz-server-side-encryption": "S3A and SDK v1 choose by it whether an ETag is an MD5",
    "x-amz-server-side-encryption-aws-kms-key-id": "SDK v1 copies it from a HEAD into its next request",
    "x-amz-server-side-encryption-customer-algorithm": "says that the object was read or written under SSE-C",
    "x-amz-mp-parts-count": "readers of parts go by it",
    "x-amz-delete-marker": "tells a deleted object from one that never was",
    "x-amz-storage-class": "archived objects are read otherwise",
    "x-amz-error-code": "of a HEAD, which has no body to say it",
    "x-minio-error-code": "of a HEAD, which has no body to say it",
}
"""Compared by value; so are all `x-amz-meta-*` (the user's own) and `x-amz-checksum-*` (SDKs check the data by it)."""

PRESENT: Final = ("etag", "last-modified", "x-amz-version-id")
"""Other every time (an ETag under SSE-KMS is random), but a client that expects one has to find one."""

_STABLE: Final = frozenset(("Code", "Key", "Size", "Name", "Prefix", "Delimiter", "IsTruncated", "KeyCount", "Bucket"))
_ELEMENT: Final = re.compile(rb"<([A-Za-z0-9]+)[^>]*>([^<]*)")


def answer_differences(
    captured: Response, live: Response, bodies: tuple[bytes | None, bytes], *, made_up: bool
) -> Iterator[str]:
    """Say what of the live answer is not as captured; `bodies` are the captured one, if it was stored, and the live.

    `made_up` says that the data sent is not the captured: then its checksums are others.
    """
    if captured.status != live.status:
        yield f"status: expected {captured.status}, is {live.status}{_code(bodies[1])}"
        return
    before, after = _headers(captured.headers), _headers(live.headers)
    document = "xml" in before.get("content-type", after.get("content-type", ""))
    for name in sorted(before.keys() | after.keys()):
        if _matters(name, document=document, made_up=made_up) and before.get(name) != after.get(name):
            yield f"header: {name}: {before.get(name, '(none)')} -> {after.get(name, '(none)')}"
    yield from (f"header: {name} is missing" for name in PRESENT if name in before and name not in after)
    expected, found = bodies
    if expected is not None:
        if document:
            if _elements(expected) != _elements(found):
                yield f"body: expected the elements {_elements(expected)}, has {_elements(found)}"
        elif expected != found:
            yield f"body: expected sha256 {sha256(expected).hexdigest()}, is {sha256(found).hexdigest()}"


def _matters(name: str, *, document: bool, made_up: bool) -> bool:
    """The length of a document changes with the dates and ids in it."""
    if name == "content-length":
        return not document
    if name.startswith("x-amz-checksum-"):
        return not made_up
    return name in MATTERS or name.startswith("x-amz-meta-")


def _headers(pairs: Pairs) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        lower = name.lower()
        found[lower] = f"{found[lower]}, {value}" if lower in found else value
    return found


def _elements(document: bytes) -> list[str]:
    return [
        name.decode() + (f"={text.decode('utf-8', 'replace')}" if name.decode() in _STABLE else "")
        for name, text in _ELEMENT.findall(document)
    ]


def _code(body: bytes) -> str:
    found = re.search(rb"<Code>([A-Za-z]+)</Code>", body)
    return f" ({found[1].decode()})" if found else ""
