"""``audit:`` of the configuration: a file, standard output, a webhook."""

import re
from typing import Any

from s3gateway.config.addresses import is_loopback, split_endpoint
from s3gateway.config.check import ConfigError, quoted
from s3gateway.config.files import Files
from s3gateway.config.header_words import check_word
from s3gateway.config.observing import Audit, Webhook
from s3gateway.sigv4.model import Secret

_URL = re.compile(r"(\w+://[^/?#\s]+)([/?][!-~]*)?", re.ASCII)
_WRITE_IT = "write it like https://collector.example.com/audit"


def read_audit(values: dict[str, Any], files: Files) -> Audit | None:
    """Give the targets, None where there is none. Raises :class:`ConfigError`."""
    file = files.place("audit.file", values["file"]) if values["file"] else None
    webhook = _webhook(values["webhook"], files)
    if values["required"] and file is None:
        raise ConfigError(
            "audit.required", "is set without audit.file", "set audit.file: only what is on a disk can be required"
        )
    if file is None and webhook is None and not values["stdout"]:
        return None
    deployment_id = values["deployment_id"]
    return Audit(
        file,
        values["required"],
        values["stdout"],
        webhook,
        check_word("audit.deployment_id", deployment_id) if deployment_id else "",
    )


def _webhook(values: dict[str, Any], files: Files) -> Webhook | None:
    url = values["url"]
    if not url:
        for name in ("authorization_file", "ca_file"):
            if values[name]:
                raise ConfigError(f"audit.webhook.{name}", "is set without audit.webhook.url", "set audit.webhook.url")
        return None
    scheme, host, port, target = _address("audit.webhook.url", url)
    authorization = _authorization(values["authorization_file"], files)
    if authorization and scheme == "http" and not is_loopback(host):
        raise ConfigError(
            "audit.webhook.authorization_file",
            "would be sent without encryption",
            "use https:// in audit.webhook.url (http is for this machine only)",
        )
    ca_file = values["ca_file"]
    return Webhook(
        scheme,
        host,
        port,
        target,
        authorization,
        files.path("audit.webhook.ca_file", ca_file) if ca_file else None,
        values["queue"],
        values["timeout"],
    )


def _address(key: str, url: str) -> tuple[str, str, int, str]:
    """Split a URL. One that holds a password is refused, and a query, which may hold a token, is not shown."""
    if "@" in url:  # before anything quotes it
        raise ConfigError(key, "holds a user name or password", "put that into authorization_file")
    match = _URL.fullmatch(url)
    if match is None:
        raise ConfigError(key, f"{quoted(url.partition('?')[0])} is not a URL", _WRITE_IT)
    target = match[2] or "/"
    scheme, host, port = split_endpoint(key, match[1])
    return scheme, host, port, target if target.startswith("/") else f"/{target}"


def _authorization(name: str | None, files: Files) -> Secret | None:
    if not name:
        return None
    key = "audit.webhook.authorization_file"
    value = files.text(key, name).strip()
    if not value or not value.isascii() or not value.isprintable():
        problem = "is empty" if not value else "is more than one line of ASCII"
        raise ConfigError(key, f"{quoted(name)} {problem}", "put the header's value into it, as 'Bearer TOKEN'")
    return Secret(value)
