"""A login with a directory's password, as MinIO's clients make it: one form, over TLS, signed by nobody."""

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from lab.certs import Certs

_NAMESPACE: Final = {"sts": "https://sts.amazonaws.com/doc/2011-06-15/"}
_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Login:
    """What came of it: a session's keys, or a refusal's code."""

    status: int
    code: str = ""
    access_key: str = ""
    secret_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    expiration: str = ""


def log_in(port: int, certs: Certs, user: str, password: str) -> Login:
    """Call AssumeRoleWithLDAPIdentity at the gateway."""
    asked = {
        "Action": "AssumeRoleWithLDAPIdentity",
        "Version": "2011-06-15",
        "LDAPUsername": user,
        "LDAPPassword": password,
        "DurationSeconds": "3600",
    }
    context = ssl.create_default_context(cafile=certs.ca)
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=_SECONDS, context=context)
    try:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/", urlencode(asked), form)
        answer = connection.getresponse()
        found = _texts(answer.read())
    finally:
        connection.close()
    return Login(
        answer.status,
        found.get("Code", ""),
        found.get("AccessKeyId", ""),
        found.get("SecretAccessKey", ""),
        found.get("SessionToken", ""),
        found.get("Expiration", ""),
    )


def _texts(document: bytes) -> Mapping[str, str]:
    """The texts of the credentials, or of the error; the gateway is ours, and nobody else's XML is read."""
    root = ET.fromstring(document)  # noqa: S314
    elements = root.iterfind(".//sts:Credentials/*", _NAMESPACE)
    return {one.tag.partition("}")[2]: one.text or "" for one in (*elements, *root.iterfind("sts:Error/*", _NAMESPACE))}
