"""The parts of `scripts/demo --identities`, started and stopped together.

Spark-shaped client with a user's session ──http──▶ gateway ──https──▶ recorder ──https──▶ S3 server
jobs of clients whose keys rotate ─────────http──▶         ──ldaps──▶ slapd
"""

import secrets
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from lab import CHECKOUT
from lab.certs import Certs, make_certs
from lab.gateway import Gateway, gateway_config
from lab.minio import Minio
from lab.moto import Moto
from lab.recorder import Recorder
from lab.slapd import Person, Program, Slapd, group_dn
from showcase.ending import Ending
from showcase.stage import BUCKET, KMS_KEY, Say, eventually, name_of

ROLE: Final = "analysts"
HOMES: Final = "home/"
_GROUP: Final = "analysts"

Client = Mapping[str, Any]
"""An entry of the configuration's `clients`."""


@dataclass(frozen=True, slots=True)
class IdentityStage:
    """What runs. `alice` is in the group that the role is for, `bob` in none."""

    backend: Minio | Moto
    certs: Certs
    behind: Recorder
    gateway: Gateway
    alice: Person = field(repr=False)
    bob: Person = field(repr=False)
    config: Mapping[str, Any] = field(repr=False)
    parts: ExitStack = field(repr=False)

    @property
    def backend_name(self) -> str:
        """As its makers write it."""
        return name_of(self.backend)

    def reload(self, clients: Sequence[Client]) -> bool:
        """Replace the configuration of the running gateway; whether it was taken."""
        before = self._reloads()
        self.gateway.write_config(_with(self.config, clients))
        return eventually(self._reloads, lambda reloads: reloads > before) > before

    def restarted(self, clients: Sequence[Client], ending: Ending) -> "IdentityStage":
        """The same with another gateway process, on the same port, with the same files."""
        self.gateway.stop()
        with ending.deferred():
            gateway = self.parts.enter_context(Gateway(_with(self.config, clients)))
        return replace(self, gateway=gateway)

    def _reloads(self) -> int:
        return self.gateway.log().count("configuration reloaded")


@contextmanager
def opened(
    minio: Path | None, slapd: Program, clients: Sequence[Client], port: int | None, say: Say, ending: Ending
) -> Iterator[IdentityStage]:
    """Start everything; stop it and remove its files at the end, whatever happens. `say` is told of each part."""
    with ExitStack() as parts:
        with ending.deferred():
            stage = _open(parts, minio, slapd, clients, port, say)
        yield stage


def _open(
    parts: ExitStack, minio: Path | None, slapd: Program, clients: Sequence[Client], port: int | None, say: Say
) -> IdentityStage:
    folder = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="s3gw-demo-")))
    certs, _ = make_certs(folder / "certs")
    ring = folder / "sts-ring.yaml"
    subprocess.run([CHECKOUT / "scripts" / "make_ring", ring], check=True, capture_output=True)
    say("certificates, and a key that seals sessions (scripts/make_ring), in a temporary folder")
    alice, bob = (
        Person(name, secrets.token_urlsafe(12), groups=of) for name, of in (("alice", (_GROUP,)), ("bob", ()))
    )
    directory = parts.enter_context(Slapd(certs, people=(alice, bob), program=slapd))
    say(f"slapd over TLS at ldaps://127.0.0.1:{directory.tls_port}; alice is in the group {_GROUP}, bob in none")
    backend = Moto(certs, check_signatures=False) if minio is None else Minio(certs, program=minio)
    parts.enter_context(backend)
    say(f"{name_of(backend)} over TLS at {backend.endpoint}")
    behind = parts.enter_context(Recorder(backend, certs))
    config = gateway_config(
        behind,
        clients=clients,
        encryption=[{"role": ROLE, "sse-kms": KMS_KEY}, {"sse-s3": True}],
        certificate=certs.gateway,
        port=port,
        ldap=directory.section(),
        roles=[{"name": ROLE, "ldap_groups": [group_dn(_GROUP)], "buckets": [BUCKET], "prefixes": [HOMES + "{user}/"]}],
        sts={"ring": str(ring)},
        state=str(folder / "state.json"),
        log={"format": "json"},
    )
    gateway = parts.enter_context(Gateway(config))
    say(f"the gateway at {gateway.url}, and over TLS at {gateway.tls_url}; its role {ROLE} opens {HOMES}{{user}}/")
    return IdentityStage(backend, certs, behind, gateway, alice, bob, config, parts)


def _with(config: Mapping[str, Any], clients: Sequence[Client]) -> dict[str, Any]:
    return {**config, "clients": [dict(client) for client in clients]}
