"""STS on S3's port, and sessions as keys: what boto3 and minio-py's requests get, and what nobody gets.

Signatures, forms and their answers are botocore's; the backend notes what reaches it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import boto3
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from lab.certs import Certs
from s3gateway.config.sts import _own_ring
from s3gateway.identity.login import Login
from s3gateway.identity.session import Ring, RingKey, Session, seal
from s3gateway.identity.sts import access_denied
from s3gateway.sigv4.model import KeyPair, RequestHead, Secret
from tests.forms import CONTENT_TYPE, body_of
from tests.real.waiting import eventually
from tests.refusing import CLIENTS, stream
from tests.refusing import Wire as RefusingWire
from tests.sigv4.aws import CLIENT, STREAMING, STREAMING_TRAILER, Key
from tests.wire.inprocess import Keeping, Wire, ok
from tests.wire.scripted import Exchange
from tests.wire.test_renewing import SESSION

ROLES = [
    {"name": "etl", "clients": ["spark"], "buckets": ["bucket"], "prefixes": ["etl/", "home/{user}/"]},
    {"name": "staff", "ldap_groups": ["cn=staff"], "buckets": ["bucket"], "prefixes": ["home/{user}/"]},
    {"name": "reader", "ldap_groups": ["cn=staff"], "buckets": ["public"], "read_only": True},
    {
        "name": "ci",
        "web_identities": [{"issuer": "https://issuer", "audiences": ["gateway"], "subjects": ["repo:org/*"]}],
        "buckets": ["bucket"],
        "prefixes": ["{repository}/"],
    },
]
ETL = "arn:aws:iam::000000000000:role/etl"
PASSWORD = "correct horse battery staple"
WEB_TOKEN = "eyJhbGciOiJSUzI1NiJ9.the-token-of-the-tests.c2lnbmF0dXJl"


class Directory:
    """Knows one user and one token."""

    async def with_password(self, user: str, password: Secret) -> Login:
        if (user.lower(), password.reveal()) != ("alice", PASSWORD.encode()):
            raise access_denied(reason="wrong password")
        return Login("ldap", "Alice", "uid=alice", ("CN=Staff",))

    async def with_token(self, token: Secret, role_arn: str | None) -> Login:
        assert role_arn in {None, "arn:aws:iam::000000000000:role/ci"}
        if token.reveal() != WEB_TOKEN.encode():
            raise RuntimeError  # a provider that fails
        soon = datetime.now(UTC) + timedelta(minutes=10)
        claims = {"aud": "gateway", "repository": "app"}
        return Login("https://issuer", "repo:org/app", "repo:org/app", claims=claims, expires=soon)


def running(keeping: Keeping, certs: Certs, **sections: Any) -> Wire:
    keeping.begin(keeping.answer)
    return Wire(keeping, certs, sections={"sts": {}, **sections})


@pytest.fixture(scope="module")
def plain(keeping: Keeping, certs: Certs) -> Iterator[Wire]:
    """Without roles: a session has the rights of its client."""
    with running(keeping, certs) as wire:
        yield wire


@pytest.fixture(scope="module")
def roles(keeping: Keeping, certs: Certs) -> Iterator[Wire]:
    with running(keeping, certs, roles=ROLES) as wire:
        wire.service.logins = Directory()
        yield wire


class Clients:
    """boto3's clients of one gateway, with the keys of the configuration or with those that it gave."""

    def __init__(self, wire: Wire, *, tls: bool = False) -> None:
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{wire.port}"
        self.ca_file = str(wire._ca_file)

    def make(self, service: str, keys: Mapping[str, str] | None = None, **more: Any) -> Any:
        known = keys or {"AccessKeyId": CLIENT.access_key_id, "SecretAccessKey": CLIENT.secret}
        make: Any = boto3.client  # its stubs have a signature for each service
        return make(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=known["AccessKeyId"],
            aws_secret_access_key=known["SecretAccessKey"],
            aws_session_token=known.get("SessionToken"),
            verify=self.ca_file,
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, **more),
        )

    def assume(self, **parameters: Any) -> Any:
        asked = {"RoleArn": ETL, "RoleSessionName": "a-job", **parameters}
        return self.make("sts").assume_role(**asked)


def refusal(call: Any, *args: Any, **parameters: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        call(*args, **parameters)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def policy(action: Any, resource: str) -> str:
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]}
    )


def key_of(found: Mapping[str, str]) -> Key:
    return Key(found["AccessKeyId"], found["SecretAccessKey"], f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}")


def post(wire: Wire, form: Mapping[str, str], *, query: Mapping[str, str] | None = None, tls: bool = False,
         headers: str = "", content_type: str = "application/x-www-form-urlencoded") -> tuple[int, bytes]:  # fmt: skip
    body = urlencode(form).encode()
    target = "/" + (f"?{urlencode(query)}" if query else "")
    kind = f"Content-Type: {content_type}\r\n" if content_type else ""
    head = f"POST {target} HTTP/1.1\r\nHost: sts\r\n{kind}Content-Length: {len(body)}\r\n{headers}\r\n"
    with wire.connect(tls=tls) as raw:
        raw.send(head.encode() + body)
        answer = raw.read()
    return answer.status, answer.body


def code_in(body: bytes) -> str:
    found = re.fullmatch(
        rb'<\?xml version="1.0" encoding="UTF-8"\?>\n<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        rb"<Error><Type>(?:Sender|Receiver)</Type><Code>(\w+)</Code><Message>[^<]*</Message></Error>"
        rb"<RequestId>\w+</RequestId></ErrorResponse>",
        body,
    )
    assert found, body
    return found[1].decode()


@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
def test_who_am_i(plain: Wire, tls: bool) -> None:
    """What people try first, with a client's key and with a session's."""
    clients = Clients(plain, tls=tls)
    told = clients.make("sts").get_caller_identity()
    assert (told["Account"], told["Arn"]) == ("000000000000", "arn:aws:iam::000000000000:user/spark")
    session = clients.assume()["Credentials"]
    told = clients.make("sts", session).get_caller_identity()
    assert told["Arn"] == "arn:aws:sts::000000000000:assumed-role/spark/a-job"
    assert told["UserId"].endswith(":a-job")


def test_the_answer_is_awss(plain: Wire) -> None:
    """As botocore reads it: times, ids, and how much of a policy's room is used."""
    given = policy("s3:GetObject", "*")
    told = Clients(plain).assume(DurationSeconds=900, Policy=given)
    left = told["Credentials"]["Expiration"] - datetime.now(UTC)
    assert timedelta(seconds=880) < left <= timedelta(seconds=900)
    assert told["AssumedRoleUser"]["Arn"].endswith("/a-job")
    assert told["PackedPolicySize"] == -(-100 * len(given) // 2048)
    assert len(told["Credentials"]["SessionToken"]) < 4096


@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
def test_a_session_signs_s3(plain: Wire, keeping: Keeping, tls: bool) -> None:
    """What the backend gets is signed with the gateway's key, and has no session token."""
    clients = Clients(plain, tls=tls)
    s3 = clients.make("s3", clients.assume()["Credentials"])
    keeping.seen.clear()
    s3.get_object(Bucket="bucket", Key="key")
    s3.head_object(Bucket="bucket", Key="key")
    assert [line.split(b"?")[0] for line in keeping.requests()] == [b"GET /bucket/key", b"HEAD /bucket/key"]
    for _, request in keeping.seen:
        assert b"security-token" not in request.lower()
        assert f"Credential={keeping.access_key}/".encode() in request


def test_a_presigned_url_of_a_session(plain: Wire, keeping: Keeping) -> None:
    clients = Clients(plain)
    s3 = clients.make("s3", clients.assume()["Credentials"], signature_version="s3v4")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "bucket", "Key": "key"})
    assert "X-Amz-Security-Token=" in url
    keeping.seen.clear()
    target = url.removeprefix(clients.url)
    assert get(plain, target, urlsplit(url).netloc) == 200
    assert keeping.requests() == [b"GET /bucket/key"]
    assert (
        get(plain, re.sub("X-Amz-Security-Token=[^&]*", "X-Amz-Security-Token=x", target), urlsplit(url).netloc) == 400
    )
    assert get(plain, re.sub("&X-Amz-Security-Token=[^&]*", "", target), urlsplit(url).netloc) == 403
    assert len(keeping.seen) == 1


def get(wire: Wire, target: str, host: str) -> int:
    with wire.connect() as raw:
        raw.send(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        return raw.read().status


@pytest.mark.parametrize("trailer", [False, True], ids=["chunks", "trailer"])
@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
def test_chunk_chains_of_a_session(plain: Wire, keeping: Keeping, tls: bool, trailer: bool) -> None:
    """Each chunk and the trailer are signed with the session's secret; one bit changed is refused."""
    found = Clients(plain, tls=tls).assume()["Credentials"]
    token = [("x-amz-security-token", found["SessionToken"])]
    here = RefusingWire(key_of(found))

    def flip(body: bytes) -> bytes:
        return body.replace(b"b\r\n0;", b"c\r\n0;")

    keeping.seen.clear()
    for edit, expected in ((bytes, 200), (flip, 403)):
        mode = STREAMING_TRAILER if trailer else STREAMING
        upload = stream(mode, (b"a" * 8192, b"b"), headers=token, edit=edit)(here)
        with plain.connect(tls=tls) as raw:
            raw.send(as_bytes(upload.head, len(upload.body or b"")) + (upload.body or b""))
            assert raw.read().status == expected
    assert len(keeping.seen) == 1


def as_bytes(head: RequestHead, length: int) -> bytes:
    fields = b"".join(b"%b: %b\r\n" % pair for pair in head.headers)
    return b"%b %b HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n" % (head.method, head.target, fields, length)


def test_a_policy_narrows(plain: Wire, keeping: Keeping) -> None:
    clients = Clients(plain)
    s3 = clients.make("s3", clients.assume(Policy=policy("s3:GetObject", "arn:aws:s3:::bucket/a/*"))["Credentials"])
    keeping.seen.clear()
    s3.get_object(Bucket="bucket", Key="a/key")
    denied = (403, "AccessDenied")
    assert refusal(s3.get_object, Bucket="bucket", Key="b/key") == denied
    assert refusal(s3.put_object, Bucket="bucket", Key="a/key", Body=b"") == denied
    assert refusal(s3.list_objects_v2, Bucket="bucket", Prefix="a/") == denied
    assert refusal(s3.copy_object, Bucket="bucket", Key="a/1", CopySource="bucket/a/2") == denied
    assert keeping.requests() == [b"GET /bucket/a/key"]
    assert refusal(s3.delete_objects, Bucket="bucket", Delete={"Objects": [{"Key": "a/key"}]}) == denied
    assert all(b"a/key" not in request for _, request in keeping.seen[1:])  # its body has not left


def test_a_policy_does_not_widen(keeping: Keeping, certs: Certs) -> None:
    """A client with one prefix gives itself all rights, and has that prefix."""
    clients = [{**CLIENTS[0], "buckets": ["bucket"], "prefixes": ["mine/"]}]
    with Wire(keeping, certs, clients=clients, sections={"sts": {}}) as wire:
        made = Clients(wire)
        s3 = made.make("s3", made.assume(Policy=policy("s3:*", "*"))["Credentials"])
        keeping.begin(keeping.answer)
        s3.get_object(Bucket="bucket", Key="mine/key")
        assert refusal(s3.get_object, Bucket="bucket", Key="key") == (403, "AccessDenied")
        assert refusal(s3.list_buckets) == (403, "AccessDenied")


def test_a_role_in_place_of_the_clients_rights(roles: Wire, keeping: Keeping) -> None:
    clients = Clients(roles)
    told = clients.assume()
    assert told["AssumedRoleUser"]["Arn"] == "arn:aws:sts::000000000000:assumed-role/etl/a-job"
    s3 = clients.make("s3", told["Credentials"])
    keeping.seen.clear()
    s3.get_object(Bucket="bucket", Key="etl/key")
    s3.get_object(Bucket="bucket", Key="home/spark/key")
    for key in ("key", "home/alice/key"):
        assert refusal(s3.get_object, Bucket="bucket", Key=key) == (403, "AccessDenied")
    assert len(keeping.seen) == 2


def test_roles_that_are_not_open(roles: Wire) -> None:
    clients = Clients(roles)
    for arn in ("arn:aws:iam::000000000000:role/staff", "arn:aws:iam::000000000000:role/nobodys"):
        assert refusal(clients.assume, RoleArn=arn) == (403, "AccessDenied")


def test_no_role_chains(roles: Wire) -> None:
    clients = Clients(roles)
    chained = clients.make("sts", clients.assume()["Credentials"])
    assert refusal(chained.assume_role, RoleArn=ETL, RoleSessionName="next") == (403, "AccessDenied")


LDAP = {
    "Action": "AssumeRoleWithLDAPIdentity", "Version": "2011-06-15", "LDAPUsername": "ALICE", "LDAPPassword": PASSWORD,
}  # fmt: skip


@pytest.mark.parametrize("where", ["form", "query"])
def test_a_login_with_a_password(roles: Wire, keeping: Keeping, where: str) -> None:
    """minio-py has all of it in the query. The user is who the directory says, and has the union of their roles."""
    if where == "form":
        status, body = post(roles, LDAP, tls=True)
    else:
        status, body = post(roles, {}, query=LDAP, tls=True, content_type="")
    assert status == 200
    assert body.startswith(
        b'<?xml version="1.0" encoding="UTF-8"?>\n<AssumeRoleWithLDAPIdentityResponse '
        b'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithLDAPIdentityResult><Credentials>'
    )
    found = {name: text(body, name) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")}
    s3 = Clients(roles).make("s3", found)
    keeping.seen.clear()
    s3.get_object(Bucket="bucket", Key="home/Alice/key")
    s3.get_object(Bucket="public", Key="any")
    assert refusal(s3.get_object, Bucket="bucket", Key="home/alice/key") == (403, "AccessDenied")
    assert refusal(s3.put_object, Bucket="public", Key="any", Body=b"") == (403, "AccessDenied")
    assert len(keeping.seen) == 2
    for transaction in roles.books.ended:
        kept = transaction.head.target + repr(transaction.record).encode()
        assert PASSWORD.split()[2].encode() not in kept
        assert found["SessionToken"].encode() not in kept


def text(body: bytes, name: str) -> str:
    (found,) = re.findall(rf"<{name}>([^<]*)</{name}>", body.decode())
    return str(found)


def test_a_login_with_a_web_identity(roles: Wire, keeping: Keeping) -> None:
    clients = Clients(roles, tls=True)
    arn = "arn:aws:iam::000000000000:role/ci"
    asked = {"RoleArn": arn, "RoleSessionName": "build", "WebIdentityToken": WEB_TOKEN, "DurationSeconds": 3600}
    told = clients.make("sts").assume_role_with_web_identity(**asked)
    names = ("SubjectFromWebIdentityToken", "Audience", "Provider")
    assert [told[name] for name in names] == ["repo:org/app", "gateway", "https://issuer"]
    assert told["Credentials"]["Expiration"] - datetime.now(UTC) <= timedelta(minutes=10)  # the token's own end
    s3 = clients.make("s3", told["Credentials"])
    s3.get_object(Bucket="bucket", Key="app/key")
    assert refusal(s3.get_object, Bucket="bucket", Key="other/key") == (403, "AccessDenied")


def told(wire: Wire, why: str) -> str:
    """Wait until the last request's line says why it was refused; give who it names."""
    eventually(lambda: why in wire.books.ended[-1].record.reason, f"nothing says {why!r}")
    return wire.books.ended[-1].record.client


def test_a_wrong_password(roles: Wire) -> None:
    status, body = post(roles, {**LDAP, "LDAPPassword": "wrong-password-1"}, tls=True)
    assert (status, code_in(body)) == (403, "AccessDenied")
    assert b"wrong" not in body
    assert told(roles, "wrong password") == "ALICE?"


def test_a_provider_that_fails(roles: Wire) -> None:
    form = {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "WebIdentityToken": "x"}
    status, body = post(roles, form, tls=True)
    assert (status, code_in(body)) == (500, "InternalError")


def test_without_a_provider_it_is_said_what_to_set(plain: Wire) -> None:
    for form, key in (
        (LDAP, "ldap"),
        ({**LDAP, "Action": "AssumeRoleWithWebIdentity", "WebIdentityToken": "x"}, "web"),
    ):
        status, body = post(plain, form, tls=True)
        assert (status, code_in(body)) == (403, "AccessDenied")
        told(plain, key)


def test_logins_are_for_tls(roles: Wire, keeping: Keeping, certs: Certs) -> None:
    status, body = post(roles, LDAP)
    assert (status, code_in(body)) == (403, "AccessDenied")
    told(roles, "allow_plain_http")
    with Wire(keeping, certs, sections={"sts": {"allow_plain_http": True}, "roles": ROLES}) as wire:
        wire.service.logins = Directory()
        assert post(wire, LDAP)[0] == 200


@pytest.mark.parametrize("limit", ["logins_per_address", "logins_per_user"])
def test_a_flood_of_logins(keeping: Keeping, certs: Certs, limit: str) -> None:
    """One a hundred seconds: the second is Throttling; by user for another one it is not."""
    with Wire(keeping, certs, sections={"sts": {limit: 0.01}, "roles": ROLES}) as wire:
        wire.service.logins = Directory()
        assert post(wire, LDAP, tls=True)[0] == 200
        status, body = post(wire, {**LDAP, "LDAPUsername": "alice"}, tls=True)
        assert (status, code_in(body)) == (400, "Throttling")
        status, body = post(wire, {**LDAP, "LDAPUsername": "bob"}, tls=True)
        assert code_in(body) == ("Throttling" if limit == "logins_per_address" else "AccessDenied")
        assert Clients(wire).make("sts").get_caller_identity()["Account"]  # signed requests are not logins


def sealed(**changes: Any) -> dict[str, str]:
    """Give the keys of a session of the client "spark" that the gateway's own ring has sealed."""
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "keys": KeyPair("ASIAOFTHETESTSOFTHES", Secret("a secret of a session")), "source": "client", "user": "spark",
        "subject": "spark", "name": "n", "issued": int(now.timestamp()), "expires": int(now.timestamp()) + 900,
        "parent": CLIENT.access_key_id,
    }  # fmt: skip
    ring = changes.pop("ring", _own_ring())
    token = seal(Session(**{**values, **changes}), ring, now, b"123456789012")
    return {
        "AccessKeyId": "ASIAOFTHETESTSOFTHES",
        "SecretAccessKey": "a secret of a session",
        "SessionToken": token.reveal().decode(),
    }


def s3_refusal(wire: Wire, keys: Mapping[str, str]) -> tuple[int, str]:
    return refusal(Clients(wire).make("s3", keys).get_object, Bucket="bucket", Key="key")


def test_what_sdks_renew_at(plain: Wire, keeping: Keeping) -> None:
    """400 ExpiredToken; and InvalidToken for what does not open, or is another key's."""
    Clients(plain).make("s3", sealed()).get_object(Bucket="bucket", Key="key")
    keeping.seen.clear()
    assert s3_refusal(plain, sealed(expires=int(datetime.now(UTC).timestamp()) - 1)) == (400, "ExpiredToken")
    other = Ring((RingKey(b"another ring's key, of 32 bytes!", datetime(2000, 1, 1, tzinfo=UTC)),))
    invalid = (400, "InvalidToken")
    assert s3_refusal(plain, sealed(ring=other)) == invalid
    assert s3_refusal(plain, {**sealed(), "SessionToken": "x"}) == invalid
    assert s3_refusal(plain, {**sealed(), "AccessKeyId": "ASIAOFSOMEBODYELSEXX"}) == invalid
    lasting = {"AccessKeyId": CLIENT.access_key_id, "SecretAccessKey": CLIENT.secret}
    assert s3_refusal(plain, {**lasting, "SessionToken": sealed()["SessionToken"]}) == invalid
    assert s3_refusal(plain, {**sealed(), "SecretAccessKey": "wrong"}) == (403, "SignatureDoesNotMatch")
    without = {name: text for name, text in sealed().items() if name != "SessionToken"}
    assert s3_refusal(plain, without) == (403, "InvalidAccessKeyId")
    assert keeping.seen == []


def test_on_sts_they_have_its_codes(plain: Wire) -> None:
    def asked(keys: Mapping[str, str]) -> tuple[int, str]:
        return refusal(Clients(plain).make("sts", keys).get_caller_identity)

    assert asked(sealed(expires=1)) == (403, "ExpiredToken")
    assert asked({**sealed(), "SessionToken": "x"}) == (403, "InvalidClientTokenId")
    assert asked({"AccessKeyId": "NOBODY", "SecretAccessKey": "x"}) == (403, "InvalidClientTokenId")
    assert asked({"AccessKeyId": CLIENT.access_key_id, "SecretAccessKey": "x"}) == (403, "SignatureDoesNotMatch")


def test_a_client_that_has_gone(plain: Wire) -> None:
    """Its sessions end with it. Where only its key has another id, its name tells."""
    assert s3_refusal(plain, sealed(parent="GONE", subject="gone")) == (400, "ExpiredToken")
    Clients(plain).make("s3", sealed(parent="GONE", subject="spark")).get_object(Bucket="bucket", Key="key")
    assert s3_refusal(plain, sealed(parent="", source="ldap", subject="spark")) == (400, "ExpiredToken")


@pytest.mark.parametrize(
    ("subject", "before", "expected"),
    [("spark", 60, 400), ("sp*", 60, 400), ("boto3", 60, 200), ("spark", -60, 200)],
)
def test_revocation(keeping: Keeping, certs: Certs, subject: str, before: int, expected: int) -> None:
    """By whose sessions they are and when they were issued."""
    moment = datetime.now(UTC) + timedelta(seconds=before)
    revoked = [{"subject": subject, "before": moment.isoformat()}]
    with Wire(keeping, certs, sections={"sts": {"revoked": revoked}}) as wire:
        s3 = Clients(wire).make("s3", sealed())
        if expected == 200:
            s3.get_object(Bucket="bucket", Key="key")
        else:
            assert refusal(s3.get_object, Bucket="bucket", Key="key") == (400, "ExpiredToken")


def test_a_role_that_has_gone_allows_nothing(roles: Wire) -> None:
    assert s3_refusal(roles, sealed(roles=("gone",))) == (403, "AccessDenied")


def signed(wire: Wire, body: str, *, service: str = "sts", region: str = "us-east-1", when: str = "", query: str = "",
           method: str = "POST", sign_hash: str = "") -> tuple[int, bytes]:  # fmt: skip
    """Sign a form with botocore, and send it."""
    url = f"http://127.0.0.1:{wire.port}/{query}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
    request = AWSRequest(method, url, headers, body.encode())
    if sign_hash:
        request.headers["X-Amz-Content-SHA256"] = sign_hash
    credentials = Credentials(CLIENT.access_key_id, CLIENT.secret)
    (S3SigV4Auth if service == "s3" else SigV4Auth)(credentials, service, region).add_auth(request)
    lines = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    head = f"{method} /{query} HTTP/1.1\r\nHost: 127.0.0.1:{wire.port}\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
    with wire.connect() as raw:
        raw.send(head.encode() + body.encode())
        answer = raw.read()
    return answer.status, answer.body


WHO = "Action=GetCallerIdentity&Version=2011-06-15"


def test_from_the_query(plain: Wire) -> None:
    assert signed(plain, "", query=f"?{WHO}", method="GET")[0] == 200
    assert signed(plain, "", query=f"?{WHO}")[0] == 200


def test_the_form_is_signed(plain: Wire) -> None:
    """SDK v2 sends its hash, and others do not; a form that was changed on the way is refused either way."""
    right = sha256(WHO.encode()).hexdigest()
    assert signed(plain, WHO, sign_hash=right)[0] == 200
    for wrong in ("UNSIGNED-PAYLOAD", sha256(b"other").hexdigest()):
        status, body = signed(plain, WHO, sign_hash=wrong)
        assert (status, code_in(body)) == (403, "SignatureDoesNotMatch")
    status, body = signed(plain, WHO, region="eu-central-1")
    assert (status, code_in(body)) == (403, "SignatureDoesNotMatch")
    status, body = signed(plain, WHO, service="s3")
    assert (status, code_in(body)) == (400, "IncompleteSignature")


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({"Action": "AssumeRole", "Version": "2011-06-15"}, 403, "MissingAuthenticationToken"),
        ({"Action": "Other", "Version": "2011-06-15"}, 400, "InvalidAction"),
        ({"Version": "2011-06-15"}, 400, "MissingAction"),
        ({**LDAP, "LDAPPassword": ""}, 400, "MissingParameter"),
        ({**LDAP, "LDAPUsername": ""}, 400, "MissingParameter"),
        ({**LDAP, "DurationSeconds": "1"}, 400, "InvalidParameterValue"),
        ({**LDAP, "Policy": "{"}, 400, "MalformedPolicyDocument"),
        ({**LDAP, "Policy": " " * 3072}, 400, "PackedPolicyTooLarge"),
        ({**LDAP, "x": "y" * 66_000}, 413, "RequestEntityTooLarge"),
    ],
)
def test_bad_forms(roles: Wire, form: Mapping[str, str], status: int, code: str) -> None:
    found, body = post(roles, form, tls=True)
    assert (found, code_in(body)) == (status, code)


def test_without_sts_nothing_of_it_is_there(keeping: Keeping, certs: Certs) -> None:
    with Wire(keeping, certs) as wire:
        status, body = post(wire, LDAP, tls=True)
        assert (status, b"<Code>NotImplemented</Code>" in body) == (501, True)
        assert s3_refusal(wire, sealed()) == (403, "InvalidAccessKeyId")


def test_a_form_that_stops(roles: Wire) -> None:
    """A client has as long for it as for a head."""
    with roles.connect(tls=True) as raw:
        raw.send(b"POST / HTTP/1.1\r\nHost: sts\r\nContent-Type: application/x-www-form-urlencoded\r\n")
        raw.send(b"Content-Length: 100\r\n\r\nAction=")
        eventually(lambda: any(each.is_busy for each in roles.clients.copy()), "the head is not read")
        roles.later(31)
        answer = raw.read()
    assert (answer.status, code_in(answer.body)) == (400, "RequestTimeout")


def test_a_bucket_in_the_host_name_is_no_sts(keeping: Keeping, certs: Certs) -> None:
    with Wire(keeping, certs, domains=["s3.example.com"], sections={"sts": {}}) as wire, wire.connect() as raw:
        raw.send(b"POST / HTTP/1.1\r\nHost: bucket.s3.example.com\r\nContent-Length: 0\r\n"
                 b"Content-Type: application/x-www-form-urlencoded\r\n\r\n")  # fmt: skip
        assert b"<Error><Code>" in raw.read().body


def test_a_form_of_a_session(plain: Wire, keeping: Keeping) -> None:
    """A browser's upload, as boto3 presigns it; the field's own condition is in the policy."""
    clients = Clients(plain)
    s3 = clients.make("s3", clients.assume()["Credentials"], signature_version="s3v4")
    made = s3.generate_presigned_post("bucket", "key")
    assert "x-amz-security-token" in made["fields"]
    body = body_of(list(made["fields"].items()), b"data")
    keeping.seen.clear()
    with plain.connect() as raw:
        head = f"POST /bucket HTTP/1.1\r\nHost: gateway\r\nContent-Length: {len(body)}\r\nContent-Type: "
        raw.send(head.encode() + CONTENT_TYPE + b"\r\n\r\n" + body)
        assert raw.read().status == 204
    ((_, request),) = keeping.seen
    assert request.startswith(b"PUT /bucket/key HTTP/1.1\r\n")
    assert b"security-token" not in request.lower()


def test_a_secret_that_has_ended_assumes_nothing(keeping: Keeping, certs: Certs) -> None:
    """Terms of keys hold for STS as for S3; the one that counts does, whichever comes first."""
    keys = [
        {"secret_access_key": "old-secret-of-spark", "not_after": "2020-01-01"},
        {"secret_access_key": CLIENT.secret},
    ]
    client = {"name": "spark", "access_key_id": CLIENT.access_key_id, "buckets": ["*"], "keys": keys}
    with Wire(keeping, certs, clients=[client], sections={"sts": {}}) as wire:
        make = Clients(wire).make
        old = {"AccessKeyId": CLIENT.access_key_id, "SecretAccessKey": "old-secret-of-spark"}
        assert refusal(make("sts", old).get_caller_identity) == (403, "SignatureDoesNotMatch")
        assert make("sts").get_caller_identity()["Arn"].endswith("spark")


class Backend:
    """A backend with an STS of its own: it notes forms, and under whose key S3 is asked."""

    def __init__(self) -> None:
        self.forms: list[dict[str, list[str]]] = []
        self.keys: list[bytes] = []
        self.status = 200
        self.lifetime = timedelta(hours=1)

    def __call__(self, exchange: Exchange, request: bytes) -> None:
        if not request.startswith(b"POST / "):
            self.keys.append(request.partition(b"Credential=")[2].partition(b"/")[0])
            ok(exchange, request)
            return
        self.forms.append(parse_qs(request.partition(b"\r\n\r\n")[2].decode()))
        body = SESSION.format(len(self.forms), datetime.now(UTC) + self.lifetime).encode()
        exchange.send(b"HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n%b" % (self.status, len(body), body))


MINIOS_ROLE = "arn:minio:iam:us-east-1::role/nOybJqMNzNmroqEKq5D0EUsRZw0"


@pytest.fixture
def identities(keeping: Keeping, certs: Certs) -> Iterator[tuple[Wire, Backend]]:
    """Roles whose requests reach the backend as the user, or under a session of their own."""
    roles = [
        {"name": "users", "ldap_groups": ["cn=staff"], "buckets": ["bucket"], "backend_identity": "as_user"},
        {"name": "jobs", "clients": ["spark"], "buckets": ["bucket"], "backend_identity": "session"},
        {
            "name": "web", "arn": MINIOS_ROLE, "web_identities": [{"issuer": "https://issuer", "subjects": ["*"]}],
            "buckets": ["bucket"], "backend_identity": "as_user",
        },
    ]  # fmt: skip
    backend = Backend()
    keeping.begin(backend)
    with Wire(keeping, certs, sections={"sts": {"allow_plain_http": True}, "roles": roles}) as wire:
        wire.service.logins = Directory()
        yield wire, backend


KEYS = ("AccessKeyId", "SecretAccessKey", "SessionToken")


def logged_in(wire: Wire) -> tuple[int, dict[str, str]]:
    """Log in as Alice; the status, and the credentials as boto3 has them."""
    form = {"Action": "AssumeRoleWithLDAPIdentity", "Version": "2011-06-15", "LDAPUsername": "alice",
            "LDAPPassword": PASSWORD}  # fmt: skip
    status, body = post(wire, form)
    return status, {name: text(body, name) for name in KEYS} if status == 200 else {}


def test_as_user(identities: tuple[Wire, Backend]) -> None:
    """The login goes to the backend's STS, once; S3 is asked under what that gave, never under the gateway's key."""
    wire, backend = identities
    status, keys = logged_in(wire)
    assert status == 200
    (form,) = backend.forms
    assert {name: form[name] for name in ("Action", "LDAPUsername", "LDAPPassword")} == {
        "Action": ["AssumeRoleWithLDAPIdentity"],
        "LDAPUsername": ["alice"],
        "LDAPPassword": [PASSWORD],
    }
    for _ in range(2):
        Clients(wire).make("s3", keys).get_object(Bucket="bucket", Key="k")
    assert backend.keys == [b"SESSION1", b"SESSION1"]
    assert len(backend.forms) == 1


def test_as_user_by_web_identity(identities: tuple[Wire, Backend]) -> None:
    """The token goes there, for the role that MinIO knows by its ARN; the session ends when what that gave does."""
    wire, backend = identities
    backend.lifetime = timedelta(minutes=5)
    form = {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "WebIdentityToken": WEB_TOKEN,
            "DurationSeconds": "3600"}  # fmt: skip
    status, body = post(wire, form)
    assert status == 200
    (sent,) = backend.forms
    assert sent == {name: [value] for name, value in (form | {"RoleArn": MINIOS_ROLE}).items()}
    left = datetime.fromisoformat(text(body, "Expiration")) - datetime.now(UTC)
    assert timedelta(minutes=4) < left <= timedelta(minutes=5)
    Clients(wire).make("s3", {name: text(body, name) for name in KEYS}).get_object(Bucket="bucket", Key="k")
    assert backend.keys == [b"SESSION1"]


@pytest.mark.parametrize(("told", "expected"), [(400, 403), (403, 403), (503, 503)])
def test_as_user_where_the_backend_gives_no_session(identities: tuple[Wire, Backend], told: int, expected: int) -> None:
    """Then there is none here, and the shared key is not taken instead; a backend that is down is asked again."""
    wire, backend = identities
    backend.status = told
    assert logged_in(wire)[0] == expected
    assert backend.keys == []


def test_a_role_with_a_session(identities: tuple[Wire, Backend]) -> None:
    """A session of a session: the backend has the role's rules as a policy."""
    wire, backend = identities
    keys = Clients(wire).assume(RoleArn="arn:aws:iam::000000000000:role/jobs")["Credentials"]
    Clients(wire).make("s3", keys).get_object(Bucket="bucket", Key="k")
    (form,) = backend.forms
    assert form["Action"] == ["AssumeRole"]
    assert "arn:aws:s3:::bucket/*" in form["Policy"][0]
    assert backend.keys == [b"SESSION1"]
