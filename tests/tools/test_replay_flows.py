"""``scripts/replay_flows`` offline, as CI runs it: exit status, words, JUnit XML, and the update of a golden file."""

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from lab import CHECKOUT

CAPTURES = CHECKOUT / "tests" / "captures"
MC = CAPTURES / "mc.json"
SPARK = CAPTURES / "spark-3.5.json"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run it in a folder where nothing is, with no way to any network's names."""
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{CHECKOUT}/addons:{CHECKOUT}/scripts",
        "PYTHONWARNINGS": "ignore",
    }
    return subprocess.run(
        [sys.executable, "-m", "replaying", *map(str, arguments)], env=env, capture_output=True, text=True, check=False
    )


def edited(path: Path, change: dict[str, Any], exchange: str = "CopyObject-1", side: str = "outgoing") -> Path:
    """Write a golden file of which one header of one exchange is other: name to new value, None to drop it."""
    document = json.loads(SPARK.read_text())
    (there,) = [one for one in document["exchanges"] if one["id"] == exchange]
    pairs = there[side]["headers"]
    pairs[:] = [[n, change.get(n, v)] for n, v in pairs if change.get(n, v) is not None]
    path.write_text(json.dumps(document))
    return path


def test_all_shipped_captures_pass(tmp_path: Path) -> None:
    """No difference, exit 0, and a JUnit file with a case for each request."""
    ended = run(*sorted(CAPTURES.glob("*.json")), "--junit", tmp_path / "junit.xml")
    assert (ended.returncode, ended.stderr) == (0, "")
    count = sum(len(json.loads(path.read_text())["exchanges"]) for path in CAPTURES.glob("*.json"))
    assert ended.stdout == f"{count} replayed, 0 differ, 0 not replayed\n"
    suites = ET.parse(tmp_path / "junit.xml").getroot()
    assert [suite.get("name") for suite in suites] == sorted(path.name for path in CAPTURES.glob("*.json"))
    assert {"boto3.json", "mc.json", "spark-3.5.json", "spark-4.0.json"} <= {suite.get("name") for suite in suites}
    assert sum(int(suite.get("tests", "0")) for suite in suites) == count
    assert suites.findall(".//failure") == []


def test_a_difference_is_shown_and_fails(tmp_path: Path) -> None:
    """By request, header and value, on the terminal and in the JUnit file; exit 1."""
    golden = edited(tmp_path / "golden.json", {"amz-sdk-retry": None, "x-amz-server-side-encryption": "AES256"})
    ended = run(golden, "--junit", tmp_path / "junit.xml")
    assert ended.returncode == 1
    assert "golden.json: CopyObject PUT /lake/base/" in ended.stdout
    assert "    added: (none) -> amz-sdk-retry: 0/0/500\n" in ended.stdout
    assert (
        "    changed: x-amz-server-side-encryption: AES256 -> x-amz-server-side-encryption: aws:kms\n" in ended.stdout
    )
    assert ended.stdout.endswith("14 replayed, 1 differ, 0 not replayed\n")
    (failure,) = ET.parse(tmp_path / "junit.xml").getroot().findall(".//failure")
    assert "amz-sdk-retry: 0/0/500" in str(failure.text)


def test_an_update_shows_and_then_keeps(tmp_path: Path) -> None:
    """The difference is printed, the file is what the gateway sends now, and a second run finds nothing."""
    golden = edited(tmp_path / "golden.json", {"amz-sdk-retry": None})
    ended = run(golden, "--update")
    assert ended.returncode == 0
    assert "added: (none) -> amz-sdk-retry: 0/0/500" in ended.stdout
    assert re.search(rf"^golden.json: wrote \d+ to {re.escape(str(golden))}$", ended.stdout, re.MULTILINE)
    assert golden.read_text() == SPARK.read_text()
    assert run(golden).returncode == 0


def test_a_capture_becomes_a_golden_file_of_a_configuration(tmp_path: Path) -> None:
    """The configuration's rules are kept in the file, its secrets and addresses are not."""
    (tmp_path / "gateway.yaml").write_text(
        "backend: {endpoint: 'https://minio.internal:9000', region: eu-central-1,\n"
        "          credentials: {access_key_id: theirs, secret_access_key: backend-secret}}\n"
        "listen: {regions: [us-east-1, eu-central-1]}\n"
        "clients:\n"
        "  - {name: spark, access_key_id: SPARKKEY, secret_access_key: client-secret, buckets: [lake]}\n"
        "encryption: [{bucket: 'la*', sse-s3: true}]\n"
    )
    golden = tmp_path / "new.json"
    assert run(SPARK, "--golden", golden).returncode == 2
    made = run(SPARK, "--golden", golden, "--config", tmp_path / "gateway.yaml", "--update")
    assert made.returncode == 0, made.stderr
    document = json.loads(golden.read_text())
    assert document["gateway"] == {
        "encryption": [{"bucket": "la*", "sse-s3": True}],
        "backend": {"region": "eu-central-1"},
        "listen": {"regions": ["us-east-1", "eu-central-1"]},
        "clients": [{"name": "spark", "buckets": ["lake"]}],
    }
    assert "secret" not in golden.read_text()
    (made_there,) = [one for one in document["exchanges"] if one["id"] == "CreateMultipartUpload-1"]
    assert ["x-amz-server-side-encryption", "AES256"] in made_there["outgoing"]["headers"]
    assert run(SPARK, "--golden", golden).returncode == 0


def test_what_is_missing_on_either_side_fails(tmp_path: Path) -> None:
    """A request that the golden file does not know, and one that is no longer in the capture."""
    document = json.loads(SPARK.read_text())
    document["exchanges"] = document["exchanges"][1:]
    (tmp_path / "shorter.json").write_text(json.dumps(document))
    ended = run(SPARK, "--golden", tmp_path / "shorter.json")
    assert (ended.returncode, ended.stdout.count("not in the golden set")) == (1, 1)
    ended = run(tmp_path / "shorter.json", "--golden", SPARK)
    assert (ended.returncode, ended.stdout.count("not in the capture")) == (1, 1)


def test_a_forgery_is_not_made_good(tmp_path: Path) -> None:
    """What was refused for its signature cannot be replayed: it is left out, and said to be."""
    document = json.loads(SPARK.read_text())
    document["exchanges"][0] |= {"verdict": "refused", "code": "SignatureDoesNotMatch", "outgoing": None}
    (tmp_path / "forged.json").write_text(json.dumps(document))
    ended = run(tmp_path / "forged.json", "--golden", SPARK)
    assert ended.returncode == 0
    assert "    not replayed: SignatureDoesNotMatch" in ended.stdout
    assert ended.stdout.endswith("13 replayed, 0 differ, 1 not replayed\n")


def test_a_preflight_is_left_out(tmp_path: Path) -> None:
    """There is no signature to make anew, and nothing that went out."""
    document = json.loads(SPARK.read_text())
    first = document["exchanges"][0]
    first |= {"operation": "Preflight", "identity": "", "outgoing": None}
    first["incoming"] |= {"method": "OPTIONS", "signed_headers": []}
    (tmp_path / "page.json").write_text(json.dumps(document))
    ended = run(tmp_path / "page.json", "--golden", SPARK)
    assert ended.returncode == 0
    assert "    not replayed: nobody signs a preflight" in ended.stdout


def test_what_no_xml_file_may_hold_is_escaped(tmp_path: Path) -> None:
    """Control characters and lone surrogates of a capture, on the terminal as well."""
    document = json.loads(SPARK.read_text())
    document["exchanges"][0] |= {"id": "a\x1b[31m\u202e", "rule": "b\x00\udc80"}
    (tmp_path / "odd\udc80.json").write_text(json.dumps(document))
    ended = run(tmp_path / "odd\udc80.json", "--junit", tmp_path / "junit.xml")
    assert (ended.returncode, ended.stderr) == (1, "")
    assert re.search(r"^[^\n]*odd\\udc80[^\n]*\[a\\x1b\[31m\\u202e\]\n    rule: expected ", ended.stdout)
    (failed,) = ET.parse(tmp_path / "junit.xml").getroot().iter("failure")
    assert failed.get("message") == r"rule: expected 'b\\x00\\udc80', is ''"


@pytest.mark.parametrize(("time", "status"), [("yesterday", 2), ("2026-11-24T22:11:43", 0)])
def test_a_time_that_is_none_is_said(tmp_path: Path, time: str, status: int) -> None:
    """One without a zone is UTC, as all times of a capture are."""
    document = json.loads(MC.read_text())
    document["exchanges"] = document["exchanges"][:1]
    document["exchanges"][0]["time"] = time
    (tmp_path / "timed.json").write_text(json.dumps(document))
    ended = run(tmp_path / "timed.json")
    assert ended.returncode == status, ended.stderr
    told = "replay_flows: exchange GetBucketLocation-1: time 'yesterday' is not like 2026-01-31T12:00:00Z\n"
    assert ended.stderr == (told if status else "")


def test_usage(tmp_path: Path) -> None:
    """One line that says which file and what is wrong, exit 2."""
    (tmp_path / "bad.json").write_text("{}")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "bad.yaml").write_text("encryption: [{bucket: b, sse-kms: k, sse-s3: true}]")
    for arguments in (
        [tmp_path / "absent"],
        [tmp_path / "bad.json"],
        [tmp_path / "deep.json"],
        [SPARK, "--config", tmp_path / "bad.yaml"],
        [SPARK, "--config", tmp_path / "absent.yaml"],
        [],
        [SPARK, "--junit"],
    ):
        ended = run(*arguments)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert re.fullmatch("replay_flows: .*\n", ended.stderr)


def test_help_tells_how() -> None:
    """The commands for CI, and the meaning of the exit status."""
    told = run("--help").stdout
    for words in ("tests/captures/*.json", "--update", "--junit", "--gateway", "Exit status"):
        assert words in told
