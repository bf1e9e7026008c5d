"""Containers without an engine: the services of a compose file as processes in namespaces of their own. Root on Linux.

Each has a network address and a name, a root file system that is read-only, the mounts, environment and user that the
file gives it, and no capabilities but those. There are no images: in their place is this machine's own file system, and
programs by the names that an image has them by. All are on one network.
"""

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from lab import CHECKOUT, MissingPartError
from lab.process import Command, Process, start
from lab.published import Published

_PREFIX: Final = "10.99.0"
_HUB: Final = f"{_PREFIX}.254"
_TOOLS: Final = ("ip", "unshare", "nsenter", "setpriv", "chroot", "mount")
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_SETUP: Final = """
set -eu
mount -t tmpfs -o mode=755 tmpfs "$place"
mkdir "$place/upper" "$place/work" "$place/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$place/upper,workdir=$place/work" "$place/root"
cd "$place/root"
mount --rbind /dev dev
mount --rbind /proc proc
mount -t tmpfs -o mode=1777 tmpfs tmp
{mounts}
mount -o remount,bind,ro "$place/root"
exec chroot "$place/root" "$@"
"""
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Container:
    """What runs of one service: ``process``, and how another command is run beside it."""

    process: Process
    _within: Sequence[str] = field(repr=False)

    def run(self, *words: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a command in it, as a health check is."""
        enter = ["nsenter", "--target", str(self.process.pid), "--mount", "--net", "--root", "--wd", "--"]
        command = [*enter, *self._within, *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)


class Host:
    """Where containers run, for as long as a `with` block. `programs` are put into each: name -> file."""

    def __init__(self, services: Mapping[str, Mapping[str, Any]], programs: Mapping[str, Path]) -> None:
        missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
        if sys.platform != "linux" or os.geteuid() or missing:
            need = f"install {', '.join(missing)}" if missing else "run as root on Linux"
            raise MissingPartError(f"containers' commands run in namespaces of their own: {need}")
        self.services = dict(services)
        self._programs = programs
        self._hub = f"s3gw-{os.getpid()}-{next(_numbers)}"
        self._addresses = {name: f"{_PREFIX}.{number}" for number, name in enumerate(services, 1)}
        self._stack = ExitStack()
        self._started: dict[str, ExitStack] = {}
        self.folder: Path = Path()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="s3gw-host-")))
            stack.enter_context(_namespace(self._hub))
            _ip("-n", self._hub, "link", "add", "br0", "type", "bridge")
            _ip("-n", self._hub, "addr", "add", f"{_HUB}/24", "dev", "br0")
            for device in ("lo", "br0"):
                _ip("-n", self._hub, "link", "set", device, "up")
            lines = ["127.0.0.1 localhost", *(f"{address} {name}" for name, address in self._addresses.items())]
            (self.folder / "hosts").write_text("\n".join(lines) + "\n", encoding="utf-8")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def address(self, name: str) -> str:
        """The address of a service."""
        return self._addresses[name]

    def published(self, name: str, port: int) -> int:
        """A port of this machine that leads to one of a service, as `ports` makes it."""
        return self._stack.enter_context(Published(self._hub, self._addresses[name], port)).port

    def volume(self, name: str) -> Path:
        """The folder of a named volume, which is root's when it is new."""
        folder = self.folder / "volumes" / name
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        return folder

    def start(self, name: str, entrypoint: Sequence[str] = (), env: Mapping[str, str] | None = None) -> Container:
        """Start a service, again if it ran; `entrypoint` and `env` are its image's. It need not be ready."""
        service = self.services[name]
        if (before := self._started.pop(name, None)) is not None:
            before.close()
        mine = self._started[name] = self._stack.enter_context(ExitStack())
        namespace = mine.enter_context(_namespace(f"{self._hub}-{next(_numbers)}"))
        self._connect(name, namespace)
        given = {"PATH": _PATH, "HOME": "/"} | dict(env or {}) | dict(service.get("environment") or {})
        within = [*_user(service), "env", "-i", *(f"{key}={value}" for key, value in given.items())]
        place = self.folder / namespace
        place.mkdir()
        setup = _SETUP.format(mounts="\n".join(self._mounts(service)))
        command = ["ip", "netns", "exec", namespace, "sh", "-c", setup, "sh", *within, *entrypoint, *service["command"]]
        log = self.folder / f"{name}.log"
        process = start(Command(name, command, log, dict(os.environ) | {"place": str(place)}), lambda: True)
        mine.callback(process.stop)
        return Container(process, within)

    def log(self, name: str) -> str:
        """What a service has written."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def _connect(self, name: str, namespace: str) -> None:
        link = f"v{next(_numbers)}"
        _ip("-n", self._hub, "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        _ip("-n", self._hub, "link", "set", link, "master", "br0", "up")
        _ip("-n", namespace, "addr", "add", f"{self._addresses[name]}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            _ip("-n", namespace, "link", "set", device, "up")

    def _mounts(self, service: Mapping[str, Any]) -> Iterator[str]:
        """Lines of the shell, run in the new root: what is put where."""
        interpreter = Path(sys.executable).resolve().parents[1]
        for tree in (CHECKOUT, interpreter):
            for parent in reversed(tree.parents[:-1]):
                yield f"mkdir -p '.{parent}'; chmod a+x '.{parent}'"
            yield f"mkdir -p '.{tree}'; mount --rbind '{tree}' '.{tree}'"
        for name, program in self._programs.items():
            yield from _bind(program, f"/usr/local/bin/{name}")
        yield from _bind(self.folder / "hosts", "/etc/hosts")
        for mount in service.get("volumes") or ():
            source = self.volume(mount["source"]) if mount["type"] == "volume" else Path(mount["source"])
            yield from _bind(source, mount["target"], read_only=mount.get("read_only", False))
        # The gateway's own image: a folder with the packages, and the addon.
        yield "mkdir -p ./opt/gateway"
        yield f"ln -sfn '{Path(sys.executable).parent}' ./opt/gateway/bin"
        yield f"ln -sfn '{CHECKOUT / 'addons'}' ./opt/gateway/addons"


def _bind(source: Path, target: str, *, read_only: bool = True) -> Iterator[str]:
    if source.is_dir():
        yield f"mkdir -p '.{target}'"
    else:
        yield f"mkdir -p '.{Path(target).parent}'; [ -e '.{target}' ] || : >'.{target}'"
    yield f"mount --bind '{source}' '.{target}'"
    if read_only:
        yield f"mount -o remount,bind,ro '.{target}'"


def _user(service: Mapping[str, Any]) -> list[str]:
    """Become who the file says, without capabilities but those that it adds."""
    user, group = str(service["user"]).split(":")
    kept = "".join(f",+{name.lower()}" for name in service.get("cap_add") or ())
    return [
        *("setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs"),
        *(f"--inh-caps=-all{kept}", f"--bounding-set=-all{kept}", "--"),
    ]


@contextmanager
def _namespace(name: str) -> Iterator[str]:
    _ip("netns", "add", name)
    try:
        yield name
    finally:
        _ip("netns", "del", name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
