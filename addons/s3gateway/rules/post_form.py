"""What a form asks for: its fields -> the key, the headers of the object, and how a success is answered. Pure.

Names and meanings are AWS's ("POST Object"). A form reaches the backend as the PutObject that it amounts to, so each
field becomes the header of that operation. A field that S3 does not know is of no effect once the policy allows it;
one of ``x-amz-*`` that this gateway does not carry is refused, for its author means something by it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, quote_from_bytes, urlencode
from xml.sax.saxutils import escape

from s3gateway import errors
from s3gateway.rules.tag_set import read_tags
from s3gateway.sigv4.model import Headers

_PASSED = re.compile(
    r"content-(type|disposition|encoding|language|md5)|cache-control|expires|"
    r"x-amz-(meta-[!#$%&'*+.^_`|~0-9a-z-]+|storage-class|website-redirect-location|server-side-encryption(-[a-z0-9-]+)?|"
    r"checksum-(?!algorithm)[a-z0-9-]+|object-lock-(mode|retain-until-date|legal-hold)|grant-[a-z-]+)"
)
"""Fields that are headers of a PutObject by the same name."""

_OTHERS: Final = {"acl": b"x-amz-acl"}
_OWN: Final = frozenset(
    (
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-signature",
        "x-amz-security-token",
        "x-amz-checksum-algorithm",
    )
)
"""Fields of ``x-amz-*`` that are no headers: of the signature, and one that says what another says as well."""

_LINE_ENDS = re.compile(rb"[\r\n\0]")
_FILE_NAME: Final = b"${filename}"
_NEVER_EXPANDED: Final = frozenset(("policy", *_OWN))
_REDIRECT = re.compile(r"https?://[!-~]+", re.IGNORECASE)
_STATUSES: Final = {"200": 200, "201": 201}
_OF_THE_PUT: Final = frozenset((b"content-length", b"content-type", b"transfer-encoding", b"location"))


@dataclass(frozen=True, slots=True)
class Success:
    """How a form is answered that was stored: ``status`` 200, 201 or 204, or a redirect. ``location`` is a URL."""

    status: int
    redirect: str
    bucket: str
    key: str
    location: str

    def answer(self, headers: Headers) -> tuple[int, Headers, bytes]:
        """Make the answer of a PutObject's: status, headers and body."""
        etag = next((value for name, value in headers if name.lower() == b"etag"), b"").decode("latin-1")
        kept = tuple(pair for pair in headers if pair[0].lower() not in _OF_THE_PUT)
        if self.redirect:
            return 303, (*kept, (b"Location", self._target(etag).encode()), (b"Content-Length", b"0")), b""
        located = (*kept, (b"Location", self.location.encode()))
        if self.status != 201:  # noqa: PLR2004
            return self.status, located if self.status == 204 else (*located, (b"Content-Length", b"0")), b""  # noqa: PLR2004
        document = self._document(etag)
        fields = ((b"Content-Type", b"application/xml"), (b"Content-Length", b"%d" % len(document)))
        return self.status, (*located, *fields), document

    def _target(self, etag: str) -> str:
        url, mark, fragment = self.redirect.partition("#")
        told = [("bucket", self.bucket), ("key", self.key), ("etag", etag)]
        asked = urlencode(told, quote_via=quote, safe="", errors="surrogateescape")
        return f"{url}{'&' if '?' in url else '?'}{asked}{mark}{fragment}"

    def _document(self, etag: str) -> bytes:
        told = (("Location", self.location), ("Bucket", self.bucket), ("Key", self.key), ("ETag", etag))
        inner = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in told)
        document = f'<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse>{inner}</PostResponse>'
        return document.encode("utf-8", "replace")


def expanded(fields: Mapping[str, bytes], file_name: bytes) -> dict[str, bytes]:
    """Put the file's name, without its folders, in the place of ``${filename}``; conditions see what comes out."""
    name = re.split(rb"[/\\]", file_name)[-1]
    return {
        field: value if field in _NEVER_EXPANDED else value.replace(_FILE_NAME, name) for field, value in fields.items()
    }


def read_key(fields: Mapping[str, bytes]) -> bytes:
    """Give the object's key. Raises InvalidArgument where there is none."""
    key = fields["key"]
    if not key:
        raise errors.invalid_argument("User key must have a length greater than 0.", "key", "")
    return key


def target(bucket: str, key: bytes) -> bytes:
    """Give the target of the PutObject, path style."""
    return f"/{quote(bucket)}/{quote_from_bytes(key, safe='/~')}".encode()


def object_headers(fields: Mapping[str, bytes]) -> Headers:
    """Give the headers of the PutObject. Raises :class:`~s3gateway.errors.S3Error` for a field that cannot be one."""
    headers: list[tuple[bytes, bytes]] = []
    for name, value in fields.items():
        if name == "tagging":
            headers.append((b"x-amz-tagging", read_tags(value)))
        elif name in _OTHERS or _PASSED.fullmatch(name):
            if _LINE_ENDS.search(value):
                raise errors.invalid_argument("A form field's value may not have several lines.", name, "")
            headers.append((_OTHERS.get(name, name.encode()), value.strip()))
        elif name.startswith("x-minio-"):
            raise errors.access_denied(
                "x-minio-* fields are internal to the backend and are not accepted from clients."
            )
        elif name.startswith("x-amz-") and name not in _OWN:
            raise errors.not_implemented(
                f"A form field you provided implies functionality that is not implemented: {name}"
            )
    return tuple(headers)


def read_success(fields: Mapping[str, str], bucket: str, key: bytes, base: str) -> Success:
    """Read how a success is answered. ``base`` is the URL that the client used for the bucket."""
    wanted = fields.get("success_action_redirect") or fields.get("redirect") or ""
    return Success(
        _STATUSES.get(fields.get("success_action_status", ""), 204),
        wanted if _REDIRECT.fullmatch(wanted) else "",  # AWS takes another for none
        bucket,
        key.decode("utf-8", "surrogateescape"),
        f"{base}/{quote_from_bytes(key, safe='')}",
    )
