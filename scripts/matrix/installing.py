"""Each client in a folder of the cache, installed once by its language's own tool, at a pinned version.

Nothing is installed into the system or into this checkout's `.venv`; a folder appears whole or not at all.
"""

import hashlib
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from lab import CHECKOUT, MissingPartError, fetching
from lab.cache import cache_dir, locked
from lab.java import java_home
from lab.spark import install_pyspark, installer

DRIVERS: Final = CHECKOUT / "tests" / "clients" / "drivers"
_SECONDS: Final = 2400
_run: Final = partial(fetching.run, seconds=_SECONDS)
_POM: Final = """<project><modelVersion>4.0.0</modelVersion>
<groupId>matrix</groupId><artifactId>client</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>{}</dependencies></project>
"""


@dataclass(frozen=True, slots=True)
class Installed:
    """How a driver is started: its command, and what is laid over the environment."""

    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)


Install = Callable[[], Installed]


def own_python(driver: str) -> Install:
    """A client that the lock has: in this checkout's own environment."""
    return lambda: Installed((sys.executable, str(DRIVERS / driver)), {"PYTHONPATH": str(DRIVERS)})


def python(driver: str, *requirements: str, env: Mapping[str, str] | None = None) -> Install:
    """Packages from PyPI; `{folder}` in `env` is where they are."""

    def install() -> Installed:
        def fill(part: Path) -> None:
            _run([*installer(), "--target", str(part), *requirements], part.parent, env={"UV_SYSTEM_CERTS": "true"})

        folder = _once("pip", requirements, fill)
        more = {name: value.format(folder=folder) for name, value in (env or {}).items()}
        path = {"PYTHONPATH": f"{folder}:{DRIVERS}", "CLIENT_FOLDER": str(folder)}
        return Installed((sys.executable, str(DRIVERS / driver)), path | more)

    return install


def node(driver: str, *packages: str) -> Install:
    """Packages from npm. The driver is copied beside them, as Node looks for modules from there upwards."""

    def install() -> Installed:
        def fill(part: Path) -> None:
            _run([_program("npm"), "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(part), *packages],
                 part.parent)  # fmt: skip

        folder = _once("npm", packages, fill)
        for name in (driver, "case.mjs"):
            shutil.copy(DRIVERS / name, folder / name)
        return Installed((_program("node"), str(folder / driver)))

    return install


def java(driver: str, *artifacts: str, exclude: Sequence[str] = (), env: Mapping[str, str] | None = None) -> Install:
    """Artifacts from Maven, with what they need; the driver is one source file, beside those that it names."""

    def install() -> Installed:
        folder = _jars(artifacts, exclude)
        source, shared = DRIVERS / "java" / driver, DRIVERS / "java" / "Case.java"

        def compile_driver(part: Path) -> None:
            javac = [str(java_home() / "bin" / "javac"), "-nowarn", "-proc:none", "-sourcepath", str(source.parent)]
            _run([*javac, "-cp", f"{folder}/*", "-d", str(part), str(source)], part.parent)

        texts = [one.read_text(encoding="utf-8") for one in (source, shared)]
        classes = _once("java", (source.stem, *texts, *artifacts), compile_driver)
        program = str(java_home() / "bin" / "java")
        return Installed((program, "@java.options", "-cp", f"{classes}:{folder}/*", source.stem), env or {})

    return install


def spark(driver: str, version: str, *artifacts: str, alone: Sequence[str] = ()) -> Install:
    """PySpark from PyPI with artifacts from Maven on its class path; those in `alone` without what they need."""

    def install() -> Installed:
        with locked(f"spark-{version}"):
            home = install_pyspark(version)
        folder = _jars((*artifacts, *alone), ("*:*",), alone)
        env = {
            "SPARK_HOME": str(home),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "JAVA_HOME": str(java_home()),
            "PYTHONPATH": f"{home.parent}:{DRIVERS}",
            "PYSPARK_PYTHON": sys.executable,
            "CLIENT_JARS": str(folder),
        }
        return Installed((sys.executable, str(DRIVERS / driver)), env)

    return install


def go(driver: str) -> Install:
    """A driver in Go, with its own go.mod."""

    def install() -> Installed:
        source = DRIVERS / driver

        def fill(part: Path) -> None:
            part.mkdir()
            _run([_program("go"), "build", "-o", str(part / "client"), "."], source, env={"GOFLAGS": "-mod=readonly"})

        folder = _once("go", (driver, *(path.read_text() for path in sorted(source.glob("*.*")))), fill)
        return Installed((str(folder / "client"),))

    return install


def debian_program(driver: str, package: str, program: str) -> Install:
    """A program of a Debian package, unpacked, with a driver in Python that runs it as $PROGRAM."""

    def install() -> Installed:
        def fill(part: Path) -> None:
            _run([_program("apt-get"), "-q", "download", package], part.parent)
            (file,) = part.parent.glob("*.deb")
            _run([_program("dpkg-deb"), "-x", str(file), str(part)], part.parent)

        return program_driver(driver, _once("debian", (package,), fill) / program)

    return install


def unavailable(why: str) -> Install:
    """A client that no registry has: a row with its reason."""

    def install() -> Installed:
        raise MissingPartError(why)

    return install


def rust(driver: str) -> Install:
    """A driver in Rust, with its own Cargo.toml and Cargo.lock; what the build leaves is not kept."""

    def install() -> Installed:
        source = DRIVERS / driver

        def fill(part: Path) -> None:
            part.mkdir()
            with tempfile.TemporaryDirectory() as target:
                _run([_program("cargo"), "build", "--release", "--locked", "-q", "--target-dir", target], source)
                shutil.copy(Path(target) / "release" / "client", part / "client")

        folder = _once("rust", (driver, *(path.read_text() for path in sorted(source.rglob("*.*")))), fill)
        return Installed((str(folder / "client"),))

    return install


def program_driver(driver: str, program: Path) -> Installed:
    """A driver in Python that runs a program, $PROGRAM."""
    return Installed((sys.executable, str(DRIVERS / driver)), {"PYTHONPATH": str(DRIVERS), "PROGRAM": str(program)})


def _jars(artifacts: Sequence[str], exclude: Sequence[str], alone: Sequence[str] | None = None) -> Path:
    """Copy artifacts and what they need, less what `exclude` names of it, for those in `alone` (None: for all)."""

    def fill(part: Path) -> None:
        part.mkdir()
        left_out = {one: exclude if alone is None or one in alone else () for one in artifacts}
        dependencies = "".join(_dependency(one, left_out[one]) for one in artifacts)
        (part / "pom.xml").write_text(_POM.format(dependencies), encoding="utf-8")
        plugin = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
        _run([_program("mvn"), "-q", "-B", plugin, f"-DoutputDirectory={part}", "-DincludeScope=runtime"], part)

    return _once("maven", (*artifacts, *exclude), fill)


def _once(kind: str, what: Sequence[str], fill: Callable[[Path], None]) -> Path:
    digest = hashlib.sha256("\n".join(what).encode()).hexdigest()[:12]
    name = re.sub(r"[^a-z0-9.]+", "-", what[0].rpartition("/")[2].rpartition(":")[2] or what[0])
    folder = cache_dir("clients", kind) / f"{name}-{digest}"
    with locked(f"client-{digest}"):
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=folder.parent) as place:
                fill(Path(place) / "part")
                (Path(place) / "part").replace(folder)
    return folder


def _dependency(artifact: str, exclude: Sequence[str]) -> str:
    group, name, version = artifact.split(":")
    left_out = "".join(
        f"<exclusion><groupId>{one.partition(':')[0]}</groupId><artifactId>{one.partition(':')[2]}</artifactId>"
        "</exclusion>"
        for one in exclude
    )
    return (
        f"<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version>"
        f"<exclusions>{left_out}</exclusions></dependency>"
    )


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise MissingPartError(f"no {name} on PATH: install it")
    return found
