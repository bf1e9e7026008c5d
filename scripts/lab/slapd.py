"""OpenLDAP's slapd with a small company in it, for as long as a `with` block: StartTLS on one port, TLS on another.

The program comes from PATH, from the cache, or is Debian's, unpacked into the cache.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lab import MissingPartError
from lab.cache import cache_dir, locked
from lab.certs import Certs
from lab.ports import accepts, free_port
from lab.process import Command, start
from lab.server import Server

BASE: Final = "dc=example,dc=com"
LOOKUP_DN: Final = f"cn=lookup,{BASE}"
LOOKUP_PASSWORD: Final = "lookup-password-of-the-lab"
ADMIN_DN: Final = f"cn=admin,{BASE}"
ADMIN_PASSWORD: Final = "admin-password-of-the-lab"

_RELEASE: Final = "2.5"  # Debian 12's; its point releases are security fixes
_SECONDS: Final = 600
_LIBRARIES: Final = ("libltdl7", "libodbc2", "libsasl2-2", "libwrap0", "libargon2-1")

_SCHEMA: Final = """
attributetype ( 1.3.6.1.4.1.4203.666.11.7.1 NAME 's3AccessKey' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.4203.666.11.7.2 NAME 's3SecretKey' EQUALITY caseExactMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
objectclass ( 1.3.6.1.4.1.4203.666.11.7.3 NAME 's3Account' SUP top AUXILIARY MAY ( s3AccessKey $ s3SecretKey ) )
"""

_CONFIGURATION: Final = """
include {schemas}/core.schema
include {schemas}/cosine.schema
include {schemas}/inetorgperson.schema
include {folder}/s3.schema
modulepath {modules}
moduleload back_mdb
moduleload ppolicy
pidfile {folder}/slapd.pid
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
TLSVerifyClient never
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{lookup}" read by * none
database mdb
suffix "{base}"
rootdn "{admin}"
rootpw {admin_password}
directory {folder}/data
overlay ppolicy
ppolicy_default "cn=default,{base}"
"""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in the directory. ``unit`` is the organisational unit; ``keys`` an access key and its secret."""

    uid: str
    password: str
    unit: str = "people"
    groups: tuple[str, ...] = ()
    is_locked: bool = False
    department: str = ""
    keys: tuple[str, str] | None = None

    @property
    def dn(self) -> str:
        """The entry's name."""
        return f"uid={_escaped(self.uid)},ou={self.unit},{BASE}"


ALICE: Final = Person("Alice", "alice's password, with äöü", groups=("analysts",), department="finance")
BOB: Final = Person("bob", "bob-password-of-the-lab")
CAROL: Final = Person("carol", "carol-password-of-the-lab", groups=("analysts",), is_locked=True)
DAVE: Final = Person("dave", "dave-password-of-the-lab", groups=("analysts",))
OTHER_DAVE: Final = Person("dave", "dave-password-of-the-lab", unit="contractors", groups=("analysts",))
ODD: Final = Person("o(d)d*\\,ü", "odd-password-of-the-lab", groups=("analysts", "odd, and (strange)*"))
ROBOT: Final = Person(
    "robot",
    "robot-password-of-the-lab",
    groups=("analysts",),
    department="machines",
    keys=("ROBOTKEY", "robot-secret-of-the-lab"),
)
PEOPLE: Final = (ALICE, BOB, CAROL, DAVE, OTHER_DAVE, ODD, ROBOT)


def group_dn(name: str) -> str:
    """The name of a group's entry."""
    return f"cn={_escaped(name)},ou=groups,{BASE}"


class Slapd(Server):
    """slapd on loopback: `port` is plain, with StartTLS; `tls_port` is TLS. It has the backend's certificate."""

    def __init__(self, certs: Certs, *, people: tuple[Person, ...] = PEOPLE, program: "Program | None" = None) -> None:
        super().__init__("slapd", free_port())
        self.tls_port: Final = free_port()
        self._certs = certs
        self._people = people
        self._program = program or slapd()

    def section(self, **more: Any) -> dict[str, Any]:
        """The section `ldap` of a gateway that asks it over TLS; `more` replaces keys, and None takes one out."""
        section = {
            "server_addr": f"127.0.0.1:{self.tls_port}",
            "ca_file": str(self._certs.ca),
            "lookup_bind_dn": LOOKUP_DN,
            "lookup_bind_password": LOOKUP_PASSWORD,
            "user_dn_search_base_dn": f"ou=people,{BASE};ou=contractors,{BASE}",
            "user_dn_search_filter": "(&(objectClass=inetOrgPerson)(uid=%s))",
            "group_search_base_dn": f"ou=groups,{BASE}",
            "group_search_filter": "(&(objectClass=groupOfNames)(member=%d))",
        }
        return {key: value for key, value in (section | more).items() if value is not None}

    def start(self) -> None:
        """Start, on the ports and data that it had before; return when it accepts connections."""
        configuration = self.folder / "slapd.conf"
        if not configuration.exists():
            self._fill(configuration)
        urls = f"ldap://127.0.0.1:{self.port}/ ldaps://127.0.0.1:{self.tls_port}/"
        arguments = [str(self._program.path), "-d", "0", "-f", str(configuration), "-h", urls]
        command = Command("slapd", arguments, self.log_path, self._program.environment)
        self._process = start(command, lambda: accepts(self.port) and accepts(self.tls_port))

    def pause(self) -> None:
        """Answer nothing from now on, and keep connections: a directory that is slow without end."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Answer again, what has been asked in between as well."""
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """Stop; one that is paused could not."""
        if self._process is not None and self._process.running:
            self.resume()
        super().stop()

    def _fill(self, configuration: Path) -> None:
        self.folder.joinpath("data").mkdir()
        self.folder.joinpath("s3.schema").write_text(_SCHEMA, encoding="utf-8")
        text = _CONFIGURATION.format(
            schemas=self._program.schemas,
            modules=self._program.modules,
            folder=self.folder,
            certificate=self._certs.backend_certificate,
            key=self._certs.backend_key,
            lookup=LOOKUP_DN,
            base=BASE,
            admin=ADMIN_DN,
            admin_password=ADMIN_PASSWORD,
        )
        configuration.write_text(text, encoding="utf-8")
        ldif = self.folder / "company.ldif"
        ldif.write_text("\n\n".join(_entries(self._people)) + "\n", encoding="utf-8")
        command = [str(self._program.path), "-Tadd", "-f", str(configuration), "-l", str(ldif)]
        added = subprocess.run(
            command, env=self._program.environment, capture_output=True, text=True, check=False, timeout=_SECONDS
        )
        if added.returncode:
            raise RuntimeError(f"slapadd failed: {added.stderr[-500:]}")


@dataclass(frozen=True, slots=True)
class Program:
    """A slapd, its modules and schemas; `environment` is what it runs with."""

    path: Path
    modules: Path
    schemas: Path
    environment: dict[str, str]


def slapd() -> Program:
    """The installed slapd, else Debian's, unpacked into the cache. `MissingPartError` if neither can be had."""
    installed = shutil.which("slapd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if installed and Path("/etc/ldap/schema").is_dir():
        return Program(Path(installed), Path("/usr/lib/ldap"), Path("/etc/ldap/schema"), {"PATH": os.defpath})
    root = cache_dir("bin") / f"slapd-{_RELEASE}"
    with locked("slapd"):
        if not root.exists():
            _unpack(root)
    libraries = ":".join(str(folder) for folder in root.glob("usr/lib/*-linux-gnu*"))
    environment = {"PATH": os.defpath, "LD_LIBRARY_PATH": libraries}
    program = Program(root / "usr/sbin/slapd", root / "usr/lib/ldap", root / "etc/ldap/schema", environment)
    said = subprocess.run([program.path, "-VV"], env=environment, capture_output=True, text=True, check=False)
    if said.returncode or f"slapd {_RELEASE}." not in said.stderr:
        raise MissingPartError(f"{program.path} does not run: {said.stderr.strip()[-200:]}; install slapd")
    return program


def _unpack(root: Path) -> None:
    apt, unpack = shutil.which("apt-get"), shutil.which("dpkg-deb")
    if apt is None or unpack is None:
        raise MissingPartError("no slapd on PATH or in the cache, and no apt-get to fetch it with: install slapd")
    with tempfile.TemporaryDirectory(dir=cache_dir("bin")) as place:
        try:
            # apt downloads as a user of its own, who may not write here; it then falls back to ours, and warns.
            command = [apt, "-q", "download", f"slapd={_RELEASE}.*", *_LIBRARIES]
            subprocess.run(command, cwd=place, capture_output=True, text=True, check=True, timeout=_SECONDS)
            for package in Path(place).glob("*.deb"):
                subprocess.run([unpack, "-x", str(package), f"{place}/unpacked"], capture_output=True, check=True)
        except subprocess.CalledProcessError as failed:
            raise MissingPartError(f"apt-get cannot fetch slapd: {str(failed.stderr)[-200:]}; install slapd") from None
        Path(place, "unpacked").replace(root)


def _entries(people: tuple[Person, ...]) -> list[str]:
    units = ("people", "contractors", "groups")
    entries = [f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example"]
    entries += [f"dn: ou={unit},{BASE}\nobjectClass: organizationalUnit\nou: {unit}" for unit in units]
    entries.append(
        f"dn: {LOOKUP_DN}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: lookup\n"
        f"userPassword: {LOOKUP_PASSWORD}"
    )
    entries.append(
        f"dn: cn=default,{BASE}\nobjectClass: device\nobjectClass: pwdPolicy\ncn: default\n"
        "pwdAttribute: userPassword\npwdLockout: TRUE\npwdMaxFailure: 0"  # without the lockout no account is locked
    )
    entries += map(_person, people)
    names = dict.fromkeys(group for person in people for group in person.groups)
    for name in names:
        members = "".join(f"\nmember: {person.dn}" for person in people if name in person.groups)
        entries.append(f"dn: {group_dn(name)}\nobjectClass: groupOfNames\ncn: {name}{members}")
    return entries


def _person(person: Person) -> str:
    lines = [f"dn: {person.dn}", "objectClass: inetOrgPerson", f"uid: {person.uid}", f"cn: {person.uid}"]
    lines += [f"sn: {person.uid}", f"userPassword: {person.password}"]
    lines += [f"departmentNumber: {person.department}"] if person.department else []
    lines += ["pwdAccountLockedTime: 000001010000Z"] if person.is_locked else []
    if person.keys:
        lines += ["objectClass: s3Account", f"s3AccessKey: {person.keys[0]}", f"s3SecretKey: {person.keys[1]}"]
    return "\n".join(lines)


def _escaped(value: str) -> str:
    """As a value stands in a DN (RFC 4514 §2.4)."""
    return re.sub(r'([,+"\\<>;=#])', r"\\\1", value)
