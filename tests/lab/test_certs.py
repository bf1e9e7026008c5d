"""lab.certs: certificates that strict verifiers accept."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from lab.certs import Certs, main, make_certs


def _handshake(certificate: Path, key: Path, ca: Path, host: str) -> None:
    """A TLS handshake in memory, with the strictest verification that OpenSSL offers."""
    server_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_context.load_cert_chain(certificate, key)
    client_context = ssl.create_default_context(cafile=ca)
    client_context.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server, server_hostname=host)
    for _ in range(3):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert client.getpeercert()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "minio", "gateway", "minio4", "slapd"])
def test_both_certificates_pass_strict_verification_for_each_name(certs: Certs, host: str) -> None:
    _handshake(certs.backend_certificate, certs.backend_key, certs.ca, host)
    _handshake(certs.gateway, certs.gateway, certs.ca, host)


def test_a_name_that_was_not_asked_for_is_refused(certs: Certs) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        _handshake(certs.backend_certificate, certs.backend_key, certs.ca, "elsewhere.example")


def test_a_further_host_replaces_the_leaves_and_keeps_the_ca(tmp_path: Path) -> None:
    before, _ = make_certs(tmp_path)
    ca = before.ca.read_bytes()
    certs, written = make_certs(tmp_path, ["s3.example.com", "192.0.2.7"])
    assert certs.ca.read_bytes() == ca
    assert certs.gateway in written
    for host in ("s3.example.com", "192.0.2.7", "localhost"):
        _handshake(certs.gateway, certs.gateway, certs.ca, host)


def test_names_that_were_given_before_stay(tmp_path: Path) -> None:
    """When one more is, and when a certificate that ends soon is renewed by a command that names none."""
    assert main([str(tmp_path), "--host", "first.example.com", "--host", "2001:db8::7"]) == 0
    certs = Certs(tmp_path)
    assert main([str(tmp_path), "--host", "second.example.com"]) == 0
    certs.gateway_key.unlink()
    assert main([str(tmp_path)]) == 0
    for host in ("first.example.com", "2001:db8::7", "second.example.com", "localhost"):
        _handshake(certs.gateway, certs.gateway, certs.ca, host)
        _handshake(certs.backend_certificate, certs.backend_key, certs.ca, host)
    assert main([str(tmp_path), "--force"]) == 0
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        _handshake(certs.gateway, certs.gateway, certs.ca, "first.example.com")


def test_valid_files_are_left_alone_until_forced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 0
    ca = (tmp_path / "ca.crt").read_bytes()
    capsys.readouterr()
    assert main([str(tmp_path)]) == 0
    assert "nothing written" in capsys.readouterr().out
    assert (tmp_path / "ca.crt").read_bytes() == ca
    assert main([str(tmp_path), "--force"]) == 0
    assert (tmp_path / "ca.crt").read_bytes() != ca


def test_a_key_that_is_not_the_certificates_is_replaced(tmp_path: Path) -> None:
    certs, _ = make_certs(tmp_path)
    certs.gateway_key.write_bytes(certs.ca_key.read_bytes())
    _, written = make_certs(tmp_path)
    assert written == [certs.gateway_certificate, certs.gateway_key, certs.gateway]
    _handshake(certs.gateway, certs.gateway, certs.ca, "localhost")


def test_what_others_have_issued_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It was overwritten with its key, which may have been nowhere else."""
    certs, _ = make_certs(tmp_path)
    foreign = _self_signed()
    certs.gateway.write_bytes(foreign)
    certs.backend_key.write_bytes(foreign)
    certs.backend_certificate.write_bytes(foreign)
    assert main([str(tmp_path), "--host", "s3.example.com"]) == 0
    assert {path.read_bytes() for path in (certs.gateway, certs.backend_key, certs.backend_certificate)} == {foreign}
    kept = [line for line in capsys.readouterr().out.splitlines() if line.startswith("kept ")]
    assert kept == [
        f"kept {path}, which is somebody else's (--force replaces)"
        for path in (certs.backend_certificate, certs.gateway)
    ]
    assert main([str(tmp_path), "--force"]) == 0
    _handshake(certs.gateway, certs.gateway, certs.ca, "localhost")


def test_a_ca_of_others_without_its_key_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A backend's, for one: the gateway was left without it, and with certificates that nobody had asked for."""
    (tmp_path / "ca.crt").write_bytes(foreign := _self_signed())
    assert main([str(tmp_path)]) == 2
    told = f"make_certs: {tmp_path}/ca.crt is somebody else's, and cannot sign here; name another folder, or --force\n"
    assert capsys.readouterr() == ("", told)
    assert (tmp_path / "ca.crt").read_bytes() == foreign


def _self_signed() -> bytes:
    """An RSA key and its certificate, in one file."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "s3.example.com")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(now).not_valid_after(now + timedelta(days=90))
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return secret + builder.sign(key, hashes.SHA256()).public_bytes(pem)


def test_files_with_keys_are_their_owners_alone(certs: Certs) -> None:
    for path in (certs.ca_key, certs.backend_key, certs.gateway_key, certs.gateway):
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_folder_where_a_file_belongs_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ca.crt").mkdir()
    assert main([str(tmp_path)]) == 2
    told = f"make_certs: cannot write '{tmp_path}/ca.crt' (Is a directory); correct that, or name another\n"
    assert capsys.readouterr() == ("", told)


def test_a_name_with_a_star_is_one(tmp_path: Path) -> None:
    assert main([str(tmp_path), "--host", "*.s3.example.com"]) == 0
    certs = Certs(tmp_path)
    _handshake(certs.gateway, certs.gateway, certs.ca, "bucket.s3.example.com")
