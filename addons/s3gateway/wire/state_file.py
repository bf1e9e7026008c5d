"""The file in which the use of keys is kept: read, merged and replaced as a whole, by one process at a time."""

import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from s3gateway.config.check import ConfigError, quoted
from s3gateway.config.files import reason
from s3gateway.config.model import KeyPair
from s3gateway.rules.key_use import Ledger, Use, read_ledger

_SALT_BYTES: Final = 16
_MODE: Final = 0o600


def new_ledger() -> Ledger:
    """An empty ledger that counts from now on."""
    return Ledger(time.time(), secrets.token_bytes(_SALT_BYTES))


def load(path: Path) -> Ledger | None:
    """Read the file; None where there is none yet. Raises :class:`ConfigError` where it is something else."""
    try:
        return read_ledger(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError("state", f"cannot read {quoted(path)} ({reason(error)})", "make it readable") from None
    except (ValueError, RecursionError):
        problem = f"{quoted(path)} is no state file of a gateway"
        raise ConfigError("state", problem, "name another file, or move it away") from None


def check(path: Path) -> Ledger:
    """Read the file, or make it, so that a wrong path is found at the start. Raises :class:`ConfigError`."""
    return add(path, ())


def add(path: Path, new: Iterable[tuple[KeyPair, Use]]) -> Ledger:
    """Merge what was counted into the file, and give the whole. Raises :class:`ConfigError`, and changes nothing."""
    try:
        with _locked(path):
            ledger = (load(path) or new_ledger()).merged(new, time.time())
            _replace(path, json.dumps(ledger.to_json(), separators=(",", ":")).encode())
            return ledger
    except OSError as error:
        problem = f"cannot write {quoted(path)} ({reason(error)})"
        raise ConfigError("state", problem, "make the folder writable, or name another file") from None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of all gateways with this file; it is a file of its own, as the state file is replaced."""
    lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _replace(path: Path, data: bytes) -> None:
    """Write beside it and rename, so that a crash leaves the old one whole; only the owner may read it."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    target = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
    with os.fdopen(target, "wb") as file:
        file.write(data)
    part.replace(path)
