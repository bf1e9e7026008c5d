"""scripts/diff_headers on captures of a real Spark 3.5, through a gateway that signs and then drops, and ours."""

import json
import os
import pty
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from capturing.sources import read
from diffing.__main__ import main
from diffing.words import brief
from lab import CHECKOUT
from pages.marking import marked
from s3gateway.observed.capture import Exchange, Head, Pairs, dump
from tests.tools.conftest import Run, in_process

CAPTURES = CHECKOUT / "scripts" / "captures" / "spark-400"
FRONT, BEHIND, GATEWAY = CAPTURES / "front.json", CAPTURES / "behind.json", CAPTURES / "gateway.jsonl"
CULPRIT = "Connection is in the outgoing SignedHeaders but not on the wire."
HOSTILE = 'a|b`c``d<script>alert(1)</script>\x1b[31m\u202e"&\udcff_*'


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """The command line in this process."""
    return in_process(main, capsys)


@pytest.fixture
def lossy(tmp_path: Path) -> Path:
    """What this gateway did to Spark's first request, if it had changed one header, and dropped another unsigned."""
    exchange = read(GATEWAY)[0]
    assert exchange.outgoing is not None
    headers = tuple(
        (name, "other" if name == "User-Agent" else value.replace("amz-sdk-retry;", ""))
        for name, value in exchange.outgoing.headers
        if name != "amz-sdk-retry"
    )
    return written(tmp_path, replace(exchange, outgoing=replace(exchange.outgoing, headers=headers, signed_headers=())))


def written(folder: Path, *exchanges: Exchange, name: str = "capture.json") -> Path:
    (folder / name).write_text(dump(exchanges), encoding="ascii")
    return folder / name


def hostile(folder: Path) -> Path:
    headers: Pairs = (("Host", "a"), ("X-Odd", HOSTILE), ("X-Changed", f"{HOSTILE} a"))
    outgoing = Head("PUT", "/b/k", (("Host", "b"), ("X-Changed", f"{HOSTILE} b")))
    exchange = Exchange(
        "1",
        "",
        tls=False,
        incoming=Head("PUT", "/b/k", headers),
        outgoing=outgoing,
        operation="PutObject",
        bucket="b",
        key=HOSTILE,
    )
    return written(folder, exchange)


def test_the_incident_has_its_culprit(run: Run) -> None:
    """Two captures, and the header that was to blame for days is acquitted."""
    status, out, _ = run(FRONT, BEHIND)
    assert status == 1
    assert f"✗ {CULPRIT}" in out
    assert re.search(r"^  - Connection +· ✗ +Keep-Alive +—  \(hop by hop: ", out, re.MULTILINE)
    assert re.search(r"^  = amz-sdk-retry +✓ ✓ +0/0/500$", out, re.MULTILINE)
    assert "HeadObject warehouse/orders   answered 400 AccessDenied" in out


def test_this_gateway_loses_nothing_of_a_spark_job(run: Run) -> None:
    """A whole job, encrypted by policy; all that differs has a reason."""
    status, out, _ = run(GATEWAY)
    assert status == 0
    assert f"✓ Every client header survived in {len(read(GATEWAY))} requests" in out
    assert "(encryption: SSE-KMS by encryption[0])" in out
    assert "LOST" not in out


def test_a_lost_header_is_status_1_unless_allowed(run: Run, lossy: Path) -> None:
    """Each allowed by name, with the reason shown."""
    status, out, _ = run(lossy)
    assert status == 1
    assert "User-Agent did not arrive as it was sent: its value was changed on the way." in out
    assert "amz-sdk-retry was sent and did not arrive." in out
    assert run(lossy, "--allow", "user-agent=our CDN")[0] == 1
    status, out, _ = run(lossy, "--allow", "user-agent=our CDN", "--allow", "AMZ-SDK-Retry=dropped by it")
    assert status == 0
    assert "(allowed: our CDN)" in out
    assert "(allowed: dropped by it)" in out


def test_a_request_that_never_arrived_is_status_1(run: Run, tmp_path: Path) -> None:
    """One that the gateway refused is not held against it, nor one that nobody sent."""
    first, second = read(GATEWAY)[:2]
    both = written(tmp_path, first, second, name="both.json")
    one = written(tmp_path, first, name="one.json")
    status, out, _ = run(both, one)
    assert status == 1
    assert f"VANISHED: {second.operation} {second.bucket} (not in the other capture)" in out
    status, out, _ = run(one, both)
    assert status == 0
    assert "extra: " in out
    refused = written(
        tmp_path, first, replace(second, verdict="refused", code="AccessDenied", outgoing=None), name="refused.json"
    )
    for arguments in ((refused, one), (refused,)):
        status, out, _ = run(*arguments)
        assert status == 0
        assert "(refused by the gateway: AccessDenied)" in out


@pytest.mark.parametrize("form", ["table", "json", "markdown"])
def test_where_nothing_could_be_compared_nothing_is_good(run: Run, tmp_path: Path, form: str) -> None:
    """A gateway that refuses all, or a recorder that nobody was sent to, would pass in CI. What there was is shown."""
    first, second = read(GATEWAY)[:2]
    refused = written(tmp_path, replace(first, verdict="refused", code="AccessDenied", outgoing=None), name="refused")
    for arguments in ((refused,), (refused, written(tmp_path, second, name="other"))):
        status, out, _ = run(*arguments, "--format", form)
        assert status == 2
        assert "AccessDenied" in out
        assert '"good": false' in out if form == "json" else "No request was seen on both sides: nothing" in out
        assert "survived in" not in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((FRONT,), "it has one side only; give the capture behind the gateway as well"),
        (("/nowhere",), "/nowhere: No such file or directory"),
        ((Path(__file__),), "not in a known format"),
        ((FRONT, Path(__file__)), "not in a known format"),
        ((GATEWAY, "--operation", "NoSuch*"), "none that the filters choose"),
        ((GATEWAY, "--allow", "connection"), "NAME=REASON"),
        ((GATEWAY, "--allow", "connection="), "NAME=REASON"),
        ((GATEWAY, "--format", "xml"), "invalid choice: 'xml'"),
        ((GATEWAY, "--html", "/nowhere/report.html"), "folder '/nowhere' does not exist; make it"),
        ((), "the following arguments are required: capture"),
    ],
)  # fmt: skip
def test_usage_is_status_2(run: Run, arguments: tuple[object, ...], told: str) -> None:
    """And says in one line what is missing, with no table."""
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert told in err
    assert "Traceback" not in err


def test_filters_choose_requests(run: Run) -> None:
    """By operation, by key and by id, each more than once."""

    def titles(*arguments: object) -> list[str]:
        return re.findall(r"^\d+\. (\S+ \S+)", run(GATEWAY, *arguments)[1], re.MULTILINE)

    assert set(titles("--operation", "Copy*", "--operation", "PutObject")) >= {"PutObject warehouse/orders/_SUCCESS"}
    assert {title.split()[0] for title in titles("--operation", "Copy*", "--operation", "Put*")} == {
        "CopyObject",
        "PutObject",
    }
    assert {title.split()[1] for title in titles("--key", "warehouse/orders/_SUCCESS")} == {"warehouse/orders/_SUCCESS"}
    identity = read(GATEWAY)[5].id
    assert len(titles("--id", identity)) == 1
    assert titles("--faults") == []


def test_differences_alone(run: Run) -> None:
    """What was kept can be left out."""
    _, out, _ = run(FRONT, BEHIND, "--differences")
    assert "amz-sdk-retry" not in out
    assert "- Connection" in out


def test_outgoing_heads_of_two_releases(run: Run, tmp_path: Path, lossy: Path) -> None:
    """Same client, two gateways: what the backend gets now that it did not get before."""
    before = written(tmp_path, read(GATEWAY)[0], name="before.json")
    assert run(before, lossy)[0] == 0
    status, out, _ = run(before, lossy, "--heads", "outgoing")
    assert status == 1
    assert "amz-sdk-retry was sent and did not arrive." in out


def document(run: Run, *arguments: object) -> tuple[int, Any]:
    status, out, _ = run(*arguments, "--format", "json")
    return status, json.loads(out)


def test_json_says_it_all(run: Run) -> None:
    """Fates, signed or not on either side, both values, faults; and the same status."""
    status, told = document(run, FRONT, BEHIND)
    assert (status, told["schema"], told["good"]) == (1, "s3-header-diff/1", False)
    assert [(one["name"], one["requests"]) for one in told["findings"]] == [("Connection", [1])]
    (request,) = told["requests"]
    assert (request["title"], request["answer"]) == ("HeadObject warehouse/orders", "400 AccessDenied")
    assert (request["survived"], request["good"]) == (True, False)
    assert [(one["name"], one["kind"]) for one in request["faults"]] == [("Connection", "signed-not-sent")]
    headers = {one["name"]: one for one in request["headers"]}
    connection = headers["connection"]
    assert (connection["fate"], connection["after"]) == ("removed", [])
    assert connection["before"][0]["value"] == "Keep-Alive"
    assert connection["signed"] == {"before": False, "after": True}
    assert headers["host"]["fate"] == "changed"
    assert headers["amz-sdk-retry"]["fate"] == "kept"
    assert headers["x-amz-content-sha256"]["recased"]
    sent = read(FRONT)[0].incoming.headers
    assert [field["name"] for one in request["headers"] for field in one["before"]] == [name for name, _ in sent]
    assert document(run, GATEWAY)[1]["good"]


def test_authorization_is_told_in_short() -> None:
    """However a client spaces it: mc puts nothing between its parts, SDKs a blank."""
    for blank in ("", " "):
        value = f"AWS4-HMAC-SHA256 Credential=K/20260131/r/s3/aws4_request,{blank}SignedHeaders=a;b,{blank}Signature=s"
        assert brief(value) == "by K over 2 headers"


def test_markdown_is_a_table_for_a_pull_request(run: Run) -> None:
    """Verdict and culprit first, kept headers folded."""
    status, out, _ = run(FRONT, BEHIND, "--format", "markdown")
    assert status == 1
    assert out.startswith("## ❌ 1 of 1 request has a fault.\n")
    assert f"- **Connection**: {CULPRIT}" in out
    assert "| - removed | `Connection` | ·✗ | `Keep-Alive` |  | hop by hop" in out
    assert re.search(r"<details><summary>\d kept as they were</summary>\n\n\|.*\n\|.*\n.*`amz-sdk-invocation-id`", out)
    assert run(GATEWAY, "--format", "markdown")[1].startswith("## ✅ Every client header survived")


def test_markdown_cannot_be_broken_by_the_wire(run: Run, tmp_path: Path) -> None:
    """Each row has its six cells, whatever a header holds."""
    _, out, _ = run(hostile(tmp_path), "--format", "markdown")
    rows = [line for line in out.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {7}
    assert "\x1b" not in out
    assert "```a\\|b`c``d<script>" in out.replace("``` ", "```")


def test_a_bar_needs_its_backslash_in_a_table_alone(run: Run, tmp_path: Path) -> None:
    """Elsewhere the backslash would be shown, and the key read as another."""
    there, gone = (replace(exchange, key="a|b") for exchange in read(hostile(tmp_path)) * 2)
    line = replace(there, incoming=replace(there.incoming, target="/b/a|b"))
    front = written(tmp_path, line, replace(gone, operation="GetObject"), name="front.json")
    _, out, _ = run(front, written(tmp_path, there, name="behind.json"), "--format", "markdown")
    assert "1. `PutObject b/a|b`" in out
    assert "- `GetObject b/a|b` never arrived" in out
    assert "Request line: `PUT /b/a|b` became `PUT /b/k`" in out


def test_no_control_character_reaches_a_terminal(run: Run, tmp_path: Path) -> None:
    """Escape sequences, overrides of direction and stray bytes are shown as what they are."""
    _, out, _ = run(hostile(tmp_path))
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert r"\x1b[31m\u202e" in out
    assert r"\xff" in out


def program(*arguments: object, **more: str) -> tuple[int, str]:
    """The script itself on a terminal: status and what the terminal got."""
    ours, theirs = pty.openpty()
    env = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | {"TERM": "xterm"} | more
    command = [str(CHECKOUT / "scripts" / "diff_headers"), *map(str, arguments)]
    with subprocess.Popen(command, stdout=theirs, stdin=subprocess.DEVNULL, env=env) as process:
        os.close(theirs)
        said = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux says so at the end
                break
            if not part:
                break
            said += part
    os.close(ours)
    return process.returncode, said.decode()


def test_the_script_on_a_terminal_is_in_colour() -> None:
    """Unless NO_COLOR objects; and never in a pipe."""
    status, said = program(FRONT, BEHIND)
    assert status == 1
    assert "\x1b[31m✗ Connection is in the outgoing SignedHeaders" in said
    status, said = program(FRONT, BEHIND, NO_COLOR="1")
    assert status == 1
    assert "\x1b" not in said
    command = [CHECKOUT / "scripts" / "diff_headers", FRONT, BEHIND]
    piped = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (piped.returncode, piped.stderr) == (1, "")
    assert "\x1b" not in piped.stdout
    assert CULPRIT in piped.stdout


def test_a_reader_that_has_seen_enough() -> None:
    """`| head` ends without a complaint, and the status is still the verdict."""
    command = 'scripts/diff_headers "$0" --format json; echo $? >&2'
    with subprocess.Popen(
        ["sh", "-c", command, GATEWAY], cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == "0\n"


def test_help_is_worth_reading() -> None:
    """What it takes, what it means, how to record, and each status."""
    said = subprocess.run([CHECKOUT / "scripts" / "diff_headers", "--help"], capture_output=True, text=True, check=True)
    for told in ("mitmdump -w front.flow", "exit status:", "--allow", "--html", "« merged", "RFC 9110", "--heads"):
        assert told in said.stdout


def test_the_page_shows_the_culprit(run: Run, tmp_path: Path, browser: webdriver.Chrome) -> None:
    """In a real browser: nothing loaded, nothing complained of, the culprit in sight, what was kept can be hidden."""
    page = tmp_path / "report.html"
    assert run(FRONT, BEHIND, "--html", page)[0] == 1
    browser.get(page.as_uri())

    assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    culprit = browser.find_element(By.CSS_SELECTOR, ".culprit")
    assert culprit.is_displayed()
    assert culprit.text == "Connection"
    assert CULPRIT in browser.find_element(By.CSS_SELECTOR, ".finding").text
    row = browser.find_element(By.CSS_SELECTOR, "tr.culpable")
    assert row.is_displayed()
    assert "Connection: Keep-Alive" in row.text
    assert "signed, but not on the wire" in row.text
    kept = browser.find_element(By.CSS_SELECTOR, "tr.kept")
    assert kept.is_displayed()
    browser.find_element(By.ID, "kept").click()
    assert not kept.is_displayed()
    assert row.is_displayed()


def test_both_sides_stand_side_by_side(run: Run, tmp_path: Path, browser: webdriver.Chrome) -> None:
    """Row by row at the same height, within a window, light and dark."""
    page = tmp_path / "report.html"
    run(FRONT, BEHIND, "--html", page)
    browser.get(page.as_uri())
    for row in browser.find_elements(By.CSS_SELECTOR, ".wire tbody tr"):
        left, _, right = row.find_elements(By.TAG_NAME, "td")
        assert left.rect["y"] == right.rect["y"]
        assert left.rect["x"] + left.rect["width"] <= right.rect["x"]
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    papers = set()
    for scheme in ("light", "dark"):
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        papers.add(browser.find_element(By.TAG_NAME, "body").value_of_css_property("background-color"))
    assert len(papers) == 2


def test_the_page_of_a_whole_job(run: Run, tmp_path: Path, browser: webdriver.Chrome) -> None:
    """An overview of every request, each folded; a link opens the one it names."""
    page = tmp_path / "report.html"
    assert run(GATEWAY, "--html", page)[0] == 0
    browser.get(page.as_uri())
    assert browser.find_elements(By.CSS_SELECTOR, ".culprit") == []
    assert "Every client header survived" in browser.find_element(By.CSS_SELECTOR, ".verdict").text
    assert len(browser.find_elements(By.CSS_SELECTOR, ".request")) == len(read(GATEWAY))
    assert "x-amz-copy-source" in browser.find_element(By.CSS_SELECTOR, ".matrix").text


def test_the_page_cannot_be_broken_by_the_wire(run: Run, tmp_path: Path, browser: webdriver.Chrome) -> None:
    """No header's value becomes markup."""
    page = tmp_path / "report.html"
    run(hostile(tmp_path), "--html", page)
    browser.get(page.as_uri())
    assert browser.find_elements(By.TAG_NAME, "script") == []
    assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]
    assert "<script>alert(1)</script>" in browser.find_element(By.CSS_SELECTOR, ".wire").text


def test_long_names_stay_on_the_page(run: Run, tmp_path: Path, browser: webdriver.Chrome) -> None:
    """A key of S3's full length, and a header's name as long: neither makes the page scroll sideways."""
    (exchange,) = read(hostile(tmp_path))
    long = replace(exchange.incoming, headers=(("Host", "a"), ("x-amz-meta-" + "n" * 1024, "1")))
    lost = replace(exchange, incoming=long, outgoing=replace(exchange.incoming, headers=(("Host", "a"),)))
    two = replace(exchange, id="2", operation="GetObject", key="k" * 1024)
    front = written(tmp_path, lost, lost, two, name="front.json")
    behind = written(tmp_path, replace(lost, incoming=exchange.incoming), lost, name="behind.json")
    page = tmp_path / "report.html"
    run(front, behind, "--html", page)
    browser.get(page.as_uri())
    assert len(browser.find_elements(By.CSS_SELECTOR, ".alone")) == 1
    script = "const root = document.documentElement; return [root.scrollWidth - root.clientWidth, [...document."
    script += "querySelectorAll('.matrix td')].every(one => one.getBoundingClientRect().right < root.clientWidth)]"
    assert browser.execute_script(script) == [0, True]


def test_what_differs_is_marked_however_long() -> None:
    """What is the same at both ends is left out of the comparison, and what is too long for it is marked whole."""
    same = "a=b; " * 4000
    assert marked(f"{same}c; {same}", f"{same}d; {same}") == tuple(f"{same}<mark>{x};</mark> {same}" for x in "cd")
    whole = ";" * 3999, ",;" * 3999 + ","
    assert marked(f"{whole[0]};", f"{whole[1]};") == tuple(f"<mark>{text}</mark>;" for text in whole)
    assert marked("x/y/z", "x/z") == ("x/<mark>y/</mark>z", "x/z")


def test_captures_hold_no_secret_and_no_machine() -> None:
    """What is shipped has been redacted, and names nobody's folders."""
    for path in CAPTURES.iterdir():
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"Signature=[0-9a-f]|secret|/home/|/root/", text), path
