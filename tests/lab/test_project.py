"""The project's own files: the lock, and who imports what."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_MODULES = sorted((_ROOT / "addons").rglob("*.py"))

# Each library and the only places in addons/ that may import it.
_OWNERS = {
    "mitmproxy": ("addons/s3_gateway.py", "addons/s3gateway/mitm/"),
    "botocore": ("addons/s3gateway/signer.py",),
    "ldap3": ("addons/s3gateway/identity/ldap_messages.py",),
    "jwt": ("addons/s3gateway/identity/web_identity.py",),
    "dns": ("addons/s3gateway/wire/srv_records.py",),
}


def _imports(module: Path) -> Iterator[str]:
    """The top-level names that a module imports, anywhere in it."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("module", _MODULES, ids=lambda module: str(module.relative_to(_ROOT)))
def test_only_its_owner_imports_a_library(module: Path) -> None:
    where = module.relative_to(_ROOT).as_posix()
    strangers = {name for name, owners in _OWNERS.items() if not where.startswith(owners)}
    assert strangers.isdisjoint(_imports(module))


def test_the_lock_names_no_address_and_no_path() -> None:
    lock = (_ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "/" not in lock
    assert "index-url" not in lock
    assert "find-links" not in lock


def test_the_lock_pins_every_dependency_with_hashes() -> None:
    lock = (_ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[a-z0-9])", lock)[1:]
    pinned = {re.split("==", entry)[0] for entry in entries}
    assert all(re.match(r"[a-z0-9-]+==\S+ ", entry) and "--hash=sha256:" in entry for entry in entries)
    groups = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    asked = {re.split(r"[\[=<>]", wanted)[0].lower() for group in groups.values() for wanted in group}
    assert asked <= pinned
