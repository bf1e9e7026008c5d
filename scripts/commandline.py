"""What the scripts' command lines share: whatever cannot be used is answered in one line, with exit status 2.

The line names the option, its value and the remedy, as the gateway's own lines do for a key of its configuration.
"""

import argparse
import math
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn


class UsageError(ValueError):
    """What a command line asks for and cannot have: one line with the remedy."""


class Parser(argparse.ArgumentParser):
    """The parser of ``scripts/NAME``, or of ``s3-NAME`` where that is installed; its texts keep their line breaks."""

    def __init__(
        self, name: str, description: str | None, *, usage: str | None = None, epilog: str | None = None
    ) -> None:
        super().__init__(
            prog=installed if (installed := Path(sys.argv[0]).name).startswith("s3-") else f"scripts/{name}",
            usage=usage,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        """Say it in one line, where argparse would print the usage first."""
        remedy = "" if ";" in message else "; see --help"
        self.exit(2, f"{self.prog.rpartition('/')[2]}: {message.removeprefix('argument ')}{remedy}\n")


def count(text: str) -> int:
    """A number > 0."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number > 0")
    return int(text)


def duration(text: str) -> float:
    """A finite number > 0, with or without a fraction."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a finite number > 0")
    return value


def checkout(text: str) -> Path:
    """The folder of a checkout of the gateway."""
    path = Path(text).resolve()
    if not (path / "addons" / "s3_gateway.py").is_file():
        raise argparse.ArgumentTypeError(f"{text!r} has no addons/s3_gateway.py; name a checkout of the gateway")
    return path


def output_file(text: str) -> Path:
    """A file that can be written, or made in a folder that is there: said before any work is done for it."""
    path = Path(text)
    if os.path.isdir(path):  # noqa: PTH112 - pathlib's raises on a name that is too long
        raise argparse.ArgumentTypeError(f"{text!r} is a folder; name a file")
    if os.path.exists(path):  # noqa: PTH110 - as above
        writable = os.access(path, os.W_OK)
        return _checked(path, f"{text!r} cannot be written; make it writable, or name another file", fine=writable)
    folder = path.parent
    if os.path.isdir(folder):  # noqa: PTH112 - as above
        told = f"{text!r} cannot be made in folder {str(folder)!r}; make that writable, or name another file"
        return _checked(path, told, fine=os.access(folder, os.W_OK | os.X_OK))
    if os.path.lexists(folder):
        raise argparse.ArgumentTypeError(f"{str(folder)!r} in {text!r} is no folder; name another file")
    raise argparse.ArgumentTypeError(f"folder {str(folder)!r} does not exist; make it, or name another file")


def output_folder(text: str) -> Path:
    """A folder that can be written, or made below one that is there."""
    path = Path(text)
    there = next(one for one in (path, *path.parents, Path()) if os.path.lexists(one))
    if not os.path.isdir(there):  # noqa: PTH112 - as above
        raise argparse.ArgumentTypeError(f"{str(there)!r} is no folder; name another folder")
    told = f"folder {str(there)!r} cannot be written; make it writable, or name another folder"
    return _checked(path, told, fine=os.access(there, os.W_OK | os.X_OK))


def _checked(path: Path, told: str, *, fine: bool) -> Path:
    if not fine:
        raise argparse.ArgumentTypeError(told)
    return path


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise :class:`UsageError` for whatever else keeps ``path`` from being written: a full disk, a name too long."""
    try:
        yield
    except OSError as error:
        where = error.filename2 or error.filename or path
        told = f"cannot write {os.fsdecode(where)!r} ({reason(error)}); correct that, or name another"
        raise UsageError(told) from None


def config_text(option: str, path: Path) -> str:
    """Read the configuration that ``option`` names. Raises :class:`UsageError`."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{option}: cannot read {str(path)!r} ({reason(error)}); name a gateway.yaml") from None


def unless_stopped(name: str, main: Callable[[], int]) -> int:
    """Run a script that takes minutes; Ctrl-C ends it in one line, with a shell's status for that."""
    try:
        return main()
    except KeyboardInterrupt:
        sys.stderr.write(f"\n{name}: stopped; nothing is left running\n")
        return 128 + signal.SIGINT


def tell(text: str) -> None:
    """Write to standard output what its encoding has not as an escape. Raises :class:`UsageError`."""
    encoding = sys.stdout.encoding
    with telling():
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


@contextmanager
def telling() -> Iterator[None]:
    """Flush standard output in the end; whoever reads it may have seen enough.

    Raises :class:`UsageError` for whatever else keeps it from being written.
    """
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        if error.filename is not None:  # of a file that was read meanwhile
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the interpreter's own flush at the end
        if not isinstance(error, BrokenPipeError):
            told = f"cannot write standard output ({reason(error)}); make room, or write elsewhere"
            raise UsageError(told) from None


def reason(error: OSError | UnicodeDecodeError) -> str:
    """In a few words, without the number that Python puts before them."""
    return "not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error.strerror or type(error).__name__
