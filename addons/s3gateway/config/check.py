"""The check of a YAML document against the table of :mod:`~s3gateway.config.keys`."""

import json
from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Any

from s3gateway.config.keys import KEYS
from s3gateway.config.kinds import FILE, SECRET, TEXT, TEXTS, TRUE, Key

_SHOWN = 60


class ConfigError(ValueError):
    """A configuration that is refused: the key's path, what is wrong with it, and the remedy, in one line.

    ``files`` are those that were read, or looked for, until then: any of them may be what has to be mended.
    """

    files: tuple[Path, ...] = ()

    def __init__(self, key: str, problem: str, remedy: str) -> None:
        shown = key if key.isprintable() else repr(key)  # a key of the file may hold a line feed
        super().__init__(f"{shown}: {problem}; {remedy}")


_SECTIONS = (
    "listen",
    "backend",
    "health",
    "clients",
    "ldap",
    "web_identity",
    "lookup",
    "encryption",
    "sts",
    "roles",
    "cors",
    "addressing",
    "limits",
    "shutdown",
    "admin",
    "log",
    "audit",
    "tracing",
    "canary",
    "state",
)
_LISTS = ("clients", "web_identity", "encryption", "roles")
_SWITCHES = frozenset(("sts",))
"""Sections that switch something on by being there, with nothing in them as well."""

_PLAIN = {key.path: key for key in KEYS if "." not in key.path}
"""Sections that are one value."""

BUCKETS_OWN = "bucket"
"""``cors: bucket`` leaves the rules to the bucket's own document at the backend."""

_ENTRY = Key("", TEXT, "An entry of a list of text.")


def quoted(value: object) -> str:
    """Show a value in a message, shortened; a path is shown whole, for its end tells most."""
    text = str(value)
    if isinstance(value, PurePath):
        return repr(text)
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")


def check(document: object, fallback: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """Check a YAML document against :data:`KEYS`, filling in ``fallback`` (by dotted path), then the defaults.

    Raises :class:`ConfigError`.
    """
    if not isinstance(document, dict):
        raise ConfigError("the file", "is not a mapping", f"start with one of {', '.join(_SECTIONS)}")
    _known("", document, _SECTIONS)
    values: dict[str, Any] = {}
    for section in _SECTIONS:
        given = document.get(section)
        if section == "cors":
            values[section] = _check_cors(given)
        elif section in _SWITCHES and section not in document:
            values[section] = None
        elif section in _PLAIN:
            values[section] = _check_value(section, _PLAIN[section], given, present=section in document)
        elif section in _LISTS:
            values[section] = _check_list(section, section, given)
        else:
            values[section] = _check_mapping(section, section, given)
    for path, value in fallback.items():
        section, _, name = path.partition(".")
        if name not in (document.get(section) or {}):
            values[section][name] = value
    return values


def _check_list(shown: str, path: str, given: object) -> list[dict[str, Any]]:
    if given is None:
        given = []
    if not isinstance(given, list):
        raise ConfigError(shown, f"{_shape(given)} is not a list", f"start each entry of {shown} with '- '")
    return [_check_mapping(f"{shown}[{i}]", f"{path}[]", entry) for i, entry in enumerate(given)]


def _check_cors(given: object) -> object:
    """Check the one list in whose place a word may stand; without either it is None."""
    if given is None or given == BUCKETS_OWN:
        return given
    if isinstance(given, str):
        raise ConfigError(
            "cors", f"{quoted(given)} is not a list", f"write {BUCKETS_OWN}, or start each rule with '- '"
        )
    return _check_list("cors", "cors", given)


def _check_mapping(shown: str, path: str, given: object) -> dict[str, Any]:
    """Check one mapping: ``shown`` is its path for messages, ``path`` the one in the table."""
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise ConfigError(shown, f"{_shape(given)} is not a mapping", f"write the keys of {shown} below it")
    keys = {key.path.removeprefix(path + "."): key for key in KEYS if key.path.startswith(path + ".")}
    nested = {name.partition(".")[0] for name in keys if "." in name}
    _known(
        shown, given, [name for name in keys if "." not in name] + sorted(name.removesuffix("[]") for name in nested)
    )
    values: dict[str, Any] = {}
    for entry in nested:
        name = entry.removesuffix("[]")
        check_entry = _check_list if name != entry else _check_mapping
        values[name] = check_entry(f"{shown}.{name}", f"{path}.{name}", given.get(name))
    for name, key in keys.items():
        if "." not in name:
            values[name] = _check_value(f"{shown}.{name}", key, given.get(name), present=name in given)
    return values


def _check_value(shown: str, key: Key, value: object, *, present: bool) -> Any:
    if not present:
        if key.required:
            raise ConfigError(shown, "is missing", f"write {key.kind.one}")
        return key.default
    if key.path == "encryption[].prefix" and value == "":
        return value
    if key.kind is TEXTS and isinstance(value, list):
        for i, entry in enumerate(value):
            _check_value(f"{shown}[{i}]", _ENTRY, entry, present=True)
    if not key.kind.accepts(value):
        problem = "is empty" if value in (None, "") else f"{_told(key, value)} is not {key.kind.one}"
        raise ConfigError(shown, problem, _remedy(key, value))
    return value


def _told(key: Key, value: object) -> str:
    """Show a value as YAML has it: text in quotes, so that '80' and 80 differ."""
    if key.kind is SECRET:
        return "the value"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    return quoted(value) if isinstance(value, str) else _shape(value)


def _remedy(key: Key, value: object) -> str:
    """Say what to write. YAML reads 0123, 1e5 and yes as something other than text, and what is in quotes as text."""
    if key.kind in (TEXT, SECRET, FILE) and isinstance(value, int | float | date):
        return "put it in quotes"
    if key.kind is TEXTS and isinstance(value, str) and value:
        return f"write {json.dumps([value])}" if len(value) <= _SHOWN else "write it in brackets"
    if isinstance(value, str) and any(key.kind.accepts(plain) for plain in _unquoted(value)):
        return "take the quotes off"
    if key.kind is TRUE and value is False:
        return "write true, or leave it out"
    return f"write {key.kind.one}"


def _unquoted(value: str) -> list[object]:
    """What a text would be without its quotes."""
    if value in ("true", "false"):
        return [value == "true"]
    return [int(value)] if len(value) <= _SHOWN and value.isascii() and value.isdigit() else []


def _known(shown: str, given: dict[Any, Any], names: list[str] | tuple[str, ...]) -> None:
    for name in given:
        if name not in names:
            near = get_close_matches(str(name), names, 1)
            remedy = f"did you mean {near[0]}?" if near else f"known here: {', '.join(names)}"
            raise ConfigError(f"{shown}.{name}".lstrip("."), "unknown key", remedy)


def _shape(value: object) -> str:
    """Name a value's type: a wrong type may hold a secret, so the value itself stays out."""
    return {dict: "a mapping", list: "a list", bool: "true or false", type(None): "nothing"}.get(type(value), "a value")
