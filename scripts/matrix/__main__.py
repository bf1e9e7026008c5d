"""Run real S3 clients straight to a backend and through the gateway, each case in each lane.

    scripts/clients                      the clients that need no download: about a minute
    scripts/clients --all --write        every client; what is done is kept, so that it can be taken up again
    scripts/clients --only rclone --again    one client anew
    scripts/clients --backend seaweedfs --all --write    the same before SeaweedFS, in place of MinIO
    scripts/clients --speed              64 MiB up and down, through the gateway against direct

Status 0: nothing fails through the gateway that does not fail directly, or the reason is known; 1: something does.
`--write` writes tests/clients/matrix.md and the golden captures in tests/captures/ from all that is kept; of SeaweedFS
tests/clients/seaweedfs.md alone.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from commandline import Parser, unless_stopped
from lab import MissingPartError
from lab.certs import make_certs
from matrix import goldens, results, speed
from matrix.behind import BACKENDS, MINIO, Behind
from matrix.catalogue import CLIENTS, Client
from matrix.results import Result
from matrix.sending import sent
from matrix.settings import effects
from matrix.stage import Stage, staged
from matrix.table import document, unexplained


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of `scripts/clients`."""
    parser = Parser("clients", __doc__)
    parser.add_argument("--all", action="store_true", help="every client")
    parser.add_argument("--only", type=_clients, metavar="NAME", help=f"a comma list of {', '.join(CLIENTS)}")
    parser.add_argument("--again", action="store_true", help="also those whose result is kept")
    parser.add_argument("--write", action="store_true", help="write tests/clients/matrix.md and tests/captures/")
    parser.add_argument("--backend", choices=BACKENDS, default=MINIO.name, help="default: minio")
    parser.add_argument("--speed", action="store_true", help="measure, in place of the cases")
    options = parser.parse_args(arguments)
    if options.speed and (options.all or options.write or options.again):
        given = next(name for name in ("all", "write", "again") if getattr(options, name))
        parser.error(f"--{given}: is not for --speed; name clients with --only")
    chosen = options.only or [client for client in CLIENTS.values() if client.short or options.all]
    if options.speed:
        chosen = options.only or [CLIENTS[name] for name in speed.CLIENTS if name in CLIENTS]
    behind = BACKENDS[options.backend]
    try:
        with tempfile.TemporaryDirectory(prefix="s3gw-clients-") as place:
            certs, _ = make_certs(Path(place) / "certs")
            with behind.start(certs) as server, staged(server, certs, Path(place), behind.lanes) as stage:
                if options.speed:
                    return speed.measure(stage, chosen)
                found = [_result(stage, one, behind, again=options.again) for one in chosen]
    except MissingPartError as missing:
        sys.stderr.write(f"clients: {missing}\n")
        return 1
    if options.write:
        kept = [results.load(behind.results, name) or _not_yet(CLIENTS[name], behind) for name in CLIENTS]
        behind.table.write_text(document(kept, behind), encoding="utf-8")
        if behind is MINIO:
            goldens.write_all(behind.results, CLIENTS)
    return int(any(unexplained(one, behind) for one in found))


def _not_yet(client: Client, behind: Behind) -> Result:
    return Result(client.name, client.version, "", problem=f"not yet; `{behind.command.format(client.name)}`")


def _clients(text: str) -> list[Client]:
    for name in text.split(","):
        if name not in CLIENTS:
            raise argparse.ArgumentTypeError(f"{name!r} is not known; give any of {', '.join(CLIENTS)}")
    return [CLIENTS[name] for name in text.split(",")]


def _result(stage: Stage, client: Client, behind: Behind, *, again: bool) -> Result:
    kept = results.load(behind.results, client.name)
    if kept and kept.version == client.version and not kept.problem and not again:
        _tell(kept, "kept", behind)
        return kept
    began = time.monotonic()
    result = run(stage, client, behind.results if behind is MINIO else None)
    results.save(behind.results, result)
    _tell(result, f"{time.monotonic() - began:.0f} s", behind)
    return result


def run(stage: Stage, client: Client, folder: Path | None) -> Result:
    """Install it, run every lane, keep its golden exchanges in `folder`, if there is one."""
    day = datetime.now(UTC).date().isoformat()
    try:
        installed = client.install()
    except MissingPartError as missing:
        return Result(client.name, client.version, day, problem=str(missing))
    ran = stage.run(client.name, installed)
    if folder is not None:
        goldens.keep(folder, client, ran.exchanges)
    fronts = {"HTTP": [one for one in ran.exchanges if not one.tls], "TLS": [one for one in ran.exchanges if one.tls]}
    looks = {front: sent(exchanges) for front, exchanges in fronts.items()}
    return Result(client.name, client.version, day, ran.lanes, looks, settings=effects(client.settings, ran.exchanges))


def _tell(result: Result, took: str, behind: Behind) -> None:
    name = f"{result.client} {result.version}"
    if result.problem:
        sys.stdout.write(f"{name:32} did not run: {result.problem}\n")
    else:
        counts = (f"{lane.name} {_count(result, lane.name)}" for lane in behind.lanes)
        sys.stdout.write(f"{name:32} {'  '.join(counts)}  ({took})\n")
    for lane, case, error in unexplained(result, behind):
        sys.stdout.write(f"    {lane} {case}: {error}\n")
    for case, error in result.failed("direct").items():
        sys.stdout.write(f"    direct, too: {case}: {error}\n")
    sys.stdout.flush()


def _count(result: Result, lane: str) -> str:
    cases = result.lanes.get(lane, ())
    return f"{sum(not case.error for case in cases)}/{len(cases)}"


if __name__ == "__main__":
    sys.exit(unless_stopped("clients", main))
