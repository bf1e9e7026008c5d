"""scripts/soak --cluster in its short form, on four real servers; and how a run is judged."""

import json
import os
import re
import subprocess
from typing import Any

import pytest

from lab import CHECKOUT
from lab.minio import Minio
from soaking import __main__ as soak
from soaking.cluster import log
from soaking.cluster.faults import Event, Fault
from soaking.cluster.verdict import Counted, faults

NO_PART = 2


def test_four_servers(minio: Minio) -> None:
    """One is killed, one stands still, one is cut, and then the quorum is lost: no read fails, and nothing is lost."""
    command = [str(CHECKOUT / "scripts/soak"), "--cluster", "--short"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
    told = ended.stdout
    if ended.returncode == NO_PART and os.environ.get("CI") != "true":
        pytest.skip(ended.stderr.strip())
    assert ended.returncode == 0, told + ended.stderr
    assert re.findall(r"server \d is (\w+)", told) == ["killed", "stopped", "cut"]
    assert re.search(r"^requests of raw clients and boto3 +[0-9]{3}", told, re.MULTILINE)
    assert re.search(r"^reads that failed +0$", told, re.MULTILINE)
    assert re.search(r"^objects lost or wrong +0$", told, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--cluster", "--memory"], "--cluster: has its own clients, and no rows"),
        (["--cluster", "--clients", "3"], "--cluster: has its own clients, and no rows"),
        (["--cluster", "--short", "2"], "--short: has a duration of its own"),
        (["--cluster", "--rows", "bad-4m"], "--rows: is for --memory"),
    ],
)
def test_what_does_not_go_together(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        soak.main(arguments)
    assert told in capsys.readouterr().err


def counted(wire: int, *, reads: int = 0, visible: int = 0, wrong: dict[str, str] | None = None) -> Counted:
    return Counted(1000, wire, reads, visible, 100, wrong or {})


@pytest.mark.parametrize(
    ("ours", "theirs", "told"),
    [
        (counted(0), counted(0), []),
        (counted(2), counted(0), []),
        (counted(3), counted(7), ["3 requests failed on the wire, HAProxy's 7"]),
        (counted(5), counted(20), []),
        (counted(6), counted(20), ["6 requests failed on the wire, HAProxy's 20"]),
        (counted(0, reads=1), counted(90), ["1 reads failed"]),
        (counted(0, visible=1), counted(90), ["1 failures that a client's retries did not hide, or wrong bytes"]),
        (counted(0, wrong={"k": "lost"}), counted(90), ["1 objects lost or wrong: k lost"]),
    ],
)
def test_when_a_run_holds(ours: Counted, theirs: Counted, told: list[str]) -> None:
    assert list(faults({"gateway": ours, "HAProxy": theirs}, [1.9], 0, [])) == told


def test_a_server_that_is_left_too_late_fails_the_run() -> None:
    found = list(faults({"gateway": counted(0)}, [2.1, None], 1, ["without quorum it hung"]))
    assert found == [
        "a server that stood still was left after 2.10 s",
        "a server that stood still was left never",
        "1 requests were given to a server that stood still, after it had been left",
        "without quorum it hung",
    ]


EVENT = Event(Fault.STOPPED, "https://10.99.0.2:9002", 1_000_000_000.0, 1_000_000_008.0)


def line(second: float, **more: Any) -> dict[str, Any]:
    whole = int(second)
    return {"time": f"2001-09-09T01:46:{40 + whole:02d}.{round((second - whole) * 1000):03d}+00:00", **more}


def test_the_gateways_log() -> None:
    """When a server was left, what it was given later, and what failed there."""
    told = [
        line(0.5, endpoint=EVENT.endpoint, client="s3a", status=200),
        line(1.25, event=f"backend {EVENT.endpoint} is used no more while others are up: no answer"),
        line(
            1.5, endpoint=EVENT.endpoint, client="s3a", status=503, operation="PutObject", duration=0.25, fault="reset"
        ),
        line(2, endpoint="https://10.99.0.9:9001", client="s3a", status=200, fault="the client is gone"),
        line(3, event=f"backend {EVENT.endpoint} is down: no answer"),
        line(9, endpoint=EVENT.endpoint, client="other", status=503),
    ]
    assert log.left_after(told, EVENT) == 1.25
    assert log.left_after(told[:1], EVENT) is None
    assert log.given_later(told, EVENT, 1.25) == [told[2]]
    assert log.failed_at_gateway(told, "s3a") == 1
    (failure,) = log.failures(json.dumps(told[2]) + "\nnonsense\n")
    assert failure == f"01:46:41.500 s3a PutObject 503 at {EVENT.endpoint} after 0.25 s: reset"


def test_haproxys_log() -> None:
    """5xx, and what the server or HAProxy itself ended; not what a client did."""
    text = "s3a 200 -- GET\ns3a 200 SD GET\ns3a 503 SC PUT\ns3a -1 CR GET\nothers 503 SC PUT\ns3a 200 CD GET\n"
    assert log.failed_at_haproxy(text) == 2
