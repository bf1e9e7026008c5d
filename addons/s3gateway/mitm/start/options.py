"""Configuration -> mitmproxy's options, and what the command line must not contradict."""

import math
import ssl
from collections.abc import Mapping
from typing import Any

from mitmproxy.net import tls as net_tls
from mitmproxy.optmanager import OptManager
from mitmproxy.proxy.mode_specs import ProxyMode, ReverseMode
from OpenSSL import SSL

from s3gateway.config.check import ConfigError, quoted
from s3gateway.config.model import Config, Listen

_FREE = frozenset(("flow_detail", "termlog_verbosity", "web_columns"))
"""Options that only have another default under the gateway; the command line may say otherwise."""

LIVE = ("ssl_verify_upstream_trusted_ca", "tcp_timeout")
"""Options that follow the configuration while running."""


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
        "ssl_verify_upstream_trusted_ca": str(config.backend.ca_file) if config.backend.ca_file else None,
        "tcp_timeout": 60 + 2 * math.ceil(config.limits.longest_wait),  # behind limits.*, which tell the cases apart
        "validate_inbound_headers": False,  # its guard against smuggling answers in HTML: the addon applies it instead
        "body_size_limit": None,  # it answers past the hooks: the client would get another error than the log tells
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


def apply(options: OptManager, wants: Mapping[str, Any]) -> None:
    """Set the options; the free ones only where the user has not."""
    options.update(
        **{
            name: value
            for name, value in wants.items()
            if name not in _FREE or (name in options and not options.has_changed(name))  # not every program has each
        }
    )


def check_ca(config: Config) -> None:
    """Refuse a CA file that OpenSSL cannot read, and forget contexts that were built from an older one."""
    if config.backend.ca_file:
        try:
            ssl.create_default_context(cafile=str(config.backend.ca_file))
        except (ssl.SSLError, OSError):
            raise ConfigError(
                "backend.ca_file",
                f"{quoted(config.backend.ca_file)} holds no PEM certificate",
                "name the CA's .crt file",
            ) from None
    net_tls.create_proxy_server_context.cache_clear()


def client_tls(listen: Listen) -> SSL.Context | None:
    """Build the TLS context shown to clients from the configured certificate, or None to leave it to mitmproxy."""
    if listen.certificate is None:
        return None
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_alpn_select_callback(
        lambda _connection, offered: b"http/1.1" if b"http/1.1" in offered else SSL.NO_OVERLAPPING_PROTOCOLS
    )
    try:
        context.use_certificate_chain_file(str(listen.certificate))
    except SSL.Error:
        raise ConfigError(
            "listen.certificate",
            f"{quoted(listen.certificate)} holds no PEM certificate",
            "name a PEM certificate chain",
        ) from None
    _use_key(context, listen)
    return context


def _use_key(context: SSL.Context, listen: Listen) -> None:
    is_locked = False

    def refuse_passphrase(*_: object) -> bytes:
        nonlocal is_locked
        is_locked = True
        return b""  # by itself OpenSSL asks at the terminal, and everything waits for an answer, transfers too

    context.set_passwd_cb(refuse_passphrase)
    try:
        context.use_privatekey_file(str(listen.key or listen.certificate))
        context.check_privatekey()
    except SSL.Error:
        what, remedy = "holds no private key for the certificate", "name it in listen.key, or put both into one file"
        if is_locked:
            what, remedy = "has a private key with a passphrase", "take it off: openssl pkey -in KEY -out FILE"
        key = "listen.key" if listen.key else "listen.certificate"
        raise ConfigError(key, f"{quoted(listen.key or listen.certificate)} {what}", remedy) from None
