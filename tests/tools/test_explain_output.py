"""What scripts/explain shows: little where all is well; of a failure sentence, evidence, remedy and origin."""

import json
import os
import pty
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import http
from mitmproxy.io import FlowWriter
from mitmproxy.test import tflow

from explaining import report as reporting
from explaining.__main__ import main
from explaining.markdown import text as markdown
from explaining.page import html
from explaining.report import Report, gather
from explaining.terminal import Terminal, excerpt
from lab import CHECKOUT
from s3gateway.explain.catalogue import Reference
from s3gateway.explain.cause import Certainty, Difference, Other, Verdict
from s3gateway.explain.judge import Judge
from s3gateway.observed.capture import Exchange, Head, Response, dump
from s3gateway.reading.model import Found
from s3gateway.sigv4.model import RequestHead
from tests.admission import CONFIG, DOCUMENT
from tests.explain.clients import Keys, botocore, presigned, sets
from tests.tools.conftest import Run, in_process

GATEWAY = CHECKOUT / "scripts" / "captures" / "spark-400" / "gateway.jsonl"
HOSTILE = 'a|b`c``d<script>alert(1)</script>\x1b[31m\u202e"&\udcff_*[x](javascript:y)'
SENTENCE = "the client signed Host `gateway.example:8000`, the wire says `gateway.example`"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """The command line in this process."""
    return in_process(main, capsys)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(DOCUMENT))
    return tmp_path / "gateway.yaml"


def moved(path: str = "/bucket/key") -> RequestHead:
    """A request whose Host lost its port on the way."""
    return sets(botocore(Keys(), "GET", path), "Host", "gateway.example")


def found(head: RequestHead, status: int = 403, **more: object) -> Found:
    exchange = Exchange("1", "", tls=False, incoming=Head("GET", "/b/k", ()), response=Response(status, ()))
    return replace(Found(exchange, "http", raw=head), **more)  # type: ignore[arg-type]


def report(*requests: Found) -> Report:
    return gather("what.flow", requests, Judge(CONFIG, (), None))


def shown(told: Report, *, details: bool = False, colour: bool = False, width: int = 100) -> str:
    return "\n".join(Terminal(colour=colour, width=width, details=details).lines(told))


def flow_file(path: Path, *heads: tuple[RequestHead, int]) -> Path:
    with path.open("wb") as file:
        for head, status in heads:
            kept = tflow.tflow(resp=True)
            kept.request.data.method, kept.request.data.path = head.method, head.target
            kept.request.data.headers, kept.request.data.content = http.Headers(head.headers), b""
            kept.request.data.timestamp_start = time.time()
            kept.response = http.Response.make(status)
            FlowWriter(file).add(kept)
    return path


def test_a_healthy_job_is_a_line_for_each_operation(run: Run) -> None:
    """Of 63 requests of a real Spark, with the 404s that every job asks for."""
    status, out, err = run(GATEWAY)
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "  spark  CopyObject      2  200",
        "  spark  DeleteObject    1  204",
        "  spark  DeleteObjects   9  200",
        "  spark  HeadObject     23  17x 404 NoSuchKey, 6x 200",
        "  spark  ListObjectsV2  23  200",
        "  spark  PutObject       5  200",
        "✓ 63 requests, all signatures hold",
    ]


@pytest.mark.parametrize("status", [304, 404, 412, 416])
def test_an_answer_that_every_job_gets_is_no_failure(run: Run, tmp_path: Path, status: int) -> None:
    """But whoever brings one request alone wants to know of it, and any can be asked for."""
    heads = [(botocore(Keys(), "GET", f"/bucket/{n}"), status) for n in range(2)]
    both, one = (flow_file(tmp_path / f"{n}.flow", *heads[:n]) for n in (2, 1))
    code, out, _ = run(both)
    assert code == 0
    assert out == f"  SPARKKEY  GetObject  2  {status}\n✓ 2 requests, all signatures hold\n"
    if status >= 400:
        assert run(one)[1].startswith("✗ ")
    assert run(both, "--request", "2")[1].count("request 2 of 2") == 1


def test_what_is_not_signed_and_what_is_not_answered_is_told(tmp_path: Path) -> None:
    """A signature that nobody has judged does not hold."""
    good = found(botocore(Keys(), "GET", "/b/k"), 200)
    signed = replace(good.exchange, incoming=Head("GET", "/b/k", (("Authorization", "<redacted>"),)))
    unsigned, held = good, replace(good, exchange=signed)
    unanswered = replace(held, exchange=replace(signed, response=None), at=datetime.now(UTC))
    assert report(held, held).sentence == "2 requests, all signatures hold"
    assert report(held).sentence == "1 request, its signature holds"
    assert report(held, unsigned).sentence == "2 requests, all signatures hold; 1 is not signed"
    assert report(unsigned).sentence == "1 request, not signed"
    assert report(held, unanswered).sentence == "2 requests: 1 signature holds, and of 1 there is no answer"
    assert report().sentence == "no request in it"


def test_a_fault_of_many_requests_is_told_once(run: Run, config: Path, tmp_path: Path) -> None:
    """With the number of each; another fault is told apart."""
    heads = [(moved(f"/bucket/{n}"), 403) for n in range(20)]
    file = flow_file(tmp_path / "f", *heads, (botocore(Keys(secret="wrong"), "GET", "/bucket/key"), 403))
    status, out, _ = run("--config", config, file)
    assert status == 0
    assert out.count("the client signed Host") == 1
    assert "also      requests 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 and 7 more\n" in out
    assert out.count("[wrong-secret]") == 1
    assert out.endswith("✗ 21 of 21 requests failed, for 2 reasons\n")


@pytest.fixture
def told() -> Report:
    """A failure that has everything."""
    one = report(found(moved()))
    one.failures[0].verdict = Verdict(
        "host-port",
        Certainty.LIKELY,
        SENTENCE,
        (Difference("header host", "host:gateway.example:8000", "host:gateway.example", ((20, 25),), ((20, 20),)),),
        ("pass Host on as it came", "restart the proxy"),
        (Reference("the proxy's manual", "https://proxy.example/host"),),
        (Other("virtual-host", "the bucket was in the host name"),),
    )
    return one


@pytest.mark.parametrize("form", [partial(shown, details=True), markdown, html])
def test_sentence_evidence_remedy_origin_in_this_order(told: Report, form: Callable[[Report], str]) -> None:
    """In each form that people read; how sure it is and what else it may be stand there too."""
    text = re.sub(r"<style>.*</style>|<[^>]*>", "", form(told), flags=re.DOTALL).replace("\\", "")
    words = (
        "signed Host",
        "host:gateway.example:8000",
        "pass Host on as it came",
        "restart the proxy",
        "likely",
        "the bucket was in the host name",
        "what.flow (raw HTTP head)",
        "the proxy's manual",
    )
    text = text.replace("&#x27;", "'")
    places = [text.index(word) for word in words]
    assert places == sorted(places)
    assert "answered 403" in text


def test_json_has_it_all(told: Report, run: Run, config: Path, tmp_path: Path) -> None:
    """In one documented form, the same for a healthy file."""
    fields = b"".join(b"%b: %b\r\n" % field for field in moved().headers)
    (tmp_path / "head").write_bytes(b"GET /bucket/key HTTP/1.1\r\n" + fields)
    status, out, _ = run("--config", config, tmp_path / "head", "--format", "json")
    document = json.loads(out)
    assert (status, document["schema"], document["good"], document["read"]) == (0, "s3-explanation/1", False, 1)
    assert document["signatures"] == {"hold": 0, "failed": 1, "unsigned": 0, "unknown": 0}
    (failure,) = document["failures"]
    assert (failure["cause"], failure["requests"], failure["title"]) == ("host-port", [1], "GET /bucket/key")
    assert failure["evidence"] == [
        {
            "part": "header host",
            "signed": "host:gateway.example:8000",
            "received": "host:gateway.example",
            "signed_spans": [[20, 25]],
            "received_spans": [[20, 20]],
        }
    ]
    healthy = json.loads(run(GATEWAY, "--json")[1])
    assert (healthy["good"], healthy["failures"], healthy["signatures"]["hold"]) == (True, [], 63)
    assert healthy["clients"][3] == {
        "client": "spark",
        "operation": "HeadObject",
        "requests": 23,
        "answers": {"404 NoSuchKey": 17, "200": 6},
    }
    assert set(document) == set(healthy)


def test_markdown_names_no_key_and_no_secret(run: Run, config: Path, tmp_path: Path) -> None:
    """An issue is read by everybody: access key ids are told apart and not named, also those in sentences and URLs."""
    stranger = Keys("AKIASTRANGER", "wrong")
    heads = [
        (botocore(Keys(secret="wrong"), "GET", "/bucket/key"), 403),
        (botocore(stranger, "GET", "/bucket/key", [("X-Amz-Security-Token", "TOKEN-OF-A-SESSION")]), 403),
        (presigned(Keys(secret="wrong"), "GET", "/bucket/key"), 403),
        (botocore(Keys(), "GET", "/bucket/spark"), 200),
    ]
    status, out, _ = run("--config", config, flow_file(tmp_path / "f", *heads), "--format", "markdown")
    assert status == 1
    assert out.startswith("## ❌ 3 of 4 requests failed")
    for hidden in ("SPARKKEY", "AKIASTRANGER", "TOKEN-OF-A-SESSION"):
        assert hidden not in out
    assert not re.search("[0-9a-f]{64}", re.sub("sha256:[0-9a-f]{64}|^  [0-9a-f]{64}$", "", out, flags=re.MULTILINE))
    assert "key `access-key-id-" in out
    assert "| `access-key-id-" in out
    assert "Signatures, tokens, secrets and access key ids are left out" in out


def test_markdown_cannot_be_broken_by_the_wire(told: Report) -> None:
    """No header ends a block of code, a table's row or a sentence."""
    odd = "a:````` | <i>"
    told.failures[0].verdict = replace(
        told.failures[0].verdict, sentence=f"it says `{HOSTILE}` {HOSTILE}", evidence=(Difference("x", odd, "a:"),)
    )
    told.rows[0].client, told.read = odd, 2
    out = markdown(told)
    assert f"``````diff\n- {odd}\n+ a:\n``````\n" in out
    outside = re.sub(r"(?ms)^(`{3,})diff$.*?^\1$", "", out)
    prose = re.sub(r"(?<!\\)(`+)(?!`).*?(?<!`)\1(?!`)", "", outside)
    for markup in ("<script", "<i>", "](java"):
        assert markup not in prose.replace("\\<", "").replace("\\]", "")
    rows = [line for line in outside.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}


@given(
    text=st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=300),
    at=st.integers(0, 299),
    length=st.integers(0, 40),
    width=st.integers(60, 120),
)
def test_a_line_is_cut_where_nothing_differs(text: str, at: int, length: int, width: int) -> None:
    """What differs first is in it, marked at its place."""
    start = min(at, len(text))
    end = min(start + length, len(text))
    cut, spans = excerpt(text, ((start, end),), width)
    assert len(cut) <= width
    assert len(spans) == 1
    assert cut[slice(*spans[0])].startswith(text[start:end][:20])
    if len(text) <= width:
        assert cut == text


def test_no_control_character_reaches_a_terminal(run: Run, tmp_path: Path) -> None:
    """Wherever it stands: method, target, code, client, message."""
    odd = Exchange(
        HOSTILE,
        HOSTILE,
        tls=False,
        incoming=Head("GET", f"/b/{HOSTILE}", (("Host", HOSTILE), ("Authorization", "<redacted>"))),
        verdict="refused",
        code=HOSTILE,
        message=HOSTILE,
        identity=HOSTILE,
        operation="GetObject",
        response=Response(403, ()),
    )
    (tmp_path / "c.json").write_text(dump([odd, replace(odd, id="2", identity="b")]))
    for arguments in ((), ("--details",), ("--format", "markdown")):
        out = run(tmp_path / "c.json", *arguments)[1]
        assert "\x1b" not in out
        assert "\u202e" not in out
        assert r"\x1b[31m\u202e" in out.replace("\\\\", "\\").replace("\\[", "[")


def test_on_a_terminal_it_is_in_colour(config: Path, tmp_path: Path) -> None:
    """The sentence stands out, and what differs is inverse; NO_COLOR objects, a pipe has none."""
    file = flow_file(tmp_path / "f", (moved(), 403))
    command = [str(CHECKOUT / "scripts" / "explain"), "--config", str(config), str(file)]
    env = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | {"TERM": "xterm"}
    assert f"\x1b[1m✗ {SENTENCE[:30]}" in _on_a_terminal(command, env)
    assert "\x1b[1;7m:8000\x1b[0m" in _on_a_terminal(command, env)
    assert "\x1b" not in _on_a_terminal(command, env | {"NO_COLOR": "1"})
    assert b"\x1b" not in subprocess.run(command, env=env, capture_output=True, check=True).stdout


def _on_a_terminal(command: list[str], env: dict[str, str]) -> str:
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdout=theirs, stdin=subprocess.DEVNULL, env=env):
        os.close(theirs)
        said = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux says so at the end
                break
            said += part
    os.close(ours)
    return said.decode()


def test_details_on_demand(run: Run, config: Path, tmp_path: Path) -> None:
    """The canonical requests, line by line; without --details a few lines say it."""
    file = flow_file(tmp_path / "f", (moved(), 403))
    quiet, loud = (run("--config", config, file, *more)[1] for more in ((), ("--details",)))
    assert "canonical request" not in quiet
    assert len(quiet.splitlines()) < 15
    assert "https://" not in quiet
    assert "https://" in loud
    assert "    - host:gateway.example:8000\n    + host:gateway.example\n      x-amz-content-sha256:" in loud


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "the following arguments are required: FILE"),
        (("--serve", "FILE"), "FILE: cannot be read and served; leave it out, or --serve"),
        (("--format", "xml", "FILE"), "invalid choice: 'xml'"),
        (("--html", "/nowhere/x.html", "FILE"), "folder '/nowhere' does not exist; make it"),
        (("--serve", "--port", "0"), "'0' is no port; give a number from 1 to 65535"),
    ],
)
def test_usage_is_status_2(run: Run, arguments: tuple[str, ...], told: str) -> None:
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert told in err


def test_the_counts_of_a_hundred_thousand_requests() -> None:
    """Nothing is kept of a request that is well, and little of the faults of many."""
    good = found(botocore(Keys(), "GET", "/b/k"), 200)
    bad = replace(good, exchange=replace(good.exchange, verdict="refused", code="AccessDenied", message="No."))
    many = (bad if number % 10 == 0 else good for number in range(100_000))
    told = gather("many", many, Judge(None, (), None))
    assert told.sentence == "10000 of 100000 requests failed"
    assert len(told.failures) == 1
    assert reporting.others(told.failures[0], 2) == "requests 11, 21 and 9997 more"
