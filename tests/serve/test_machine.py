"""How many workers there are by default: what a process may use, and not what the machine has."""

import os
import subprocess
import sys

import pytest

from lab import CHECKOUT
from lab.quota import held_to
from s3gateway.serve import machine

TELL = "import sys; from s3gateway.serve import machine; sys.stdin.readline(); print(machine.cores())"


def test_those_that_it_may_run_on() -> None:
    """As `taskset` and a container's CPU set leave them."""
    allowed = os.sched_getaffinity(0)
    assert 1 <= machine.cores() <= len(allowed)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert machine.cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_a_quota_counts() -> None:
    """As a container's limit sets it: less than one processor is one worker."""
    env = os.environ | {"PYTHONPATH": str(CHECKOUT / "addons")}
    command = [sys.executable, "-c", TELL]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as asked:
        with held_to(0.4, [asked.pid]) as is_held:
            told, _ = asked.communicate("now\n", timeout=60)
        if not is_held:
            pytest.skip("no cgroup quota can be set here: run as root, with a writable cgroup hierarchy")
    assert told == "1\n"
