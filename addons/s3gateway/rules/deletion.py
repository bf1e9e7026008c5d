"""The keys in a DeleteObjects body (AWS S3 API Reference, "DeleteObjects"), read so that nobody can read others.

    <Delete> <Object> <Key>k</Key> [<VersionId>v</VersionId>] ... </Object> ... [<Quiet>true</Quiet>] </Delete>

Strict on purpose: no DTD (so no entities), no processing instruction, no encoding but UTF-8, no element that the
schema does not have. What another parser could see differently is MalformedXML. Only for clients with prefixes.
"""

from typing import NoReturn
from xml.parsers import expat

from s3gateway import errors

_OBJECT = ("Delete", "Object")
_TEXTS = frozenset(
    (
        ("Delete", "Quiet"),
        *((*_OBJECT, name) for name in ("Key", "VersionId", "ETag", "LastModifiedTime", "Size")),
    )
)
_PARENTS = frozenset((("Delete",), _OBJECT))
_KEY = (*_OBJECT, "Key")
_VERSION = (*_OBJECT, "VersionId")
_UTF_8 = ("utf-8", "utf8")


def read_keys(document: bytes) -> tuple[str, ...]:
    """Give every key that the document deletes; raise MalformedXML for anything but the published schema."""
    return tuple(key for key, _ in read_objects(document))


def read_objects(document: bytes) -> tuple[tuple[str, bool], ...]:
    """Give every key that the document deletes, and whether a version of it; raise MalformedXML as above."""
    reader = _Reader()
    parser = expat.ParserCreate("utf-8")  # overrides what the document declares
    parser.buffer_text = True
    parser.XmlDeclHandler = reader.declaration
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.ProcessingInstructionHandler = reader.refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        document.decode()  # a byte order mark would make expat read UTF-16 all the same
        if b"\0" in document:
            reader.refuse()
        parser.Parse(document, True)  # noqa: FBT003 - expat takes no keyword
    except (expat.ExpatError, ValueError):
        raise errors.malformed_xml() from None
    return tuple(reader.objects)


class _Reader:
    def __init__(self) -> None:
        self.objects: list[tuple[str, bool]] = []
        self._path: tuple[str, ...] = ()
        self._text = ""
        self._keys_of_object: list[str] = []
        self._has_version = False

    @staticmethod
    def refuse(*_: object) -> NoReturn:
        raise errors.malformed_xml()

    def declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in _UTF_8:
            self.refuse()

    def start(self, name: str, _attributes: object) -> None:
        if ":" in name:  # a prefixed name is another element to some parsers and the same to others
            self.refuse()
        self._path = (*self._path, name)
        if self._path not in _PARENTS and self._path not in _TEXTS:
            self.refuse()
        self._text = ""
        if self._path == _OBJECT:
            self._keys_of_object, self._has_version = [], False

    def end(self, _name: str) -> None:
        if self._path == _KEY:
            self._keys_of_object.append(self._text)
        elif self._path == _VERSION:
            self._has_version = True
        elif self._path == _OBJECT:
            if len(self._keys_of_object) != 1:
                self.refuse()
            self.objects.append((self._keys_of_object[0], self._has_version))
        self._path = self._path[:-1]

    def text(self, data: str) -> None:
        if self._path in _PARENTS:
            if data.strip():
                self.refuse()
        else:
            self._text += data
