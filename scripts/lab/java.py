"""The Java that Spark and others run on, and its trust in a CA of our own."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from lab import MissingPartError

# Spark 4 needs 17; Hadoop calls what Java 24 took away.
_VERSIONS: Final = range(17, 24)
_TRUST_PASSWORD: Final = "changeit"  # Java's own default; it guards a public certificate


def java_home() -> Path:
    """A JAVA_HOME that Spark takes; `MissingPartError` if there is none."""
    home = find_java(_VERSIONS)
    if home is not None:
        return home
    message = "Spark needs Java 17 (or up to 23) on PATH or in JAVA_HOME: apt-get install openjdk-17-jre-headless"
    raise MissingPartError(message)


def find_java(versions: range) -> Path | None:
    """The first JAVA_HOME with one of these major versions."""
    return next((home for home in _homes() if _version(home) in versions), None)


def _homes() -> Iterator[Path]:
    named, on_path = os.environ.get("JAVA_HOME"), shutil.which("java")
    if named:
        yield Path(named)
    if on_path:
        yield Path(on_path).resolve().parents[1]
    yield from sorted(Path("/usr/lib/jvm").glob("*"))


def _version(home: Path) -> int:
    """The major version of the Java there; 0 if there is none that runs."""
    try:
        said = subprocess.run([home / "bin" / "java", "-version"], capture_output=True, text=True, check=False)
    except OSError:
        return 0
    match = re.search(r'version "(\d+)', said.stderr)
    return int(match[1]) if match else 0


def trust_options(ca_file: Path, folder: Path) -> str:
    """Java options that make `ca_file` the one CA a JVM trusts."""
    certificate = x509.load_pem_x509_certificate(ca_file.read_bytes())
    store = pkcs12.serialize_java_truststore(
        [pkcs12.PKCS12Certificate(certificate, b"ca")],
        serialization.BestAvailableEncryption(_TRUST_PASSWORD.encode()),
    )
    path = folder / "trust.p12"
    path.write_bytes(store)
    return f"-Djavax.net.ssl.trustStore={path} -Djavax.net.ssl.trustStorePassword={_TRUST_PASSWORD}"
