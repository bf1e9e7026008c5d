"""The README's recipes, pasted from top to bottom into a shell: MinIO, the gateway, Spark and clients as processes.

Only ports are others, and what would be downloaded comes from the cache: MinIO, mc, the AWS CLI, Spark and its jars.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import CHECKOUT, tools
from lab.cache import cache_dir
from lab.ports import free_port
from lab.spark import Spark
from matrix.installing import python
from tests.conftest import _have

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("spark")]  # one shell for all of them

README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
RUN_IT = README.partition("\n## Run it\n")[2].partition("\n## ")[0]
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
DOWNLOADS = ("$ python3 -m venv spark",)
ROWS = dict(re.findall(r"^\| (\d\.\d) \| `(org\.apache\.hadoop:hadoop-aws:[\d.]+)` \|", README, re.MULTILINE))


def section(title: str) -> str:
    """What stands under a heading of "Run it"; what stands before all of them is the empty one's."""
    parts = re.split(r"\n### (.*)\n", RUN_IT)
    return dict(zip(["", *parts[1::2]], parts[::2], strict=True))[title]


class Shell:
    """One shell in a checkout of its own, whose blocks run one after the other."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder = folder
        self.ports = {"8000": str(free_port()), "9000": str(free_port())}
        self._env = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(folder / "home"),
            "MINIO_CI_CD": "1",  # it stores on the disk that it starts from
            "SPARK_LOCAL_IP": "127.0.0.1",
        }
        self._started: list[subprocess.Popen[str]] = []

    def paste(self, block: str) -> str:
        """Run the commands of a block: `$ ` is the prompt; what a command leaves in the background stays."""
        wanted = [line for line in block.splitlines() if not line.startswith(DOWNLOADS)]
        lines = [line.removeprefix("$ ") for line in wanted]
        text = "\n".join(["set -eu", *lines, "export -p >.exported"])
        log = self.folder / "shell.log"
        with log.open("a+") as output:
            start = output.tell()
            shell = subprocess.Popen(
                ["bash", "-c", self.placed(text)], cwd=self.folder, env=self._env, stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, text=True, start_new_session=True,
            )  # fmt: skip
            self._started.append(shell)
            status = shell.wait(300)
            output.seek(start)
            said = output.read()
        assert status == 0, said
        exported = (self.folder / ".exported").read_text(encoding="utf-8")
        self._env |= dict(re.findall(r'^declare -x (\w+)="([^"]*)"$', exported, re.MULTILINE))
        return said

    def placed(self, text: str) -> str:
        """With this run's ports for 8000 and 9000."""
        for port, ours in self.ports.items():
            text = re.sub(rf"(127\.0\.0\.1:|port: ){port}\b", rf"\g<1>{ours}", text)
        return text

    def save(self, name: str, text: str) -> None:
        (self.folder / name).write_text(self.placed(text), encoding="utf-8")

    def stop(self) -> None:
        """End what runs in the background."""
        for shell in self._started:
            try:
                os.killpg(shell.pid, 15)
            except ProcessLookupError:
                continue


def _program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A checkout as git has it, its `.venv` ready, with the gateway of "Run it" running."""
    folder, programs = tmp_path_factory.mktemp("pasted"), tmp_path_factory.mktemp("programs")
    (programs / "minio").symlink_to(_have(tools.minio))
    (programs / "mc").symlink_to(_have(tools.mc))  # its own name is its folder's: ~/.mc
    aws = _have(python("awscli_driver.py", "awscli==1.46.2")).env["CLIENT_FOLDER"]
    start = "import sys; from awscli.clidriver import main; sys.exit(main())"
    _program(programs, "aws", f"PYTHONPATH={aws} exec {sys.executable} -c '{start}' \"$@\"")
    names = subprocess.run(["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    for name in names.splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, folder / name)
    (folder / "home").mkdir()
    (folder / ".venv").symlink_to(CHECKOUT / ".venv")
    pasted = Shell(folder, programs)
    try:
        for language, block in BLOCK.findall(section("").partition("In containers")[0]):
            if language == "yaml":
                pasted.save("gateway.yaml", block)
            else:
                pasted.paste(block)
        yield pasted
    finally:
        pasted.stop()


def test_run_it(shell: Shell) -> None:
    """It runs, and the bucket is there."""
    listed = shell.paste("$ mc alias set plain http://127.0.0.1:8000 SPARKKEY change-me >/dev/null && mc ls plain")
    assert "lake/" in listed


def test_clients(shell: Shell) -> None:
    """boto3, mc and the AWS CLI."""
    text = section("boto3, mc and the AWS CLI")
    recipe = next(block for language, block in BLOCK.findall(text) if language == "python")
    shell.save("put.py", recipe)
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in shell.paste("$ .venv/bin/python put.py")
    commands = next(block for language, block in BLOCK.findall(text) if language == "console")
    assert "hello.txt" in shell.paste(commands)


@pytest.mark.spark
@pytest.mark.parametrize(("line", "conf"), [("3.5", "spark-http.conf"), ("4.0", "spark-tls.conf")])
def test_spark(shell: Shell, line: str, conf: str, request: pytest.FixtureRequest) -> None:
    """Each recipe with one of the Sparks that the lab has, and the jars that the table gives it."""
    spark = request.getfixturevalue({"3.5": "spark35", "4.0": "spark4"}[line])
    assert isinstance(spark, Spark)
    said = spark_job(shell, spark, line, conf)
    assert "rows: 1000" in said


def spark_job(shell: Shell, spark: Spark, line: str, conf: str) -> str:
    """Paste the recipe, with the cached Spark in the place of one that is installed."""
    text = section("Spark")
    (job,) = [block for language, block in BLOCK.findall(text) if language == "python"]
    shell.save("job.py", job)
    for block in (block for language, block in BLOCK.findall(text) if language == "properties"):
        name = "spark-tls.conf" if "https://" in block else "spark-http.conf"
        shell.save(name, re.sub(r"org\.apache\.hadoop:hadoop-aws:\S+", ROWS[line], block))
    (shell.folder / "spark" / "bin").mkdir(parents=True, exist_ok=True)
    environment = f"SPARK_HOME={spark.home} JAVA_HOME={spark.java_home} PYSPARK_PYTHON={sys.executable}"
    ivy = f"--conf spark.jars.ivy={cache_dir('ivy', f'recipe-{line}')}"
    _program(
        shell.folder / "spark" / "bin", "spark-submit", f'{environment} exec {spark.home}/bin/spark-submit {ivy} "$@"'
    )
    (block,) = [block for language, block in BLOCK.findall(text) if language == "console" and conf in block]
    return shell.paste(block)
