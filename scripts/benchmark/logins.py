"""`scripts/bench --logins`: what 50 logins a second by LDAP do to signed requests.

Small GETs run at half of the gateway's full rate, without and with the logins of 50 users of a real directory; what
counts is the slowest hundredth of them, and that none fails. Then both run as fast as they can.

The gateway has a core of its own, and what measures runs before what logs in: else the latencies would tell how these
wait for each other.
"""

import http.client
import multiprocessing
import os
import ssl
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final
from urllib.parse import urlencode

from benchmark.apart import Turn, cores, settle
from benchmark.cases import BUCKET, SMALL_KEY
from benchmark.load import Endpoint, Load
from benchmark.pace import Paced, percentile
from benchmark.signed import Keys, Signed
from lab.certs import Certs
from lab.gateway import SPARK_CLIENT, Gateway, gateway_config
from lab.nginx_fixed import NginxFixed
from lab.slapd import Person, Slapd, group_dn

USERS: Final = 50
PER_SECOND: Final = 50
_CONNECTIONS: Final = 16
_AT_ONCE: Final = 16
_PASSWORD: Final = "password-of-the-bench"  # noqa: S105 - of users who are made up
_GROUP: Final = "bench"
_NO_LIMIT: Final = 1_000_000
_OK: Final = 200
_SPAWN: Final = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway whose users log in, and a request that is signed for it."""

    gateway: Gateway
    certs: Certs
    request: Signed

    @property
    def endpoint(self) -> Endpoint:
        """For signed requests, over HTTP."""
        return Endpoint(self.gateway.url)


@contextmanager
def running(certs: Certs) -> Iterator[Running]:
    """Start a directory with 50 users, a backend of fixed answers, and the gateway."""
    people = tuple(Person(f"user{number}", _PASSWORD, groups=(_GROUP,)) for number in range(USERS))
    with ExitStack() as stack:
        own, others = stack.enter_context(cores())
        settle(others, Turn.MEASURED_WITH)
        directory = stack.enter_context(Slapd(certs, people=people))
        settle(others, Turn.MEASURES)
        backend = stack.enter_context(NginxFixed(certs))
        config = gateway_config(
            backend,
            certificate=certs.gateway,
            log={"format": "json"},
            limits={"request_rate": _NO_LIMIT},
            sts={"logins_per_address": _NO_LIMIT, "logins_per_user": _NO_LIMIT},
            ldap=directory.section(),
            roles=[{"name": "bench", "ldap_groups": [group_dn(_GROUP)], "buckets": [BUCKET]}],
        )
        settle(own, Turn.ANY)
        gateway = stack.enter_context(Gateway(config, ca_file=certs.ca))
        settle(others, Turn.MEASURES)
        keys = Keys(SPARK_CLIENT["access_key_id"], SPARK_CLIENT["secret_access_key"], f"127.0.0.1:{gateway.port}")
        yield Running(gateway, certs, keys.get(f"/{BUCKET}/{SMALL_KEY}"))


@contextmanager
def flood(ready: Running, per_second: float) -> Iterator[dict[str, Any]]:
    """Log in so often, in a process of its own, for as long as the block; then how it went is in what this gives."""
    told: dict[str, Any] = {}
    ours, theirs = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_log_in_on, args=(theirs, ready.gateway.port, str(ready.certs.ca), per_second))
    process.start()
    try:
        ours.recv()  # it has begun
        yield told
        ours.send("enough")
        told.update(ours.recv())
    finally:
        process.kill()
        process.join()


def _log_in_on(pipe: Connection, port: int, ca_file: str, per_second: float) -> None:
    """Log in, each time over a connection of its own as an SDK does, until something comes over the pipe."""
    settle(os.sched_getaffinity(0), Turn.MEASURED_WITH)
    context = ssl.create_default_context(cafile=ca_file)
    latencies: list[float] = []
    failures: list[str] = []

    def log_in(number: int) -> None:
        form = {"Action": "AssumeRoleWithLDAPIdentity", "Version": "2011-06-15",
                "LDAPUsername": f"user{number % USERS}", "LDAPPassword": _PASSWORD}  # fmt: skip
        began = time.perf_counter()
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=context)
        try:
            connection.request("POST", "/", urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"})
            answer = connection.getresponse()
            answer.read()
        except OSError as error:
            failures.append(str(error))
            return
        finally:
            connection.close()
        if answer.status == _OK:
            latencies.append(time.perf_counter() - began)
        else:
            failures.append(f"status {answer.status}")

    log_in(0)
    pipe.send("begun")
    began, number, room = time.perf_counter(), 0, threading.Semaphore(2 * _AT_ONCE)

    def one(number: int) -> None:
        try:
            log_in(number)
        finally:
            room.release()

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        while not pipe.poll(max(0.0, began + number / per_second - time.perf_counter())):
            room.acquire()
            pool.submit(one, number)
            number += 1
    seconds = time.perf_counter() - began
    pipe.send({"logins": len(latencies), "failures": failures, "per_second": len(latencies) / seconds,
               "p50_ms": 1000 * percentile(latencies, 0.5)})  # fmt: skip


def measure(ready: Running, rounds: int, seconds: float) -> dict[str, Any]:
    """All of it, the two kinds of measurement in turns."""
    full = [_full(ready, seconds) for _ in range(rounds)]
    rate = statistics.median(full) / 2
    latencies: list[list[list[float]]] = [[], []]
    failures: list[str] = []
    logins: list[dict[str, Any]] = []
    for number in range(rounds):
        for at in (0, 1) if number % 2 == 0 else (1, 0):
            with ExitStack() as stack:
                if at:
                    logins.append(stack.enter_context(flood(ready, PER_SECOND)))
                paced = stack.enter_context(Paced(ready.endpoint, [ready.request] * _CONNECTIONS))
                paced.run(rate, 0.3)
                found, failed = paced.run(rate, 5 * seconds)
                latencies[at].append(found)
                failures += failed
    p50, p99 = (
        [statistics.median(1000 * percentile(found, share) for found in each) for each in latencies]
        for share in (0.5, 0.99)
    )
    with flood(ready, PER_SECOND) as told:
        loaded = [_full(ready, seconds) for _ in range(rounds)]
    logins.append(told)
    return {
        "full_per_second": statistics.median(full),
        "rate": rate,
        "requests": sum(len(found) for each in latencies for found in each),
        "failures": failures,
        "p50_ms": p50,
        "p99_ms": p99,
        "p99_ratio": p99[1] / p99[0],
        "logins": sum(one["logins"] for one in logins),
        "login_failures": [why for one in logins for why in one["failures"]],
        "logins_per_second": statistics.median(one["per_second"] for one in logins[:-1]),
        "login_p50_ms": statistics.median(one["p50_ms"] for one in logins[:-1]),
        "full_with_logins_per_second": statistics.median(loaded),
        "logins_per_second_at_full_load": told["per_second"],
    }


def _full(ready: Running, seconds: float) -> float:
    with Load(ready.endpoint, [ready.request] * _CONNECTIONS) as load:
        load.run(0.3)
        count, wall = load.run(seconds)
    return count / wall


def run(certs: Certs, *, rounds: int, seconds: float) -> dict[str, Any]:
    """Start everything, and measure."""
    with running(certs) as ready:
        return measure(ready, rounds, seconds)


def lines(found: dict[str, Any]) -> Sequence[str]:
    """The figures for people."""
    (p50, p50_with), (p99, p99_with) = found["p50_ms"], found["p99_ms"]
    full, loaded = found["full_per_second"], found["full_with_logins_per_second"]
    loss = 1 - loaded / full
    beside = f"{found['logins_per_second']:.0f} logins a second of {USERS} users"
    took = f"half of them took {found['login_p50_ms']:.0f} ms at most"
    beside_full = f"{found['logins_per_second_at_full_load']:.0f} logins"
    return (
        f"GET 1 KiB at {found['rate']:.0f} a second, half of the full rate, beside {beside}:",
        f"  p50             {p50_with:8.2f} ms, without logins {p50:.2f} ms",
        f"  p99             {p99_with:8.2f} ms, without logins {p99:.2f} ms   ratio {found['p99_ratio']:.2f}",
        f"  {found['requests']} requests, {len(found['failures'])} failed",
        *dict.fromkeys(found["failures"]),
        f"  {found['logins']} logins, {len(found['login_failures'])} failed; {took}",
        *dict.fromkeys(found["login_failures"]),
        f"as fast as it can: {loaded:.0f} a second beside {beside_full}, {full:.0f} without: {loss:.0%} less",
    )
