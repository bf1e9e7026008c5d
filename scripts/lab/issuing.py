"""Certificates as such: a CA's own, and those that it issues to servers.

The extensions are those that Java, Go and Python's VERIFY_X509_STRICT ask for (RFC 5280 section 4.2).
"""

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_CA_NAME: Final = "S3 gateway development CA"
_CA_LIFE: Final = dt.timedelta(days=3650)
_LEAF_LIFE: Final = dt.timedelta(days=397)  # Apple and the browsers refuse longer ones
_BACKDATE: Final = dt.timedelta(hours=1)  # for clients whose clock is behind


@dataclass(frozen=True, slots=True)
class Issuer:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def make_ca() -> Issuer:
    """Make a CA of our own."""
    key = ec.generate_private_key(ec.SECP256R1())
    # The random part keeps two CAs apart in a trust store that goes by name.
    name = _name(f"{_CA_NAME} {x509.random_serial_number() % 16**6:06x}")
    builder = (
        _builder(name, name, key.public_key(), key.public_key(), _CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
    )
    return Issuer(builder.sign(key, hashes.SHA256()), key)


def is_ours(name: x509.Name) -> bool:
    """Whether a CA that :func:`make_ca` made has this name."""
    return any(str(part.value).startswith(_CA_NAME) for part in name.get_attributes_for_oid(NameOID.COMMON_NAME))


def make_leaf(issuer: Issuer, hosts: Sequence[str]) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Issue a certificate to a server of these names and addresses."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject, authority = key.public_key(), issuer.key.public_key()
    builder = (
        _builder(_name(hosts[0]), issuer.certificate.subject, subject, authority, _LEAF_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([general_name(host) for host in hosts]), critical=False)
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


def general_name(host: str) -> x509.GeneralName:
    """Give an address or a name in the form that a certificate holds."""
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
