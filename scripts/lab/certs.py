"""A CA, a backend certificate as MinIO wants it, a gateway certificate as mitmproxy wants it.

They are made where they are missing, and renewed. What somebody else has issued stays as it is.
"""

import argparse
import datetime as dt
import ipaddress
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from commandline import Parser, UsageError, output_folder, tell, writing
from lab import CHECKOUT
from lab.issuing import Issuer, general_name, is_ours, make_ca, make_leaf

_HOSTS: Final = (
    *("localhost", "127.0.0.1", "::1", "minio", "gateway"),
    *("minio1", "minio2", "minio3", "minio4", "slapd"),  # compose.yaml's
)
_RENEW_BEFORE: Final = dt.timedelta(days=14)
_LABEL: Final = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME: Final = re.compile(rf"(\*\.)?({_LABEL}\.)*(?![0-9]+$){_LABEL}")
_NAME_MAX: Final = 253


@dataclass(frozen=True, slots=True)
class Certs:
    """The files in one folder. `backend` is a folder that MinIO takes as --certs-dir."""

    folder: Path

    @property
    def ca(self) -> Path:
        """The CA's certificate: what clients and the gateway trust."""
        return self.folder / "ca.crt"

    @property
    def ca_key(self) -> Path:
        """The CA's key."""
        return self.folder / "ca.key"

    @property
    def backend(self) -> Path:
        """The folder with public.crt, private.key and CAs/ca.crt."""
        return self.folder / "backend"

    @property
    def backend_certificate(self) -> Path:
        """The backend's certificate."""
        return self.backend / "public.crt"

    @property
    def backend_key(self) -> Path:
        """The backend's key."""
        return self.backend / "private.key"

    @property
    def gateway_certificate(self) -> Path:
        """The gateway's certificate alone."""
        return self.folder / "gateway.crt"

    @property
    def gateway_key(self) -> Path:
        """The gateway's key alone."""
        return self.folder / "gateway.key"

    @property
    def gateway(self) -> Path:
        """The gateway's key and certificate in one file."""
        return self.folder / "gateway.pem"


def make_certs(folder: Path, hosts: Sequence[str] = (), *, force: bool = False) -> tuple[Certs, list[Path]]:
    """Make what is missing, ends soon, lacks one of the hosts, or is not by the CA there; say what was written.

    What is replaced keeps the names that it had, and what others have issued is not replaced, unless ``force``.
    """
    certs = Certs(folder)
    written: list[Path] = []
    certs.backend.joinpath("CAs").mkdir(parents=True, exist_ok=True)
    issuer = None if force else _usable_ca(certs)
    if issuer is None:
        if not force and _is_foreign(certs.ca):
            raise UsageError(f"{certs.ca} is somebody else's, and cannot sign here; name another folder, or --force")
        issuer = make_ca()
        _write(certs.ca_key, _key_pem(issuer.key), secret=True)
        _write(certs.ca, _pem(issuer.certificate))
        written += [certs.ca, certs.ca_key]
    _write(certs.backend / "CAs" / "ca.crt", _pem(issuer.certificate))
    pairs = ((certs.backend_certificate, certs.backend_key), (certs.gateway_certificate, certs.gateway_key))
    for certificate_file, key_file in pairs:
        names = list(dict.fromkeys((*_HOSTS, *hosts, *(() if force else _names_of(certificate_file)))))
        if force or not (
            _is_foreign(certificate_file, issuer) or _usable_leaf(certificate_file, key_file, issuer, names)
        ):
            certificate, key = make_leaf(issuer, names)
            _write(key_file, _key_pem(key), secret=True)
            _write(certificate_file, _pem(certificate))
            written += [certificate_file, key_file]
    if force or not _is_foreign(certs.gateway, issuer):
        both = certs.gateway_key.read_bytes() + certs.gateway_certificate.read_bytes()
        if not certs.gateway.exists() or certs.gateway.read_bytes() != both:
            _write(certs.gateway, both, secret=True)
            written.append(certs.gateway)
    return certs, written


def _is_foreign(certificate_file: Path, issuer: Issuer | None = None) -> bool:
    """Whether this is there, and neither ``issuer`` nor a CA of ours has issued it: its key may be nowhere else."""
    if not certificate_file.exists():
        return False
    try:
        name = x509.load_pem_x509_certificate(certificate_file.read_bytes()).issuer
    except ValueError:
        return True
    return not is_ours(name) and (issuer is None or name != issuer.certificate.subject)


def _usable_ca(certs: Certs) -> Issuer | None:
    pair = _read_pair(certs.ca, certs.ca_key)
    return None if pair is None or _ends_soon(pair.certificate) else pair


def _usable_leaf(certificate_file: Path, key_file: Path, issuer: Issuer, hosts: Sequence[str]) -> bool:
    pair = _read_pair(certificate_file, key_file)
    if pair is None or _ends_soon(pair.certificate):
        return False
    try:
        pair.certificate.verify_directly_issued_by(issuer.certificate)
        names = pair.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return {general_name(host) for host in hosts} <= set(names)


def _names_of(certificate_file: Path) -> tuple[str, ...]:
    try:
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return ()
    return (*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress)))


def _read_pair(certificate_file: Path, key_file: Path) -> Issuer | None:
    try:
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
    except (OSError, ValueError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        return None
    return Issuer(certificate, key)


def _ends_soon(certificate: x509.Certificate) -> bool:
    return certificate.not_valid_after_utc < dt.datetime.now(dt.UTC) + _RENEW_BEFORE


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _write(path: Path, content: bytes, *, secret: bool = False) -> None:
    """Write whole or not at all; a secret is never readable by others, not even for a moment."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if secret else 0o644), "wb") as file:
        file.write(content)
    part.replace(path)


def _host(text: str) -> str:
    """A DNS name, perhaps with a star for its first label, or an IP address, as a certificate holds them."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        if len(text) <= _NAME_MAX and _NAME.fullmatch(text):
            return text
    if not text.isascii() and (ascii_form := _idna(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not ASCII; write {ascii_form}")
    told = "give one like s3.example.com or 192.0.2.7, without scheme, port and path"
    raise argparse.ArgumentTypeError(f"{text!r} is no host name or IP address; {told}")


def _idna(text: str) -> str:
    try:
        name = text.encode("idna").decode()
    except UnicodeError:
        return ""
    return name if _NAME.fullmatch(name) else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of `scripts/make_certs`."""
    parser = Parser("make_certs", __doc__)
    parser.add_argument(
        "folder", nargs="?", type=output_folder, default=CHECKOUT / "certs", help="default: certs/ in the checkout"
    )
    parser.add_argument(
        "--host", action="append", type=_host, default=[], help="one more name or address (may be repeated); it stays"
    )
    parser.add_argument("--force", action="store_true", help="replace all that is there")
    options = parser.parse_args(arguments)
    try:
        with writing(options.folder):
            certs, written = make_certs(options.folder, options.host, force=options.force)
        for path in written:
            tell(f"wrote {path}\n")
        leaves = (certs.backend_certificate, certs.gateway_certificate, certs.gateway)
        issuer = _usable_ca(certs)
        kept = [path for path in leaves if _is_foreign(path, issuer)]
        for path in kept:
            tell(f"kept {path}, which is somebody else's (--force replaces)\n")
        if not written and not kept:
            tell(f"{certs.folder}: all valid, nothing written (--force replaces)\n")
    except UsageError as error:
        sys.stderr.write(f"make_certs: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
