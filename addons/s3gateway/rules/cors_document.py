"""A bucket's own CORS document (Amazon S3 API Reference, "GetBucketCors") -> rules.

    <CORSConfiguration> <CORSRule> <AllowedOrigin>, <AllowedMethod>, <AllowedHeader>, <ExposeHeader>, each any number
    of times, <MaxAgeSeconds>, <ID> </CORSRule> ... </CORSConfiguration>

It was checked by the backend when it was stored. Here it is read strictly all the same, because its words become
header fields: one that cannot be one makes the whole document unusable.
"""

import re
from typing import Final, NoReturn
from xml.parsers import expat

from s3gateway.rules.cors import METHODS, MOST_RULES, TOKEN, CorsRule

_ROOT: Final = "CORSConfiguration"
_RULE: Final = (_ROOT, "CORSRule")
_SECONDS: Final = re.compile(r"[0-9]{1,9}")
_VISIBLE: Final = re.compile(r"[!-~]+")
_HEADER: Final = re.compile(TOKEN.pattern.decode())


class UnusableError(Exception):
    """A document that is no CORS configuration. The message says what is wrong and quotes nothing."""


def read_cors_document(document: bytes) -> tuple[CorsRule, ...]:
    """Read a document of bounded length. Raises :class:`UnusableError`."""
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(document, True)  # noqa: FBT003 - expat takes no keyword
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise UnusableError("it is no XML") from error
    return tuple(reader.rules)


class _Reader:
    def __init__(self) -> None:
        self.rules: list[CorsRule] = []
        self._path: tuple[str, ...] = ()
        self._text = ""
        self._values: dict[str, list[str]] = {}

    def start(self, name: str, _attributes: object) -> None:
        self._path = (*self._path, name.rpartition(" ")[2])
        self._text = ""
        if self._path[0] != _ROOT:
            raise UnusableError("its root is not CORSConfiguration")
        if self._path == _RULE:
            self._values = {}

    def end(self, _name: str) -> None:
        *above, name = self._path
        if tuple(above) == _RULE:
            self._values.setdefault(name, []).append(self._text.strip())
        elif self._path == _RULE:
            self.rules.append(_rule(self._values))
            if len(self.rules) > MOST_RULES:
                raise UnusableError(f"it has more than {MOST_RULES} rules")
        self._path = tuple(above)

    def text(self, data: str) -> None:
        self._text += data


def _rule(values: dict[str, list[str]]) -> CorsRule:
    methods = tuple(values.get("AllowedMethod", ()))
    if any(method not in METHODS for method in methods):
        raise UnusableError("it allows a method that S3 has not")
    ages = values.get("MaxAgeSeconds", [])
    if any(not _SECONDS.fullmatch(age) for age in ages):
        raise UnusableError("a MaxAgeSeconds is no number")
    return CorsRule(
        _words(values, "AllowedOrigin", _VISIBLE, stars=1),
        tuple(method.encode() for method in methods),
        tuple(name.lower() for name in _words(values, "AllowedHeader", _HEADER, stars=1)),
        _words(values, "ExposeHeader", _HEADER, stars=0),
        int(ages[0]) if ages else None,
    )


def _words(values: dict[str, list[str]], name: str, allowed: re.Pattern[str], *, stars: int) -> tuple[bytes, ...]:
    found = values.get(name, [])
    if not all(allowed.fullmatch(word) and word.count("*") <= stars for word in found):
        raise UnusableError(f"a value of {name} cannot be used")
    return tuple(word.encode() for word in found)


def _refuse_doctype(*_: object) -> NoReturn:
    raise UnusableError("it has a document type")
