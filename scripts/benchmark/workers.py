"""`scripts/bench --workers`: what a second worker brings, what a rolling restart loses, and whether a drain waits.

For the first each worker is held to the same share of a processor, so that what is measured is how the work divides,
and not how many processors this machine has left.
"""

import signal
import statistics
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families

from benchmark.cases import BUCKET, SMALL_KEY, upload_of
from benchmark.lane import LoadError
from benchmark.load import Endpoint, Load
from benchmark.processes import cpu_seconds, family
from benchmark.signed import Keys, Mode
from lab.certs import Certs
from lab.fixed import Fixed
from lab.gateway import SPARK_CLIENT, gateway_config
from lab.nginx_fixed import NginxFixed
from lab.ports import free_port
from lab.quota import held_to
from lab.serving import Serving

SHARE: Final = 0.4
_CONNECTIONS: Final = 16
_PATIENCE: Final = 120.0


@dataclass(slots=True)
class _Field:
    """A gateway with some workers, and what asks it."""

    serving: Serving
    admin: int

    def load(self, connections: int, *, fresh: bool = False) -> Load:
        keys = Keys(SPARK_CLIENT["access_key_id"], SPARK_CLIENT["secret_access_key"], f"127.0.0.1:{self.serving.port}")
        requests = [keys.get(f"/{BUCKET}/{SMALL_KEY}")] * connections
        return Load(Endpoint(self.serving.url), requests, fresh=fresh)

    def by_worker(self) -> dict[str, float]:
        """Requests that each worker has answered."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=60) as page:
            families = text_string_to_metric_families(page.read().decode())
        samples = (sample for family in families for sample in family.samples)
        return {one.labels["worker"]: one.value for one in samples if one.name == "s3gateway_worker_requests_total"}


@contextmanager
def _running(certs: Certs, backend: NginxFixed | Fixed, workers: int) -> Iterator[_Field]:
    admin = free_port()
    config = gateway_config(
        backend,
        admin={"port": admin},
        log={"format": "json"},
        limits={"request_rate": 1_000_000},
        shutdown={"grace": 600},
    )
    with Serving(config, workers=workers, ca_file=certs.ca) as serving:
        yield _Field(serving, admin)


def ratio(certs: Certs, rounds: int, seconds: float) -> dict[str, Any]:
    """Measure two workers beside one, each held to `SHARE` of a processor."""
    with ExitStack() as stack:
        backend = stack.enter_context(NginxFixed(certs))
        fields = [stack.enter_context(_running(certs, backend, number)) for number in (1, 2)]
        is_held = all(stack.enter_context(held_to(SHARE, [pid])) for field in fields for pid in field.serving.pids())
        speeds: list[list[float]] = [[], []]
        costs: list[list[float]] = [[], []]
        shares: list[float] = []
        for number in range(rounds):
            for at in (0, 1) if number % 2 == 0 else (1, 0):
                speed, cost, share = _measure(fields[at], seconds)
                speeds[at].append(speed)
                costs[at].append(cost)
                shares += [share] if at else []
    return {
        "held_to": SHARE if is_held else None,
        "requests_per_second": [statistics.median(one) for one in speeds],
        "cpu_ms": [1000 * statistics.median(one) for one in costs],
        "speed_ratio": statistics.median(two / one for one, two in zip(*speeds, strict=True)),
        "cpu_ratio": statistics.median(two / one for one, two in zip(*costs, strict=True)),
        "share_of_the_first": statistics.median(shares),
    }


def _measure(field: _Field, seconds: float) -> tuple[float, float, float]:
    with field.load(_CONNECTIONS) as load:
        load.run(0.3)
        pids, before, requests = family(field.serving.pid), 0.0, field.by_worker()
        before = cpu_seconds(pids)
        count, wall = load.run(seconds)
        cpu = cpu_seconds(pids) - before
    counted = field.by_worker()
    served = [counted[name] - requests.get(name, 0) for name in sorted(counted)]
    return count / wall, cpu / count, served[0] / sum(served)


def restarts(certs: Certs, times: int) -> dict[str, Any]:
    """Replace all workers so many times under load; how many requests were answered, and what failed."""
    with NginxFixed(certs) as backend, _running(certs, backend, 2) as field:
        over = threading.Event()
        answered: list[int] = []
        failures: list[str] = []
        threads = [
            threading.Thread(target=_ask_on, args=(field.load(8, fresh=fresh), over, answered, failures))
            for fresh in (False, True)
        ]
        for thread in threads:
            thread.start()
        for number in range(times):
            field.serving.signal(signal.SIGUSR2)
            _until(lambda number=number: field.serving.log().count("restarted: ") > number)
        over.set()
        for thread in threads:
            thread.join()
    return {"restarts": times, "requests": sum(answered), "failures": failures}


def _ask_on(load: Load, over: threading.Event, answered: list[int], failures: list[str]) -> None:
    with load:
        while not over.is_set():
            try:
                answered.append(load.run(0.5)[0])
            except LoadError as error:
                failures.append(str(error))
                return


def drain(certs: Certs, mebibytes: int) -> dict[str, Any]:
    """End the gateway while such an upload runs; whether it was answered with 200, and the exit status."""
    with Fixed(certs) as backend, _running(certs, backend, 2) as field:
        keys = Keys(SPARK_CLIENT["access_key_id"], SPARK_CLIENT["secret_access_key"], f"127.0.0.1:{field.serving.port}")
        upload = keys.put(f"/{BUCKET}/large", upload_of(mebibytes), Mode.SIGNED_CHUNKS)
        failures: list[str] = []
        with Load(Endpoint(field.serving.url), [upload]) as load:
            thread = threading.Thread(target=_once, args=(load, failures))
            thread.start()
            time.sleep(0.2)
            field.serving.signal(signal.SIGTERM)
            status = field.serving.wait(_PATIENCE)
            thread.join()
        waited = "ending: waits at most" in field.serving.log()
    return {"mebibytes": mebibytes, "was_waited_for": waited, "failures": failures, "exit_status": status}


def _once(load: Load, failures: list[str]) -> None:
    try:
        load.run(0, 1)
    except LoadError as error:
        failures.append(str(error))


def _until(what: Any) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not what():
        if time.monotonic() > deadline:
            raise LoadError("the workers were not replaced")
        time.sleep(0.05)


def lines(found: dict[str, Any]) -> Sequence[str]:
    """The figures for people."""
    one, restarted, drained = found["ratio"], found["restarts"], found["drain"]
    held = (
        f"each held to {one['held_to']:g} of a processor" if one["held_to"] else "not held: quotas cannot be set here"
    )
    (speed1, speed2), (cpu1, cpu2) = one["requests_per_second"], one["cpu_ms"]
    failed = restarted["failures"]
    outcome = drained["failures"][0] if drained["failures"] else "the upload was answered with 200"
    return (
        f"two workers against one, GET 1 KiB, {held}:",
        f"  requests/s      {speed2:8.0f} {speed1:8.0f}   ratio {one['speed_ratio']:.2f}",
        f"  CPU ms/request  {cpu2:8.3f} {cpu1:8.3f}   ratio {one['cpu_ratio']:.2f}",
        f"  of two, the first has served {one['share_of_the_first']:.1%}",
        f"{restarted['restarts']} rolling restarts: {restarted['requests']} requests, {len(failed)} failed",
        *failed,
        f"SIGTERM in an upload of {drained['mebibytes']} MiB: {outcome}, exit status {drained['exit_status']}",
    )


def run(certs: Certs, *, rounds: int, seconds: float, quick: bool) -> dict[str, Any]:
    """All of it."""
    return {
        "ratio": ratio(certs, rounds, seconds),
        "restarts": restarts(certs, 1 if quick else 20),
        "drain": drain(certs, 128 if quick else 1024),
    }
