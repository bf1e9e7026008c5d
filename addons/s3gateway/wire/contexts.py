"""TLS contexts: what clients are shown, and whom the backend has to be."""

import ssl
from pathlib import Path
from typing import Final

from s3gateway.config.check import ConfigError, quoted
from s3gateway.config.model import Backend, Listen

ALPN: Final = "http/1.1"
"""HTTP/2 is not offered: it has no raw request line and no header case to keep."""


def for_clients() -> ssl.SSLContext:
    """A context without a certificate yet: TLS 1.2 or later, HTTP/1.1 only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols([ALPN])
    return context


def with_certificate(listen: Listen) -> ssl.SSLContext:
    """The context that shows clients ``listen.certificate``. Raises :class:`ConfigError`."""
    certificate = listen.certificate
    if certificate is None:
        raise ConfigError("listen.certificate", "is missing", "name a PEM certificate chain")
    context = for_clients()
    _show(context, "listen", certificate, listen.key)
    return context


def _show(context: ssl.SSLContext, section: str, certificate: Path, key: Path | None) -> None:
    """Have the context show a certificate; ``section`` of the configuration names it. Raises :class:`ConfigError`."""
    _check_certificate(section, certificate)
    is_locked = False

    def refuse_passphrase() -> bytes:
        nonlocal is_locked
        is_locked = True
        return b""  # by itself OpenSSL asks at the terminal, and everything waits for an answer, transfers too

    try:
        context.load_cert_chain(certificate, key, refuse_passphrase)
    except (ssl.SSLError, OSError, ValueError):
        what, remedy = (
            "holds no private key for the certificate",
            f"name it in {section}.key, or put both into one file",
        )
        if is_locked:
            what, remedy = "has a private key with a passphrase", "take it off: openssl pkey -in KEY -out FILE"
        named = f"{section}.key" if key else f"{section}.certificate"
        raise ConfigError(named, f"{quoted(key or certificate)} {what}", remedy) from None


def for_backend(backend: Backend) -> ssl.SSLContext | None:
    """The context that verifies the backend's certificate and name; None where it speaks plain HTTP.

    Raises :class:`ConfigError`.
    """
    if backend.scheme != "https":
        return None
    try:
        context = ssl.create_default_context(cafile=str(backend.ca_file) if backend.ca_file else None)
    except (ssl.SSLError, OSError):
        raise ConfigError(
            "backend.ca_file", f"{quoted(backend.ca_file)} holds no PEM certificate", "name the CA's .crt file"
        ) from None
    context.set_alpn_protocols([ALPN])
    if backend.certificate is not None:
        _show(context, "backend", backend.certificate, backend.key)
    return context


def _check_certificate(section: str, path: Path) -> None:
    try:
        ssl.PEM_cert_to_DER_cert(_first_certificate(path))
    except (OSError, ValueError):
        raise ConfigError(
            f"{section}.certificate", f"{quoted(path)} holds no PEM certificate", "name a PEM certificate chain"
        ) from None


def _first_certificate(path: Path) -> str:
    text = path.read_text(encoding="latin-1")
    begin, end = ssl.PEM_HEADER, ssl.PEM_FOOTER
    return text[text.index(begin) : text.index(end) + len(end)]
