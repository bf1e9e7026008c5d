"""Users of a directory and of an OpenID provider log in with the clients that people have, and use what they get.

slapd, the provider and MinIO are real; passwords and tokens are looked for in all that the gateway writes.
"""

import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4
from xml.etree import ElementTree as ET

import boto3
import botocore.session
import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError
from minio import Minio as MinioClient
from minio.credentials.providers import LdapIdentityProvider, WebIdentityProvider
from minio.error import S3Error

from lab import CHECKOUT
from lab.certs import Certs
from lab.gateway import Gateway, gateway_config
from lab.java import trust_options
from lab.minio import Minio
from lab.oidc import OidcProvider
from lab.ports import accepts, free_port
from lab.process import Command, start
from lab.slapd import ALICE, BOB, CAROL, DAVE, ODD, PEOPLE, ROBOT, Slapd, group_dn
from matrix.installing import java
from tests.canary import CANARY
from tests.conftest import GatewayFactory, _have

pytestmark = pytest.mark.filterwarnings("ignore:.*utcnow:DeprecationWarning")  # minio-py's

JAVA_SDK = "2.35.4"  # Hadoop 3.5's; 2.25 does not know AWS_ENDPOINT_URL_STS yet
ROLE_ARN = "arn:aws:iam::000000000000:role/jobs"
ROLES: list[dict[str, Any]] = [
    {
        "name": "analysts",
        "ldap_groups": [group_dn("analysts").upper()],
        "buckets": ["login-*"],
        "prefixes": ["home/{user}/", "{departmentNumber}/"],
    },
    {"name": "jobs", "buckets": ["login-*"], "prefixes": ["jobs/"]},
    {"name": "others", "buckets": ["login-*"], "prefixes": ["others/"], "clients": ["spark"]},
]


KEYS = {"key_search_filter": "(s3AccessKey=%s)", "secret_key_attribute": "s3SecretKey"}


def config_of(minio: Minio, certs: Certs, slapd: Slapd, provider: OidcProvider, **more: Any) -> dict[str, Any]:
    roles = [dict(role) for role in ROLES]
    roles[1]["web_identities"] = [{"issuer": provider.issuer, "subjects": ["system:serviceaccount:spark:*", "alice"]}]
    given = {
        "sts": {"logins_per_address": 1000, "logins_per_user": 1000},
        "ldap": slapd.section(user_dn_attributes="departmentNumber", **KEYS),
        "web_identity": [provider.section()],
        "roles": roles,
    }
    return gateway_config(minio, certificate=certs.gateway, **(given | more))


@pytest.fixture(scope="module")
def users(
    minio: Minio,
    certs: Certs,
    slapd: Slapd,
    oidc_provider: OidcProvider,
    session_gateway: GatewayFactory,
    tmp_path_factory: pytest.TempPathFactory,
) -> Gateway:
    """A gateway whose users are a directory's and a provider's; it captures what it serves."""
    for person in PEOPLE:
        CANARY.watch("password", person.password)
        CANARY.watch("directory's secret", person.keys[1] if person.keys else "")
    capture = tmp_path_factory.mktemp("capture") / "capture.jsonl"
    return session_gateway(config_of(minio, certs, slapd, oidc_provider, log={"capture": str(capture)}), watched=True)


@pytest.fixture(scope="module")
def bucket(minio: Minio) -> str:
    name = f"login-{uuid4().hex[:12]}"
    minio.client().create_bucket(Bucket=name)
    return name


@pytest.fixture
def pool(certs: Certs) -> Iterator[urllib3.PoolManager]:
    """minio-py's connections, which trust the lab's CA; it tries once, as its errors are the point."""
    pool = urllib3.PoolManager(cert_reqs="CERT_REQUIRED", ca_certs=str(certs.ca), retries=False)
    yield pool
    pool.clear()


def ldap(gateway: Gateway, pool: urllib3.PoolManager, name: str, password: str) -> LdapIdentityProvider:
    return LdapIdentityProvider(gateway.tls_url, name, password, http_client=pool)


def s3(gateway: Gateway, pool: urllib3.PoolManager, provider: Any) -> MinioClient:
    credentials = provider.retrieve()
    CANARY.watch("session secret", credentials.secret_key)
    CANARY.watch("session token", credentials.session_token)
    return MinioClient(f"127.0.0.1:{gateway.port}", credentials=provider, http_client=pool, region="us-east-1")


def put(client: MinioClient, bucket: str, key: str) -> str:
    """The error's code, empty where there is none."""
    try:
        client.put_object(bucket, key, io.BytesIO(b"hello"), 5)
    except S3Error as error:
        return str(error.code)
    return ""


def refused(gateway: Gateway, pool: urllib3.PoolManager, name: str, password: str) -> tuple[int, str, str]:
    """Status, code and message of a login that is refused, to minio-py as well, which tells the status alone."""
    with pytest.raises(ValueError, match="failed with HTTP status code") as caught:
        ldap(gateway, pool, name, password).retrieve()
    asked = {"Action": "AssumeRoleWithLDAPIdentity", "Version": "2011-06-15", "LDAPUsername": name}
    answer = pool.request("POST", f"{gateway.tls_url}?{urlencode(asked | {'LDAPPassword': password})}")
    assert str(caught.value).endswith(f" {answer.status}")
    error = ET.fromstring(answer.data)[0]
    assert error.tag == "{https://sts.amazonaws.com/doc/2011-06-15/}Error"
    return answer.status, error[1].text or "", error[2].text or ""


def test_a_directory_user_has_what_the_groups_open(users: Gateway, pool: urllib3.PoolManager, bucket: str) -> None:
    """The user's name in a prefix is the directory's own, whatever was typed."""
    client = s3(users, pool, ldap(users, pool, "aLICE", ALICE.password))
    assert put(client, bucket, "home/Alice/a.csv") == ""
    assert client.get_object(bucket, "home/Alice/a.csv").data == b"hello"
    assert put(client, bucket, "finance/a.csv") == ""
    assert [put(client, bucket, key) for key in ("home/alice/a", "home/bob/a", "others/a", "a")] == ["AccessDenied"] * 4


@pytest.mark.parametrize(
    ("name", "password"),
    [
        (ALICE.uid, "wrong-password-of-the-lab"),
        ("nobody", "wrong-password-of-the-lab"),
        (BOB.uid, BOB.password),
        (CAROL.uid, CAROL.password),
        (DAVE.uid, DAVE.password),
    ],
    ids=["wrong password", "unknown user", "no group", "disabled", "two entries"],
)
def test_who_is_not_let_in(users: Gateway, pool: urllib3.PoolManager, name: str, password: str) -> None:
    CANARY.watch("wrong password", password)
    assert refused(users, pool, name, password) == (403, "AccessDenied", "Access denied")


def test_a_name_that_no_prefix_can_hold(users: Gateway, pool: urllib3.PoolManager) -> None:
    """It is refused, and neither escaped nor cut."""
    assert refused(users, pool, ODD.uid, ODD.password)[:2] == (403, "AccessDenied")


def test_an_empty_password(users: Gateway, pool: urllib3.PoolManager) -> None:
    """minio-py sends it; a directory would take it for an anonymous bind, and succeed."""
    assert refused(users, pool, ALICE.uid, "")[:2] == (400, "MissingParameter")


def test_passwords_are_not_taken_over_plain_http(users: Gateway) -> None:
    with pytest.raises(ValueError, match="failed with HTTP status code 4"):
        LdapIdentityProvider(users.url, ALICE.uid, ALICE.password).retrieve()


def test_running_sessions_outlive_the_directory(
    minio: Minio, certs: Certs, oidc_provider: OidcProvider, gateway: Any, pool: urllib3.PoolManager, bucket: str
) -> None:
    """While it is down logins are a 503, which clients try again; who is logged in goes on."""
    with ExitStack() as running:
        own = running.enter_context(Slapd(certs))
        serving = gateway(config_of(minio, certs, own, oidc_provider))
        client = s3(serving, pool, ldap(serving, pool, ALICE.uid, ALICE.password))
        own.stop()
        assert refused(serving, pool, ALICE.uid, ALICE.password)[:2] == (503, "IDPCommunicationError")
        assert put(client, bucket, "home/Alice/later.csv") == ""
        own.start()
        assert ldap(serving, pool, ALICE.uid, ALICE.password).retrieve().session_token


def signing(gateway: Gateway, key: str, secret: str) -> Any:
    """boto3 with a key pair."""
    config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, signature_version="s3v4")
    return boto3.client("s3", endpoint_url=gateway.url, region_name="us-east-1", config=config,
                        aws_access_key_id=key, aws_secret_access_key=secret)  # fmt: skip


def code(call: Any, **parameters: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def test_a_key_that_the_directory_holds(users: Gateway, bucket: str) -> None:
    """The other model: no login, requests are signed with what the entry has; what they may do its groups open."""
    assert ROBOT.keys is not None
    client = signing(users, *ROBOT.keys)
    for key in ("home/robot/a", "home/robot/b"):
        client.put_object(Bucket=bucket, Key=key, Body=b"hello")
    assert client.get_object(Bucket=bucket, Key="home/robot/a")["Body"].read() == b"hello"
    assert code(client.put_object, Bucket=bucket, Key="home/Alice/a", Body=b"x") == (403, "AccessDenied")
    assert code(client.list_buckets) == (403, "AccessDenied")
    key, secret = ROBOT.keys
    wrong = signing(users, key, f"not-{secret}")
    assert code(wrong.put_object, Bucket=bucket, Key="home/robot/a", Body=b"x") == (403, "SignatureDoesNotMatch")
    for unknown in (key.lower(), "NOBODYSKEY", "*"):
        assert code(signing(users, unknown, secret).list_buckets) == (403, "InvalidAccessKeyId")
    url = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "home/robot/b"})
    assert urllib3.request("GET", url).data == b"hello"


def test_keys_while_the_directory_is_down(
    minio: Minio, certs: Certs, oidc_provider: OidcProvider, gateway: Any, bucket: str
) -> None:
    """One that was found serves on, also for forms; of one that was not it is a 503, not that nobody has it."""
    assert ROBOT.keys is not None
    with ExitStack() as running:
        own = running.enter_context(Slapd(certs))
        config = config_of(
            minio,
            certs,
            own,
            oidc_provider,
            sts=None,
            ldap=own.section(user_dn_attributes="departmentNumber", **KEYS, key_cache=1),
        )
        serving = gateway(config | {"roles": ROLES[:1]})
        client = signing(serving, *ROBOT.keys)
        form = client.generate_presigned_post(bucket, "home/robot/form")
        files = {**form["fields"], "file": b"hello"}
        assert urllib3.request("POST", form["url"], fields=files).status == 204  # the first that asks for the key
        client.put_object(Bucket=bucket, Key="home/robot/a", Body=b"hello")
        own.stop()
        time.sleep(1)
        client.put_object(Bucket=bucket, Key="home/robot/b", Body=b"hello")
        assert code(signing(serving, "NOBODYSKEY", "secret-of-nobody").list_buckets) == (503, "ServiceUnavailable")


def test_aistor_gws_variables(minio: Minio, slapd: Slapd, bucket: str, tmp_path: Path) -> None:
    """MinIO's own variables, and the groups whose members may: users of a directory log in without any YAML."""
    credentials = tmp_path / "creds.yaml"
    credentials.write_text(f"static:\n  access_key_id: {minio.access_key}\n  secret_access_key: {minio.secret_key}\n")
    port = free_port()
    section = slapd.section(server_addr=f"localhost:{slapd.port}", server_starttls="on", ca_file=None)
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
        "LOCAL_ENDPOINT": f"127.0.0.1:{port}",
        "MINIO_ENDPOINT": minio.endpoint,
        "MINIO_CACERT_FILE": str(minio.ca_file),
        "CREDS_FILE": str(credentials),
        "LDAP_GROUPS": group_dn("analysts"),
        **{f"MINIO_IDENTITY_LDAP_{name.upper()}": value for name, value in section.items()},
    }
    mitmdump = Path(sys.executable).with_name("mitmdump")
    arguments = [str(mitmdump), "-s", str(CHECKOUT / "addons/s3_gateway.py"), "--set", f"confdir={tmp_path}"]
    process = start(Command("mitmdump", arguments, tmp_path / "log", env), lambda: accepts(port))
    trusting = urllib3.PoolManager(ca_certs=str(tmp_path / "mitmproxy-ca-cert.pem"), retries=False)
    try:
        provider = LdapIdentityProvider(f"https://localhost:{port}", ALICE.uid, ALICE.password, http_client=trusting)
        client = MinioClient(f"localhost:{port}", credentials=provider, http_client=trusting, region="us-east-1")
        assert put(client, bucket, "any/where") == ""
        provider = LdapIdentityProvider(f"https://localhost:{port}", BOB.uid, BOB.password, http_client=trusting)
        with pytest.raises(ValueError, match="status code 403"):
            provider.retrieve()
    finally:
        process.stop()
        trusting.clear()
    CANARY.check({"the log": process.command.log.read_bytes()})


def test_minio_py_with_a_web_identity(
    users: Gateway, pool: urllib3.PoolManager, oidc_provider: OidcProvider, bucket: str
) -> None:
    """A person's ID token, in the query, as minio-py sends it."""
    token = oidc_provider.id_token("alice")
    CANARY.watch("web identity token", token)
    provider = WebIdentityProvider(
        jwt_provider_func=lambda: {"access_token": token, "expires_in": "900"},
        sts_endpoint=users.tls_url,
        role_arn=ROLE_ARN,
        http_client=pool,
    )
    client = s3(users, pool, provider)
    assert [put(client, bucket, key) for key in ("jobs/a", "home/alice/a")] == ["", "AccessDenied"]


@pytest.fixture
def web_identity(users: Gateway, certs: Certs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment of a job in Kubernetes; the file is where its token is."""
    path = tmp_path / "token"
    for name, value in {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(path),
        "AWS_ROLE_ARN": ROLE_ARN,
        "AWS_ENDPOINT_URL_STS": users.tls_url,
        "AWS_ENDPOINT_URL_S3": users.tls_url,
        "AWS_CA_BUNDLE": str(certs.ca),
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    return path


def job() -> Any:
    """boto3 as a job has it, without a word on credentials in the code."""
    return boto3.Session(botocore_session=botocore.session.Session()).client("s3")


def test_boto3_with_a_web_identity(web_identity: Path, oidc_provider: OidcProvider, bucket: str) -> None:
    token = oidc_provider.token()
    CANARY.watch("web identity token", token)
    web_identity.write_text(token)
    client = job()
    client.put_object(Bucket=bucket, Key="jobs/boto3", Body=b"hello")
    with pytest.raises(ClientError) as caught:
        client.put_object(Bucket=bucket, Key="others/boto3", Body=b"hello")
    assert caught.value.response["Error"]["Code"] == "AccessDenied"


def test_the_java_sdk_with_a_web_identity(
    users: Gateway, web_identity: Path, oidc_provider: OidcProvider, certs: Certs, bucket: str
) -> None:
    """Its own provider, by the environment alone, as a job in Kubernetes has it."""
    modules = [f"software.amazon.awssdk:{name}:{JAVA_SDK}" for name in ("s3", "sts")]
    driver = _have(java("WebIdentity.java", *modules, exclude=("software.amazon.awssdk:netty-nio-client",)))
    token = oidc_provider.token()
    CANARY.watch("web identity token", token)
    web_identity.write_text(token)
    (web_identity.parent / "java.options").write_text(trust_options(certs.ca, web_identity.parent))
    command = [*driver.command, users.tls_url, bucket, "jobs/java", "others/java"]
    env = os.environ | {"AWS_REGION": "us-east-1"}
    told = subprocess.run(command, cwd=web_identity.parent, env=env, capture_output=True, text=True, check=False)
    assert told.stdout.splitlines() == ["200", "403 AccessDenied"], told.stderr


@pytest.mark.parametrize(
    ("token", "role", "code"),
    [
        ({"audience": "somebody-else"}, ROLE_ARN, "InvalidIdentityToken"),
        ({"algorithm": "EdDSA"}, ROLE_ARN, "InvalidIdentityToken"),
        ({}, "arn:aws:iam::000000000000:role/others", "AccessDenied"),
        ({}, "arn:aws:iam::000000000000:role/nobodys", "AccessDenied"),
        (None, ROLE_ARN, "InvalidIdentityToken"),
    ],
    ids=["audience", "algorithm", "role", "unknown role", "no token"],
)
def test_what_boto3_is_told(
    web_identity: Path, monkeypatch: pytest.MonkeyPatch, oidc_provider: OidcProvider, token: Any, role: str, code: str
) -> None:
    monkeypatch.setenv("AWS_ROLE_ARN", role)
    text = "not-a-token-of-anybody" if token is None else oidc_provider.token(**token)
    CANARY.watch("web identity token", text)
    web_identity.write_text(text)
    with pytest.raises(ClientError) as caught:
        job().list_buckets()
    assert caught.value.response["Error"]["Code"] == code
