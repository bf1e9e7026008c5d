"""What a key of the configuration is: its path, its type, its default, and what it means."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

REQUIRED = object()
"""The default of a key that a document must have."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of value: ``name`` for the README, ``one`` of it for messages, ``accepts`` decides."""

    name: str
    accepts: Callable[[Any], bool]
    article: str = "a "

    @property
    def one(self) -> str:
        """The name as it stands in a sentence."""
        return self.article + self.name


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return _is_int(value) or isinstance(value, float)


def _is_moment(value: object) -> bool:
    try:
        return isinstance(value, datetime) or (isinstance(value, str) and bool(datetime.fromisoformat(value)))
    except ValueError:
        return False


TEXT = Kind("text", lambda value: isinstance(value, str) and value != "", "")
SECRET = Kind("secret text", lambda value: isinstance(value, str) and value != "", "")
FILE = Kind("file name", lambda value: isinstance(value, str) and value != "")
PORT = Kind("port number", lambda value: _is_int(value) and 0 < value < 65536)  # noqa: PLR2004
NUMBER = Kind("number > 0", lambda value: _is_int(value) and value > 0)
BYTES = Kind("number of bytes > 0", lambda value: _is_int(value) and value > 0)
PER_SECOND = Kind("number a second > 0", lambda value: _is_number(value) and 0 < value < math.inf)
SECONDS = Kind("number of seconds > 0", lambda value: _is_number(value) and 0 < value < math.inf)
SECONDS_OR_0 = Kind("number of seconds", lambda value: _is_number(value) and 0 <= value < math.inf)
WHOLE_SECONDS = Kind("whole number of seconds", lambda value: _is_int(value) and 0 <= value < 2**31)
SHARE = Kind("number from 0 to 1", lambda value: _is_number(value) and 0 <= value <= 1)
PATH = Kind("path", lambda value: isinstance(value, str) and re.fullmatch(r"/[!-~]*", value) is not None)
YES_NO = Kind("true or false", lambda value: isinstance(value, bool), "")
TRUE = Kind("true", lambda value: value is True, "")
TEXTS = Kind("list of text", lambda value: isinstance(value, list) and all(isinstance(x, str) and x for x in value))
HEALTH = Kind("403 or 200", lambda value: _is_int(value) and value in (403, 200), "")
BACKEND_TYPE = Kind("minio or aistor", lambda value: value in ("minio", "aistor"), "")
MOMENT = Kind("date and time", _is_moment)
BACKEND_IDENTITY = Kind("shared, session or as_user", lambda value: value in ("shared", "session", "as_user"), "")
DATE = Kind("date", lambda value: isinstance(value, date) or (isinstance(value, str) and value != ""))
CLIENT_IDENTITY = Kind("shared or session", lambda value: value in ("shared", "session"), "")
LOG_FORMAT = Kind("auto, text or json", lambda value: value in ("auto", "text", "json"), "")


@dataclass(frozen=True, slots=True)
class Key:
    """One key: dotted path (``[]`` marks entries of a list), type, default, and its meaning for the README."""

    path: str
    kind: Kind
    meaning: str
    default: Any = None

    @property
    def required(self) -> bool:
        """Whether a document without it is refused."""
        return self.default is REQUIRED
