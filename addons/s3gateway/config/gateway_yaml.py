"""YAML -> :class:`~s3gateway.config.model.Config`. Every message names the key's path, the value and the remedy.

The shape of the file is :data:`s3gateway.config.keys.KEYS`; this module turns checked values into what the gateway
works with: secrets read from their files, endpoint split, rules compiled. Reading files is all the I/O here.
"""

import fnmatch
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from s3gateway.config.addresses import read_domain
from s3gateway.config.admin import read_admin
from s3gateway.config.audit import read_audit
from s3gateway.config.backend_identity import read_backend_policy
from s3gateway.config.canary import read_canary
from s3gateway.config.check import ConfigError, check, quoted
from s3gateway.config.client_keys import read_client_keys
from s3gateway.config.cors import read_cors
from s3gateway.config.credentials import read_own_credentials
from s3gateway.config.encryption import read_rule
from s3gateway.config.endpoints import read_health, read_sites
from s3gateway.config.files import Files, reason
from s3gateway.config.ldap import read_ldap
from s3gateway.config.listen import read_listen
from s3gateway.config.lookup import read_lookup
from s3gateway.config.model import Client, Config, KeyPair
from s3gateway.config.patterns import check_bucket, check_client, check_prefix, each
from s3gateway.config.roles import check_role, read_roles
from s3gateway.config.shutdown import Shutdown
from s3gateway.config.sts import read_sts
from s3gateway.config.tracing import read_tracing
from s3gateway.config.web_identity import read_web_identity
from s3gateway.config.yaml_text import read_yaml
from s3gateway.rules.access import Access
from s3gateway.rules.limits import Limits
from s3gateway.rules.operations import NAMES


def load(path: Path, fallback: Mapping[str, Any] | None = None) -> Config:
    """Read the YAML file. ``fallback`` (dotted key -> value) fills keys that it leaves out.

    Raises :class:`ConfigError`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "s3_config", f"cannot read {quoted(path)} ({reason(error)})", "name a readable YAML file"
        ) from None
    return parse(text, path.parent, (path,), fallback)


def parse(text: str, folder: Path, files: tuple[Path, ...] = (), fallback: Mapping[str, Any] | None = None) -> Config:
    """Turn YAML text into a :class:`Config`; relative file names are relative to ``folder``."""
    config = build(read_yaml(text, files[0].name if files else ""), folder, files, fallback)
    opens_roles = config.ldap is not None and config.ldap.keys is not None
    if config.sts is None and (config.web_identity or (config.ldap is not None and config.ldap.keys is None)):
        section = "web_identity" if config.web_identity else "ldap"
        raise ConfigError(section, "is there, and nobody can log in without sts", "add 'sts: {}'")
    if not config.clients and config.sts is None and not config.has_remote_keys:
        raise ConfigError("clients", "is missing or empty", "list who may sign requests, e.g. '- {name: spark, ...}'")
    has_users = config.lookup is not None or any(role.takes_logins for role in config.roles)
    for i, rule in enumerate(config.encryption):
        if not has_users:
            check_client(f"encryption[{i}].client", rule.client, (client.name for client in config.clients.values()))
        if rule.role != "*":
            check_role(f"encryption[{i}].role", rule.role, config.roles)
    if config.roles and config.sts is None and not opens_roles:
        raise ConfigError("roles", "are there, and nobody can take one without sts", "add 'sts: {}'")
    return config


def build(
    document: object, folder: Path, files: tuple[Path, ...] = (), fallback: Mapping[str, Any] | None = None
) -> Config:
    """Turn a YAML document into a :class:`Config`, reading the files it names."""
    reader = Files(folder, list(files))
    try:
        return _build(check(document, fallback or {}), reader)
    except ConfigError as error:
        error.files = tuple(reader.seen)
        raise


def _build(values: dict[str, Any], reader: Files) -> Config:
    credentials, own_keys = read_own_credentials(values["backend"]["credentials"], reader)
    listen = read_listen(values["listen"], values["backend"]["region"], reader)
    clients = _clients(values["clients"], reader)
    lookup = read_lookup(values["lookup"], reader, _access)
    sites = read_sites(values["backend"], listen, reader)
    return Config(
        listen=listen,
        backend=sites[0].endpoints[0],
        sites=sites if values["backend"]["endpoint"] is None else (),
        dns_ttl=values["backend"]["dns_ttl"],
        health=read_health(values["health"]),
        credentials=credentials,
        own_keys=own_keys,
        clients=clients,
        ldap=read_ldap(values["ldap"], reader),
        web_identity=read_web_identity(values["web_identity"], reader),
        encryption=tuple(read_rule(f"encryption[{i}]", rule, reader) for i, rule in enumerate(values["encryption"])),
        cors=read_cors(values["cors"]),
        domains=each("addressing.domains", values["addressing"]["domains"], read_domain),
        limits=_limits(values["limits"]),
        shutdown=Shutdown(**values["shutdown"]),
        admin=read_admin(values["admin"], listen),
        log_format=values["log"]["format"],
        log_capture=reader.place("log.capture", values["log"]["capture"]) if values["log"]["capture"] else None,
        log_explain=values["log"]["explain"],
        audit=read_audit(values["audit"], reader),
        tracing=read_tracing(values["tracing"]),
        canary=read_canary(values["canary"], clients.values()),
        sts=read_sts(values["sts"], reader),
        roles=read_roles(values["roles"], _access, (client.name for client in clients.values())),
        files=tuple(reader.seen),
        state=reader.place("state", values["state"]) if values["state"] else None,
        lookup=lookup,
    )


def _clients(entries: list[dict[str, Any]], files: Files) -> dict[str, Client]:
    clients: dict[str, Client] = {}
    for i, entry in enumerate(entries):
        key = f"clients[{i}]"
        access = _access(key, entry)
        policy = read_backend_policy(key, entry, access)
        for access_key_id, secrets in read_client_keys(key, entry, files).items():
            if access_key_id in clients:
                raise ConfigError(
                    f"{key}.access_key_id", f"{quoted(access_key_id)} is used twice", "give each client its own"
                )
            keys = KeyPair(access_key_id, secrets[0].secret)
            clients[access_key_id] = Client(entry["name"], keys, access, secrets=secrets, backend_policy=policy)
    return clients


def _access(key: str, values: Mapping[str, Any]) -> Access:
    buckets = each(f"{key}.buckets", values["buckets"], check_bucket)
    prefixes = each(f"{key}.prefixes", values["prefixes"], check_prefix)
    operations = tuple(values["operations"])
    for pattern in operations:
        if not fnmatch.filter(NAMES, pattern):
            near = get_close_matches(pattern, NAMES, 1)
            remedy = f"did you mean {near[0]}?" if near else "write it like GetObject or List*"
            raise ConfigError(f"{key}.operations", f"{quoted(pattern)} is no S3 operation", remedy)
    listed = values["list_buckets"]
    return Access(buckets, prefixes, operations, values["read_only"], "*" in buckets if listed is None else listed)


def _limits(values: dict[str, Any]) -> Limits:
    limits = Limits(**values)
    if limits.aws_chunk_min > limits.aws_chunk:
        raise ConfigError(
            "limits.aws_chunk_min", f"{limits.aws_chunk_min} is more than limits.aws_chunk", "lower it, or raise that"
        )
    return limits
