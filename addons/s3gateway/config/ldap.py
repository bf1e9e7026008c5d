"""``ldap:`` of the configuration, or ``MINIO_IDENTITY_LDAP_*`` of the environment -> how a directory is asked."""

import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from s3gateway.config.addresses import is_host, is_name
from s3gateway.config.check import ConfigError, quoted
from s3gateway.config.files import Files
from s3gateway.config.header_words import check_secret
from s3gateway.config.ldap_keys import LDAP_KEYS
from s3gateway.identity.distinguished_name import DnError, normal_dn
from s3gateway.identity.ldap import INSECURE, LDAPS, STARTTLS, Keys, LdapSettings, Server
from s3gateway.identity.ldap_filter import FilterError, FilterTemplate
from s3gateway.identity.remote_keys import Terms
from s3gateway.sigv4.model import Secret

_LDAPS_PORT: Final = 636
_LDAP_PORT: Final = 389
_SRV: Final = ("ldap", "ldaps", "on")
_ATTRIBUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*|[0-9]+(\.[0-9]+)+")
_BASES_REMEDY: Final = "write it like ou=people,dc=example,dc=com"
_FILTER_REMEDY: Final = "write it like (uid=%s)"
_DEFAULTS: Final = {key.path.removeprefix("ldap."): key.default for key in LDAP_KEYS}

VARIABLES: Final = {
    f"ldap.{name}": f"MINIO_IDENTITY_LDAP_{name.upper()}"
    for name in (
        "server_addr",
        "srv_record_name",
        "lookup_bind_dn",
        "lookup_bind_password",
        "user_dn_search_base_dn",
        "user_dn_search_filter",
        "user_dn_attributes",
        "group_search_base_dn",
        "group_search_filter",
        "tls_skip_verify",
        "server_insecure",
        "server_starttls",
    )
}
"""What MinIO calls these keys in its environment."""

_ENABLE: Final = "MINIO_IDENTITY_LDAP_ENABLE"
_SWITCHES: Final = frozenset(("ldap.tls_skip_verify", "ldap.server_insecure", "ldap.server_starttls"))
_WORDS: Final = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}


def from_environment(environ: Mapping[str, str]) -> dict[str, object] | None:
    """Give what MinIO's variables say, as a section ``ldap``; None where they name no directory.

    Raises :class:`ConfigError`.
    """
    given = {key: environ[name] for key, name in VARIABLES.items() if environ.get(name, "").strip()}
    is_on = _switch(_ENABLE, environ.get(_ENABLE) or "on")
    if "ldap.server_addr" not in given or not is_on:
        return None
    return {
        key.removeprefix("ldap."): _switch(VARIABLES[key], value) if key in _SWITCHES else value
        for key, value in given.items()
    }


def read_ldap(values: dict[str, Any], files: Files) -> LdapSettings | None:
    """Give the checked values of ``ldap``; None where nothing is set. Raises :class:`ConfigError`."""
    if not values["server_addr"]:
        if values != _DEFAULTS:
            raise ConfigError("ldap.server_addr", "is missing", "write host:port of the directory")
        return None
    security = _security(values)
    servers, srv_record = _servers(values, _LDAPS_PORT if security == LDAPS else _LDAP_PORT)
    user_filter, user_bases = _search(values, "user_dn_search_filter", "user_dn_search_base_dn")
    group_filter, group_bases = _search(values, "group_search_filter", "group_search_base_dn")
    keys = _keys(values, user_bases)
    if user_filter is None and keys is None:
        raise ConfigError("ldap.user_dn_search_filter", "is missing", _FILTER_REMEDY)
    return LdapSettings(
        servers=servers,
        srv_record=srv_record,
        security=security,
        ca_file=_ca_file(values, files),
        verifies=not values["tls_skip_verify"],
        bind_dn=check_dn("ldap.lookup_bind_dn", values["lookup_bind_dn"]) if values["lookup_bind_dn"] else "",
        bind_password=_password(values, files),
        user_bases=user_bases,
        user_filter=user_filter,
        user_attribute=_user_attribute(values, user_filter),
        attributes=_attributes(values["user_dn_attributes"]),
        group_bases=group_bases,
        group_filter=group_filter,
        keys=keys,
        timeout=values["timeout"],
        connections=values["connections"],
    )


def check_ca(key: str, path: Path) -> Path:
    """Give back a file of certificates. Raises :class:`ConfigError`."""
    try:
        ssl.create_default_context(cafile=str(path))
    except (ssl.SSLError, OSError):
        raise ConfigError(key, f"{quoted(path)} holds no PEM certificate", "name the CA's .crt file") from None
    return path


def check_dn(key: str, text: str) -> str:
    """Give back a distinguished name. Raises :class:`ConfigError`."""
    try:
        normal_dn(text)
    except DnError:
        raise ConfigError(key, f"{quoted(text)} is no distinguished name", _BASES_REMEDY) from None
    return text


def _switch(name: str, value: str) -> bool:
    word = value.strip().lower()
    if word not in _WORDS:
        raise ConfigError(name, f"{quoted(value)} is neither on nor off", "write on or off")
    return _WORDS[word]


def _security(values: dict[str, Any]) -> str:
    insecure, starttls = values["server_insecure"], values["server_starttls"]
    if insecure and starttls:
        raise ConfigError("ldap.server_insecure", "is set besides ldap.server_starttls", "leave one of them out")
    return INSECURE if insecure else STARTTLS if starttls else LDAPS


def _servers(values: dict[str, Any], port: int) -> tuple[tuple[Server, ...], str]:
    """Give the servers, or none and the name of the DNS record that has them."""
    address, mode = values["server_addr"], values["srv_record_name"]
    if mode is None:
        return tuple(_server(text.strip(), port) for text in address.split(",")), ""
    if mode not in _SRV:
        raise ConfigError("ldap.srv_record_name", f"{quoted(mode)} is none", f"write {', '.join(_SRV[:2])} or on")
    if not is_name(address):
        raise ConfigError(
            "ldap.server_addr",
            f"{quoted(address)} is no domain, as ldap.srv_record_name wants",
            "write it without a port",
        )
    return (), address if mode == "on" else f"_{mode}._tcp.{address}"


def _server(text: str, port: int) -> Server:
    host, colon, number = text.rpartition(":")
    if not colon or text.endswith("]") or is_host(text):
        host, number = text, str(port)
    host = host.removeprefix("[").removesuffix("]")
    if not is_host(host) or not re.fullmatch("[0-9]{1,5}", number) or not 0 < int(number) < 65536:  # noqa: PLR2004
        hint = "; it is no URL" if "://" in text else ""
        raise ConfigError(
            "ldap.server_addr", f"{quoted(text)} is no host:port{hint}", "write it like ldap.example.com:636"
        )
    return Server(host, int(number))


def _password(values: dict[str, Any], files: Files) -> Secret | None:
    """Read the lookup account's password. A bind with a name and without one would succeed, as nobody."""
    key, password, file = (
        "ldap.lookup_bind_password",
        values["lookup_bind_password"],
        values["lookup_bind_password_file"],
    )
    if password and file:
        raise ConfigError(key, "is set besides lookup_bind_password_file", "leave one of them out")
    if file:
        key += "_file"
        password = files.text(key, file).strip()
        if not password:
            raise ConfigError(key, f"{quoted(file)} is empty", "put the password into it")
    if bool(password) != bool(values["lookup_bind_dn"]):
        missing = "ldap.lookup_bind_dn" if password else key
        raise ConfigError(missing, "is missing", "set ldap.lookup_bind_dn and its password together")
    return Secret(check_secret(key, password)) if password else None


def _search(values: dict[str, Any], name: str, base: str) -> tuple[FilterTemplate | None, tuple[str, ...]]:
    """Read a filter and where it searches: both, or neither."""
    text, bases = values[name], values[base]
    if bool(text) != bool(bases):
        missing, remedy = (base, _BASES_REMEDY) if text else (name, _FILTER_REMEDY)
        raise ConfigError(f"ldap.{missing}", "is missing", remedy)
    return (_filter(f"ldap.{name}", text) if text else None), _bases(f"ldap.{base}", bases)


def _filter(key: str, text: str) -> FilterTemplate:
    if "%s" not in text and not (key.endswith("group_search_filter") and "%d" in text):
        raise ConfigError(key, f"{quoted(text)} holds no %s, so it finds the same for everybody", _FILTER_REMEDY)
    try:
        return FilterTemplate(text)
    except FilterError as error:
        raise ConfigError(key, f"{quoted(text)} {error}", _FILTER_REMEDY) from None


def _bases(key: str, text: str | None) -> tuple[str, ...]:
    return tuple(check_dn(key, base.strip()) for base in (text or "").split(";") if base.strip())


def _user_attribute(values: dict[str, Any], user_filter: FilterTemplate | None) -> str:
    named = values["user_attribute"] or (user_filter.attribute if user_filter else "")
    if not named and user_filter is not None:
        raise ConfigError(
            "ldap.user_attribute",
            "is missing, and ldap.user_dn_search_filter does not compare one attribute with %s",
            "name the attribute that is the user's name",
        )
    return _attribute("ldap.user_attribute", named) if named else ""


def _attributes(text: str | None) -> tuple[str, ...]:
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    return tuple(_attribute("ldap.user_dn_attributes", name) for name in names)


def _attribute(key: str, name: str) -> str:
    if not _ATTRIBUTE.fullmatch(name):
        raise ConfigError(key, f"{quoted(name)} is no attribute's name", "write it like uid")
    return name


def _keys(values: dict[str, Any], user_bases: tuple[str, ...]) -> Keys | None:
    text, secret = values["key_search_filter"], values["secret_key_attribute"]
    if not text and not secret and not values["key_search_base_dn"]:
        return None
    if not text or not secret:
        missing = "secret_key_attribute" if text else "key_search_filter"
        raise ConfigError(f"ldap.{missing}", "is missing", "set key_search_filter and secret_key_attribute together")
    template = _filter("ldap.key_search_filter", text)
    if not template.attribute:
        raise ConfigError(
            "ldap.key_search_filter", f"{quoted(text)} does not compare one attribute with %s", "write (attribute=%s)"
        )
    bases = _bases("ldap.key_search_base_dn", values["key_search_base_dn"]) or user_bases
    if not bases:
        raise ConfigError("ldap.key_search_base_dn", "is missing", _BASES_REMEDY)
    return Keys(
        bases,
        template,
        template.attribute,
        _attribute("ldap.secret_key_attribute", secret),
        Terms(*(values[name] for name in ("key_cache", "key_negative_cache", "key_last_good", "keys_per_second"))),
    )


def _ca_file(values: dict[str, Any], files: Files) -> Path | None:
    name = values["ca_file"]
    return check_ca("ldap.ca_file", files.path("ldap.ca_file", name)) if name else None
