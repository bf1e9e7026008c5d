"""The page of scripts/explain in a real browser, as a file and served: what it shows, and whom it answers."""

import base64
import http.client
import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from capturing.sources import read
from explaining import serving
from explaining.__main__ import main
from explaining.page import html
from explaining.posted import MOST
from explaining.report import gather
from lab import CHECKOUT
from s3gateway.explain.judge import Judge
from s3gateway.observed.capture import Exchange, Head, Response
from s3gateway.reading.model import Found
from tests.admission import CONFIG, DOCUMENT
from tests.explain.clients import Keys, botocore, sets
from tests.sigv4.aws import CLIENT, GATEWAY
from tests.tools.test_explain_output import GATEWAY as HEALTHY
from tests.tools.test_explain_output import HOSTILE

CAPTURES = CHECKOUT / "scripts" / "captures" / "spark-400"
SECRETS = ("TOKEN-OF-A-SESSION", "S0VZLU9GLVNTRS1D", CLIENT.secret, GATEWAY.secret)
HEAD = sets(
    botocore(
        Keys(),
        "PUT",
        "/bucket/key",
        [
            ("X-Amz-Security-Token", SECRETS[0]),
            ("x-amz-server-side-encryption-customer-key", SECRETS[1]),
            ("x-amz-meta-a", "1"),
        ],
    ),
    "Host",
    "gateway.example",
)
TEXT = b"PUT /bucket/key HTTP/1.1\r\n" + b"".join(b"%b: %b\r\n" % field for field in HEAD.headers)
SENTENCE = "The client signed Host gateway.example:8000, the wire says gateway.example"


def judge() -> Judge:
    return Judge(CONFIG, (), None)


def quiet(browser: webdriver.Chrome) -> bool:
    """Whether nothing was loaded from elsewhere and nothing complained of."""
    script = "return performance.getEntriesByType('resource').map(one => new URL(one.name).origin)"
    origins = set(browser.execute_script(script))
    return browser.get_log("browser") == [] and origins <= {browser.execute_script("return origin")}  # type: ignore[no-untyped-call]


@pytest.fixture
def page(tmp_path: Path) -> Path:
    exchange = Exchange("1", "", tls=False, incoming=Head("PUT", "/bucket/key", ()))
    found = Found(exchange, "http", raw=HEAD)
    healthy = Found(Exchange("2", "", tls=False, incoming=Head("GET", "/b", ()), response=Response(200, ())), "http")
    (tmp_path / "page.html").write_text(html(gather("head.txt", [found, healthy], judge())), encoding="utf-8")
    return tmp_path / "page.html"


def test_it_shows_what_differs_and_both_heads(page: Path, browser: webdriver.Chrome) -> None:
    """In one file that loads nothing; what differs is marked, both heads stand side by side, within the window."""
    browser.get(page.as_uri())
    assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert browser.find_element(By.CSS_SELECTOR, ".verdict").text == "1 of 2 requests failed"
    assert browser.find_element(By.CSS_SELECTOR, ".sentence").text.startswith(SENTENCE)
    rows = browser.find_elements(By.CSS_SELECTOR, ".evidence tr")
    assert [row.text.split() for row in rows] == [
        ["signed", "host:gateway.example:8000"],
        ["received", "host:gateway.example"],
    ]
    assert [mark.text for mark in rows[0].find_elements(By.TAG_NAME, "mark")] == [":8000"]
    for row in browser.find_elements(By.CSS_SELECTOR, ".wire tbody tr"):
        left, _, right = row.find_elements(By.TAG_NAME, "td")
        assert left.rect["y"] == right.rect["y"]
        assert left.rect["x"] + left.rect["width"] <= right.rect["x"]
    bad = browser.find_element(By.CSS_SELECTOR, ".wire tr.culpable")
    assert [cell.text for cell in bad.find_elements(By.TAG_NAME, "td")] == [
        "host:gateway.example:8000",
        "!",
        "host:gateway.example",
    ]
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")


def test_the_incidents_page(tmp_path: Path, browser: webdriver.Chrome, request: pytest.FixtureRequest) -> None:
    """As scripts/DEBUGGING.md shows it: what was signed and is not there stands in sight, and what to do about it."""
    page = tmp_path / "page.html"
    assert main([str(CAPTURES / "behind.json"), "--html", str(page)]) == 0
    browser.get(page.as_uri())
    (row,) = browser.find_elements(By.CSS_SELECTOR, ".wire tr.culpable")
    assert [cell.text for cell in row.find_elements(By.TAG_NAME, "td")] == [
        "connection: ?",
        "!",
        "signed, but not on the wire",
    ]
    assert browser.find_element(By.CSS_SELECTOR, ".remedy").is_displayed()
    if request.config.getoption("--update-pictures"):
        height = browser.execute_script("return document.documentElement.scrollHeight")
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": 1240, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )
        browser.save_screenshot(str(CHECKOUT / "scripts" / "pictures" / "explain.png"))


def test_light_dark_and_on_paper(page: Path, browser: webdriver.Chrome) -> None:
    """Two papers on a screen; a printer gets the light one, with what is folded and what is marked."""
    browser.get(page.as_uri())
    papers = [_paper(browser, "screen", scheme) for scheme in ("light", "dark")]
    assert len(set(papers)) == 2
    browser.execute_script("document.querySelector('.failure details').open = false")
    assert not browser.find_element(By.CSS_SELECTOR, ".wire").is_displayed()
    ink = _paper(browser, "print", "dark", "color")
    assert ink == _paper(browser, "screen", "light", "color") != _paper(browser, "screen", "dark", "color")
    _paper(browser, "print", "dark")
    assert browser.execute_script("return document.querySelector('.wire tr.culpable').checkVisibility()")
    mark = browser.find_element(By.CSS_SELECTOR, ".evidence mark")
    assert mark.value_of_css_property("print-color-adjust") == "exact"
    assert "underline" in mark.value_of_css_property("text-decoration")
    printed = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert printed.startswith(b"%PDF")


def _paper(browser: webdriver.Chrome, media: str, scheme: str, of: str = "background-color") -> str:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
    return browser.find_element(By.TAG_NAME, "body").value_of_css_property(of)


def test_the_wire_cannot_break_it(tmp_path: Path, browser: webdriver.Chrome) -> None:
    """No value becomes markup, wherever it stands."""
    head = Head("GET", f"/b/{HOSTILE}", (("Host", HOSTILE), ("Authorization", f"SignedHeaders={HOSTILE}")))
    odd = Exchange(
        "1",
        HOSTILE,
        tls=False,
        incoming=head,
        verdict="refused",
        code=HOSTILE,
        message=HOSTILE,
        identity=HOSTILE,
        response=Response(403, ()),
    )
    (tmp_path / "p.html").write_text(html(gather(HOSTILE, [Found(odd, HOSTILE)] * 2, judge())), encoding="utf-8")
    browser.get((tmp_path / "p.html").as_uri())
    assert browser.find_elements(By.TAG_NAME, "script") == []
    assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]
    assert "<script>alert(1)</script>" in browser.find_element(By.CSS_SELECTOR, ".sentence").text
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")


def test_a_gateways_own_capture_has_both_heads(tmp_path: Path) -> None:
    """As the client sent it and as the backend got it, header by header."""
    first = read(HEALTHY)[0]
    assert first.outgoing is not None
    text = html(gather("c", [Found(_refused(first), "capture")], judge()))
    assert "the client sent" in text
    assert "the backend got" in text
    assert "hop by hop" in text


def _refused(exchange: Exchange) -> Exchange:
    return replace(exchange, response=Response(403, ()), backend_error="AccessDenied")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving.serving(judge(), 0) as where:
        yield where


def explained(browser: webdriver.Chrome) -> str:
    """The sentence, once the page of the answer is there."""

    def look(driver: webdriver.Chrome) -> str:
        found = driver.find_elements(By.CSS_SELECTOR, ".sentence")
        return found[0].text if found else ""

    return str(WebDriverWait(browser, 30).until(look))


def test_paste(address: str, browser: webdriver.Chrome) -> None:
    """The same page below the form; what was pasted is not in it."""
    browser.get(address)
    browser.find_element(By.TAG_NAME, "textarea").send_keys(TEXT.decode())
    browser.find_element(By.TAG_NAME, "button").click()
    assert explained(browser).startswith(SENTENCE)
    assert browser.find_element(By.CSS_SELECTOR, ".evidence mark").text == ":8000"
    assert quiet(browser)
    card = browser.find_element(By.CSS_SELECTOR, ".failure")
    assert card.value_of_css_property("border-left-style") == "solid"
    assert browser.find_element(By.TAG_NAME, "textarea").get_attribute("value") == ""
    assert not any(secret in browser.page_source for secret in SECRETS)
    assert browser.execute_script("return [localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]


_DROP = """
const data = new DataTransfer();
data.items.add(new File([arguments[0]], "head.txt"));
document.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
"""


def test_drop_a_file(address: str, browser: webdriver.Chrome, tmp_path: Path) -> None:
    """Anywhere on the page, or chosen: read at once, by its name."""
    browser.get(address)
    browser.execute_script(_DROP, TEXT.decode())
    assert explained(browser).startswith(SENTENCE)
    assert browser.find_element(By.TAG_NAME, "h1").text == "head.txt"
    browser.get(address)
    browser.find_element(By.CSS_SELECTOR, "input[type=file]").send_keys(str(CAPTURES / "behind.json"))
    assert "Connection is signed but not sent" in explained(browser)
    assert quiet(browser)


def test_what_cannot_be_read_is_said(address: str, browser: webdriver.Chrome) -> None:
    """And the page goes on."""
    browser.get(address)
    browser.find_element(By.TAG_NAME, "textarea").send_keys("a word <b>")
    browser.find_element(By.TAG_NAME, "button").click()
    told = WebDriverWait(browser, 30).until(lambda page: page.find_element(By.CSS_SELECTOR, ".bad .verdict"))
    assert told.text
    assert browser.find_element(By.TAG_NAME, "textarea").is_displayed()


class _Elsewhere(BaseHTTPRequestHandler):
    """A page of the web that knows of the port, and by some mishap of the token."""

    target = ""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        form = f'<form method=post enctype=multipart/form-data action="{self.target}"><input name=text value=x>'
        self.wfile.write(f'{form}<button>go</button></form><a href="{self.target}">go</a>'.encode())

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


@contextmanager
def elsewhere(target: str) -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), type("Page", (_Elsewhere,), {"target": target}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


_FETCH = """
const done = arguments[arguments.length - 1];
fetch(arguments[0], {mode: arguments[1]}).then(one => done(one.type), error => done(error.name));
"""


def test_another_page_gets_nothing(address: str, browser: webdriver.Chrome) -> None:
    """Neither by a request, nor by a form, nor by a link: it is told that another page asks."""
    with elsewhere(address) as other:
        browser.get(other)
        assert browser.execute_async_script(_FETCH, address, "cors") == "TypeError"
        assert browser.execute_async_script(_FETCH, address, "no-cors") == "TypeError"  # Cross-Origin-Resource-Policy
        for selector in ("button", "a"):
            browser.get(other)
            browser.find_element(By.CSS_SELECTOR, selector).click()
            WebDriverWait(browser, 30).until(lambda page: page.current_url == address)
            assert "another page asks" in browser.find_element(By.TAG_NAME, "body").text


def ask(
    address: str, method: str = "GET", path: str | None = None, body: bytes = b"", **headers: str | None
) -> tuple[int, http.client.HTTPMessage, str]:
    """Ask as no browser would; a header that is None is left out."""
    where = urlsplit(address)
    connection = http.client.HTTPConnection("127.0.0.1", where.port, timeout=60)
    connection.putrequest(method, path or where.path, skip_host=True, skip_accept_encoding=True)
    sent = {"Host": where.netloc, **{name.replace("_", "-"): value for name, value in headers.items()}}
    for name, value in sent.items():
        if value is not None:
            connection.putheader(name, value)
    if body:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body or None)
    answer = connection.getresponse()
    told = answer.status, answer.headers, answer.read().decode()
    connection.close()
    return told


def test_every_answer_forbids_what_it_can(address: str) -> None:
    """Whatever is asked, a page may load only what is its own, is not stored, and is framed by nobody."""
    for path in (None, "/", f"{urlsplit(address).path}page.css", f"{urlsplit(address).path}none"):
        _, headers, _ = ask(address, path=path)
        assert headers.get_all("Content-Security-Policy") == [
            "default-src 'self'",
            "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        ]
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "Set-Cookie" not in headers
        assert not [name for name in headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]"])
def test_its_own_names(address: str, name: str) -> None:
    port = urlsplit(address).port
    assert ask(address, Host=f"{name}:{port}")[0] == 200
    assert ask(address, Host=f"{name}:{port}", Origin=f"http://{name}:{port}", Sec_Fetch_Site="same-origin")[0] == 200


@pytest.mark.parametrize(
    "host",
    [None, "", "127.0.0.1", "localhost:80", "rebound.example:{}", "127.0.0.1:{}.example", "LOCALHOST.:{}", "::1:{}"],
)
def test_another_name_is_refused(address: str, host: str | None) -> None:
    """Whoever makes a name point here has the browser send that name."""
    port = urlsplit(address).port
    status, _, told = ask(address, Host=host.format(port) if host is not None else None)
    assert (status, "Host is not this page's" in told) == (403, True)


def test_two_hosts_are_refused(address: str) -> None:
    where = urlsplit(address)
    with socket.create_connection(("127.0.0.1", where.port or 0)) as raw:
        raw.sendall(f"GET {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nHost: {where.netloc}\r\n\r\n".encode())
        assert raw.makefile("rb").readline().split()[1] == b"403"


@pytest.mark.parametrize("path", ["/", "/x/", "/{}", "/{}x/", "*", "http://a/{}/"])
def test_without_the_token_nothing_is_there(address: str, path: str) -> None:
    token = urlsplit(address).path.strip("/")
    status, _, told = ask(address, path=path.format(token))
    assert (status, "token" in told) == (404, True)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_another_origin_is_refused(address: str, headers: dict[str, str | None]) -> None:
    for method in ("GET", "POST"):
        status, _, told = ask(address, method, None, b"", **headers)
        assert (status, "another page asks" in told) == (403, True)


def form(content: bytes, name: str = 'name="text"') -> bytes:
    return b"--B\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n--B--\r\n" % (name.encode(), content)


FORM = "multipart/form-data; boundary=B"


def post(address: str, body: bytes, kind: str = FORM, **more: str | None) -> tuple[int, str]:
    where = urlsplit(address)
    origin = f"{where.scheme}://{where.netloc}"
    status, _, told = ask(address, "POST", body=body, **{"Origin": origin, "Content_Type": kind, **more})
    return status, told


def test_what_is_posted_and_is_no_form(address: str) -> None:
    """Each is refused in words; a post without an Origin comes from no browser."""
    assert post(address, form(TEXT))[0] == 200
    assert post(address, form(TEXT), Origin=None)[0] == 403
    assert post(address, form(TEXT), kind="text/plain")[0] == 400
    assert post(address, b"", Content_Length="x")[0] == 400
    assert post(address, b"", Content_Length=str(MOST + 1)) == (
        413,
        f"more than {MOST >> 20} MiB; give the file to scripts/explain itself\n",
    )
    assert post(address, b"no form")[0] == 200
    assert ask(address, "PUT")[0] == 501


def test_no_secret_is_ever_given_back(address: str, tmp_path: Path) -> None:
    """In no form, of what is pasted and of what is configured."""
    (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(DOCUMENT))
    (tmp_path / "head.txt").write_bytes(TEXT)
    texts = [post(address, form(TEXT))[1], post(address, form(TEXT, 'name="file"; filename="a"'))[1]]
    for form_of in (("--details",), ("--json",), ("--format", "markdown"), ("--html", str(tmp_path / "p.html"))):
        command = [CHECKOUT / "scripts" / "explain", "--config", "gateway.yaml", "head.txt", *form_of]
        texts.append(subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout)
    texts.append((tmp_path / "p.html").read_text())
    signature = re.findall(rb"Signature=([0-9a-f]{64})", TEXT)[0].decode()
    for text in texts:
        assert "gateway.example" in text
        assert not [secret for secret in (*SECRETS, signature) if secret in text]


def test_the_command_serves_until_it_is_stopped(tmp_path: Path) -> None:
    """On loopback only; nothing is written anywhere, nothing is said of what was asked."""
    (tmp_path / "tmp").mkdir()
    env = dict(os.environ) | {"TMPDIR": str(tmp_path / "tmp"), "HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    command = [str(CHECKOUT / "scripts" / "explain"), "--serve"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        address, told = process.stdout.readline().strip(), process.stdout.readline()
        assert post(address, form(TEXT))[0] == 200
        assert ask(address, Host="evil.example")[0] == 403
        port = urlsplit(address).port or 0
        assert _listening(port) <= {"127.0.0.1", "::1"}
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert told + out == "Only this machine can open it, nothing is stored; Ctrl-C ends it.\n"
    assert err == "\nexplain: stopped; nothing is left running\n"
    assert process.returncode == 130
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def _listening(port: int) -> set[str]:
    """The addresses of this machine on which something listens on a port."""
    found = set()
    for name, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            host, _, number = local.partition(":")
            if state == "0A" and int(number, 16) == port:
                words = [bytes.fromhex(host[at : at + 8])[::-1] for at in range(0, len(host), 8)]
                found.add(socket.inet_ntop(family, b"".join(words)))
    return found


def test_a_port_that_is_taken_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert main(["--serve", "--port", str(port)]) == 2
    assert capsys.readouterr().err == (
        f"explain: --port: cannot listen on {port} (Address already in use); give another, or leave it out\n"
    )
