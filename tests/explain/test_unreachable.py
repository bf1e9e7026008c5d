"""What the operator is told of a backend that cannot be reached; the words are mitmproxy's, OpenSSL's and libc's."""

import pytest

from s3gateway.explain.unreachable import remedy


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("Certificate verify failed: unable to get local issuer certificate", "`backend.ca_file`"),
        ("Certificate verify failed: self-signed certificate in certificate chain", "`backend.ca_file`"),
        ("Certificate verify failed: hostname mismatch", "`backend.endpoint`"),
        ("Certificate verify failed: IP address mismatch", "`backend.endpoint`"),
        ("Certificate verify failed: certificate has expired", "renew"),
        ("The remote server does not speak TLS.", "http://"),
        ("[Errno 111] Connect call failed ('127.0.0.1', 1)", "is it running"),
        ("[Errno -2] Name or service not known", "resolved"),
        ("server closed connection", ""),
        ("", ""),
    ],
)
def test_a_remedy(fault: str, told: str) -> None:
    """It names the key, where one is likely to be wrong."""
    assert told in remedy(fault)
    assert bool(told) == bool(remedy(fault))
