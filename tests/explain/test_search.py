"""The search's promises, whatever the request: it ends, it never raises, and it gives nothing secret away."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from lab.certs import Certs
from s3gateway.errors import S3Error
from s3gateway.explain.certificate import names_in
from s3gateway.explain.draft import received
from s3gateway.explain.rendering import RECEIVED, SIGNED, marked_lines, render
from s3gateway.explain.why import Outcome, explain
from s3gateway.sigv4.canonical import derive_key
from s3gateway.sigv4.claim import read_claim
from s3gateway.sigv4.model import RequestHead, Secret
from s3gateway.sigv4.verify import verify
from tests.explain.clients import Keys, Own, botocore, presigned, sets
from tests.explain.test_causes import CONFIG
from tests.sigv4.aws import CLIENT, GATEWAY

FEW = 400
"""Tries for each made-up request: what is looked for does not depend on how long the search goes on."""

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
TIMESTAMP = f"{NOW:%Y%m%dT%H%M%SZ}"
TOKEN = "t0k3n-of-the-client"
CUSTOMER_KEY = "Y3VzdG9tZXIta2V5LW9mLXRoaXJ0eS10d28tYnl0ZXM="
BYTES = st.binary(max_size=12).filter(lambda raw: not set(raw) & set(b"\r\n\0"))
NAMES = st.sampled_from(
    b"Host Accept-Encoding Connection TE Content-Length Content-Type x-amz-meta-a Date X-Forwarded-Host Forwarded "
    b"X-Forwarded-Prefix X-Original-URI Via User-Agent X-Forwarded-Port".split()
)
TARGETS = st.one_of(
    st.binary(max_size=30).map(lambda raw: b"/" + raw.replace(b" ", b"")),
    st.text("/%2F+ab?&=.;~'é", max_size=30).map(lambda text: b"/" + text.encode()),
)
SECRET_HEADERS = (("x-amz-server-side-encryption-customer-key", CUSTOMER_KEY), ("Cookie", "session=c00kie"))


def signed(secret: str) -> RequestHead:
    return Own("PUT", "/bucket/a%20key?x-id=PutObject", headers=SECRET_HEADERS, timestamp=TIMESTAMP).head(
        Keys(secret=secret)
    )


def assert_nothing_secret(outcome: Outcome, head: RequestHead) -> None:
    """No secret, no signing key, neither the right signature nor the client's, no SSE-C key, token or cookie."""
    why = outcome.explanation
    shown = "\0".join((why.cause, why.sentence, why.expected, why.received, render(why, colour=True), repr(outcome)))
    hidden = [CLIENT.secret, GATEWAY.secret, CUSTOMER_KEY, TOKEN, "c00kie"]
    try:
        claim = read_claim(head)
    except S3Error:
        claim = None
    if claim:
        key = derive_key(Secret(CLIENT.secret), claim.scope)
        hidden += [key.hex(), repr(key), claim.signature.hex]
    assert [secret for secret in hidden if secret in shown] == []


@settings(max_examples=150, deadline=None)
@given(
    secret=st.sampled_from((CLIENT.secret, CLIENT.secret + "\n", "another")),
    method=st.sampled_from((b"GET", b"PUT", b"HEAD", b"POST", b"x")),
    target=st.none() | TARGETS,
    changes=st.lists(st.tuples(NAMES, BYTES), max_size=4),
    dropped=st.sets(
        st.sampled_from((b"host", b"cookie", b"x-amz-date", b"x-amz-content-sha256", b"authorization")), max_size=1
    ),
    shift=st.timedeltas(timedelta(days=-3000), timedelta(days=3000)) | st.just(timedelta()),
)
def test_it_never_raises_and_tells_no_secret(
    secret: str,
    method: bytes,
    target: bytes | None,
    changes: list[tuple[bytes, bytes]],
    dropped: set[bytes],
    shift: timedelta,
) -> None:
    """Any alteration of a signed request has an explanation of one line, within the cap."""
    head = signed(secret)
    fields = tuple(pair for pair in head.headers if pair[0].lower() not in dropped)
    head = RequestHead(method, head.target if target is None else target, (*fields, *changes))
    outcome = explain(head, CONFIG, NOW + shift, max_tries=FEW)
    assert outcome.tries <= FEW
    assert outcome.explanation.sentence
    assert "\n" not in render(outcome.explanation, colour=False).partition("\n\n")[0].rstrip("\n")
    assert_nothing_secret(outcome, head)


@settings(max_examples=60, deadline=None)
@given(value=BYTES, name=st.sampled_from((b"Authorization", b"X-Amz-Date", b"Host")))
def test_nonsense_in_what_is_parsed(value: bytes, name: bytes) -> None:
    """A claim that cannot be read is refused, and the refusal is the explanation."""
    head = signed(CLIENT.secret)
    fields = tuple((n, value if n.lower() == name.lower() else v) for n, v in head.headers)
    assert_nothing_secret(explain(RequestHead(b"PUT", head.target, fields), CONFIG, NOW, max_tries=FEW), head)


def test_secret_headers_are_hidden_where_they_decide() -> None:
    """A signed SSE-C key that changed is named, and neither value is shown; nor is a token in a URL."""
    head = sets(signed(CLIENT.secret), "x-amz-server-side-encryption-customer-key", f"{CUSTOMER_KEY}, x")
    outcome = explain(head, CONFIG, NOW)
    assert outcome.explanation.cause == "header-changed"
    assert "x-amz-server-side-encryption-customer-key" in outcome.explanation.sentence
    assert_nothing_secret(outcome, head)
    url = presigned(Keys(), "GET", "/bucket/key")
    for escaped in ("X-Amz-Security-Token", "X%2DAmz-Security-Token"):
        late = replace(url, target=url.target + f"&{escaped}={TOKEN}".encode())
        outcome = explain(late, CONFIG, datetime.now(UTC))
        assert outcome.explanation.cause == "session-token-unsigned"
        assert_nothing_secret(outcome, late)


def test_a_token_in_a_query_as_it_stood_on_the_wire_is_hidden() -> None:
    """However its name is escaped."""
    head = signed(CLIENT.secret)
    draft = received(read_claim(head), head, Secret(CLIENT.secret))
    for name in (b"X-Amz-Security-Token", b"X%2DAmz-Security-Token", b"%58-amz-security-token"):
        shown = replace(draft, query=b"a=b&" + name + b"=" + TOKEN.encode()).shown()
        assert name.decode() + "=<redacted>" in shown
        assert TOKEN not in shown


def test_what_was_found_verifies() -> None:
    """The request as the sentence has it is one that the gateway takes: Host and Connection put back as told."""
    head = botocore(Keys(), "GET", "/bucket/key", [("Connection", "Keep-Alive")])
    broken = replace(
        head,
        headers=tuple((n, b"gateway.example" if n == b"Host" else v) for n, v in head.headers if n != b"Connection"),
    )
    why = explain(broken, CONFIG, datetime.now(UTC)).explanation
    expected = dict(line.split(":", 1) for line in why.expected.split("\n") if ":" in line)
    repaired = sets(sets(broken, "Host", expected["host"]), "Connection", expected["connection"])
    verify(read_claim(repaired), repaired, Secret(CLIENT.secret), datetime.now(UTC))


def test_the_differing_lines_are_marked() -> None:
    """Each as signed above as received, everything else unmarked, and nothing that a terminal would act on."""
    head = sets(sets(botocore(Keys(), "GET", "/bucket/key"), "Host", "gateway.example"), "X-Test", "\x1b[31m")
    why = explain(head, CONFIG, datetime.now(UTC)).explanation
    marked = list(marked_lines(why))
    assert [pair for pair in marked if pair[0] != " "] == [
        (SIGNED, "host:gateway.example:8000"),
        (RECEIVED, "host:gateway.example"),
    ]
    assert [line for mark, line in marked if mark in {" ", RECEIVED}] == why.received.split("\n")
    assert "\x1b" not in render(why, colour=False)
    coloured = render(why, colour=True)
    assert "\x1b[32m- host:gateway.example:8000\x1b[0m" in coloured
    assert "\x1b[31m+ host:gateway.example\x1b[0m" in coloured


def test_control_characters_do_not_reach_a_terminal() -> None:
    """A path may hold them."""
    head = Own(target="/bucket/\x1b[31m", headers=(("x-amz-meta-a", "\x1b[32m"),)).head(Keys())
    head = sets(replace(head, target=b"/bucket/%1B[31m"), "x-amz-meta-a", "\x1b[32m, \x07")
    why = explain(head, CONFIG, datetime.now(UTC)).explanation
    assert "\x1b" in why.received
    assert not [c for c in render(why, colour=False) if ord(c) < 32 and c != "\n"]


def test_names_in_certificates(certs: Certs) -> None:
    """The gateway's has those that the lab asked for; what is no certificate has none."""
    assert {"localhost", "127.0.0.1"} <= set(names_in(certs.gateway.read_bytes()))
    assert names_in(b"") == names_in(b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n") == ()
