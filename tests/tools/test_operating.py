"""scripts/OPERATING.md tells the truth: its keys, metrics, files, messages and examples are the product's."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from lab import CHECKOUT
from lab.proxies import haproxy_program
from s3gateway.config.gateway_yaml import build
from s3gateway.config.keys import KEYS
from s3gateway.http1 import proxy_protocol
from s3gateway.observed.metrics import Figures, Metrics
from s3gateway.wire import proxied
from tests.conftest import _have

FOLDER = CHECKOUT / "scripts"
PAGE = (FOLDER / "OPERATING.md").read_text(encoding="utf-8")
ALERTS = FOLDER / "deploy" / "prometheus" / "alerts.yml"
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def rows(section: str) -> list[list[str]]:
    """The cells of a section's tables, without the heads."""
    lines = re.findall(r"^\| (.*) \|$", SECTIONS[section], re.MULTILINE)
    cells = [re.split(r"(?<!\\) \| ", line) for line in lines]
    return [
        row for row, following in zip(cells, [*cells[1:], [""]], strict=True) if "---" not in (row[0], following[0])
    ]


def test_the_readme_leads_here_and_its_links_lead_somewhere() -> None:
    assert "(scripts/OPERATING.md)" in README
    headings = {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in SECTIONS}
    for anchor in re.findall(r"scripts/OPERATING\.md#([\w-]+)", README + "".join(key.meaning for key in KEYS)):
        assert anchor in headings
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", PAGE):
        assert (FOLDER / target).exists(), target


@pytest.mark.parametrize("command", re.findall(r"^\$ (.*)$", PAGE, re.MULTILINE))
def test_commands_run(command: str) -> None:
    """Those with a prompt; what needs a cluster or an engine has none."""
    haproxy = _have(haproxy_program)
    ended = subprocess.run(
        command.replace("haproxy ", f"{haproxy} ", 1), shell=True, cwd=CHECKOUT, capture_output=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def test_scripts_and_options_are_there() -> None:
    for script in set(re.findall(r"(?<![\w/.])scripts/([a-z_]+)(?![\w/])", PAGE)):
        if script == "deploy":
            continue
        assert (FOLDER / script).is_file(), script
    for script, options in (("bench", ("--backend", "--cases")), ("make_certs", ("--host",)), ("soak", ("--memory",))):
        told = subprocess.run([FOLDER / script, "--help"], capture_output=True, text=True, check=True).stdout
        for option in options:
            assert option in PAGE
            assert option in told


def test_examples_are_accepted(tmp_path: Path) -> None:
    (tmp_path / "gateway.pem").write_text("")
    (example,) = re.findall(r"^```\n(listen:.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    config = build(yaml.safe_load(example) | {"backend": {"endpoint": "https://minio.example.com"}}, tmp_path)
    assert len(config.listen.proxy_protocol) == 2
    assert config.admin is not None


def test_keys_are_ones_that_there_are() -> None:
    """Whatever is written as `section.key`, in the text and in the tables of others' flags."""
    paths = {key.path.replace("[]", "") for key in KEYS}
    sections = {path.partition(".")[0] for path in paths}
    named = {
        name for name in re.findall(r"`([a-z]+(?:\.[a-z_]+)+)(?:: [^`]*)?`", PAGE) if name.partition(".")[0] in sections
    }
    assert len(named) > 8
    assert named - paths - {path.rpartition(".")[0] for path in paths} == set()


def test_metrics_are_ones_that_there_are() -> None:
    """With the labels that the page gives them. Prometheus' own is not ours."""
    metrics = Metrics({"mitmproxy": "1"})
    metrics.set_figures(Figures(0, 0, backend_up={"https://h": True}, days_left={"a": 1.0}))
    text = metrics.text().decode()
    known = set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))
    named = set(re.findall(r"\b((?:s3gateway|process)_\w+)", PAGE))
    named |= set(re.findall(r"\b((?:s3gateway|process)_\w+)", ALERTS.read_text(encoding="utf-8")))
    assert len(named) > 10
    assert {name.removesuffix("_bucket") for name in named} - known == set()


def test_each_alert_is_told() -> None:
    """In the rules' order."""
    told = [name for row in rows("What to alert on") for name in re.findall(r"`(S3Gateway\w+)`", row[0])]
    assert told == re.findall(r"- alert: (\w+)", ALERTS.read_text(encoding="utf-8"))


def test_thresholds_follow_the_limits() -> None:
    """Connections are told of before the limit is reached."""
    (threshold,) = (int(number) for number in re.findall(r"s3gateway_connections > (\d+)", ALERTS.read_text()))
    default = next(key.default for key in KEYS if key.path == "limits.connections")
    assert 0.7 * default <= threshold <= 0.9 * default
    assert f"{threshold} connections; `limits.connections` is {default} unless it is set" in PAGE


def test_messages_are_the_codes() -> None:
    source = Path(proxy_protocol.__file__).read_text() + Path(proxied.__file__).read_text()
    told = [message for row in rows("Many machines") for message in re.findall(r"`([^`]+)`", row[0])]
    assert len(told) == 4
    for message in told:
        assert message.removeprefix("... ") in source


def test_predecessors_are_told_whole() -> None:
    """Each variable of AIStor-GW has its row."""
    source = (CHECKOUT / "addons/s3gateway/config/aistor_gw.py").read_text(encoding="utf-8")
    listed = [row[0].strip("`") for row in rows("From AIStor-GW")]
    assert listed == re.findall(r"^``([A-Z_]+)``", source, re.MULTILINE)
