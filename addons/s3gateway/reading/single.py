"""One line, or one command, that is a request: presigned URLs, access logs, and curl commands as browsers copy them."""

import re
import shlex
from collections.abc import Iterator
from typing import Final

from s3gateway.reading.draft import ANNOUNCED, Draft, address, host_of

_URL = re.compile(rb"https?://[^\s\"'<>`|^\\]+?[?&;]X-Amz-Signature=[0-9a-fA-F]{64}[^\s\"'<>`|^\\]*")
_LOGGED = re.compile(
    rb"\"(GET|PUT|POST|HEAD|DELETE|OPTIONS|PATCH) (/[^\s\"]*) HTTP/[\d.]+\"(?: ([1-5]\d\d) )?"
    rb"(?:[\d-]+ \"[^\"]*\" \"([^\"]*)\")?"
)
_HAPROXY = re.compile(rb" -?\d+/-?\d+/-?\d+/-?\d+/\+?-?\d+ ([1-5]\d\d) ")
_CURL: Final = re.compile(rb"(?:^|[\s$>])curl(?:\.exe)? ")
_LONGEST_COMMAND: Final = 256 << 10

_SHORT_WITH_VALUE: Final = frozenset("oubceEFKmrwxyYzCDPQtAHXdT")
_LONG_FLAGS: Final = frozenset(
    f"--{name}"
    for name in (
        *(
            "compressed",
            "insecure",
            "head",
            "location",
            "verbose",
            "silent",
            "show-error",
            "include",
            "fail",
            "globoff",
        ),
        *("http1.0", "http1.1", "http2", "http2-prior-knowledge", "http3", "ipv4", "ipv6", "get", "no-buffer", "raw"),
        *("path-as-is", "remote-name", "remote-header-name", "tcp-nodelay", "tlsv1.2", "tlsv1.3", "ssl", "anyauth"),
        *(
            "basic",
            "digest",
            "ntlm",
            "negotiate",
            "netrc",
            "no-keepalive",
            "progress-bar",
            "create-dirs",
            "fail-with-body",
        ),
    )
)
"""Options of curl without a value; all others have one."""
_LONG: Final = {"header": "H", "request": "X", "head": "I", "user-agent": "A", "upload-file": "T", "get": "G"}

_GET_ASSUMED = "a URL does not tell the method; GET is assumed"
_NO_HEADERS = (
    "an access log has no headers: what was signed can be checked only of a presigned URL, and for that its Host is "
    "lacking"
)
_CURL_ADDS = "what curl adds by itself (Accept, User-Agent, Content-Length) is not in the command"
_CURL_SIGNS = "curl signs this itself (--aws-sigv4): there is no signature in the command; run it with -v and give that"


def presigned_urls(line: bytes, number: int) -> list[Draft]:
    """Every presigned URL on a line, once."""
    text = line.replace(b"\\u0026", b"&").replace(b"&amp;", b"&").replace(b"\\/", b"/")
    drafts = []
    for url in dict.fromkeys(found[0].rstrip(b".,;)]}") for found in _URL.finditer(text)):
        draft = Draft("url", number, b"GET", complete=True, missing=[_GET_ASSUMED])
        address(draft, url)
        draft.fields.append((b"Host", host_of(url)))
        drafts.append(draft)
    return drafts


def access_line(line: bytes, number: int) -> Draft | None:
    """A line of nginx's (or Apache's) combined format, or of HAProxy's httplog."""
    found = _LOGGED.search(line)
    if found is None:
        return None
    haproxy = None if found[3] else _HAPROXY.search(line, 0, found.start())
    status = found[3] or (haproxy[1] if haproxy else None)
    if status is None:
        return None
    draft = Draft("access-log", number, found[1], found[2], complete=False, missing=[_NO_HEADERS], status=int(status))
    if found[4] and found[4] != b"-":
        draft.fields.append((b"User-Agent", found[4]))
    draft.grade = ANNOUNCED
    return draft


class Command:
    """Collects a curl command over its continued lines."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._line = 0

    @property
    def open(self) -> bool:
        """Whether a command goes on."""
        return bool(self._lines)

    def starts(self, line: bytes) -> bool:
        """Whether a command begins on this line, with a URL or continued."""
        return (
            b"curl" in line and bool(_CURL.search(line)) and (b"http" in line or line.rstrip().endswith((b"\\", b"^")))
        )

    def feed(self, line: bytes, number: int) -> Draft | None:
        """Take a line; give the request when the command ends with it."""
        if not self._lines:
            self._line = number
            found = _CURL.search(line)
            line = line[found.end() :] if found else line
        self._lines.append(line)
        if len(self._lines) < 2000 and self._goes_on(line):  # noqa: PLR2004 - a command that never ends
            return None
        return self.take()

    def take(self) -> Draft | None:
        """Give the request of what is there."""
        text, self._lines = b"\n".join(self._lines)[:_LONGEST_COMMAND], []
        return _from_command(text, self._line) if text else None

    def _goes_on(self, line: bytes) -> bool:
        if line.rstrip().endswith((b"\\", b"^")):
            return True
        text = b"\n".join(self._lines)
        return text.count(b"'") % 2 == 1 and b'^"' not in text and len(text) < _LONGEST_COMMAND


def _from_command(text: bytes, number: int) -> Draft | None:
    draft = Draft("curl", number, b"", complete=False, missing=[_CURL_ADDS])
    url, wants = "", {"H": _add_field, "A": _add_agent, "X": _set_method, "T": _set_put, "I": _set_head, "d": _set_post}
    for option, value in _options(_words(text.decode("utf-8", "surrogateescape"))):
        if option in {"", "url"}:
            url = url or value
        elif option == "aws-sigv4":
            draft.missing.append(_CURL_SIGNS)
        elif option in wants:
            wants[option](draft, value)
    if "://" not in url:
        return None
    draft.method = draft.method or b"GET"
    raw = url.encode("utf-8", "surrogateescape")
    address(draft, raw)
    if not draft.values(b"host"):
        draft.fields.insert(0, (b"Host", host_of(raw)))
    return draft


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    """Give each option's short name, or long name, with its value; the URL has no name."""
    rest = iter(words)
    for word in rest:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if not equals and word not in _LONG_FLAGS:
                value = next(rest, "")
            yield "d" if name.startswith("data") else _LONG.get(name, name), value
        elif word.startswith("-") and len(word) > 1:
            for at, letter in enumerate(word[1:], 2):
                if letter in _SHORT_WITH_VALUE:
                    yield letter, word[at:] or next(rest, "")
                    break
                yield letter, ""
        else:
            yield "", word


def _set_method(draft: Draft, value: str) -> None:
    draft.method = value.encode("utf-8", "surrogateescape")


def _set_put(draft: Draft, _: str) -> None:
    draft.method = draft.method or b"PUT"


def _set_post(draft: Draft, _: str) -> None:
    draft.method = draft.method or b"POST"


def _set_head(draft: Draft, _: str) -> None:
    draft.method = draft.method or b"HEAD"


def _add_agent(draft: Draft, value: str) -> None:
    draft.fields.append((b"User-Agent", value.encode("utf-8", "surrogateescape")))


def _add_field(draft: Draft, field: str) -> None:
    name, _, value = field.encode("utf-8", "surrogateescape").partition(b":")
    if name:
        draft.fields.append((name.strip(), value.strip()))


def _words(text: str) -> list[str]:
    """Split as a shell does: of bash with ``$'...'`` too, and as Windows' cmd with its carets."""
    if '^"' in text or "^\n" in text:
        text = re.sub(r"\^\n\s*", " ", text)
        text = re.sub(r"\^(.)", r"\1", text)
    text = re.sub(r"\\\r?\n", " ", text)
    text = re.sub(r"\$'((?:[^'\\]|\\.)*)'", lambda found: shlex.quote(_ansi_c(found[1])), text)
    splitter = shlex.shlex(text, posix=True, punctuation_chars="|;&()<>")
    splitter.whitespace_split, splitter.commenters = True, ""
    words = []
    try:
        for word in splitter:
            if word and set(word) <= set("|;&()<>"):
                break
            words.append(word)
    except ValueError:
        words.append("")  # a quote that nothing closes: what stands before it counts
    return words


def _ansi_c(text: str) -> str:
    def character(found: re.Match[str]) -> str:
        if code := found[1] or found[2]:
            return chr(int(code, 16))
        return {"n": "\n", "r": "\r", "t": "\t"}.get(found[3], found[3])

    return re.sub(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", character, text)
