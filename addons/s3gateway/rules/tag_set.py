"""The tags of a form's ``tagging`` field: a document there, a query in the header of a PutObject.

    <Tagging> <TagSet> <Tag><Key>k</Key><Value>v</Value></Tag> ... </TagSet> </Tagging>

Strict, as :mod:`s3gateway.rules.deletion` is: no DTD, no processing instruction, no element that the schema has not.
"""

from urllib.parse import urlencode
from xml.parsers import expat

from s3gateway import errors

_SHAPE = ("Tagging", "TagSet", "Tag")
_PARTS = ("Key", "Value")


def read_tags(document: bytes) -> bytes:
    """Give the document's tags as ``x-amz-tagging`` has them: ``k=v&...``. Raises MalformedXML."""
    reader = _Reader()
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.ProcessingInstructionHandler = reader.refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        document.decode()
        parser.Parse(document, True)  # noqa: FBT003 - expat takes no keyword
    except (expat.ExpatError, ValueError):
        raise errors.malformed_xml() from None
    return urlencode(reader.tags).encode()


class _Reader:
    def __init__(self) -> None:
        self.tags: list[tuple[str, str]] = []
        self._path: tuple[str, ...] = ()
        self._tag: dict[str, str] = {}

    @staticmethod
    def refuse(*_: object) -> None:
        raise errors.malformed_xml()

    def start(self, name: str, _attributes: object) -> None:
        self._path = (*self._path, name)
        depth = len(self._path)
        if self._path == _SHAPE:
            self._tag = {}
        elif self._path[: len(_SHAPE)] == _SHAPE and depth == len(_SHAPE) + 1 and name in _PARTS:
            if name in self._tag:
                self.refuse()
            self._tag[name] = ""
        elif self._path != _SHAPE[:depth]:
            self.refuse()

    def end(self, _name: str) -> None:
        if self._path == _SHAPE:
            if len(self._tag) != len(_PARTS):
                self.refuse()
            self.tags.append((self._tag["Key"], self._tag["Value"]))
        self._path = self._path[:-1]

    def text(self, data: str) -> None:
        if self._path[: len(_SHAPE)] == _SHAPE and len(self._path) > len(_SHAPE):
            self._tag[self._path[-1]] += data
        elif data.strip():
            self.refuse()
