"""Percent-encoding as others do it: what path and query suspects share."""

import re
from urllib.parse import quote_from_bytes

LENIENT = ("~!*'()", "~!$&'()*+,;=:@", "~!$&'()*+,;=", "~:@", "~=", "")
"""Characters that other encoders leave alone: JavaScript's encodeURIComponent, RFC 3986's pchar and sub-delims, Java's
and Go's URL classes; and the oldest habit, to escape even ``~``."""

_ESCAPE = re.compile(rb"%[0-9A-Fa-f]{2}")


def escaped(raw: bytes, safe: str = "~") -> bytes:
    """Escape all but letters, digits, ``-._`` and what is ``safe``; Python's own never escapes ``~``."""
    text = quote_from_bytes(raw, safe=safe)
    return (text if "~" in safe else text.replace("~", "%7E")).encode()


def lower_escapes(text: bytes) -> bytes:
    """``%2f`` for ``%2F``."""
    return _ESCAPE.sub(lambda match: match[0].lower(), text)
