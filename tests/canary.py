"""Every secret that the suite's traffic bears, and the search for them in whatever a gateway has written.

Secrets come from the configurations that gateways were given, from the bytes that the tests' raw clients send, and from
the requests that boto3 and the recorder saw. A report names a secret and where it was found, and never shows it.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from tests.sigv4.aws import Key

_SHORTEST = 8
"""Characters. A shorter one (some tests have ``x``, or ``first``) stands in any text; its signing keys do not."""

_HEX64 = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_BEARER = re.compile(rb"(?:[Ss]ignature(?:%3[Dd]|=|: )|x-amz-trailer-signature:)(?!0{64})[0-9a-f]{64}(?![0-9a-f])")
"""A signature in the form in which it is used, whoever made it."""

_TOKENS = re.compile(rb"(?im)^x-amz-security-token:[ \t]*([^\r\n]+?)[ \t]*\r?$|[?&]X-Amz-Security-Token=([^& ]+)")
_SSE_C_KEYS = re.compile(rb"(?im)^x-amz-[a-z-]*customer-key:[ \t]*([^\r\n]+?)[ \t]*\r?$")
_SSE_C_KEYS_IN_QUERIES = re.compile(rb"(?i)[?&]x-amz-[a-z-]*customer-key=([^& \r\n]+)")
_LOGINS = re.compile(rb"(?im)(?:^|[?&])(?:LDAPPassword|WebIdentityToken)=([^& \r\n]+)")
_SIGNATURES = re.compile(rb"[Ss]ignature=([0-9a-f]{64})")

_OF_FORMS = re.compile(rb'(?i)name="(x-amz-[a-z-]+)"\r\n\r\n([^\r\n]+)\r\n')
"""Fields of a form that sign, or that are headers elsewhere."""

_HEAD = 65536
"""Bytes of what a client sends in which a head may stand."""

Places = Mapping[str, bytes]


def forms(secret: bytes) -> Iterator[bytes]:
    """Give it raw, in base64, in hex, in hex as in an error's fields, as Python shows bytes, and in a URL.

    A key like ``kkkk...`` stands in any text that a test made long; its other forms do not.
    """
    if len(set(secret)) > 1:
        yield secret
        yield repr(secret)[2:-1].encode()
        yield quote(secret, safe="").encode()
        yield quote(secret).encode()
    yield base64.b64encode(secret).rstrip(b"=")
    yield secret.hex().encode()
    yield secret.hex(" ").encode()


class Canary:
    """What must not be found. One for the whole test process."""

    def __init__(self) -> None:
        self._secrets: dict[bytes, str] = {}
        self._signatures: set[bytes] = set()
        self._sources: list[Callable[[], Iterable[bytes]]] = []

    def watch(self, name: str, secret: str | bytes) -> None:
        """Look for this from now on, in every form in which a program is likely to write it."""
        raw = secret if isinstance(secret, bytes) else secret.encode()
        if len(raw) >= _SHORTEST:
            for form in forms(raw):
                self._secrets.setdefault(form, name)

    def watch_config(self, config: Any) -> None:
        """Look for all the secrets of a gateway's configuration, and for the signing keys of these days."""
        if not isinstance(config, Mapping):
            return  # broken on purpose
        backend = dict(config.get("backend") or {})
        region = backend.get("region", "us-east-1")
        self._watch_keys("backend", backend.get("credentials"), region)
        for client in config.get("clients") or ():
            self._watch_keys("client", client, region)
        ring = Path((config.get("sts") or {}).get("ring", "."))
        for key in re.findall(r"key: *([\w+/=]+)", ring.read_text(encoding="utf-8")) if ring.is_file() else ():
            self.watch("key of the ring", base64.b64decode(key))
        for rule in config.get("encryption") or ():
            if "sse-c" in rule and Path(rule["sse-c"]).is_file():
                self.watch_sse_c(Path(rule["sse-c"]).read_bytes())

    def watch_sse_c(self, key: bytes) -> None:
        """Look for an SSE-C key: 32 bytes, or as base64."""
        self.watch("SSE-C key", key)
        with suppress(binascii.Error):
            self.watch("SSE-C key", base64.b64decode(key, validate=True))

    def watch_wire(self, data: bytes) -> None:
        """Look for what a client sends that must not be kept: tokens, SSE-C keys, signatures."""
        head = data[:_HEAD]
        for pair in _TOKENS.findall(head):
            self.watch("session token", pair[0] or pair[1])
        for key in _SSE_C_KEYS.findall(head):
            self.watch_sse_c(key)
        for key in _SSE_C_KEYS_IN_QUERIES.findall(head):
            self.watch_sse_c(unquote_to_bytes(key))
        for login in _LOGINS.findall(head):
            self.watch("password or web identity token", unquote_to_bytes(login.replace(b"+", b" ")))
        self._signatures.update(_SIGNATURES.findall(data))
        for name, value in _OF_FORMS.findall(head):
            if name.lower() == b"x-amz-signature":
                self._signatures.add(value)
            else:
                self.watch_wire(b"%b: %b\r\n" % (name, value))

    def watch_headers(self, target: str, headers: Iterable[tuple[str, str | bytes]]) -> None:
        """Look for what a request bears that an SDK made."""
        lines = [target.encode(), *(n.encode() + b": " + _bytes(v) for n, v in headers)]
        self.watch_wire(b"\r\n".join(lines) + b"\r\n")

    def watch_source(self, signatures: Callable[[], Iterable[bytes]]) -> None:
        """Ask for further signatures before each search."""
        self._sources.append(signatures)

    def collect(self) -> None:
        """Ask the sources now."""
        for source in self._sources:
            self._signatures.update(source())

    def find(self, data: bytes, *, answer: bool = False) -> list[str]:
        """Name the secrets in ``data``. An answer may quote a signature to the client that sent it, as AWS does."""
        found = {name for secret, name in self._secrets.items() if secret in data}
        if not answer:
            self.collect()
            found |= {"signature"} if _BEARER.search(data) else set()
            found |= {"signature in use"} if self._signatures.intersection(_HEX64.findall(data)) else set()
        return sorted(found)

    def check(self, places: Places, *, answer: bool = False) -> None:
        """Fail if there is anything in any place; name both."""
        found = [f"{name} in {place}" for place, data in places.items() for name in self.find(data, answer=answer)]
        assert not found, "secrets were written: " + ", ".join(found)

    def _watch_keys(self, name: str, keys: Any, region: str) -> None:
        if not isinstance(keys, Mapping):
            return
        for one in keys.get("keys") or ():
            self._watch_keys(name, {"access_key_id": keys.get("access_key_id"), **one}, region)
        secret = keys.get("secret_access_key")
        for holder in ("secret_access_key_file", "file"):
            if keys.get(holder) and Path(keys[holder]).is_file():
                text = Path(keys[holder]).read_text(encoding="utf-8")
                stated = re.search(r"secret_access_key: *([^ ,}\n]+)", text)
                secret = stated[1] if stated else text.strip()
        if not isinstance(secret, str) or not secret:
            return
        self.watch(f"{name} secret", secret)
        if isinstance(keys.get("session_token"), str):
            self.watch("session token", keys["session_token"])
        for key in _signing_keys(str(keys.get("access_key_id")), secret, {region, "us-east-1", "us-east-2"}):
            self.watch(f"{name} signing key", key)


def _signing_keys(access_key_id: str, secret: str, regions: set[str]) -> Iterator[bytes]:
    today = datetime.now(UTC)
    for region in regions:
        for day in (today - timedelta(days=1), today, today + timedelta(days=1)):
            yield Key(access_key_id, secret, f"{day:%Y%m%dT%H%M%SZ}", region).signing_key


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


CANARY = Canary()
