"""Make golden captures: real clients through a real gateway before a real MinIO, one request of each shape kept.

    scripts/make_captures                     every client: boto3, mc, Spark 3.5, Spark 4
    scripts/make_captures boto3 mc --to DIR   these, into another folder

Each client's file is written anew, with the header set that the gateway sends today as what is expected from now on:
read `git diff` before you keep it. Needs what `scripts/test` needs: Go for MinIO and mc, Java 17 for Spark.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from capturing.sources import read
from commandline import Parser, UsageError, output_folder, unless_stopped, writing
from lab import CHECKOUT, MissingPartError
from lab.certs import Certs, make_certs
from lab.gateway import Gateway, gateway_config
from lab.minio import Minio
from replaying.golden import Golden, expected, write_golden
from replaying.offline import replay
from replaying.stand import make_stand
from s3gateway.observed.capture import Exchange
from sampling.clients import BUCKET, CLIENTS, ClientError, Sampled
from sampling.shapes import samples

_RULES: Final[list[dict[str, Any]]] = [
    {"bucket": BUCKET, "prefix": "open/", "none": True},
    {"bucket": BUCKET, "sse-kms": "my-key"},
]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of `scripts/make_captures`."""
    parser = Parser("make_captures", __doc__)
    parser.add_argument(
        "client", nargs="*", type=_client, metavar="CLIENT", help=f"{', '.join(CLIENTS)} (default: all of them)"
    )
    parser.add_argument(
        "--to",
        type=output_folder,
        default=CHECKOUT / "tests" / "captures",
        metavar="DIR",
        help="default: tests/captures/",
    )
    options = parser.parse_args(arguments)
    try:
        with writing(options.to):
            options.to.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="s3gw-captures-") as folder:
            certs, _ = make_certs(Path(folder) / "certs")
            for name in options.client or CLIENTS:
                _make(name, CLIENTS[name], certs, options.to / f"{name}.json")
    except (MissingPartError, ClientError) as problem:
        sys.stderr.write(f"make_captures: {problem}\n")
        return 1
    except UsageError as error:
        sys.stderr.write(f"make_captures: {error}\n")
        return 2
    return 0


def _client(text: str) -> str:
    if text not in CLIENTS:
        raise argparse.ArgumentTypeError(f"{text!r} is not known; give any of {', '.join(CLIENTS)}")
    return text


def _make(name: str, use: Sampled, certs: Certs, path: Path) -> None:
    said, exchanges = _captured(name, use, certs)
    gateway: dict[str, Any] = {"encryption": _RULES}
    chosen = samples(exchanges)
    stand = make_stand(gateway, [exchange.identity for exchange in chosen], path.parent)
    goldens = tuple(expected(replay(exchange, stand)) for exchange in chosen)
    write_golden(path, Golden(goldens, gateway, said))
    sys.stdout.write(f"{path.name}: {len(goldens)} of {len(exchanges)} requests of {said}\n")
    sys.stdout.flush()


def _captured(name: str, use: Sampled, certs: Certs) -> tuple[str, tuple[Exchange, ...]]:
    """Run one client, with a MinIO and a gateway of its own; what went through is read from mitmdump's flow file."""
    client = name.partition("-")[0]
    known = {
        "name": client,
        "access_key_id": f"{client.upper()}KEY",
        "secret_access_key": f"{client}-secret-of-the-lab",
        "buckets": ["*"],
    }
    with tempfile.TemporaryDirectory() as folder, Minio(certs) as minio:
        minio.client().create_bucket(Bucket=BUCKET)
        flows = Path(folder) / "flows"
        config = gateway_config(minio, clients=[known], encryption=_RULES, certificate=certs.gateway)
        with Gateway(config, arguments=["-w", str(flows)]) as gateway:
            said = use(gateway, known, certs.ca)
        return said, read(flows)


if __name__ == "__main__":
    sys.exit(unless_stopped("make_captures", main))
