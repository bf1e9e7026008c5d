"""The gateway that heads are replayed through offline: a fixed configuration with keys that open nothing.

What decides about headers comes from a document in the form of gateway.yaml: `encryption`, `addressing`, `limits`, the
regions, the backend's name, and each client's access rules. Keys and files that only a running gateway needs do not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from s3gateway.config.check import ConfigError
from s3gateway.config.gateway_yaml import build
from s3gateway.config.model import Client, Config, KeyPair
from s3gateway.signer import Signer
from s3gateway.sigv4.model import Secret

BACKEND: Final = KeyPair("REPLAYBACKEND", Secret("replay-secret-of-the-backend"))
_ENDPOINT: Final = "https://backend.example:9000"
_SECTIONS: Final = ("encryption", "addressing", "limits")
_ACCESS: Final = ("buckets", "prefixes", "read_only", "operations", "list_buckets")
_UNKNOWN: Final = "client"


@dataclass(frozen=True, slots=True)
class Stand:
    """A configuration, the signer of its backend's leg, and its clients by the names that captures call them."""

    config: Config
    signer: Signer
    clients: Mapping[str, Client]

    def client(self, identity: str) -> Client:
        """Who a captured identity is here."""
        return self.clients[_name(identity)]


def relevant(document: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a gateway.yaml that decides about headers: no secret, no address but the backend's name.

    Raises :class:`~s3gateway.config.check.ConfigError`, as :func:`clients_of` does.
    """
    for name in ("listen", "backend"):
        if not isinstance(document.get(name) or {}, dict):
            raise ConfigError(name, "is not a mapping", f"write the keys of {name} below it")
    parts: dict[str, Any] = {name: document[name] for name in _SECTIONS if document.get(name)}
    backend = {name: value for name, value in (document.get("backend") or {}).items() if name == "region"}
    regions = (document.get("listen") or {}).get("regions")
    clients = [
        {key: value for key, value in entry.items() if key == "name" or key in _ACCESS}
        for entry in clients_of(document)
    ]
    parts |= {"backend": backend} if backend else {}
    parts |= {"listen": {"regions": regions}} if regions else {}
    return parts | ({"clients": clients} if clients else {})


def clients_of(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The entries of `clients`, each with a name; `s3gateway.config.check.ConfigError` if they are none."""
    entries = document.get("clients") or []
    if not isinstance(entries, list):
        raise ConfigError("clients", "is not a list", "start each entry of clients with '- '")
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise ConfigError(f"clients[{number}].name", "is missing or no text", "write who the client is")
    return entries


def make_stand(document: Mapping[str, Any], identities: Iterable[str], folder: Path) -> Stand:
    """Build it; `s3gateway.config.check.ConfigError` if the document does not say what gateway.yaml may say."""
    parts = relevant(document)
    told = {entry.get("name"): entry for entry in parts.pop("clients", ())}
    clients = [
        {"name": name, "access_key_id": f"REPLAYCLIENT{number}", "secret_access_key": f"replay-secret-{number}"}
        | told.get(name, {"buckets": ["*"]})
        for number, name in enumerate(sorted(set(map(_name, identities))), 1)
    ]
    backend = {"endpoint": _ENDPOINT} | parts.pop("backend", {})
    config = build(parts | {"backend": backend, "clients": clients}, folder)
    return Stand(config, Signer(BACKEND, config.backend.region), {one.name: one for one in config.clients.values()})


def _name(identity: str) -> str:
    """The name without the mark of what is unproven; a capture of a plain proxy may know none."""
    return identity.removesuffix("?") or _UNKNOWN
