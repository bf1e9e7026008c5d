"""TLS contexts from mitmproxy's options: what clients are shown without a certificate, and whom the backend has to be.

Without ``listen.certificate`` clients see certificates of mitmproxy's own CA, made for the name that they ask for.
"""

import os
import ssl
from functools import lru_cache
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from mitmproxy import ctx
from mitmproxy.certs import CertStore, CertStoreEntry
from mitmproxy.net.tls import Version
from mitmproxy.options import CONF_BASENAME

from s3gateway.config.check import ConfigError, quoted
from s3gateway.config.files import reason
from s3gateway.config.model import Config
from s3gateway.mitm.start.live import Contexts
from s3gateway.wire import contexts

_VERSIONS: Final = {
    "TLS1_2": ssl.TLSVersion.TLSv1_2,
    "TLS1_3": ssl.TLSVersion.TLSv1_3,
}
_CURVES: Final = {"secp256r1": "prime256v1", "secp192r1": "prime192v1"}
"""mitmproxy's names of curves that OpenSSL calls otherwise."""

_MOST_NAMES: Final = 64
"""Names that certificates are kept for; a client may ask for any."""


def check_confdir() -> None:
    """Refuse a folder where mitmproxy cannot have its CA, which it wants even if no client is shown anything of it.

    It would find out when it listens already, and end with a traceback. Raises :class:`ConfigError`.
    """
    _store()


def from_options(config: Config) -> Contexts:
    """Make both contexts. Raises :class:`ConfigError`."""
    listen = config.listen
    for_clients = _set_up_front(contexts.with_certificate(listen)) if listen.certificate else _generated(listen.host)
    for_backend = contexts.for_backend(config.backend)
    if for_backend is not None:
        _set_up_backend(for_backend, config)
    return for_clients, for_backend


def _store() -> CertStore:
    folder = os.path.expanduser(ctx.options.confdir)  # noqa: PTH111 - pathlib's raises where there is no home
    try:
        store = CertStore.from_store(folder, CONF_BASENAME, ctx.options.key_size)
    except OSError as error:
        raise ConfigError(
            "--set confdir",
            f"mitmproxy cannot keep its CA in {quoted(Path(folder))} ({reason(error)})",
            "add --set confdir=FOLDER with one that this user can write",
        ) from None
    for spec in ctx.options.certs:
        _add_certificate(store, spec)
    return store


def _add_certificate(store: CertStore, spec: str) -> None:
    """Add what ``certs`` names, as mitmproxy reads it: ``[domain=]path``, for every name where there is none."""
    domain, _, path = spec.rpartition("=")
    passphrase = ctx.options.cert_passphrase
    try:
        store.add_cert_file(
            domain or "*",
            Path(os.path.expanduser(path)),  # noqa: PTH111 - as above
            passphrase.encode() if passphrase else None,
        )
    except (OSError, ValueError, TypeError):
        raise ConfigError(
            "--set certs", f"{quoted(spec)} is no PEM file with a certificate and its key", "name one"
        ) from None


def _generated(host: str) -> ssl.SSLContext:
    """Show each client a certificate for the name that it asks for, or for the address that we listen on."""
    store = _store()

    @lru_cache(maxsize=_MOST_NAMES)
    def context_for(name: str) -> ssl.SSLContext:
        context = _set_up_front(contexts.for_clients())
        _load(context, store.get_cert(name, [], None))
        return context

    def on_name(connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = context_for(name or host)

    context = context_for(host)
    context.sni_callback = on_name
    return context


def _set_up_front(context: ssl.SSLContext) -> ssl.SSLContext:
    options = ctx.options
    context.minimum_version = _version(options.tls_version_client_min, context.minimum_version)
    context.maximum_version = _version(options.tls_version_client_max, context.maximum_version)
    _set_up(context, "client")
    return context


def _set_up_backend(context: ssl.SSLContext, config: Config) -> None:
    options = ctx.options
    context.minimum_version = _version(options.tls_version_server_min, context.minimum_version)
    context.maximum_version = _version(options.tls_version_server_max, context.maximum_version)
    _set_up(context, "server")
    if options.ssl_verify_upstream_trusted_confdir:
        context.load_verify_locations(capath=options.ssl_verify_upstream_trusted_confdir)
    if options.client_certs:
        path = Path(os.path.expanduser(options.client_certs))  # noqa: PTH111 - as above
        if config.backend.certificate or (path.is_dir() and config.sites):
            raise ConfigError(
                "--set client_certs",
                f"{quoted(path)} is not the certificate for every backend",
                "leave it out, and set backend.certificate",
            )
        file = path / f"{config.backend.host}.pem" if path.is_dir() else path
        if path.is_dir() and not file.is_file():
            return  # as mitmproxy: the folder may have certificates for other backends
        try:
            context.load_cert_chain(file)
        except (OSError, ssl.SSLError):
            raise ConfigError(
                "--set client_certs",
                f"{quoted(file)} holds no certificate with its private key",
                "name a PEM file with both, or a folder with HOST.pem",
            ) from None


def _set_up(context: ssl.SSLContext, side: str) -> None:
    """Set ciphers and curve as the options say for this side."""
    ciphers, curve = (getattr(ctx.options, f"{name}_{side}") for name in ("ciphers", "tls_ecdh_curve"))
    try:
        if ciphers:
            context.set_ciphers(ciphers)
        if curve:
            context.set_ecdh_curve(_CURVES.get(curve.lower(), curve.lower()))
    except (ssl.SSLError, ValueError):
        raise ConfigError(
            f"--set ciphers_{side}, tls_ecdh_curve_{side}", "OpenSSL does not know what they name", "correct them"
        ) from None


def _version(name: str, otherwise: ssl.TLSVersion) -> ssl.TLSVersion:
    """Read mitmproxy's name of a version; below 1.2 nothing is spoken here."""
    wanted = Version[name].name if name in Version.__members__ else name
    return _VERSIONS.get(wanted, otherwise)


def _load(context: ssl.SSLContext, entry: CertStoreEntry) -> None:
    """Load a certificate that was made: Python takes files only, so its key is in one that has no name."""
    key = entry.privatekey.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain = b"".join(cert.to_pem() for cert in (entry.cert, *entry.chain_certs))
    file = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        os.write(file, key + chain)
        context.load_cert_chain(f"/proc/self/fd/{file}")
    finally:
        os.close(file)
