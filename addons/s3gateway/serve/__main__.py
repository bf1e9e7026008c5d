"""The S3 gateway in several processes that share one port, with one log and one listener for operators.

SIGTERM ends it when running transfers have (a second one at once), SIGHUP reads the configuration anew, and SIGUSR2
replaces the workers one by one and loses no request, which puts an upgrade of the gateway in force. Sockets that
systemd has opened are taken, and systemd is told of start, reload and end (Type=notify).
"""

import argparse
import asyncio
import logging
import os
import socket
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from s3gateway.config import aistor_gw, gateway_yaml
from s3gateway.config.check import ConfigError
from s3gateway.config.model import Config
from s3gateway.serve import machine, systemd
from s3gateway.serve.log import write_to_stdout
from s3gateway.serve.parent import Parent
from s3gateway.serve.plan import Plan
from s3gateway.wire.listening import BACKLOG, bind

_ENTRY: Final = Path(__file__).resolve().parents[2] / "s3_gateway.py"
_ONE_EACH: Final = {
    "s3_config": "name the file on the command line",
    "save_stream_file": "all workers would write to it; watch with a single mitmdump",
    "client_replay": "each worker would send it; replay with a single mitmdump",
    "rfile": "each worker would read it; read it with a single mitmdump",
    "mode": "set backend.endpoint",
    "listen_host": "set listen.host",
    "listen_port": "set listen.port",
    "server": "leave it out",
}
"""Options of mitmproxy's that make no sense for several processes, each with what to do instead."""


def _workers(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number > 0")
    return int(text)


def _setting(text: str) -> str:
    name, equals, _ = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    if name in _ONE_EACH:
        raise argparse.ArgumentTypeError(f"{name} cannot be set for several workers; {_ONE_EACH[name]}")
    return text


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        """Say it in one line, where argparse would print the usage first."""
        self.exit(2, f"serve: {message.removeprefix('argument ')}; see --help\n")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser("scripts/serve", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", nargs="?", type=Path, metavar="gateway.yaml", help="default: AIStor-GW's environment")
    parser.add_argument("--workers", type=_workers, metavar="N", help="processes (default: one a processor)")
    parser.add_argument(
        "--set", action="append", default=[], type=_setting, metavar="NAME=VALUE", help="an option of mitmdump's"
    )
    return parser.parse_args(arguments)


def _load(path: Path | None) -> Config:
    if path is not None:
        return gateway_yaml.load(path.expanduser())
    if aistor_gw.is_requested(os.environ):
        return aistor_gw.load(os.environ, {})
    raise ConfigError("gateway.yaml", "is not named, and AIStor-GW's variables are not set", "name the configuration")


def _sockets(config: Config) -> list[socket.socket]:
    """Take systemd's, or bind; each listens. Raises :class:`ConfigError`."""
    given = systemd.inherited(os.environ)
    for one in given:
        port = one.getsockname()[1] if one.family in {socket.AF_INET, socket.AF_INET6} else 0
        if port != config.listen.port:
            raise ConfigError(
                "listen.port", f"is {config.listen.port}, and systemd's socket {port}", "make them the same"
            )
    sockets = given or bind("listen", config.listen)
    for one in sockets:
        one.listen(BACKLOG)
    return sockets


def _check_admin(config: Config) -> None:
    """Refuse a port for operators that is taken. Raises :class:`ConfigError`."""
    if config.admin is not None:
        for one in bind("admin", config.admin):
            one.close()


def _command(options: argparse.Namespace) -> list[str]:
    command = [str(Path(sys.executable).with_name("mitmdump")), "-s", str(_ENTRY)]
    if options.config is not None:
        command += ["--set", f"s3_config={options.config}"]
    if not aistor_gw.is_verbose(os.environ):
        command += ["--set", "termlog_verbosity=warn"]  # each would tell that it loads a script
    for setting in options.set:
        command += ["--set", setting]
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parent; the exit status."""
    options = _options(arguments)
    notify = systemd.Notify(os.environ)
    load = partial(_load, options.config)
    try:
        config = load()
        sockets = _sockets(config)
        _check_admin(config)
    except ConfigError as error:
        told = str(error) if options.config is not None else aistor_gw.in_its_words(str(error))
        sys.stderr.write(f"serve: {told}\n")
        return 1
    write_to_stdout(config.log_format)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    plan = Plan(options.workers or machine.cores(), _command(options), sockets, load)

    async def run() -> int:
        return await Parent(plan, config, notify).run()

    return asyncio.run(run())


if __name__ == "__main__":
    sys.exit(main())
