"""`scripts/bench`: direct to MinIO, through a bare mitmdump in the same mode, and through the gateway, in one run."""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmark import jobs, measure
from benchmark.client import Target
from benchmark.measure import GIB, KIB, LARGE, MIB, Case, Samples
from commandline import Parser, UsageError, count, output_file, unless_stopped, writing
from lab import MissingPartError
from lab.certs import make_certs
from lab.gateway import Gateway, gateway_config
from lab.minio import Minio
from lab.ports import accepts, free_port
from lab.process import Command, start

_HEADINGS = (
    f"{'':26}{'wall ms per operation':>32}  {'speed':>7} {'CPU ms':>21} {'addon CPU':>17} {'CPU s per GiB':>17}\n"
    f"{'':26}{'direct':>10} {'mitmdump':>10} {'gateway':>10}  {'to bare':>7} {'mitmdump':>10} {'gateway':>10} "
    f"{'ms':>8} {'ms/MB':>8} {'mitmdump':>8} {'gateway':>8}"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One case: milliseconds of wall and CPU time per operation by target, and the ratios to bare mitmdump."""

    case: str
    wall_ms: dict[str, float]
    cpu_ms: dict[str, float]
    wall_ratio: float
    added_cpu_ms: float
    added_cpu_ms_per_mb: float | None
    cpu_seconds_per_gib: dict[str, float] | None


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser("bench", __doc__)
    parser.add_argument("--quick", action="store_true", help="fewer operations, for a look (about a minute)")
    parser.add_argument(
        "--rounds", type=count, default=5, metavar="N", help="rounds per case; the median counts (default 5)"
    )
    parser.add_argument("--no-memory", action="store_true", help="leave out 16 uploads of 256 MiB at once")
    parser.add_argument("--spark", action="store_true", help="also time two Spark 3.5 jobs (about ten minutes)")
    parser.add_argument("--json", type=output_file, metavar="FILE", help="write the figures to FILE as well")
    return parser.parse_args(arguments)


@contextmanager
def _targets() -> Iterator[list[Target]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="s3gw-bench-")))
        certs, _ = make_certs(folder / "certs")
        minio = stack.enter_context(Minio(certs))
        objects = minio.client()
        objects.create_bucket(Bucket="bench")
        objects.put_object(Bucket="bench", Key="1k", Body=os.urandom(KIB))
        objects.put_object(Bucket="bench", Key="64m", Body=os.urandom(LARGE))
        port = free_port()
        arguments = [
            str(Path(sys.executable).with_name("mitmdump")), "--mode", f"reverse:{minio.endpoint}",
            "--listen-host", "127.0.0.1", "--listen-port", str(port), "--set", "keep_host_header=true",
            "--set", "connection_strategy=lazy", "--set", "http2=false", "--set", "stream_large_bodies=1",
            "--set", f"ssl_verify_upstream_trusted_ca={certs.ca}", "--set", "flow_detail=0",
            "--set", "termlog_verbosity=warn", "--set", f"confdir={folder / 'confdir'}",
        ]  # fmt: skip
        bare = start(Command("mitmdump", arguments, folder / "mitmdump.log"), ready=lambda: accepts(port))
        stack.callback(bare.stop)
        config = gateway_config(minio, log={"format": "json"})
        gateway = stack.enter_context(Gateway(config))
        client = config["clients"][0]
        keys = minio.access_key, minio.secret_key
        yield [
            Target("direct", minio.endpoint, *keys, certs.ca, minio.pid),
            Target("mitmdump", f"http://127.0.0.1:{port}", *keys, None, bare.pid),
            Target("gateway", gateway.url, client["access_key_id"], client["secret_access_key"], None, gateway.pid),
        ]


def _row(case: Case, samples: dict[str, Samples]) -> Row:
    bare, gateway = samples["mitmdump"], samples["gateway"]
    added = (gateway.cpu_median - bare.cpu_median) * 1000
    proxies = {name: sample for name, sample in samples.items() if name != "direct"}
    large = case.megabytes >= 1
    return Row(
        case.name,
        {name: sample.wall_median * 1000 for name, sample in samples.items()},
        {name: sample.cpu_median * 1000 for name, sample in proxies.items()},
        bare.wall_median / gateway.wall_median,
        added,
        added / case.megabytes if large else None,
        {name: sample.cpu_median / case.megabytes * GIB / 1e6 for name, sample in proxies.items()} if large else None,
    )


def _print_row(row: Row) -> None:
    walls = " ".join(f"{row.wall_ms[name]:10.2f}" for name in ("direct", "mitmdump", "gateway"))
    cpus = " ".join(f"{row.cpu_ms[name]:10.2f}" for name in ("mitmdump", "gateway"))
    large = ""
    if row.added_cpu_ms_per_mb is not None and row.cpu_seconds_per_gib is not None:
        gibs = " ".join(f"{row.cpu_seconds_per_gib[name]:8.2f}" for name in ("mitmdump", "gateway"))
        large = f"{row.added_cpu_ms_per_mb:+8.2f} {gibs}"
    print(f"{row.case:26}{walls}  {row.wall_ratio:7.0%} {cpus} {row.added_cpu_ms:+8.3f} {large}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status."""
    options = _options(arguments)
    try:
        result = _measured(options)
        if options.json:
            with writing(options.json):
                options.json.write_text(json.dumps(result, indent=1), encoding="utf-8")
    except (MissingPartError, UsageError) as error:
        sys.stderr.write(f"bench: {error}\n")
        return 2
    return 0


def _measured(options: argparse.Namespace) -> dict[str, Any]:
    result: dict[str, Any] = {}
    with _targets() as targets:
        print(_HEADINGS)
        rows = []
        for case, samples in measure.run(targets, measure.cases(quick=options.quick), options.rounds):
            rows.append(_row(case, samples))
            _print_row(rows[-1])
        result["rows"] = [asdict(row) for row in rows]
        if not options.no_memory:
            each = 64 if options.quick else 256
            peak = measure.peak_memory(targets[2], 16, each * MIB)
            result["peak_memory_mb"] = peak
            print(f"peak memory of the gateway, 16 uploads of {each} MiB at once: {peak:.0f} MB")
        if options.spark:
            result["spark"] = {}
            for job, seconds in jobs.run(targets, 1 if options.quick else 3):
                ratios = {name: value / seconds["direct"] for name, value in seconds.items()}
                result["spark"][job] = {"seconds": seconds, "ratios": ratios}
                told = ", ".join(f"{name} {value:.1f} s ({ratios[name]:.2f})" for name, value in seconds.items())
                print(f"Spark 3.5, {job}: {told}", flush=True)
    return result


if __name__ == "__main__":
    sys.exit(unless_stopped("bench", main))
