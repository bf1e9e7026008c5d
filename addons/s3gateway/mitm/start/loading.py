"""What the gateway starts with: its configuration, from the file or AIStor-GW's environment, or one line and an end."""

import logging
import os
import sys
from pathlib import Path
from typing import NoReturn

from mitmproxy import ctx, exceptions

from s3gateway.config import aistor_gw, gateway_yaml
from s3gateway.config.check import ConfigError
from s3gateway.config.model import Config, in_url

logger = logging.getLogger(__name__)


def load(said: dict[str, object]) -> Config:
    """Read the configuration; ``said`` is what the command line says of it. Raises :class:`ConfigError`."""
    if ctx.options.s3_config:
        return gateway_yaml.load(Path(ctx.options.s3_config).expanduser(), said)
    if aistor_gw.is_requested(os.environ):
        return aistor_gw.load(os.environ, said)
    raise ConfigError("s3_config", "is not set", "add --set s3_config=gateway.yaml")


def told(error: Exception) -> str:
    """The refusal in the words of what the operator wrote: the file's keys, or the environment's variables."""
    return str(error) if ctx.options.s3_config else aistor_gw.in_its_words(str(error))


def announcement(config: Config) -> str:
    """Tell what runs where."""
    return (
        f"S3 gateway on {in_url(config.listen.host)}:{config.listen.port} (HTTP and TLS) for {config.backend.url}: "
        f"clients {len(config.clients)}, encryption rules {len(config.encryption)}{_sessions(config)}"
    )


def _sessions(config: Config) -> str:
    if config.sts is None:
        return ""
    own = "" if config.sts.is_shared else "; sessions end when it does, and no other gateway opens them: set sts.ring"
    return f", roles {len(config.roles)}{own}"


def tell_web_address() -> None:
    """Say where mitmweb's page is, which mitmproxy tells at a level that is not shown.

    The token that opens it is for the person at the terminal, and for no log.
    """
    url = getattr(ctx.master, "web_url", "")
    if not url or ctx.options.termlog_verbosity not in {"error", "warn"}:
        return
    if sys.stdout.isatty():
        sys.stdout.write(f"mitmweb on {url}\n")
        sys.stdout.flush()
    else:
        logger.warning("mitmweb on %s, opened with web_password", url.partition("?")[0])


def refuse(message: str) -> NoReturn:
    """One line and exit status 1; a script that is reloaded leaves the program running, with nothing let through."""
    server = ctx.master.addons.get("proxyserver")
    if server is not None and server.is_running:
        raise exceptions.OptionsError(message)
    sys.stderr.write(f"s3_gateway: {message}\n")
    sys.stderr.flush()
    raise SystemExit(1)
