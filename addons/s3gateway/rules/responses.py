"""What changes in an answer: addresses that name the backend, and the KMS key id on HEAD (see ``encryption``).

MinIO answers with ``Location: https://<Host as received>/...`` and repeats it in CompleteMultipartUploadResult; the
scheme is what a client's ``X-Forwarded-Proto`` says, if there is one. A client behind the gateway must read the address
and the scheme that it used itself.
"""

import zlib
from dataclasses import dataclass

from s3gateway.sigv4.model import Headers

MAX_XML_HELD = 64 * 1024
"""Bytes of a CompleteMultipartUpload answer held back to find its Location, which comes first in the document."""

GZIP = 16 + zlib.MAX_WBITS
"""What zlib calls a gzip stream."""

_ELEMENT = b"<Location>"
_ELEMENT_END = b"</Location>"
_BEHIND = (b"", b"/", b"?", b"<")
"""What may follow a base URL: with anything else it is the beginning of another host's or bucket's name."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """The base URLs with the bucket path by which the backend names itself, and the client's for the same."""

    backends: tuple[bytes, ...]
    client: bytes

    def in_headers(self, headers: Headers) -> Headers:
        """Rewrite the ``Location`` header."""
        return tuple(
            (name, self._swap(value)) if name.lower() == b"location" else (name, value) for name, value in headers
        )

    def in_xml(self, document: bytes) -> bytes:
        """Rewrite the first ``<Location>`` element."""
        before, element, rest = document.partition(_ELEMENT)
        return before + element + self._swap(rest)

    def _swap(self, value: bytes) -> bytes:
        for backend in self.backends:
            if value.startswith(backend) and value[len(backend) : len(backend) + 1] in _BEHIND:
                return self.client + value.removeprefix(backend)
        return value


def addresses(
    *, backend_authority: bytes, client_scheme: bytes, client_host: bytes, virtual_bucket: bytes
) -> Addresses:
    """Build the pair; for a virtual-host style client the bucket is in the host and leaves the path."""
    bucket = b"/" + virtual_bucket if virtual_bucket else b""
    backends = tuple(scheme + backend_authority + bucket for scheme in (b"https://", b"http://"))
    return Addresses(backends, client_scheme + b"://" + client_host)


class LocationRewriter:
    """Rewrites a streamed CompleteMultipartUpload answer; leading white space (a keep-alive) passes at once."""

    def __init__(self, pair: Addresses) -> None:
        self._pair = pair
        self._held = b""
        self._done = False

    def feed(self, data: bytes) -> bytes:
        """Pass on; from the first ``<`` to the end of the Location element, hold back."""
        if self._done or not (self._held or data.strip()):
            return data
        self._held += data
        if _ELEMENT_END in self._held or len(self._held) > MAX_XML_HELD:
            self._done = True
            return self._release()
        return b""

    def finish(self) -> bytes:
        """Release what is still held."""
        return self._release()

    def _release(self) -> bytes:
        held, self._held = self._held, b""
        return self._pair.in_xml(held)
