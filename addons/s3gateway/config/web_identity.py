"""``web_identity:`` of the configuration -> trusted issuers."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from s3gateway.config.addresses import is_host
from s3gateway.config.check import ConfigError, quoted
from s3gateway.config.files import Files
from s3gateway.config.ldap import check_ca
from s3gateway.identity.issuer import Issuer
from s3gateway.identity.jwks import ALGORITHMS, Jwk, JwksError, read_jwks


def read_web_identity(entries: list[dict[str, Any]], files: Files) -> tuple[Issuer, ...]:
    """Give the issuers, each only once. Raises :class:`ConfigError`."""
    issuers: dict[str, Issuer] = {}
    for i, entry in enumerate(entries):
        key = f"web_identity[{i}]"
        issuer = _issuer(key, entry, files)
        if issuer.url in issuers:
            raise ConfigError(f"{key}.issuer", f"{quoted(issuer.url)} is there twice", "put both into one entry")
        issuers[issuer.url] = issuer
    return tuple(issuers.values())


def _issuer(key: str, values: dict[str, Any], files: Files) -> Issuer:
    for name in ("audiences", "subjects", "algorithms"):
        if not values[name]:
            raise ConfigError(f"{key}.{name}", "is empty", "list at least one")
    if values["jwks_file"]:
        for name in ("jwks_uri", "ca_file", "token_file"):
            if values[name]:
                raise ConfigError(
                    f"{key}.{name}", "is set besides jwks_file, with which nothing is fetched", "leave it out"
                )
    paths = {
        name: files.path(f"{key}.{name}", values[name]) if values[name] else None for name in ("ca_file", "token_file")
    }
    if paths["ca_file"]:
        check_ca(f"{key}.ca_file", paths["ca_file"])
    return Issuer(
        _https(f"{key}.issuer", values["issuer"]),
        tuple(values["audiences"]),
        tuple(values["subjects"]),
        tuple(_algorithms(f"{key}.algorithms", values["algorithms"])),
        values["user_claim"],
        _https(f"{key}.jwks_uri", values["jwks_uri"]) if values["jwks_uri"] else "",
        _jwks(f"{key}.jwks_file", values["jwks_file"], files) if values["jwks_file"] else (),
        paths["ca_file"],
        paths["token_file"],
    )


def _jwks(key: str, name: str, files: Files) -> tuple[Jwk, ...]:
    try:
        return read_jwks(files.bytes(key, name))
    except JwksError as error:
        raise ConfigError(key, f"{quoted(name)} {error}", "store what the issuer's jwks_uri answers") from None


def _https(key: str, url: str) -> str:
    remedy = "write it like https://issuer.example.com"
    try:
        parts = urlsplit(url)
        is_fine = parts.port != 0
    except ValueError:
        raise ConfigError(key, f"{quoted(url)} is not a URL", remedy) from None
    if "@" in parts.netloc:
        raise ConfigError(key, "holds a user name or password", remedy)
    if parts.scheme != "https":
        raise ConfigError(key, f"{quoted(url)} is not an https address", remedy)
    if not is_fine or not is_host(parts.hostname or "") or not url.isascii() or not url.isprintable() or " " in url:
        raise ConfigError(key, f"{quoted(url)} does not name a host", remedy)
    if parts.fragment or (parts.query and key.endswith("issuer")):
        raise ConfigError(key, f"{quoted(url)} has a query or a fragment", remedy)
    return url


def _algorithms(key: str, names: Iterable[str]) -> Iterable[str]:
    for i, name in enumerate(names):
        if name not in ALGORITHMS:
            remedy = f"list what is meant of {', '.join(ALGORITHMS)}"
            why = (
                "is not asymmetric" if name.upper().startswith(("HS", "NONE")) else "is not an algorithm that is known"
            )
            raise ConfigError(f"{key}[{i}]", f"{quoted(name)} {why}", remedy)
        yield name
