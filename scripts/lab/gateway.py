"""The gateway as its users start it: a mitmdump (or mitmweb) process with addons/s3_gateway.py and a YAML file."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import yaml
from botocore.config import Config

from lab import CHECKOUT
from lab.backends import Backend, s3_client
from lab.ports import free_port, lets_go
from lab.process import Command, start
from lab.server import Server

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_AGAIN_SECONDS: Final = 0.1
WEB_PASSWORD: Final = "mitmweb-of-the-lab"
SPARK_CLIENT: Final[Mapping[str, Any]] = {
    "name": "spark",
    "access_key_id": "SPARKKEY",
    "secret_access_key": "spark-secret-of-the-lab",
    "buckets": ["*"],
}


def gateway_config(
    backend: Backend,
    *,
    clients: Sequence[Mapping[str, Any]] = (SPARK_CLIENT,),
    encryption: Sequence[Mapping[str, Any]] = (),
    certificate: Path | None = None,
    port: int | None = None,
    **more: Any,
) -> dict[str, Any]:
    """The configuration of a gateway in front of `backend`, on a free port unless `port` is given.

    `certificate` is the gateway's, for clients over TLS. `more` are further top-level keys, e.g. `addressing={...}`.
    """
    listen: dict[str, Any] = {"host": "127.0.0.1", "port": free_port() if port is None else port}
    if certificate is not None:
        listen["certificate"] = str(certificate)
    config: dict[str, Any] = {
        "listen": listen,
        "backend": {
            "endpoint": backend.endpoint,
            "ca_file": str(backend.ca_file),
            "region": backend.region,
            "credentials": {"access_key_id": backend.access_key, "secret_access_key": backend.secret_key},
        },
        "clients": [dict(client) for client in clients],
    }
    if encryption:
        config["encryption"] = [dict(rule) for rule in encryption]
    return config | more


class Gateway(Server):
    """A gateway process with `config`, for as long as a `with` block.

    `arguments` follow on the command line (e.g. `["--set", "flow_detail=2"]`); `env` is laid over our environment.
    `checkout` has the addon, and the mitmdump if there is a `.venv` in it.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        *,
        program: Literal["mitmdump", "mitmweb", "mitmproxy"] = "mitmdump",
        arguments: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        ca_file: Path | None = None,
        checkout: Path = CHECKOUT,
    ) -> None:
        super().__init__("gateway", config["listen"]["port"])
        self._checkout = checkout
        self._config = dict(config)
        self._program = program
        self._arguments = tuple(arguments)
        self._env = dict(env or {})
        self._ca_file = ca_file or Path(config["backend"]["ca_file"])
        self.web_port: Final = free_port() if program == "mitmweb" else None
        self.config_path: Final = self.folder / "gateway.yaml"

    @property
    def url(self) -> str:
        """`http://127.0.0.1:port`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        """`https://127.0.0.1:port`; the certificate is the configuration's."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def web_url(self) -> str:
        """mitmweb's own address, with its password."""
        return f"http://127.0.0.1:{self.web_port}/?token={WEB_PASSWORD}"

    def client(self, *, tls: bool = False, name: str | None = None, config: Config | None = None) -> "S3Client":
        """A boto3 client of the gateway, as the configuration's client `name` (default: its first)."""
        known = next(known for known in self._config["clients"] if name in {None, known["name"]})
        return s3_client(
            self.tls_url if tls else self.url,
            known["access_key_id"],
            known["secret_access_key"],
            ca_file=self._ca_file if tls else None,
            config=config,
        )

    def write_config(self, config: Mapping[str, Any] | str) -> None:
        """Replace the configuration file in one step, under a running gateway: `config` as YAML, or text as it is."""
        text = config if isinstance(config, str) else yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)
        part = self.config_path.with_suffix(".part")
        part.write_text(text, encoding="utf-8")
        part.replace(self.config_path)

    def command(self) -> list[str]:
        """The command line."""
        program = Path(sys.executable).with_name(self._program)
        if self._checkout != CHECKOUT and (own := self._checkout / ".venv" / "bin" / self._program).exists():
            program = own
        command = [str(program), "-s", str(self._checkout / "addons" / "s3_gateway.py")]
        command += ["--set", f"s3_config={self.config_path}", "--set", f"confdir={self.folder}"]
        if self.web_port is not None:
            command += ["--web-port", str(self.web_port), "--no-web-open-browser"]
            chosen = any(argument.startswith("web_password=") for argument in self._arguments)
            command += [] if chosen else ["--set", f"web_password={WEB_PASSWORD}"]
        return [*command, *self._arguments]

    def stop(self) -> None:
        """Stop at once, and wait for no connection: a client of ours may keep some that are idle."""
        if self._process is not None:
            self._process.stop(again=_AGAIN_SECONDS)

    def start(self) -> None:
        """Start; return when connections begin and end. `lab.process.ProcessError`, with the log, when they do not."""
        self.write_config(self._config)
        env = dict(os.environ) | {"PYTHONUNBUFFERED": "1"} | self._env
        command = Command(self._program, self.command(), self.log_path, env)
        host = self._config.get("listen", {}).get("host", "127.0.0.1")
        self._process = start(command, lambda: lets_go(self.port, host))
