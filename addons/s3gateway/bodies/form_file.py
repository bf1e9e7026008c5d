"""The file of a form, on its way to the backend: held until its length is known, then passed on as it comes.

A PutObject needs the length of its body before the first byte, and a form tells it by its end alone. So the beginning
of the file is held. A form that ends meanwhile is exact, whatever follows its file. Of a longer one the length follows
from the request's: less what came before the file, less the closing boundary. That is wrong where fields follow the
file, so such a form is refused at its end; what has left then is shorter than announced, and the backend stores none.
"""

from collections.abc import Iterator
from typing import Final

from s3gateway import errors
from s3gateway.bodies.form_data import FormReader, malformed
from s3gateway.bodies.whole import AtOnce, Piece

MOST_HELD: Final = 8 * 1024 * 1024
"""Bytes of one file that are held. Most documents and photographs have fewer, and a submit button may follow them."""

ALL_HELD: Final = 64 * 1024 * 1024
"""Bytes of all files that are held at one time; above that, lengths are computed at once."""


class Budget:
    """Bytes that all forms hold together."""

    def __init__(self, most: int = ALL_HELD) -> None:
        self.most = most
        self.held = 0


class FormUpload:
    """One form of ``length`` bytes: its fields, and the file as far as it is held."""

    def __init__(self, boundary: bytes, length: int, budget: Budget) -> None:
        self.reader = FormReader(boundary)
        self._length = length
        self._budget = budget
        self._pieces: list[bytes] = []
        self._held = 0

    def feed(self, data: bytes) -> None:
        """Take some of the body. Raises :class:`~s3gateway.errors.S3Error`."""
        for piece in self.reader.feed(data):
            self._pieces.append(piece)
            self._held += len(piece)
            self._budget.held += len(piece)

    @property
    def is_held_enough(self) -> bool:
        """Whether no more of the file should be held; one that has ended waits for the end of its form."""
        is_full = self._held > MOST_HELD or self._budget.held > self._budget.most
        return is_full and self._held > 0 and not self.reader.file_has_ended

    def whole(self) -> bytes:
        """Take the file out of a form that has come whole."""
        data = b"".join(self._pieces)
        self.drop()
        return data

    def streamed(self) -> "FormFile":
        """Give what passes the file on, of the length that the request's own length implies."""
        pieces, held = self._pieces.copy(), self._held
        self.drop()
        left = self._length - self.reader.before_file - self.reader.closing
        if left < held:
            raise _misplaced()
        return FormFile(self.reader, pieces, left)

    def drop(self) -> None:
        """Let go of every byte."""
        self._pieces.clear()
        self._budget.held -= self._held
        self._held = 0


class FormFile(AtOnce):
    """Passes on the file of a form, ``length`` bytes; the last read of it leaves when the whole form is there."""

    chunks = 0

    def __init__(self, reader: FormReader, held: list[bytes], length: int) -> None:
        self.length = length
        self._reader = reader
        self._ready, self._last = held[:-1], b"".join(held[-1:])
        self._size = sum(map(len, held))
        self._is_dropped = False

    def feed(self, data: bytes) -> list[Piece]:
        """Pass on what came before, and hold back what comes last: more is never sent than was announced."""
        if self._is_dropped:
            return []
        out: list[Piece] = [*self._ready]
        self._ready.clear()
        for piece in self._reader.feed(data):
            self._size += len(piece)
            if self._size > self.length:
                raise _misplaced()
            if self._last:
                out.append(self._last)
            self._last = piece
        return out

    def finish(self) -> list[Piece]:
        """Release the last bytes if the form is whole and its file as long as announced."""
        self._reader.finish()
        if self._is_dropped or self._size != self.length:
            raise _misplaced()
        return [*self._ready, self._last]

    def poison(self) -> Iterator[Piece] | None:
        """Cutting the connection suffices."""
        return None

    def drop(self) -> None:
        """Let go of every byte."""
        self._is_dropped = True
        self._ready.clear()
        self._last = b""


def _misplaced() -> errors.S3Error:
    return malformed(
        "the file has another length than follows from the request's: something stands behind it",
        f"Behind a file of more than {MOST_HELD} bytes nothing but the closing boundary and its line end may follow.",
    )
