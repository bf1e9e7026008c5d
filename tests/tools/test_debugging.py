"""scripts/DEBUGGING.md tells the truth: what it shows is what the commands print, on the captures that are shipped."""

import re
import subprocess

import pytest
from mitmproxy.proxy.mode_specs import ProxyMode

from capturing.sources import read
from lab import CHECKOUT

FOLDER = CHECKOUT / "scripts"
PAGE = (FOLDER / "DEBUGGING.md").read_text(encoding="utf-8")
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
CAPTURES = FOLDER / "captures" / "spark-400"


def blocks(text: str) -> list[str]:
    return re.findall(r"```console\n(.*?)```", text, re.DOTALL)


SHOWN = [block for block in blocks(PAGE) if re.match(r"\$ scripts/[a-z_]+ (scripts|tests)/captures/", block)]


@pytest.mark.parametrize("block", SHOWN, ids=range(len(SHOWN)))
def test_output_is_what_the_command_prints(block: str) -> None:
    """Line by line; ``...`` stands for lines that are left out."""
    command, shown = block.removeprefix("$ ").split("\n", 1)
    said = subprocess.run(command, shell=True, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert said.stderr == ""
    pattern = "".join(r"(?:.*\n)*" if line == "..." else re.escape(line) + "\n" for line in shown.splitlines())
    assert re.fullmatch(pattern, said.stdout), said.stdout


def test_both_ends_of_the_story_are_shown() -> None:
    """The culprit, and the job that passes."""
    assert len(SHOWN) == 6
    assert "✗ Connection is in the outgoing SignedHeaders but not on the wire." in SHOWN[1]
    assert "✓ Every client header survived" in SHOWN[2]


def test_symptom_is_sparks_own() -> None:
    """Wrapped, and cut off at the second request id."""
    said = (CAPTURES / "spark.txt").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```\n(org\.apache.*?) \.\.\.\n```", PAGE, re.DOTALL)
    assert said.startswith(shown.replace("\n", " "))


def test_what_minio_said_is_in_the_capture() -> None:
    """The sentence that misled, and where it stands."""
    (exchange,) = read(CAPTURES / "behind.json")
    assert exchange.response is not None
    told = dict(exchange.response.headers)["X-Minio-Error-Desc"].strip('"')
    assert f'"{told}"' in PAGE
    assert f"all {len(read(CAPTURES / 'gateway.jsonl'))} requests of a Spark job" in PAGE.replace(
        "headers of all", "all"
    )


def test_three_commands_lead_from_the_symptom_to_the_cause() -> None:
    """The same three in the README; their modes are ones that mitmproxy has."""
    (three,) = (block for block in blocks(README) if "diff_headers" in block)
    assert three in blocks(PAGE)
    assert len(three.splitlines()) == 3
    modes = [ProxyMode.parse(mode) for mode in re.findall(r"--mode (\S+)", three)]
    assert [(mode.type_name, mode.custom_listen_port) for mode in modes] == [("reverse", 8001), ("reverse", 9001)]
    assert "(scripts/DEBUGGING.md)" in README


def test_links_and_options_are_there() -> None:
    """Each file, each picture and each option of diff_headers and explain that the page names."""
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", PAGE):
        assert (FOLDER / target).exists(), target
    options = {
        "diff_headers": ("--differences", "--html", "--format", "--allow", "--operation", "--key"),
        "explain": ("--details", "--html", "--format", "--serve"),
    }
    for script, named in options.items():
        told = subprocess.run([FOLDER / script, "--help"], capture_output=True, text=True, check=True).stdout
        for option in named:
            assert option in PAGE
            assert option in told
