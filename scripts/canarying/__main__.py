"""Tries a configuration: one small object for each way to sign goes through the gateway to its backend and is removed.

Without --gateway the gateway's own code runs here for it, without a listener, so that nothing need be deployed yet. A
wrong key, clock, region, KMS key or name in a certificate is told in words, with exit status 1.
"""

import argparse
import asyncio
import logging
import ssl
import sys
from collections.abc import Awaitable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from commandline import Parser, UsageError, duration, tell, unless_stopped
from s3gateway.config import gateway_yaml
from s3gateway.config.canary import read_canary
from s3gateway.config.check import ConfigError
from s3gateway.config.model import Config
from s3gateway.mitm.start.live import Live
from s3gateway.observed.transaction import Transaction
from s3gateway.signer import CredentialsError
from s3gateway.wire import canary
from s3gateway.wire.canary_run import Found, run
from s3gateway.wire.plain_client import Streams
from s3gateway.wire.service import Service
from s3gateway.wire.watching import Watch

_SECONDS = 2.0


class _Books:
    """Keeps what has ended, by key; nobody watches."""

    def __init__(self) -> None:
        self.ended: dict[str, Transaction] = {}

    def closed(self, transaction: Transaction) -> Awaitable[None] | None:
        self.ended[transaction.record.key] = transaction
        return None

    def watch(self, transaction: Transaction, client: object) -> Watch | None:
        del transaction, client
        return None

    def run(self, coroutine: Coroutine[object, object, None]) -> None:
        coroutine.close()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser("canary", __doc__)
    parser.add_argument("config", type=Path, metavar="GATEWAY.YAML", help="the gateway's configuration")
    parser.add_argument("--bucket", help="a bucket that is there (default: `canary.bucket`)")
    parser.add_argument("--client", metavar="NAME", help="the client that does it (default: `canary.client`)")
    parser.add_argument("--gateway", metavar="URL", help="a gateway that runs with this configuration")
    parser.add_argument("--ca-file", type=Path, metavar="FILE", help="PEM CA of its certificate (default: public CAs)")
    parser.add_argument(
        "--timeout", type=duration, metavar="SECONDS", help="for all of it (default: `canary.timeout`, or 2)"
    )
    options = parser.parse_args(arguments)
    if options.ca_file and not options.gateway:
        parser.error("--ca-file: is of --gateway; name that as well")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status, which is 1 where it fails."""
    options = _options(arguments)
    logging.getLogger("s3gateway").addHandler(logging.NullHandler())
    logging.getLogger("s3gateway").propagate = False
    try:
        live = Live(lambda: _config(options))
        found = asyncio.run(_run(live, options))
        if found.why:
            sys.stderr.write(f"canary: {found.why}\n")
            return 1
        tell(f"canary: {found.told}\n")
    except (UsageError, ConfigError, CredentialsError) as error:
        sys.stderr.write(f"canary: {error}\n")
        return 2
    return 0


def _config(options: argparse.Namespace) -> Config:
    config = gateway_yaml.load(options.config)
    known = config.canary
    values = {
        "bucket": options.bucket or (known.bucket if known else None),
        "client": options.client or (known.client if known else None),
        "timeout": options.timeout or (known.timeout if known else _SECONDS),
        "retry": known.retry if known else _SECONDS,
    }
    if not values["bucket"] or not values["client"]:
        missing = "--client" if values["bucket"] else "--bucket"
        raise UsageError(f"{missing}: is not given, and the configuration has no canary; give --bucket and --client")
    return replace(config, canary=read_canary(values, config.clients.values()))


async def _run(live: Live, options: argparse.Namespace) -> Found:
    config = live.current.config
    if options.gateway:
        return await _run_there(config, options)
    books = _Books()
    service = Service(lambda: live.current, books)

    def explain(key: str) -> str:
        ended = books.ended.get(key)
        return canary.words(ended, config.backend.url) if ended is not None else ""

    try:
        return await run(config, lambda: canary.connect(service), lambda _: None, explain)
    finally:
        service.stop()
        await asyncio.sleep(0.01)  # for connections to end


async def _run_there(config: Config, options: argparse.Namespace) -> Found:
    url = urlsplit(options.gateway)
    try:
        port = url.port or (443 if url.scheme == "https" else 80)
    except ValueError:
        port = 0
    if url.scheme not in {"http", "https"} or not url.hostname or url.path.strip("/") or not port:
        raise UsageError(f"--gateway: {options.gateway!r} is no http(s) address; write it like http://127.0.0.1:8000")
    try:
        context = ssl.create_default_context(cafile=options.ca_file) if url.scheme == "https" else None
    except (OSError, ssl.SSLError) as error:
        told = getattr(error, "strerror", None) or type(error).__name__
        raise UsageError(f"--ca-file: cannot read {str(options.ca_file)!r} ({told}); name a PEM file") from None

    async def connect() -> Streams:
        return await asyncio.open_connection(url.hostname, port, ssl=context)

    host = url.netloc.rpartition("@")[2].encode()
    found = await run(config, connect, lambda _: None, lambda _: "", host)
    return replace(found, why=f"{found.why}; the gateway's own log says more") if found.why else found


if __name__ == "__main__":
    sys.exit(unless_stopped("canary", main))
