"""Percent-encoding as others do it: what path and query suspects share."""

import re

LENIENT = ("~!*'()", "~!$&'()*+,;=:@", "~!$&'()*+,;=", "~:@", "~=", "")
"""Characters that other encoders leave alone: JavaScript's encodeURIComponent, RFC 3986's pchar and sub-delims, Java's
and Go's URL classes; and the oldest habit, to escape even ``~``."""

_ESCAPE = re.compile(rb"%[0-9A-Fa-f]{2}")


def lower_escapes(text: bytes) -> bytes:
    """``%2f`` for ``%2F``."""
    return _ESCAPE.sub(lambda match: match[0].lower(), text)
