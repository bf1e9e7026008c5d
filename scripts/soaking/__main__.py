"""A gateway before MinIO under everything at once, for minutes or hours; then what was promised is counted.

Clients upload as Spark does (signed 128 KiB chunks over HTTP, some in HTTP chunks, some with a signed trailer), as
boto3 does over TLS (unsigned trailer), and in parts; they download, forge requests of eleven kinds, and leave in the
middle of uploads and downloads, with FIN and RST. Meanwhile MinIO is killed (SIGKILL) and started again on the same
data, and the gateway's configuration is rewritten, sometimes into a broken one.

At the end every object is read back directly from MinIO. Exit status 0 says: no acknowledged object was lost or fell
back to an older one, nothing refused or cut is there, nothing is half-written, every answer was the one that is due, no
download was torn, and neither the gateway's memory nor its open file descriptors grew.

With --memory it is another run: rows of one kind of traffic each, from small requests to uploads with a bad chunk, in
front of a backend that answers fixed bytes. A row holds when the gateway's memory at the end is within 15 MiB of what
it was after the first tenth, and when its peak stays within 64 MiB of the start, or within twice the chunks in flight
where these are more. With --huge the rows are uploads of 5 GiB, in each mode. Exit status 1 says that a row does not
hold.

With --cluster it is a third: four MinIO servers as one cluster, of which every 20 seconds one is killed, stands still
or is cut off (RST), and comes back, for five minutes. boto3, S3A and raw clients write and read through the
gateway, and beside it the same through HAProxy. Exit status 0 says: no read failed, no object is lost or wrong, the
clients' own retries hid the rest, not more requests failed on the wire than a quarter of HAProxy's, or two; who stood
still was left within two seconds, and a cluster without quorum is refused at once.
"""

import argparse
import random
import secrets
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Final

from commandline import Parser, checkout, count, duration, unless_stopped
from lab import CHECKOUT, MissingPartError
from soaking import memory
from soaking.cluster import run as cluster
from soaking.figures import MIB, Watch
from soaking.ledger import Finding, Ledger, Outcome
from soaking.memory_rows import HUGE, ROWS
from soaking.reckoning import WARM, Reckoning, at_rest, reckon, slack
from soaking.site import Site, every, running_site
from soaking.traffic import LOST_CREATION, Client, Tally

_WARM_UP: Final = 0.15  # of the time, or a minute: what an idle gateway grows by when work begins is no leak
_CRASH_EVERY: Final = 20.0
_RELOAD_EVERY: Final = 4.0
_ROW_NAMES: Final = tuple(row.name for row in ROWS)
_HUGE_NAMES: Final = tuple(row.name for row in HUGE)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser("soak", __doc__)
    parser.add_argument("minutes", type=duration, nargs="?", help="how long the traffic lasts (default 1)")
    parser.add_argument("--seconds", type=duration, metavar="N", help="the same in seconds")
    parser.add_argument("--clients", type=count, metavar="N", help="clients at once (default 6; with --memory 16)")
    parser.add_argument(
        "--seed", type=int, metavar="N", help="repeat the choices of another run; timing stays the machine's"
    )
    parser.add_argument("--memory", action="store_true", help="measure memory, row by row (about ten minutes)")
    parser.add_argument(
        "--short", action="store_true", help="with --memory or --cluster: less of it, in about a minute"
    )
    parser.add_argument("--huge", action="store_true", help="with --memory: 5 GiB at once, in each mode (six minutes)")
    parser.add_argument(
        "--rows", type=_rows, metavar="NAME,NAME", help=f"with --memory: only these of {', '.join(_ROW_NAMES)}"
    )
    parser.add_argument(
        "--checkout", type=checkout, metavar="FOLDER", help="with --memory: the gateway of another checkout"
    )
    parser.add_argument("--cluster", action="store_true", help="run before a cluster of four (default 5 minutes)")
    options = parser.parse_args(arguments)
    if options.cluster and (options.memory or options.clients):
        parser.error("--cluster: has its own clients, and no rows; leave out --memory and --clients")
    if options.cluster and options.short and (options.minutes or options.seconds):
        parser.error("--short: has a duration of its own; leave out minutes and --seconds")
    if options.minutes and options.seconds:
        parser.error("--seconds: minutes are given as well; leave out one of them")
    if options.memory and (options.minutes or options.seconds or options.seed is not None):
        parser.error("--memory: has no duration and no choices; leave out minutes, --seconds and --seed")
    if not options.memory:
        for name in ("rows", "huge", "checkout", *(() if options.cluster else ("short",))):
            if getattr(options, name):
                parser.error(f"--{name}: is for --memory; give that as well")
    if options.huge and options.rows:
        parser.error("--rows: --huge has rows of its own; leave out one of them")
    options.clients = options.clients or (1 if options.huge else 16 if options.memory else 6)
    return options


def _rows(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in _ROW_NAMES]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is no row; give any of {','.join(_ROW_NAMES)}")
    return names


class _Soak:
    """One run: its threads, its books, and the progress line."""

    def __init__(self, site: Site, seed: int, clients: int, seconds: float) -> None:
        self._site = site
        self._seconds = seconds
        self._stop = threading.Event()
        self._chance = random.Random(seed)  # noqa: S311 - choices that can be repeated, not secrets
        self.ledger = Ledger()
        self.tally = Tally()
        workers = [Client(site, self.ledger, self.tally, self._dice()) for _ in range(clients)]
        targets = [*(lambda c=client: c.run(self._stop) for client in workers), self._crashes, self._reloads]
        self._threads = [threading.Thread(target=self._guarded, args=(target,), daemon=True) for target in targets]

    def run(self) -> tuple[Watch, Watch]:
        """Let all of it run; return what was seen of gateway and backend."""
        with Watch(lambda: self._site.gateway.pid) as gateway, Watch(lambda: self._site.minio.pid) as backend:
            for thread in self._threads:
                thread.start()
            began = time.monotonic()
            step = max(2.0, min(10.0, self._seconds / 10))
            while (left := began + self._seconds - time.monotonic()) > 0 and not self._stop.wait(min(step, left)):
                print(self._progress(time.monotonic() - began, gateway), flush=True)
            self._stop.set()
            for thread in self._threads:
                thread.join()
        return gateway, backend

    def _dice(self) -> random.Random:
        return random.Random(self._chance.random())  # noqa: S311 - as above

    def _guarded(self, target: Callable[[], None]) -> None:
        try:
            target()
        except Exception as error:  # noqa: BLE001 - a soak that lost a thread has measured nothing
            self.tally.fault(f"the soak itself failed: {type(error).__name__}: {error}")
            self._stop.set()

    def _crashes(self) -> None:
        chance = self._dice()
        for _ in every(min(_CRASH_EVERY, self._seconds / 4), self._stop, chance):
            self._site.crash(chance.uniform(0, 2))

    def _reloads(self) -> None:
        chance = self._dice()
        for _ in every(_RELOAD_EVERY, self._stop, chance):
            self._site.reload(chance)

    def _progress(self, at: float, gateway: Watch) -> str:
        done, total = self.tally.done, self.ledger.total
        seen = gateway.samples[-1] if gateway.samples else None
        held = f"{seen.memory / MIB:.0f} MiB, {seen.descriptors} descriptors" if seen else "-"
        return (
            f"{int(at) // 60:4d}:{int(at) % 60:02d}  acknowledged {total(Outcome.ACKNOWLEDGED):6d}  "
            f"refused {done['refusal']:5d}  cut {done['upload cut'] + done['download cut']:5d}  "
            f"downloads {done['download']:5d}  crashes {len(self._site.outages):3d}  reloads {self._site.reloads:4d}  "
            f"faults {done['faults']:2d}  gateway {held}"
        )


def _tell(soak: _Soak, site: Site, result: Reckoning) -> None:
    done, total, log = soak.tally.done, soak.ledger.total, site.gateway.log()
    work = ", ".join(f"{name} {count}" for name, count in sorted(done.items()) if name not in _INNER)
    found = ", ".join(f"{finding.value} {len(result.findings[finding])}" for finding in Finding)
    acknowledged, unknown = total(Outcome.ACKNOWLEDGED), total(Outcome.UNKNOWN)
    taken, refused = log.count("configuration reloaded"), log.count("configuration not reloaded")
    memory, descriptors = result.memory, result.descriptors
    print(f"""
work         {work}
objects      {acknowledged} writes acknowledged and {unknown} of unknown end, in {len(soak.ledger.tried)} keys
found        {found}
never there  {total(Outcome.DEAD)} uploads that were cut or given up, {done["refusal"]} forgeries
downloads    {soak.ledger.reads} different contents, {len(result.torn_reads)} torn
parts        {result.leftovers} multipart uploads left, {result.unexplained} of them by clients that ended well
backend      {len(site.outages)} crashes, memory at most {result.backend_peak / MIB:.0f} MiB
reloads      {site.reloads} files written, {taken} taken, {refused} refused
memory       {memory.first / MIB:.1f} MiB (first third), {memory.last / MIB:.1f} (last), {memory.peak / MIB:.1f} (peak)
descriptors  {descriptors.first:.0f} (first third), {descriptors.last:.0f} (last), {descriptors.peak:.0f} (peak)
at rest      {result.rest[0]} descriptors before, {result.rest[1]} after""")
    for fault in result.faults:
        print(f"FAULT        {fault}")
    print("soak: " + ("FAILED" if result.faults else "passed: none lost, none half-written, no growth"))


_INNER: Final = ("faults", LOST_CREATION)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, count, tell."""
    options = _options(arguments)
    if options.memory:
        return _memory(options)
    seed = options.seed if options.seed is not None else secrets.randbelow(1 << 32)
    if options.cluster:
        return _cluster(options, seed)
    seconds = options.seconds or (options.minutes or 1) * 60
    print(f"soak: {seconds:g} s, {options.clients} clients, --seed {seed}", flush=True)
    with ExitStack() as stack:
        try:
            site = stack.enter_context(running_site())
        except MissingPartError as missing:
            print(f"soak: {missing}", file=sys.stderr)
            return 2
        soak = _Soak(site, seed, options.clients, seconds)
        before = at_rest(site.gateway.pid)
        gateway, backend = soak.run()
        warm_up = min(WARM, seconds * _WARM_UP)
        warm = [sample for sample in gateway.samples if sample.at > warm_up] or gateway.samples
        allowed = slack(options.clients, warm_up)
        result = reckon(site, soak.ledger, soak.tally, warm, backend.samples, before, allowed)
        _tell(soak, site, result)
    return 1 if result.faults else 0


def _cluster(options: argparse.Namespace, seed: int) -> int:
    """Run before a cluster; a short run has three faults, no HAProxy and no S3A."""
    seconds = options.seconds or (options.minutes or 5) * 60
    print(f"soak: a cluster, --seed {seed}", flush=True)
    return cluster.run(None if options.short else seconds, seed)


def _memory(options: argparse.Namespace) -> int:
    """Measure the rows that are asked for; say which of them do not hold."""
    try:
        results = memory.run(
            options.rows or (_HUGE_NAMES if options.huge else _ROW_NAMES),
            options.clients,
            options.checkout or CHECKOUT,
            short=options.short,
        )
    except MissingPartError as missing:
        print(f"soak: {missing}", file=sys.stderr)
        return 2
    broken = [result.row.name for result in results if result.faults]
    print(f"soak: FAILED: {', '.join(broken)}" if broken else "soak: passed: every row holds")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(unless_stopped("soak", main))
