"""The files that a configuration names: found, read, and remembered for the watcher."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from s3gateway.config.check import ConfigError, quoted


class Files:
    """Reads files named in the configuration and remembers them for the watcher."""

    def __init__(self, folder: Path, seen: list[Path]) -> None:
        self._folder = folder
        self.seen = seen

    def path(self, key: str, name: str) -> Path:
        """Give the path of a file that is there and can be read; ``key`` is what names it.

        Of one that this user may not read OpenSSL says that it holds nothing.
        """
        self.bytes(key, name)
        return self.place(key, name)

    def place(self, key: str, name: str) -> Path:
        """Give the path of a file that need not be there, because it will be written."""
        try:
            return self._folder / Path(name).expanduser()
        except RuntimeError:
            raise ConfigError(key, f"{quoted(name)} names an unknown user", "correct the path") from None

    def text(self, key: str, name: str) -> str:
        """Read UTF-8 text, without the byte order mark that Windows' editors begin it with."""
        try:
            return self.bytes(key, name).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ConfigError(
                key, f"cannot read {quoted(name)} ({reason(error)})", "make it readable UTF-8 text"
            ) from None

    def bytes(self, key: str, name: str) -> bytes:
        """Read raw bytes."""
        path = self.place(key, name)
        self.seen.append(path)
        try:
            if path.is_dir():
                raise ConfigError(key, f"{quoted(path)} is a directory", "name a file")
            if not path.is_file():
                raise ConfigError(key, f"file {quoted(path)} does not exist", "correct the path or create the file")
            return path.read_bytes()
        except OSError as error:
            raise ConfigError(key, f"cannot read {quoted(path)} ({reason(error)})", "make it readable") from None


def fingerprint(files: Iterable[Path]) -> dict[Path, str]:
    """Hash every file, so that the watcher sees a change of content, not of time."""
    return {path: _hash(path) for path in files}


def reason(error: Exception) -> str:
    """Say in a few words why a file cannot be read; the text itself may be a secret and stays out."""
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else "not UTF-8 text"


def _hash(path: Path) -> str:
    """Hash a file; one that is gone or cannot be read any more has changed as well, and reading it tells why."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    except OSError:
        return ""
