"""What holds a secret does not show it: not by repr, str or format, not inside another value, not in an exception."""

import ast
import base64
import logging
import pickle
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from s3gateway.answer import Pass
from s3gateway.answer_watch import Released
from s3gateway.bodies.form_data import FormReader
from s3gateway.config.check import ConfigError
from s3gateway.config.gateway_yaml import parse
from s3gateway.config.model import Client, DatedKeys, KeyPair, LookupProvider, Sts
from s3gateway.config.observing import Webhook
from s3gateway.errors import S3Error
from s3gateway.explain.charsets import Reading
from s3gateway.explain.evidence import Evidence
from s3gateway.explain.sides import Side
from s3gateway.explain.suspect import Sweep, of_field
from s3gateway.gateway import Arrival
from s3gateway.http1.head import Answer, Request
from s3gateway.identity.calls import Call
from s3gateway.identity.issuer import Issuer
from s3gateway.identity.keys import DatedSecret
from s3gateway.identity.ldap import Entry, HeldKey, User
from s3gateway.identity.ldap_messages import Received
from s3gateway.identity.login import Login
from s3gateway.identity.remote_keys import FoundKey, Kept, Terms
from s3gateway.identity.session import Ring, RingKey, Session
from s3gateway.identity.web_identity import Presented
from s3gateway.observed.log_line import Record
from s3gateway.observed.transaction import Transaction
from s3gateway.post_object import Form, admit_form
from s3gateway.rules import encryption
from s3gateway.rules.access import ALL
from s3gateway.rules.answer_head import AnswerHead
from s3gateway.rules.health import Ask
from s3gateway.rules.key_use import Ledger, Use
from s3gateway.rules.quoting import ErrorDocument
from s3gateway.serve.plan import Plan
from s3gateway.serve.process import Start
from s3gateway.signer import CredentialsError, CredentialSource, Signer
from s3gateway.sigv4.chunk_reader import ChunkReader
from s3gateway.sigv4.chunk_signatures import ChunkChain
from s3gateway.sigv4.claim import read_claim
from s3gateway.sigv4.model import CredentialScope, RequestHead, Secret, Signature
from s3gateway.sigv4.post_policy import read_policy_claim
from s3gateway.token_service import Asked, Granted
from s3gateway.wire import contexts
from s3gateway.wire.canary_requests import Keys
from s3gateway.wire.fetch import Fetched
from s3gateway.wire.health_check import Question
from s3gateway.wire.service import Current
from tests.admission import admitted, configured, forwarded, outgoing_head
from tests.forms import BOUNDARY, form
from tests.receiving import transformer
from tests.refusing import Wire
from tests.sigv4 import streams
from tests.sigv4.aws import CLIENT, GATEWAY, authorized, presigned

ROOT = Path(__file__).parent.parent
SECRET = "c4n4ry"
CUSTOMER_KEY = base64.b64encode(b"c4n4ry-key-of-thirty-two-bytes!!")
KEYS = KeyPair("AK", Secret(SECRET), Secret(SECRET + "-token"))
CONFIG = configured(encryption=[{"sse-s3": True}])
HEAD = authorized("PUT", "/bucket/key", [("x-amz-server-side-encryption-customer-key", CUSTOMER_KEY)])
PRESIGNED = presigned("GET", "/bucket/key")
RULE = encryption.EncryptionRule("*", "", "*", encryption.sse_c(base64.b64decode(CUSTOMER_KEY)))
SIGNER = Signer(KEYS, "us-east-1")
OUT = forwarded(HEAD, signer=SIGNER)
ADMITTED = admitted(HEAD)
TRAILER = streams.signed("t", (b"a",), trailer=(streams.crc32c(b"a"),))


def secrets_of(head: RequestHead) -> list[str]:
    """Give the signature that a request bears."""
    text = head.target + (head.first(b"authorization") or b"")
    return [text.rpartition(b"Signature=")[2].decode()]


SIGNED_FORM = form([("x-amz-server-side-encryption-customer-key", CUSTOMER_KEY.decode())])(Wire())
READER = FormReader(BOUNDARY)
READER.feed(SIGNED_FORM.body or b"")
POLICY_CLAIM = read_policy_claim(READER.fields)
FORM = admit_form(
    Form("bucket", BOUNDARY, "https://gateway/bucket"),
    READER,
    Arrival(tls=True, has_body=True),
    SIGNED_FORM.head,
    CONFIG,
    CLIENT.now,
)

LDAP = configured(
    ldap={
        "server_addr": "h",
        "lookup_bind_dn": "cn=l",
        "lookup_bind_password": SECRET,
        "user_dn_search_base_dn": "dc=x",
        "user_dn_search_filter": "(uid=%s)",
    }
).ldap
assert LDAP is not None

RING = Ring((RingKey(CUSTOMER_KEY[:32], CLIENT.now),))
SESSION = Session(KEYS, "ldap", "alice", "uid=alice", "n", 0, 1, values={"a": SECRET}, policy=SECRET, backend=KEYS)
STS = Sts(RING, opened={SECRET.encode(): Client("s", KEYS, ALL)})

SECRETS = [
    SECRET,
    CUSTOMER_KEY.decode(),
    CLIENT.secret,
    GATEWAY.secret,
    repr(CLIENT.signing_key),
    CLIENT.signing_key.hex(),
    *secrets_of(HEAD),
    *secrets_of(PRESIGNED),
    *secrets_of(outgoing_head(b"PUT", OUT)),
    TRAILER.frames[-1][-68:-4].decode(),
    READER.fields["x-amz-signature"].decode(),
]
HOLDERS = {
    "Secret": Secret(SECRET),
    "Signature": Signature(secrets_of(HEAD)[0]),
    "KeyPair": KEYS,
    "FoundKey": FoundKey(Secret(SECRET), Login("lookup", "a", "b", claims={"secret": SECRET}, backend=KEYS)),
    "Kept": Kept(FoundKey(Secret(SECRET), Login("lookup", "a", "b")), None, 0, 0),
    "LookupProvider": LookupProvider(
        CONFIG.backend,
        "/keys",
        ((b"Authorization", Secret(SECRET)),),
        SECRET.encode(),
        Terms(1, 1, 1, 1),
        (),
    ),
    "DatedSecret": DatedSecret(Secret(SECRET)),
    "DatedKeys": DatedKeys(KEYS),
    "Ledger": Ledger(0, SECRET.encode()).merged([(KEYS, Use(0, 0))], 0),
    "Client": replace(CONFIG.clients["SPARKKEY"], keys=KEYS),
    "Config": replace(CONFIG, credentials=KEYS, encryption=(RULE,)),
    "Limits": CONFIG.limits,
    "Start": Start(["mitmdump", "--set", f"web_password={SECRET}"], {"AWS_SECRET_ACCESS_KEY": SECRET}, 3, [4]),
    "Plan": Plan(2, ["mitmdump", "--set", f"web_password={SECRET}"], [], lambda: CONFIG),
    "Rule": RULE,
    "Sse": RULE.sse,
    "Applied": encryption.apply((RULE,), ADMITTED.operation, RequestHead(b"PUT", b"/", ()), "spark"),
    "RequestHead": HEAD,
    "presigned RequestHead": PRESIGNED,
    "Claim": read_claim(HEAD),
    "presigned Claim": read_claim(PRESIGNED),
    "Verified": ADMITTED.verified,
    "Admitted": ADMITTED,
    "presigned Admitted": admitted(PRESIGNED),
    "Operation": ADMITTED.operation,
    "PolicyClaim": POLICY_CLAIM,
    "AdmittedForm": FORM,
    "Outgoing": OUT,
    "AnswerHead": AnswerHead(403, OUT.headers),
    "Pass": Pass(OUT.headers),
    "Released": Released(403, OUT.headers, repr(OUT.headers).encode()),
    "ErrorDocument": ErrorDocument("Error", SECRET, SECRET, True, SECRET),
    "Signer": SIGNER,
    "Signed": SIGNER.sign(HEAD, (b"host",), "x", ("/", ""), CLIENT.now),
    "CredentialSource": CredentialSource(KEYS),
    "ChunkChain": ChunkChain(CLIENT.signing_key, CLIENT.scope, CLIENT.timestamp, Signature(secrets_of(HEAD)[0])),
    "ChunkedBody": transformer(TRAILER),
    "events": ChunkReader(signed=True, trailer=True, max_chunk=100).feed(TRAILER.body)[-1:],
    "CredentialScope": CredentialScope("20240229", "us-east-1"),
    "Side": Side(repr(HEAD.headers).encode(), CUSTOMER_KEY),
    "Evidence": Evidence(HEAD, PRESIGNED, Side(CUSTOMER_KEY), Side(CUSTOMER_KEY), CUSTOMER_KEY),
    "Reading": Reading("charset", "in UTF-8", CUSTOMER_KEY),
    "Suspect": of_field("charset", "said", b"x-amz-meta-a", CUSTOMER_KEY),
    "Sweep": Sweep("charset", b"x-amz-meta-a", (CUSTOMER_KEY,), repr),
    "Request": Request(HEAD, b"HTTP/1.1", 0),
    "Answer": Answer(403, OUT.headers, b"HTTP/1.1", b"Forbidden"),
    "Webhook": Webhook("https", "h", 1, "/", Secret(SECRET), None, 1, 1.0),
    "Keys": Keys(KEYS, "us-east-1", b"h", CLIENT.now),
    "Current": Current(replace(CONFIG, credentials=KEYS), SIGNER, contexts.for_clients(), None),
    "Session": SESSION,
    "Ring": RING,
    "RingKey": RING.keys[0],
    "Sts": STS,
    "Call": Call("AssumeRoleWithLDAPIdentity", {"LDAPPassword": SECRET, "WebIdentityToken": SECRET}),
    "Login": Login("ldap", "a", "b", claims={"secret": SECRET}, backend=KEYS),
    "Asked": Asked(Call("AssumeRole", {"Policy": SECRET}), Client("s", KEYS, ALL, session=SESSION)),
    "Granted": Granted(SECRET.encode(), "alice"),
    "LdapSettings": LDAP,
    "HeldKey": HeldKey(Secret(SECRET), User("uid=a", "a", {"department": "b"})),
    "Entry": Entry("uid=a", {"secret": (SECRET.encode(),)}),
    "Received": Received(1, Entry("uid=a", {"secret": (SECRET.encode(),)})),
    "Fetched": Fetched(200, SECRET.encode()),
    "Presented": Presented(Issuer("https://i", ("a",), ("*",)), "kid", "RS256", SECRET),
    "Question": Question(Ask.LIVE, b"HEAD", "/bucket", OUT.headers),
    "Transaction": Transaction(
        HEAD, Arrival(tls=False, has_body=True), Record(0.0, "id"), ADMITTED, OUT, answer=AnswerHead(403, OUT.headers)
    ),
}


HARMLESS = {
    "About": "a name and an address",
    "Acceptor": "a listening socket",
    "Access": "patterns",
    "AccessLog": "a stream",
    "Acting": "an exchange, with the default repr",
    "Action": "names",
    "Addresses": "authorities",
    "Admin": "a listener, with the default repr",
    "AdminTrace": "lines of a log, with the default repr",
    "Announced": "a length and a digest",
    "Answering": "an exchange, with the default repr",
    "AnswerWatch": "a backend's document, with the default repr",
    "Arrival": "two flags",
    "Ask": "names",
    "Assignment": "a worker's number and descriptors",
    "Assuming": "an exchange, with the default repr",
    "AtOnce": "nothing",
    "Audit": "paths, and a Webhook",
    "AuditFile": "lines that hold none, with the default repr",
    "AuditLog": "targets, with the default repr",
    "Backend": "an address",
    "BackendConnection": "a transport, with the default repr",
    "BackendSessions": "key pairs, with the default repr",
    "BadSignature": "Signatures, and data that repr leaves out",
    "Bound": "counts",
    "Broke": "what the log tells",
    "BucketCors": "rules, with the default repr",
    "BucketLabels": "names, with the default repr",
    "BucketsOwn": "nothing",
    "Budget": "counts",
    "Buffer": "bytes that were read, with the default repr",
    "Canary": "names, or a task, with the default repr",
    "Canonical": "parts of a canonical request; repr leaves out values",
    "Certainty": "names",
    "Chain": "a profile's name",
    "Checked": "what the log tells",
    "Checksum": "a digest",
    "Choosing": "an exchange, with the default repr",
    "ChunkData": "a client's data",
    "ChunkedReader": "an unfinished line, with the default repr",
    "ChunkEnd": "nothing",
    "ChunkReader": "a client's data, with the default repr",
    "Chunks": "counts",
    "ChunkStart": "a Signature",
    "ClientConnection": "a client's bytes, with the default repr",
    "Clock": "connections, with the default repr",
    "Cluster": "backends, with the default repr",
    "Command": "lines of a log, with the default repr",
    "Comparison": "redacted heads",
    "Condition": "what a policy demands, which signs nothing",
    "Connections": "addresses",
    "Context": "redacted heads",
    "CorsRule": "origins and names",
    "Counter": "key pairs, with the default repr",
    "CrossOrigin": "an exchange, with the default repr",
    "DeleteBody": "a client's data, with the default repr",
    "Dialer": "servers and LdapSettings, with the default repr",
    "Difference": "lines of redacted texts",
    "Directory": "connections and LdapSettings, with the default repr",
    "Document": "lines of a log, with the default repr",
    "Draft": "headers and a query that repr leaves out",
    "Draining": "counts and moments",
    "Ending": "an exchange, with the default repr",
    "Exchange": "heads that are redacted by whoever makes it",
    "Explained": "what the log tells",
    "Explanation": "texts of redacted heads",
    "Failure": "a sentence",
    "Fate": "names",
    "Fault": "a header's name",
    "FewLabels": "names of clients and operations",
    "Field": "a redacted header",
    "Figures": "counts",
    "Files": "paths",
    "FilterTemplate": "a filter of the configuration",
    "First": "names",
    "Form": "a bucket and a boundary",
    "FormFile": "a client's data, with the default repr",
    "FormReader": "a client's fields, with the default repr",
    "FormUpload": "a client's data, with the default repr",
    "Found": "a Draft",
    "Front": "a client's first bytes, with the default repr",
    "GoneError": "what the log tells",
    "HashedBody": "a client's data, with the default repr",
    "Head": "a redacted head",
    "Header": "an address of a PROXY header",
    "Heads": "a client's bytes, with the default repr",
    "Health": "what the log tells",
    "HealthChecks": "paths and times",
    "Held": "bodies that repr leaves out",
    "Hold": "an AnswerHead, and an AnswerWatch that repr leaves out",
    "Issuer": "addresses and names",
    "Issuers": "keys of issuers, with the default repr",
    "Joined": "requests of a log, with the default repr",
    "JsObject": "lines of a log, with the default repr",
    "Judge": "a configuration, with the default repr",
    "Judgement": "an Explanation",
    "Jwk": "a public key, which repr leaves out",
    "Key": "a setting's name",
    "Keys": "names of attributes",
    "KeySet": "public keys, with the default repr",
    "Kind": "a setting's type",
    "LdapConnection": "a transport, with the default repr",
    "LdapPool": "connections, with the default repr",
    "KeyLedger": "key pairs, with the default repr",
    "KeyMetrics": "figures, with the default repr",
    "KeyProvider": "names, and settings that redact themselves",
    "KeyRow": "figures of a key",
    "KnownKeys": "what repr leaves out",
    "Ledger": "counts of connections and tokens of rates, by a hash of the key",
    "LengthReader": "counts, with the default repr",
    "Line": "redacted targets",
    "Link": "names",
    "Listen": "addresses and paths",
    "LocationRewriter": "authorities",
    "LoginRates": "counts, with the default repr",
    "LookingUp": "an exchange, with the default repr",
    "Lookup": "a LookupProvider, with the default repr",
    "Member": "connections, with the default repr",
    "Memory": "counts",
    "Merged": "metrics",
    "Messages": "a directory's bytes, with the default repr",
    "Metrics": "counts, with the default repr",
    "Mode": "names",
    "Names": "host names",
    "Need": "names",
    "Notify": "a socket's name",
    "Opening": "a connection that is being opened, with the default repr",
    "OperatorPages": "pages",
    "Other": "a sentence",
    "Outbox": "bytes on their way, with the default repr",
    "Outcome": "an Explanation",
    "Output": "a stream",
    "OwnAnswer": "a status, and a body that repr leaves out",
    "OwnChunks": "a client's data, with the default repr",
    "OwnKeys": "key pairs, with the default repr",
    "PackedError": "a sentence",
    "Page": "an origin, names and a key",
    "Parent": "workers, with the default repr",
    "Payload": "a digest or a mode",
    "PayloadMode": "names",
    "Place": "a worker's place",
    "PlainAnswer": "fields and a body that repr leaves out",
    "PlainBody": "nothing",
    "Policy": "what a session may do",
    "Polls": "counts, with the default repr",
    "Pool": "connections, with the default repr",
    "Poster": "a Webhook, with the default repr",
    "Posting": "an exchange, with the default repr",
    "PostPolicy": "what a policy demands, which signs nothing",
    "Process": "a worker, with the default repr",
    "Progress": "states and times, with the default repr",
    "Providers": "a directory and issuers, with the default repr",
    "Rates": "access key ids",
    "RawStream": "lines of a log, with the default repr",
    "Reach": "names",
    "Record": "what the log tells",
    "Reference": "a page's address",
    "Refusal": "a backend's answer",
    "Refuse": "what the log tells",
    "RefusedWrite": "nothing",
    "RemoteKeys": "what FoundKey holds, with the default repr",
    "Renewal": "times",
    "Renewing": "an exchange, with the default repr",
    "Reply": "a backend's bytes, with the default repr",
    "Resigned": "a RequestHead, and a body that repr leaves out",
    "Response": "a redacted head",
    "Rest": "a range and an ETag",
    "Result": "a directory's words",
    "Revocation": "a subject",
    "Role": "rules, and who may have them",
    "Right": "patterns",
    "Row": "redacted headers",
    "Search": "a count, by its own repr",
    "Sending": "an exchange, with the default repr",
    "Server": "an address",
    "Service": "what is in force, with the default repr",
    "SessionAccess": "rules",
    "Shutdown": "seconds",
    "Signing": "lines of a log, with the default repr",
    "Site": "addresses",
    "Sizes": "two counts",
    "Spans": "an exporter, with the default repr",
    "Spool": "counts, with the default repr",
    "SpooledBody": "a client's data, with the default repr",
    "SpoolFile": "a file, with the default repr",
    "SrvRecords": "addresses, with the default repr",
    "SseKms": "a key's name",
    "SseS3": "nothing",
    "Statement": "what a session may do",
    "Step": "names",
    "Stepping": "an exchange, with the default repr",
    "Stream": "lines of a log, with the default repr",
    "StsError": "a refusal, as S3Error",
    "Success": "what a client is answered",
    "Suspect": "functions",
    "Tally": "counts",
    "Term": "times",
    "Terminal": "a terminal",
    "Terms": "numbers",
    "TextReader": "lines of a log, with the default repr",
    "TlsTransport": "buffers, with the default repr",
    "Trace": "ids of a trace",
    "Tracer": "settings, with the default repr",
    "Tracing": "an address and a share",
    "TrialResult": "names",
    "Unreachable": "what the log tells",
    "Upload": "names",
    "Uploading": "an exchange, with the default repr",
    "User": "a name and attributes of the directory",
    "Use": "figures",
    "Verdict": "a redacted Explanation, taken apart",
    "VerifiedChunks": "a client's signatures, with the default repr",
    "Waits": "names",
    "Watch": "headers and an AnswerWatch that repr leaves out",
    "WebIdentities": "an issuer and patterns",
    "Worker": "a worker, with the default repr",
}
"""Public classes of the core that need no row above."""


def classes() -> set[str]:
    """Every public class of the core that is no exception and no protocol."""
    found = set()
    for path in (ROOT / "addons/s3gateway").rglob("*.py"):
        if "mitm" in path.parts:
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
                if not bases & {"Exception", "ValueError", "Protocol"}:
                    found.add(node.name)
    return found


def test_every_class_is_looked_at() -> None:
    """A new value type is shown above, or it is said here why it cannot show a secret."""
    shown = {
        type(part).__name__
        for holder in HOLDERS.values()
        for part in (holder if isinstance(holder, list) else [holder])
    }
    named = {"SseC" if name == "Sse" else name for name in shown} | {"EncryptionRule"}
    assert classes() - named - set(HARMLESS) == set()


def tracebacks() -> dict[str, BaseException]:
    """Exceptions as they come out of the core, each raised for a request or a file with secrets in it."""
    raised: dict[str, BaseException] = {}

    def keep(name: str, do: Callable[[], object]) -> None:
        try:
            do()
        except (S3Error, ConfigError, CredentialsError) as error:
            raised[name] = error

    keep("another method", lambda: admitted(replace(HEAD, method=b"DELETE")))
    keep("another method, presigned", lambda: admitted(replace(PRESIGNED, method=b"DELETE")))
    keep("SSE-C over HTTP", lambda: admitted(HEAD, tls=False))
    keep("a token", lambda: admitted(authorized("GET", "/b/k", [("x-amz-security-token", SECRET)])))
    keep("two mechanisms", lambda: admitted(replace(HEAD, target=PRESIGNED.target)))
    keep("a bad chunk", lambda: transformer(TRAILER).feed(TRAILER.body.replace(b"\r\na\r\n", b"\r\nb\r\n")))
    keep("a bad trailer", lambda: transformer(TRAILER).feed(TRAILER.body[:-5] + b"0" + TRAILER.body[-4:]))
    keep("a faulty file", lambda: parse(f"clients: [{{secret_access_key: *{SECRET}}}]", Path()))
    keep("a secret of a wrong type", lambda: configured(clients=[{"name": "a", "secret_access_key": [SECRET]}]))
    keep("an unknown key", lambda: configured(backend={"credentials": {"secret_access_key": SECRET, "x": 1}}))
    return raised


@pytest.mark.parametrize("name", ["tracebacks", "logged"])
def test_tracebacks_hold_no_secret(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whole tracebacks with all that led to them, printed or logged; but for what a client itself has sent wrongly."""
    found = tracebacks()
    assert len(found) == 10
    hidden = [secret for secret in SECRETS if secret not in secrets_of(HEAD) + secrets_of(PRESIGNED)]
    for what, error in found.items():
        shown = "".join(traceback.format_exception(error)) + repr(error.__cause__)
        if name == "logged":
            logging.getLogger("any").error("failed", exc_info=error)
            shown = caplog.text
        assert [place for place, secret in enumerate(hidden) if secret in shown] == [], what


@pytest.mark.parametrize("name", HOLDERS)
@pytest.mark.parametrize(
    "show", [repr, str, "{}".format, "%s".__mod__, lambda value: repr([value]), lambda value: f"{value!r:>9}"]
)
def test_nothing_shows_a_secret(name: str, show: Callable[[object], str]) -> None:
    """However a value is shown, no secret, key, token or signature is in it."""
    holder = HOLDERS[name]
    shown = show((holder,)) if show == "%s".__mod__ else show(holder)
    assert [secret for secret in SECRETS if secret in shown] == []


def test_signatures_are_not_compared() -> None:
    """``==`` would tell by its time how much is right, and hashing leads to it."""
    one, same = Signature("a" * 64), Signature("a" * 64)
    assert (one.matches(same), one.matches(Signature("b" * 64)), same.hex) == (True, False, "a" * 64)
    with pytest.raises(TypeError):
        one == same  # noqa: B015
    with pytest.raises(TypeError):
        one != same  # noqa: B015
    with pytest.raises(TypeError):
        hash(one)


def test_an_empty_secret_is_false() -> None:
    """So that it can be refused."""
    assert (bool(Secret("")), bool(Secret("x")), Secret("é").reveal()) == (False, True, "é".encode())


def test_errors_show_what_the_client_may_know() -> None:
    """A refusal shows the request as canonicalised, with keys masked, and neither secret nor right signature."""
    with pytest.raises(S3Error) as raised:
        admitted(replace(HEAD, method=b"DELETE"))
    error = raised.value
    shown = repr(error) + str(error) + error.to_xml("/bucket/key", "id").decode()
    hidden = [secret for secret in SECRETS if secret not in secrets_of(HEAD)]
    assert [secret for secret in hidden if secret in shown] == []


def test_signing_logs_nothing_secret(caplog: pytest.LogCaptureFixture) -> None:
    """botocore logs canonical requests at DEBUG; with this signer it does not."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("botocore").setLevel(logging.DEBUG)
    try:
        forwarded(HEAD, signer=SIGNER)
    finally:
        logging.getLogger("botocore").setLevel(logging.WARNING)
    assert [secret for secret in SECRETS if secret in caplog.text] == []


def test_tracebacks_of_a_faulty_file_hold_no_secret(tmp_path: Path) -> None:
    """An exception's chain is cut where the file's text would be in it."""
    with pytest.raises(ConfigError) as raised:
        parse(f"clients: [{{secret_access_key: *{SECRET}}}]", tmp_path)
    assert (raised.value.__cause__, raised.value.__suppress_context__) == (None, True)
    assert SECRET.encode() not in pickle.dumps(raised.value.args)
