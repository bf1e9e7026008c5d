"""The programs of the benchmark's peers that are not built with Go: s3proxy's jar from Maven, nginx from Debian.

Each goes into the cache once. Neither is installed into the system, and neither is vendored.
"""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from lab import MissingPartError, fetching
from lab.cache import cache_dir, locked

S3PROXY_VERSION: Final = "3.1.0"
_ARTIFACT: Final = f"org.gaul:s3proxy:{S3PROXY_VERSION}:jar:jar-with-dependencies"
_COPY: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
NGINX_RELEASE: Final = "1.22"  # Debian 12's; its point releases are security fixes
_SECONDS: Final = 600


def s3proxy_jar() -> Path:
    """The jar that `java -jar` runs. `MissingPartError` if it is not in the cache and Maven cannot fetch it."""
    jar = cache_dir("bin") / f"s3proxy-{S3PROXY_VERSION}.jar"
    with locked("s3proxy"):
        if not jar.exists():
            maven = _on_path("mvn", "s3proxy", "install Maven")
            with tempfile.TemporaryDirectory(dir=cache_dir("bin")) as folder:
                arguments = ["-q", "-B", _COPY, f"-Dartifact={_ARTIFACT}", f"-DoutputDirectory={folder}"]
                fetching.run([maven, *arguments], Path(folder), _SECONDS)
                (found,) = Path(folder).glob("*.jar")
                found.replace(jar)
    return jar


def nginx_program() -> Path:
    """An nginx of any release on PATH, else Debian's, unpacked into the cache. `MissingPartError` if neither is there.

    The program needs only libraries that a Debian system has (OpenSSL, PCRE2, zlib).
    """
    installed = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if installed:
        return Path(installed)
    folder = cache_dir("bin") / f"nginx-{NGINX_RELEASE}"
    program = folder / "usr" / "sbin" / "nginx"
    with locked("nginx"):
        if not program.exists():
            remedy = "install nginx"
            apt, unpack = _on_path("apt-get", "nginx", remedy), _on_path("dpkg-deb", "nginx", remedy)
            with tempfile.TemporaryDirectory(dir=cache_dir("bin")) as place:
                # apt downloads as a user of its own, who may not write here; it then falls back to ours, and warns.
                fetching.run([apt, "-q", "download", f"nginx={NGINX_RELEASE}.*"], Path(place), _SECONDS)
                (package,) = Path(place).glob("nginx_*.deb")
                fetching.run([unpack, "-x", str(package), f"{place}/unpacked"], Path(place), _SECONDS)
                shutil.rmtree(folder, ignore_errors=True)
                Path(place, "unpacked").replace(folder)
    return program


def nginx_version(program: Path) -> str:
    """The version that it prints."""
    said = subprocess.run([program, "-v"], capture_output=True, text=True, check=False)
    match = re.search(r"nginx/(\S+)", said.stderr)
    if said.returncode or match is None:
        raise MissingPartError(f"{program} does not run: {said.stderr.strip()[-200:]}; install nginx")
    return match[1]


def _on_path(name: str, part: str, remedy: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise MissingPartError(f"no {part} in the cache, and no {name} to fetch it with: {remedy}")
    return found
