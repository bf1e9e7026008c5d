"""Configuration -> mitmproxy's options, and what the command line must not contradict."""

from collections.abc import Mapping
from typing import Any, Final

from mitmproxy.optmanager import OptManager
from mitmproxy.proxy.mode_specs import ProxyMode, ReverseMode

from s3gateway.config.check import ConfigError, quoted
from s3gateway.config.model import Config

_FREE = frozenset(("flow_detail", "termlog_verbosity", "web_columns"))
"""Options that only have another default under the gateway; the command line may say otherwise."""

_LISTENS = "set listen.certificate, and listen.key for its private key"
_SIGNS = "clients show who they are by their signature: list them under clients"
_EVERY_HOST = "leave it out: the gateway serves S3 to every client, and passes nothing else through"
_NOT_THE_BODY = "leave it out: bodies stream; s3_buffer_bodies lets a person edit one"

DOES_NOTHING: Final[Mapping[str, str]] = {
    "add_upstream_certs_to_client_chain": _LISTENS,
    "allow_hosts": _EVERY_HOST,
    "connect_addr": "leave it out: the system chooses the address by its routes",
    "ignore_hosts": _EVERY_HOST,
    "map_remote": "leave it out: the gateway has one backend, backend.endpoint",
    "modify_body": _NOT_THE_BODY,
    "proxyauth": _SIGNS,
    "request_client_cert": _SIGNS,
    "ssl_verify_upstream_trusted_ca": "set backend.ca_file",
    "stickyauth": "leave it out: the gateway signs each request for the backend",
    "tcp_hosts": _EVERY_HOST,
    "tcp_timeout": "set limits.keep_alive and its neighbours",
    "udp_hosts": _EVERY_HOST,
    "upstream_auth": "set backend.credentials",
}
"""Options of mitmproxy's HTTP layer, and of its TLS, that nothing reads here, each with what to do instead.

A user who sets one counts on it. Without a word the gateway would, for instance, use another certificate.
"""

_SECRETS: Final = frozenset(("proxyauth", "upstream_auth"))
"""Their value is a password, and must not be in a message."""

_PUBLISHED_KEY: Final = ("emudhra", "emudhra_old")
"""mitmproxy 12.3 signs certificates with the key of a public CA that has been published, where one of these is true."""

ACTING: Final = (
    "anticache",
    "anticomp",
    "block_list",
    "map_local",
    "modify_headers",
    "server_replay",
    "stickycookie",
)
"""Options of mitmproxy's own addons that act in HTTP hooks: where one is set each exchange needs a flow."""


def wanted(config: Config, *, verbose: bool) -> dict[str, Any]:
    """Give the options that make mitmproxy this gateway, each with its reason."""
    return {
        "mode": [f"reverse:{config.backend.url}"],
        "listen_host": config.listen.host,
        "listen_port": config.listen.port,
        "keep_host_header": True,  # otherwise mitmproxy rewrites Host before the addon sees it: nothing verifies
        "connection_strategy": "lazy",  # a refused client must not cause a connection to the backend
        "http2": False,  # not offered: HTTP/2 has no raw request line and no header case to keep
        "http3": False,  # nor is HTTP/3, for the same reason; its UDP listener is left out in startup
        "ssl_insecure": False,
        "validate_inbound_headers": False,  # its guard against smuggling answers in HTML: the addon applies it instead
        "body_size_limit": None,  # it answers past the hooks: the client would get another error than the log tells
        "keep_alt_svc_header": True,  # mitmproxy would rewrite it where somebody watches, and nowhere else
        "onboarding": False,  # it would answer for the host mitm.it without a signature
        "block_global": False,  # whoever may connect still has to sign
        "flow_detail": 0,  # mitmdump's own lines would print presigned URLs
        "web_columns": ["path", "method", "status", "comment", "time"],  # comment: operation and verdict
        "termlog_verbosity": "info" if verbose else "warn",
    }


def command_line(options: OptManager) -> dict[str, Any]:
    """Read what the command line already says of the configuration, as dotted keys. Raises :class:`ConfigError`."""
    said: dict[str, Any] = {}
    if options.has_changed("mode"):
        modes = [ProxyMode.parse(mode) for mode in options.mode]
        if len(modes) != 1 or not isinstance(modes[0], ReverseMode) or modes[0].scheme not in {"http", "https"}:
            raise ConfigError(
                "--mode",
                quoted(" ".join(options.mode)) + " is not a single reverse:http(s)://...",
                "the gateway is a reverse proxy: leave --mode out, or name its backend",
            )
        mode = modes[0]
        host, port = mode.address[:2]
        said["backend.endpoint"] = f"{mode.scheme}://{f'[{host}]' if ':' in host else host}:{port}"
        if mode.custom_listen_port is not None:
            said["listen.port"] = mode.custom_listen_port
        if mode.custom_listen_host is not None:
            said["listen.host"] = mode.custom_listen_host
    if options.has_changed("listen_host"):
        said["listen.host"] = options.listen_host
    if options.has_changed("listen_port"):
        said["listen.port"] = options.listen_port
    return said


def check_command_line(options: OptManager, said: Mapping[str, Any], config: Config, wants: Mapping[str, Any]) -> None:
    """Refuse a command line that says something else than the file. Raises :class:`ConfigError`."""
    decided = {
        "backend.endpoint": config.backend.url,
        "listen.host": config.listen.host,
        "listen.port": config.listen.port,
    }
    for key, value in said.items():
        if value != decided[key]:
            raise ConfigError(
                key, f"is {quoted(decided[key])}, but the command line says {quoted(value)}", "drop one of them"
            )
    for name, value in wants.items():
        if name in _FREE or name in {"mode", "listen_host", "listen_port"}:
            continue
        if options.has_changed(name) and getattr(options, name) != value:
            raise ConfigError(
                f"--set {name}",
                f"{quoted(getattr(options, name))} contradicts the gateway, which needs {quoted(value)}",
                "leave it out",
            )
    if config.listen.certificate is not None and options.certs:
        raise ConfigError(
            "--set certs",
            f"{quoted(' '.join(options.certs))} names another certificate than listen.certificate",
            "leave one of them out",
        )
    _check_does_something(options)


def _check_does_something(options: OptManager) -> None:
    """Refuse an option that is set and that nothing here reads. Raises :class:`ConfigError`."""
    for name, remedy in DOES_NOTHING.items():
        if name in options and options.has_changed(name):
            value = getattr(options, name)
            told = " ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
            secret = name in _SECRETS
            raise ConfigError(
                f"--set {name}", ("" if secret else f"{quoted(told)} ") + "would do nothing under the gateway", remedy
            )
    for name in _PUBLISHED_KEY:
        if name in options and getattr(options, name):
            raise ConfigError(
                f"--set {name}", "makes certificates with a private key that anybody can read", "leave it out"
            )


def apply(options: OptManager, wants: Mapping[str, Any]) -> None:
    """Set the options; the free ones only where the user has not."""
    options.update(
        **{
            name: value
            for name, value in wants.items()
            if name not in _FREE or (name in options and not options.has_changed(name))  # not every program has each
        }
    )
