"""The names in a TLS certificate: those that clients were given for this gateway, more likely than not."""

from cryptography import x509


def names_in(pem: bytes) -> tuple[str, ...]:
    """Give DNS names and addresses of the first certificate, without wildcards; what is no certificate has none."""
    try:
        extension = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return ()
    names = [*extension.value.get_values_for_type(x509.DNSName)]
    names += [
        f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004 - IPv6
        for address in extension.value.get_values_for_type(x509.IPAddress)
        if not hasattr(address, "network_address")
    ]
    return tuple(name for name in names if "*" not in name)
