"""Hosts as a configuration names them. What cannot be one is refused here: mitmproxy fails late, in its own words.

Names are ASCII labels (underscores too, as Docker's have); IPv6 stands in brackets in a URL, and alone elsewhere.
"""

import re
import socket
from ipaddress import ip_address
from urllib.parse import urlsplit

from s3gateway.config.check import ConfigError, quoted
from s3gateway.config.model import HTTP_PORT, HTTPS_PORT

_LABEL = re.compile(r"[A-Za-z0-9_-]{1,63}")
_NAME_LENGTH = 253
_ANY = ("0.0.0.0", "::")  # noqa: S104 - looked for, not listened on
_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f\\]")  # some of which urlsplit drops without a word


def is_name(host: str) -> bool:
    """Whether this is a host name; what ends in a number is an address or nothing."""
    labels = host.removesuffix(".").split(".")
    if len(host) > _NAME_LENGTH or not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdigit():
        return False
    try:
        host.encode().decode("idna")
    except UnicodeError:  # xn-- and no punycode
        return False
    return True


def is_host(host: str) -> bool:
    """Whether this is a host name or an IP address, IPv6 without brackets."""
    return _is_address(host) or is_name(host)


def is_loopback(host: str) -> bool:
    """Whether what is sent there stays on this machine."""
    return ip_address(host).is_loopback if _is_address(host) else host == "localhost"


def is_here(host: str) -> bool:
    """Whether this is an IP address of this machine: it lets nobody bind to any other."""
    if not _is_address(host):
        return False
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
    except OSError:
        return False
    return True


def listens_at(listen_host: str, host: str) -> bool:
    """Whether who listens at ``listen_host`` is reached at ``host``, as far as that can be told without DNS."""
    return host == listen_host or (listen_host in _ANY and (is_loopback(host) or is_here(host)))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def split_endpoint(key: str, endpoint: str) -> tuple[str, str, int]:
    """Split ``https://host[:port]`` into scheme, host and port; paths, queries and passwords are refused."""
    remedy = "write it like https://minio.example.com:9000"
    if "@" in endpoint:  # before anything quotes it
        raise ConfigError(key, "holds a user name or password", remedy + "; credentials go to backend.credentials")
    try:
        url = urlsplit(endpoint)
        port = url.port
    except ValueError:
        raise ConfigError(key, f"{quoted(endpoint)} is not a URL", remedy) from None
    if (
        url.scheme not in {"http", "https"}
        or not url.hostname
        or url.path.strip("/")
        or url.query
        or url.fragment
        or port == 0
    ):
        raise ConfigError(key, f"{quoted(endpoint)} is not an http(s) address", remedy)
    if _NOT_IN_URLS.search(endpoint) or not is_host(url.hostname):
        hint = "; variables are not filled in" if "$" in endpoint else ""
        raise ConfigError(key, f"{quoted(endpoint)} does not name a host", remedy + hint)
    return url.scheme, url.hostname, port or (HTTPS_PORT if url.scheme == "https" else HTTP_PORT)


def check_listen_host(key: str, host: str) -> str:
    """Give back what may be listened on; whether it is this machine's shows when it is."""
    if not is_host(host):
        raise ConfigError(
            key,
            f"{quoted(host)} is no host name or IP address",
            "write it like 127.0.0.1 or ::, without port or scheme",
        )
    return host


def read_domain(key: str, domain: str) -> str:
    """Give a domain as it is compared: lower case, without the dots of its ends."""
    name = domain.lower().strip(".")
    if not is_name(name):
        bare = re.sub(r"^\*\.|[:/].*$", "", re.sub(r"^\w+://", "", name)).strip(".")
        remedy = f"write {quoted(bare)}" if is_name(bare) else "write it like s3.example.com"
        raise ConfigError(key, f"{quoted(domain)} is no domain name", remedy)
    return name
