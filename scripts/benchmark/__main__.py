"""What the gateway costs: CPU time and speed, measured in one run beside what it is compared with.

The columns are the backend itself, a bare mitmdump, this gateway, and on request the gateway of another checkout, both
with a flow file (-w), and other S3 gateways. They are measured in turns, so their ratios mean something on a noisy
machine, and single figures do not. One line is CPU time (of all processes of that server) for each request, or for each
MB of a large one; the next is the speed with all connections busy.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmark import jobs, logins, measure, report, workers
from benchmark.cases import CASES, NAMES, rows
from benchmark.processes import peak_mib, reset_peak
from benchmark.shares import shares
from benchmark.targets import DIRECT, OTHER, SEVERAL, THIS, Field, Target, Wanted, running
from commandline import Parser, UsageError, checkout, count, duration, output_file, unless_stopped, writing
from lab import MissingPartError
from lab.certs import make_certs
from lab.peers import PEERS
from lab.process import ProcessError

_CASES_TEXT: Final = "\n".join(f"  {case.name:4} {case.title}" for case in CASES)
_UPLOADS: Final = 16  # at once, for the memory figure


def _case_names(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is no case; give any of {','.join(NAMES)}")
    return names


def _connections(text: str) -> list[int]:
    return list(dict.fromkeys(count(part) for part in text.split(",")))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    epilog = f"cases:\n{_CASES_TEXT}\n  W8   W1 with one connection"
    parser = Parser("bench", __doc__, epilog=epilog)
    parser.add_argument("--quick", action="store_true", help="short measurements and one round, for a look")
    parser.add_argument("--rounds", type=count, metavar="N", help="rounds for each case; the median counts (default 5)")
    parser.add_argument("--seconds", type=duration, metavar="N", help="least time of one measurement (default 1)")
    parser.add_argument("--cases", type=_case_names, metavar="W1,W3", help="only these cases (default: all)")
    parser.add_argument(
        "--connections", type=_connections, default=[16, 1], metavar="N,N", help="connections at once (default 16,1)"
    )
    parser.add_argument("--tls", action="store_true", help="clients use TLS (default: plain HTTP)")
    parser.add_argument(
        "--backend", choices=("minio", "fixed"), default="minio",
        help="fixed: a small server that answers the same bytes each time, so that the gateway's speed is visible"
        " where MinIO would take most of the machine",
    )  # fmt: skip
    parser.add_argument(
        "--endpoints", type=count, metavar="N",
        help="also this gateway with N endpoints to choose from, which are ports of the fixed backend",
    )  # fmt: skip
    parser.add_argument("--against", type=checkout, metavar="FOLDER", help="also the gateway of another checkout")
    parser.add_argument("--watched", action="store_true", help="also with -w FILE, where mitmdump writes each flow")
    parser.add_argument(
        "--observed", action="store_true", help="also with health and metrics, and with an audit log besides"
    )
    parser.add_argument(
        "--sessions", action="store_true", help="also this gateway asked with the keys of a session that it has given"
    )
    parser.add_argument("--peer", action="append", choices=PEERS, default=[], help="also this one (may be repeated)")
    parser.add_argument("--no-bare", action="store_true", help="leave out the direct connection and the bare mitmdump")
    parser.add_argument("--no-memory", action="store_true", help="leave out 16 uploads of 256 MiB at once")
    parser.add_argument("--spark", action="store_true", help="also time two Spark 3.5 jobs (about ten minutes)")
    parser.add_argument(
        "--workers",
        action="store_true",
        help="instead of all that: two workers of scripts/serve against one, 20 rolling restarts under load, and an end"
        " during an upload of 1 GiB (3 minutes)",
    )
    parser.add_argument(
        "--logins",
        action="store_true",
        help="instead of all that: small requests at half of the full rate beside 50 logins a second of 50 users of a"
        " directory (2 minutes)",
    )
    parser.add_argument("--json", type=output_file, metavar="FILE", help="write the figures to FILE as well")
    options = parser.parse_args(arguments)
    if options.spark and options.backend != "minio":
        parser.error("--spark: needs a backend that stores; leave out --backend fixed")
    if options.spark and options.no_bare:
        parser.error("--spark: compares with the direct connection; leave out --no-bare")
    if options.endpoints and options.backend != "fixed":
        parser.error("--endpoints: are ports of the fixed backend; add --backend fixed")
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.seconds = options.seconds or (0.3 if options.quick else 1.0)
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status, which is 1 when a gateway's request failed."""
    options = _options(arguments)
    try:
        if options.logins:
            result, failed = _measured_logins(options)
        else:
            result, failed = _measured_workers(options) if options.workers else _measured(options)
        if options.json:
            with writing(options.json):
                options.json.write_text(json.dumps(result, indent=1), encoding="utf-8")
    except (MissingPartError, ProcessError, UsageError) as error:
        sys.stderr.write(f"bench: {error}\n")
        return 2
    return 1 if failed else 0


def _measured_workers(options: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    with tempfile.TemporaryDirectory(prefix="s3gw-bench-") as folder:
        certs, _ = make_certs(Path(folder))
        result = workers.run(certs, rounds=options.rounds, seconds=options.seconds, quick=options.quick)
    print("\n".join(workers.lines(result)), flush=True)
    return result, bool(result["restarts"]["failures"] or result["drain"]["failures"])


def _measured_logins(options: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    with tempfile.TemporaryDirectory(prefix="s3gw-bench-") as folder:
        certs, _ = make_certs(Path(folder))
        result = logins.run(certs, rounds=options.rounds, seconds=options.seconds)
    print("\n".join(logins.lines(result)), flush=True)
    return result, bool(result["failures"] or result["login_failures"])


def _measured(options: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    wanted = Wanted(
        options.against,
        options.watched,
        options.observed,
        options.sessions,
        options.tls,
        not options.no_bare,
        options.backend == "fixed",
        options.endpoints or 0,
        list(dict.fromkeys(options.peer)),
    )
    with running(wanted) as ready:
        targets = ready.targets
        names = [target.name for target in targets]
        front = "TLS" if options.tls else "HTTP"
        about = f"front: {front}; backend: {ready.backend}; {os.cpu_count()} cores; {options.rounds} rounds"
        print("\n".join([about, *_notes(ready, options.against), "", report.headings(names)]), flush=True)
        for target in targets:
            reset_peak(target.pids)
        result: dict[str, Any] = {"front": front, "backend": ready.backend, "notes": ready.notes, "rows": []}
        failed = _run_cases(options, targets, result)
        peaks = {target.name: peak_mib(target.pids) for target in targets if target.name != DIRECT}
        result["peak_rss_mib"] = peaks
        print(report.memory(peaks, names), flush=True)
        for target in targets:
            if target.name == SEVERAL and target.log is not None:
                result["shares"] = shares(target.log)
                print(report.spread(result["shares"]), flush=True)
        gateways = [target for target in targets if target.name in {THIS, OTHER}]
        if not options.no_memory:
            result["uploads_at_once_mib"] = _memory(gateways, 64 if options.quick else 256)
        if options.spark:
            plain = [target for target in targets if " " not in target.name and target.name not in PEERS]
            result["spark"] = _spark(plain, 1 if options.quick else 3)
    return result, failed


def _notes(ready: Field, against: Path | None) -> list[str]:
    return [*([f"other: {against}"] if against else []), *ready.notes]


def _run_cases(options: argparse.Namespace, targets: Sequence[Target], result: dict[str, Any]) -> bool:
    """Print each row as it is measured; whether a gateway of ours failed in one."""
    names = [target.name for target in targets]
    work = rows(options.cases or list(NAMES[:-1]), options.connections)
    failed = False
    for row, samples in measure.run(targets, work, options.rounds, options.seconds):
        figures = report.figures(row, samples)
        result["rows"].append(report.as_json(figures))
        print(report.lines(figures, names), flush=True)
        for name, failure in figures.failures.items():
            print(f"     {name} fails: {failure}", flush=True)
            failed = failed or name.partition(" ")[0] in {THIS, OTHER, SEVERAL}
    return failed


def _memory(gateways: Sequence[Target], mebibytes: int) -> dict[str, float]:
    peaks = {target.name: measure.peak_memory(target, _UPLOADS, mebibytes) for target in gateways}
    told = ", ".join(f"{name} {peak:.0f} MiB" for name, peak in peaks.items())
    print(f"peak of resident memory, {_UPLOADS} uploads of {mebibytes} MiB at once: {told}", flush=True)
    return peaks


def _spark(targets: Sequence[Target], rounds: int) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for job, seconds in jobs.run(targets, rounds):
        ratios = {name: value / seconds[DIRECT] for name, value in seconds.items()}
        result[job] = {"seconds": seconds, "ratios": ratios}
        told = ", ".join(f"{name} {value:.1f} s ({ratios[name]:.2f})" for name, value in seconds.items())
        print(f"Spark 3.5, {job}: {told}", flush=True)
    return result


if __name__ == "__main__":
    sys.exit(unless_stopped("bench", main))
