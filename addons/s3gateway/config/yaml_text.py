"""YAML text -> a document, or one :class:`~s3gateway.config.check.ConfigError` that quotes no value."""

import re
from typing import Any

import yaml

from s3gateway.config.check import ConfigError

_NOT_YAML = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What PyYAML raises besides its own errors: for impossible dates, ``!!int`` of text, endless nesting."""


def read_yaml(text: str, name: str = "") -> object:
    """Parse with PyYAML's safe loader; a key that appears twice is refused. ``name`` is the file's, for messages.

    Raises :class:`ConfigError`.
    """
    try:
        return yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506 - a SafeLoader that refuses duplicate keys
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name} line {mark.line + 1}".lstrip() if mark else name or "the file"
        raise ConfigError(where, f"is not valid YAML ({_problem(error)})", _remedy(error)) from None
    except _NOT_YAML:
        raise ConfigError(
            name or "the file", "is not valid YAML", "correct it; dates and numbers may need quotes"
        ) from None


class _DuplicateKeyError(yaml.MarkedYAMLError):
    """The one problem whose words are ours."""


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML lets a key appear twice and keeps the last; in a configuration that hides a mistake."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        keys = [self.construct_object(key) for key, _ in node.value]
        for i, key in enumerate(keys):
            if key in keys[:i]:
                raise _DuplicateKeyError(problem=f"key {key!r} appears twice", problem_mark=node.value[i][0].start_mark)
        return super().construct_mapping(node, deep)


def _remedy(error: yaml.YAMLError) -> str:
    """YAML takes what begins with a star for a reference, in ``[*]`` and ``[*-logs]`` too, and no tab for a blank."""
    met = f"{getattr(error, 'context', None)} {getattr(error, 'problem', None)}"
    if r"found character '\t'" in met:
        return "indent with blanks, not with a tab"
    return 'quote what begins with *, as in "*"' if re.search(r"\balias\b", met) else "correct it"


def _problem(error: yaml.YAMLError) -> str:
    """Say what PyYAML met, without the aliases and tags it quotes: a secret that begins with * or ! looks like one."""
    problem = str(getattr(error, "problem", None) or "syntax")
    return problem if isinstance(error, _DuplicateKeyError) else re.sub(r"'[^'<][^']+'", "...", problem)
