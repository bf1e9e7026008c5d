"""lab.process: ready when it returns, gone when we are."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lab.ports import accepts, free_port
from lab.process import Command, ProcessError, start
from tests.real.waiting import eventually

_SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def _python(code: str, log: Path) -> Command:
    return Command("child", [sys.executable, "-c", code], log)


def _alive(pid: int) -> bool:
    """Whether it runs; one that has died and waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_child_that_ends_early_is_reported_with_its_output(tmp_path: Path) -> None:
    with pytest.raises(ProcessError, match=r"status 3 before it was ready(?s:.*)no such bucket"):
        start(_python("print('no such bucket'); raise SystemExit(3)", tmp_path / "log"), lambda: False)


def test_a_child_that_is_never_ready_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(ProcessError, match=r"not ready after 0\.3 s"):
        start(_python("import time; time.sleep(60)", tmp_path / "log"), lambda: False, seconds=0.3)


def test_stop_ends_the_whole_group(tmp_path: Path) -> None:
    """The child deafens itself to SIGTERM and has a child of its own; both go."""
    log = tmp_path / "log"
    code = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"
    )
    process = start(_python(code, log), lambda: log.read_text().endswith("\n"))
    grandchild = int(process.log())
    process.stop(seconds=0.2)
    assert not process.running
    assert process.returncode == -signal.SIGKILL
    eventually(lambda: not _alive(grandchild))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_no_child_outlives_us_even_when_we_are_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = (
        "import os, signal, sys; from pathlib import Path; from lab.process import Command, start;"
        f"log = Path({str(log)!r});"
        "child = 'import os, time; print(os.getpid(), flush=True); time.sleep(60)';"
        "start(Command('c', [sys.executable, '-c', child], log),"
        " lambda: log.read_text().endswith('\\n'));"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(_SCRIPTS)}, check=False)
    child = int(log.read_text())
    eventually(lambda: not _alive(child))


def test_a_free_port_is_given_once_and_nothing_listens_there() -> None:
    ports = {free_port() for _ in range(20)}
    assert len(ports) == 20
    assert not any(accepts(port) for port in ports)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has abstract sockets")
def test_a_port_that_another_process_was_given_is_not_given_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while nothing listens on it yet."""
    script = "from lab.ports import free_port; print(free_port(), flush=True); input()"
    environment = os.environ | {"PYTHONPATH": str(_SCRIPTS)}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as other:
        assert other.stdout is not None
        theirs = int(other.stdout.readline())
        monkeypatch.setattr("lab.ports._RANGE", range(theirs, theirs + 1))
        with pytest.raises(OSError, match="no free TCP port"):
            free_port()
        other.communicate("\n")
    assert free_port() == theirs
