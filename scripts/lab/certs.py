"""A CA, a backend certificate as MinIO wants it, a gateway certificate as mitmproxy wants it.

The extensions are those that Java, Go and Python's VERIFY_X509_STRICT ask for (RFC 5280 section 4.2).
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
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from commandline import Parser, UsageError, output_folder, tell, writing
from lab import CHECKOUT

_HOSTS: Final = ("localhost", "127.0.0.1", "::1", "minio", "gateway")
_CA_LIFE: Final = dt.timedelta(days=3650)
_LEAF_LIFE: Final = dt.timedelta(days=397)  # Apple and the browsers refuse longer ones
_RENEW_BEFORE: Final = dt.timedelta(days=14)
_LABEL: Final = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME: Final = re.compile(rf"(\*\.)?({_LABEL}\.)*(?![0-9]+$){_LABEL}")
_NAME_MAX: Final = 253
_BACKDATE: Final = dt.timedelta(hours=1)  # for clients whose clock is behind


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


@dataclass(frozen=True, slots=True)
class _Issuer:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def make_certs(folder: Path, hosts: Sequence[str] = (), *, force: bool = False) -> tuple[Certs, list[Path]]:
    """Make what is missing, ends soon, lacks one of the hosts, or is not by the CA there; say what was written.

    What is replaced keeps the names that it had, unless ``force``.
    """
    certs = Certs(folder)
    written: list[Path] = []
    certs.backend.joinpath("CAs").mkdir(parents=True, exist_ok=True)
    issuer = None if force else _usable_ca(certs)
    if issuer is None:
        issuer = _make_ca()
        _write(certs.ca_key, _key_pem(issuer.key), secret=True)
        _write(certs.ca, _pem(issuer.certificate))
        written += [certs.ca, certs.ca_key]
    _write(certs.backend / "CAs" / "ca.crt", _pem(issuer.certificate))
    pairs = ((certs.backend_certificate, certs.backend_key), (certs.gateway_certificate, certs.gateway_key))
    for certificate_file, key_file in pairs:
        names = list(dict.fromkeys((*_HOSTS, *hosts, *(() if force else _names_of(certificate_file)))))
        if force or not _usable_leaf(certificate_file, key_file, issuer, names):
            certificate, key = _make_leaf(issuer, names)
            _write(key_file, _key_pem(key), secret=True)
            _write(certificate_file, _pem(certificate))
            written += [certificate_file, key_file]
    both = certs.gateway_key.read_bytes() + certs.gateway_certificate.read_bytes()
    if not certs.gateway.exists() or certs.gateway.read_bytes() != both:
        _write(certs.gateway, both, secret=True)
        written.append(certs.gateway)
    return certs, written


def _make_ca() -> _Issuer:
    key = ec.generate_private_key(ec.SECP256R1())
    # The random part keeps two CAs apart in a trust store that goes by name.
    name = _name(f"S3 gateway development CA {x509.random_serial_number() % 16**6:06x}")
    builder = (
        _builder(name, name, key.public_key(), key.public_key(), _CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
    )
    return _Issuer(builder.sign(key, hashes.SHA256()), key)


def _make_leaf(issuer: _Issuer, hosts: Sequence[str]) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject, authority = key.public_key(), issuer.key.public_key()
    builder = (
        _builder(_name(hosts[0]), issuer.certificate.subject, subject, authority, _LEAF_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
    )
    return builder.sign(issuer.key, hashes.SHA256()), key


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    authority: ec.EllipticCurvePublicKey,
    life: dt.timedelta,
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _usable_ca(certs: Certs) -> _Issuer | None:
    pair = _read_pair(certs.ca, certs.ca_key)
    return None if pair is None or _ends_soon(pair.certificate) else pair


def _usable_leaf(certificate_file: Path, key_file: Path, issuer: _Issuer, hosts: Sequence[str]) -> bool:
    pair = _read_pair(certificate_file, key_file)
    if pair is None or _ends_soon(pair.certificate):
        return False
    try:
        pair.certificate.verify_directly_issued_by(issuer.certificate)
        names = pair.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return {_general_name(host) for host in hosts} <= set(names)


def _names_of(certificate_file: Path) -> tuple[str, ...]:
    try:
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return ()
    return (*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress)))


def _read_pair(certificate_file: Path, key_file: Path) -> _Issuer | None:
    try:
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
    except (OSError, ValueError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        return None
    return _Issuer(certificate, key)


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
    parser.add_argument("--force", action="store_true", help="replace what is there, the CA and the names too")
    options = parser.parse_args(arguments)
    try:
        with writing(options.folder):
            certs, written = make_certs(options.folder, options.host, force=options.force)
        for path in written:
            tell(f"wrote {path}\n")
        if not written:
            tell(f"{certs.folder}: all valid, nothing written (--force replaces)\n")
    except UsageError as error:
        sys.stderr.write(f"make_certs: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
