"""AIStor-GW's environment variables as a drop-in: with them and no YAML the gateway runs as AIStor-GW did.

============================  ==================================================================
``LOCAL_ENDPOINT``            where to listen: ``host:port``, ``:port`` or ``http://host:port``
``MINIO_ENDPOINT``            the backend, ``https://host:port``
``MINIO_CACERT_FILE``         the CA that signed its certificate, and that of the directory
``CREDS_FILE``                ``static: {access_key_id: ..., secret_access_key: ...}``
``VERBOSE``                   also show connections being opened and closed
``MINIO_IDENTITY_LDAP_*``     the directory whose users log in, as MinIO's own variables
``LDAP_GROUPS``               DNs of the groups whose members may, separated by ``;``
``STS_RING``                  the file of keys that seal sessions, shared by all gateways
============================  ==================================================================

Clients use the same static key pair as the gateway itself does at the backend, and all buckets. Users of the directory
get sessions with as much; MinIO's variables have no groups that would say who, so these are named.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from s3gateway.config.addresses import is_host
from s3gateway.config.check import ConfigError, quoted
from s3gateway.config.gateway_yaml import build
from s3gateway.config.ldap import VARIABLES, from_environment
from s3gateway.config.model import Client, Config, KeyPair
from s3gateway.rules.access import ALL

_VARIABLES = {
    "backend.endpoint": "MINIO_ENDPOINT",
    "backend.ca_file": "MINIO_CACERT_FILE",
    "backend.credentials.file": "CREDS_FILE",
    "backend.credentials": "CREDS_FILE",
    "listen.host": "LOCAL_ENDPOINT",
    "listen.port": "LOCAL_ENDPOINT",
    "ldap.ca_file": "MINIO_CACERT_FILE",
    "sts.ring": "STS_RING",
    **VARIABLES,
}
"""What the keys of a configuration file are called here."""
_KEYS = re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, _VARIABLES))})(?![\w.])")
_FALSE = frozenset(("", "0", "false", "no", "off"))


def is_requested(environ: Mapping[str, str]) -> bool:
    """Whether the environment describes a gateway."""
    return bool(environ.get("MINIO_ENDPOINT"))


def is_verbose(environ: Mapping[str, str]) -> bool:
    """Whether ``VERBOSE`` is set to something other than a no."""
    return environ.get("VERBOSE", "").strip().lower() not in _FALSE


def in_its_words(message: str) -> str:
    """Say a refusal in the words of whoever wrote these variables and no YAML."""
    return _KEYS.sub(lambda key: _VARIABLES[key[0]], message)


def load(environ: Mapping[str, str], fallback: Mapping[str, Any]) -> Config:
    """Build the configuration from the environment. Raises :class:`~s3gateway.config.check.ConfigError`."""
    if not environ.get("CREDS_FILE"):
        raise ConfigError(
            "CREDS_FILE", "is not set", "name the YAML file with static access_key_id and secret_access_key"
        )
    backend = {"endpoint": environ["MINIO_ENDPOINT"], "credentials": {"file": environ["CREDS_FILE"]}}
    if environ.get("MINIO_CACERT_FILE"):
        backend["ca_file"] = environ["MINIO_CACERT_FILE"]
    document: dict[str, object] = {"backend": backend}
    document |= _logins(environ)
    if environ.get("LOCAL_ENDPOINT"):
        document["listen"] = _listen(environ["LOCAL_ENDPOINT"])
    config = build(document, Path.cwd(), (), fallback)
    if not isinstance(config.credentials, KeyPair):  # pragma: no cover - a credentials file always gives a pair
        raise TypeError
    client = Client("aistor-gw", config.credentials, ALL)
    return replace(config, clients={config.credentials.access_key_id: client})


def _logins(environ: Mapping[str, str]) -> dict[str, object]:
    """Give the sections that let users of a directory log in, if one is named."""
    directory = from_environment(environ)
    if directory is None:
        return {}
    groups = [name.strip() for name in environ.get("LDAP_GROUPS", "").split(";") if name.strip()]
    if not groups:
        raise ConfigError(
            "LDAP_GROUPS", "is not set", "name the DNs of the groups whose members may use all buckets, separated by ;"
        )
    if environ.get("MINIO_CACERT_FILE"):
        directory["ca_file"] = environ["MINIO_CACERT_FILE"]
    return {
        "ldap": directory,
        "sts": {"ring": environ["STS_RING"]} if environ.get("STS_RING") else {},
        "roles": [{"name": "aistor-gw", "ldap_groups": groups, "buckets": ["*"]}],
    }


def _listen(endpoint: str) -> dict[str, object]:
    address = endpoint.removeprefix("http://").removeprefix("https://").rstrip("/")
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or "0.0.0.0"  # noqa: S104 - what ":port" means to AIStor-GW
    remedy = "write it like 127.0.0.1:8000"
    if not re.fullmatch("[0-9]{1,5}", port):
        raise ConfigError("LOCAL_ENDPOINT", f"{quoted(endpoint)} has no port", remedy)
    if not is_host(host):
        raise ConfigError("LOCAL_ENDPOINT", f"{quoted(endpoint)} names no host to listen on", remedy)
    return {"host": host, "port": int(port)}
