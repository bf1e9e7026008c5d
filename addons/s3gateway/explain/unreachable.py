"""Why can the backend not be reached? What mitmproxy and the system say of it -> which key to look at. Pure."""

import re
from typing import Final

_REMEDIES: Final = (
    (
        r"unable to get (local )?issuer certificate|self.signed certificate|unable to verify the first certificate",
        "set `backend.ca_file` to the CA that signed its certificate",
    ),
    (
        r"(hostname|IP address) mismatch",
        "its certificate is for another name; write that one in `backend.endpoint`, or have it name this one too",
    ),
    (r"certificate has expired|certificate is not yet valid", "renew its certificate, or set this machine's clock"),
    (r"does not speak TLS", "write http:// in `backend.endpoint` if it is meant to have none, or switch its TLS on"),
    (
        r"Connect call failed|[Cc]onnection refused",
        "nothing listens there: is it running, is `backend.endpoint` right?",
    ),
    (
        r"Name or service not known|[Nn]o address associated|nodename nor servname|name resolution",
        "the host in `backend.endpoint` cannot be resolved",
    ),
)


def remedy(fault: str) -> str:
    """Tell what to do about a connection that failed with these words; nothing if they say no more than that."""
    return next((told for pattern, told in _REMEDIES if re.search(pattern, fault)), "")
