"""``backend_identity: session``: MinIO refuses what the gateway should have refused, and nothing that it allows."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError
from minio.credentials.credentials import Credentials
from minio.credentials.providers import LdapIdentityProvider, WebIdentityProvider

from lab.backends import s3_client
from lab.certs import Certs
from lab.gateway import SPARK_CLIENT, Gateway, gateway_config
from lab.minio import Minio
from lab.oidc import AUDIENCE, SUBJECT, OidcProvider, oidc_provider
from lab.recorder import Recorder
from lab.slapd import ALICE, BASE, LOOKUP_DN, LOOKUP_PASSWORD, ROBOT, Slapd, group_dn
from s3gateway.identity.backend_policy import policy_of
from s3gateway.rules.access import Access
from tests.canary import CANARY
from tests.conftest import GatewayFactory, _have
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import CHUNK, Target, put_chunked
from tests.real.test_mc import Mc
from tests.real.waiting import eventually
from tests.wire.test_audit_log import Collector, serving

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

USERS_BUCKET = "of-users"
ROLE_AUDIENCE = "s3-by-role"
CLAIMS_ROLE = "arn:aws:iam::000000000000:role/claims"

type Do = Callable[["S3Client", str], Any]

ASKED: dict[str, Do] = {
    "get": lambda s3, bucket: s3.get_object(Bucket=bucket, Key="a/k"),
    "head": lambda s3, bucket: s3.head_object(Bucket=bucket, Key="a/k"),
    "put": lambda s3, bucket: s3.put_object(Bucket=bucket, Key="a/new", Body=b"x"),
    "copy": lambda s3, bucket: s3.copy_object(Bucket=bucket, Key="a/copy", CopySource={"Bucket": bucket, "Key": "a/k"}),
    "multipart": lambda s3, bucket: s3.abort_multipart_upload(
        Bucket=bucket, Key="a/m", UploadId=s3.create_multipart_upload(Bucket=bucket, Key="a/m")["UploadId"]
    ),
    "tag": lambda s3, bucket: s3.put_object_tagging(
        Bucket=bucket, Key="a/k", Tagging={"TagSet": [{"Key": "t", "Value": "v"}]}
    ),
    "tags": lambda s3, bucket: s3.get_object_tagging(Bucket=bucket, Key="a/k"),
    "delete": lambda s3, bucket: s3.delete_object(Bucket=bucket, Key="a/new"),
    "delete many": lambda s3, bucket: _deleted(
        s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a/new"}]})
    ),
    "list": lambda s3, bucket: s3.list_objects_v2(Bucket=bucket, Prefix="a/"),
    "location": lambda s3, bucket: s3.get_bucket_location(Bucket=bucket),
    "head bucket": lambda s3, bucket: s3.head_bucket(Bucket=bucket),
    "get elsewhere": lambda s3, bucket: s3.get_object(Bucket=bucket, Key="b/k"),
    "put elsewhere": lambda s3, bucket: s3.put_object(Bucket=bucket, Key="b/k", Body=b"x"),
    "copy from elsewhere": lambda s3, bucket: s3.copy_object(
        Bucket=bucket, Key="a/copy", CopySource={"Bucket": bucket, "Key": "b/k"}
    ),
    "list all": lambda s3, bucket: s3.list_objects_v2(Bucket=bucket),
    "versioning": lambda s3, bucket: s3.get_bucket_versioning(Bucket=bucket),
    "other bucket": lambda s3, bucket: s3.get_object(Bucket=f"{bucket}-other", Key="a/k"),
}
"""Each in the order in which it leaves the bucket as the next one needs it."""

RULES: dict[str, dict[str, Any]] = {
    "all of a bucket": {},
    "read only": {"read_only": True},
    "below a prefix": {"prefixes": ["a/"]},
    "reads below a prefix": {"prefixes": ["a/"], "read_only": True},
    "operations": {"operations": ["GetObject", "PutObject", "ListObjectsV2"]},
    "operations below a prefix": {"operations": ["GetObject", "Head*", "ListObjectsV2"], "prefixes": ["a/"]},
}


_COARSE = {"head", "copy", "copy from elsewhere", "head bucket"}
"""What needs no right of its own at AWS and MinIO: a HEAD is a GetObject or a ListBucket, a copy a GetObject and a
PutObject."""


def _deleted(answer: Any) -> None:
    if answer.get("Errors"):
        raise ClientError({"Error": answer["Errors"][0]}, "DeleteObjects")


def outcome(do: Do, s3: "S3Client", bucket: str) -> str:
    try:
        do(s3, bucket)
    except ClientError as error:
        return "refused" if error.response["Error"]["Code"] in {"AccessDenied", "403"} else str(error)
    return "allowed"


@pytest.fixture
def filled(minio: Minio, bucket: str) -> str:
    """A bucket, and another one that is not the client's."""
    s3 = minio.client()
    s3.create_bucket(Bucket=f"{bucket}-other")
    for name, key in ((bucket, "a/k"), (bucket, "b/k"), (f"{bucket}-other", "a/k")):
        s3.put_object(Bucket=name, Key=key, Body=b"there")
    return bucket


def with_session(bucket: str, **rules: Any) -> dict[str, Any]:
    return dict(SPARK_CLIENT) | {"buckets": [bucket], "backend_identity": "session"} | rules


@pytest.mark.parametrize("name", RULES)
def test_minio_and_the_gateway_agree(gateway: GatewayFactory, minio: Minio, filled: str, name: str) -> None:
    """What the gateway allows goes through; what it refuses MinIO refuses a session with the same policy, too."""
    rules = RULES[name]
    prefixes, operations = (tuple(rules.get(part, ())) for part in ("prefixes", "operations"))
    access = Access((filled,), prefixes, operations, read_only=rules.get("read_only", False))
    sts = boto3.client(
        "sts", endpoint_url=minio.endpoint, region_name=minio.region, aws_access_key_id=minio.access_key,
        aws_secret_access_key=minio.secret_key, verify=str(minio.ca_file), config=Config(proxies={}),
    )  # fmt: skip
    policy = policy_of(access)
    found = sts.assume_role(RoleArn="arn:xxx:xxx:xxx:xxxx", RoleSessionName="test", Policy=policy)["Credentials"]
    direct = s3_client(
        minio.endpoint, found["AccessKeyId"], found["SecretAccessKey"], session_token=found["SessionToken"],
        ca_file=minio.ca_file,
    )  # fmt: skip
    running = gateway(gateway_config(minio, clients=[with_session(filled, **rules)]))
    through = running.client()
    told = {what: (outcome(do, through, filled), outcome(do, direct, filled)) for what, do in ASKED.items()}
    coarse = _COARSE if "CopyObject" not in rules.get("operations", ["CopyObject"]) else set()
    assert {what: both for what, both in told.items() if both[0] != both[1] and what not in coarse} == {}
    if rules.get("prefixes"):
        assert told["head bucket"][0] == "refused"  # by MinIO alone, where it is below nobody's prefix
    assert {"allowed", "refused"} == {both[0] for both in told.values()}


def test_every_upload_goes_under_the_session(
    gateway: GatewayFactory, minio: Minio, filled: str, wire: Recorder
) -> None:
    """Chunks are signed with its key; no request of the client's bears the gateway's own, and there is one session."""
    running = gateway(gateway_config(wire, clients=[with_session(filled)]))
    with Raw(running.port) as raw:
        assert raw.ask(put_chunked(Target(filled, "up"), b"x" * CHUNK * 3).wire).status == 200
    assert running.client().get_object(Bucket=filled, Key="up")["Body"].read() == b"x" * CHUNK * 3
    sts, *others = wire.requests()
    assert (sts.method, sts.target) == ("POST", b"/")
    assert [request.method for request in others] == ["PUT", "GET"]
    tokens = {request.header("x-amz-security-token") for request in others}
    assert len(tokens) == 1
    assert None not in tokens
    token = tokens.pop()
    assert token is not None
    assert token.decode() not in running.log()
    assert all(f"Credential={minio.access_key}/".encode() not in (one.header("authorization") or b"") for one in others)


def test_no_session_no_request(gateway: GatewayFactory, minio: Minio, filled: str) -> None:
    """A session cannot make another one: every request is 503, none goes under the gateway's own key."""
    found = minio.temporary_credentials()
    config = gateway_config(minio, clients=[with_session(filled)])
    config["backend"]["credentials"] = {
        "access_key_id": found["AccessKeyId"],
        "secret_access_key": found["SecretAccessKey"],
        "session_token": found["SessionToken"],
    }
    running: Gateway = gateway(config)
    with pytest.raises(ClientError, match="ServiceUnavailable"):
        running.client().get_object(Bucket=filled, Key="a/k")
    eventually(lambda: "no session at the backend for client spark: AssumeRole was answered 4" in running.log())


@pytest.fixture(scope="module")
def issuer(certs: Certs) -> Iterator[OidcProvider]:
    """A provider whose tokens name a policy of MinIO's, as its operators have it."""
    with OidcProvider(certs, claims={"policy": "readwrite"}, module=_have(oidc_provider)) as server:
        yield server


@pytest.fixture(scope="module")
def audit() -> Iterator[Collector]:
    """What MinIO posts its audit log to."""
    with serving() as collector:
        yield collector


@pytest.fixture(scope="module")
def backend(
    certs: Certs, slapd: Slapd, issuer: OidcProvider, audit: Collector, mc: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Minio]:  # fmt: skip
    """MinIO that knows the same users as the gateway; Alice may only read there, and so may who takes its role."""
    openid = {"CONFIG_URL": f"{issuer.issuer}/.well-known/openid-configuration", "CLIENT_ID": AUDIENCE}
    env = {
        "MINIO_IDENTITY_LDAP_SERVER_ADDR": f"127.0.0.1:{slapd.port}",
        "MINIO_IDENTITY_LDAP_SERVER_INSECURE": "on",
        "MINIO_IDENTITY_LDAP_LOOKUP_BIND_DN": LOOKUP_DN,
        "MINIO_IDENTITY_LDAP_LOOKUP_BIND_PASSWORD": LOOKUP_PASSWORD,
        "MINIO_IDENTITY_LDAP_USER_DN_SEARCH_BASE_DN": f"ou=people,{BASE}",
        "MINIO_IDENTITY_LDAP_USER_DN_SEARCH_FILTER": "(uid=%s)",
        **{f"MINIO_IDENTITY_OPENID_{name}": value for name, value in openid.items()},
        **{f"MINIO_IDENTITY_OPENID_{name}_ROLE": value for name, value in openid.items()},
        "MINIO_IDENTITY_OPENID_CLIENT_ID_ROLE": ROLE_AUDIENCE,
        "MINIO_IDENTITY_OPENID_ROLE_POLICY_ROLE": "readonly",
        "MINIO_AUDIT_WEBHOOK_ENABLE_lab": "on",
        "MINIO_AUDIT_WEBHOOK_ENDPOINT_lab": f"http://127.0.0.1:{audit.server_address[1]}/",
    }
    with Minio(certs, env=env) as server:
        folder = tmp_path_factory.mktemp("mc")
        admin = Mc(mc, folder, server.endpoint, server.ca_file, server.access_key, server.secret_key)
        admin.run("idp", "ldap", "policy", "attach", "gw", "readonly", "--user", ALICE.dn)
        s3 = server.client()
        s3.create_bucket(Bucket=USERS_BUCKET)
        s3.put_object(Bucket=USERS_BUCKET, Key="k", Body=b"there")
        yield server


def audited(audit: Collector, **api: str) -> dict[str, Any]:
    """MinIO's line of its audit log for the only such request through a gateway."""
    wanted = {"bucket": USERS_BUCKET, **api}.items()
    return dict(eventually(lambda: [line for line in audit.lines if wanted <= line["api"].items()])[-1])


def code(call: Any, **parameters: Any) -> str:
    """The code of the error; empty where there is none."""
    try:
        call(Bucket=USERS_BUCKET, **parameters)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def session_of(keys: Credentials, running: Gateway) -> "S3Client":
    CANARY.watch("session secret", keys.secret_key)
    CANARY.watch("session token", keys.session_token or "")
    return s3_client(running.url, keys.access_key, keys.secret_key, session_token=keys.session_token)


def log_in(running: Gateway, token: str, role_arn: str, pool: urllib3.PoolManager) -> Credentials:
    """With a web identity, by minio-py."""
    CANARY.watch("web identity token", token)
    return WebIdentityProvider(
        jwt_provider_func=lambda: {"access_token": token, "expires_in": "3600"},
        sts_endpoint=running.tls_url,
        role_arn=role_arn,
        http_client=pool,
    ).retrieve()


@pytest.fixture
def pool(certs: Certs) -> Iterator[urllib3.PoolManager]:
    pool = urllib3.PoolManager(cert_reqs="CERT_REQUIRED", ca_certs=str(certs.ca), retries=False)
    yield pool
    pool.clear()


def test_minio_sees_the_user_of_the_directory(
    gateway: GatewayFactory, backend: Minio, certs: Certs, slapd: Slapd, audit: Collector, pool: urllib3.PoolManager
) -> None:
    """``as_user``: the role allows a write, and MinIO's own policy of Alice does not; Robot has no policy there."""
    for person in (ALICE, ROBOT):
        CANARY.watch("password", person.password)
    role = {"name": "people", "ldap_groups": [group_dn("analysts")], "buckets": ["*"], "backend_identity": "as_user"}
    given: dict[str, Any] = {"sts": {}, "ldap": slapd.section(), "roles": [role]}
    running = gateway(gateway_config(backend, certificate=certs.gateway, **given))
    keys = LdapIdentityProvider(running.tls_url, "alice", ALICE.password, http_client=pool).retrieve()
    with pytest.raises(ValueError, match="status code 403"):
        LdapIdentityProvider(running.tls_url, ROBOT.uid, ROBOT.password, http_client=pool).retrieve()
    s3 = session_of(keys, running)
    assert [code(s3.get_object, Key="k"), code(s3.put_object, Key="new", Body=b"x")] == ["", "AccessDenied"]
    assert '"backend_error": "AccessDenied"' in eventually(lambda: _last_line_of(running, "PutObject"))
    assert audited(audit, name="GetObject", object="k")["parentUser"].casefold() == ALICE.dn.casefold()


def test_minio_sees_the_web_identity(
    gateway: GatewayFactory, backend: Minio, certs: Certs, issuer: OidcProvider, audit: Collector, mc: Path,
    tmp_path: Path, pool: urllib3.PoolManager,
) -> None:  # fmt: skip
    """By the policy that the token's claim names, or that of MinIO's own role, whose ARN the client asks for."""
    admin = Mc(mc, tmp_path / "mc", backend.endpoint, backend.ca_file, backend.access_key, backend.secret_key)
    (listed,) = admin.run("idp", "openid", "ls", "gw")
    (minios_role,) = (each["roleARN"] for each in listed if "roleARN" in each)  # type: ignore[index]
    common = {"web_identities": [{"issuer": issuer.issuer, "subjects": [SUBJECT]}], "buckets": ["*"],
              "backend_identity": "as_user"}  # fmt: skip
    roles = [{"name": "claims", **common}, {"name": "minios", "arn": minios_role, **common}]
    given: dict[str, Any] = {"sts": {}, "web_identity": [issuer.section(audiences=[AUDIENCE, ROLE_AUDIENCE])]}
    running = gateway(gateway_config(backend, certificate=certs.gateway, roles=roles, **given))
    cases = ((CLAIMS_ROLE, AUDIENCE, ""), (minios_role, ROLE_AUDIENCE, "AccessDenied"))
    for arn, audience, wrote in cases:
        token = issuer.token(audience=audience, seconds=1000)
        keys = log_in(running, token, arn, pool)
        s3 = session_of(keys, running)
        assert [code(s3.get_object, Key="k"), code(s3.put_object, Key=audience, Body=b"x")] == ["", wrote]
        line = audited(audit, name="PutObject", object=audience)
        assert line["requestClaims"]["sub"] == SUBJECT
        assert line["accessKey"] != keys.access_key
        assert keys.expiration is not None
        left = keys.expiration.replace(tzinfo=UTC) - datetime.now(UTC)
        assert timedelta(seconds=900) < left <= timedelta(seconds=1000)


def test_minios_audit_names_the_parent_of_a_session(gateway: GatewayFactory, backend: Minio, audit: Collector) -> None:
    """``session``: whose key the gateway has."""
    running = gateway(gateway_config(backend, clients=[with_session(USERS_BUCKET)]))
    assert code(running.client().list_objects_v2) == ""
    line = audited(audit, name="ListObjectsV2")
    assert line["parentUser"] == backend.access_key
    assert line["accessKey"] != backend.access_key


def _last_line_of(running: Gateway, operation: str) -> str:
    return next((line for line in reversed(running.log().splitlines()) if f'"operation": "{operation}"' in line), "")
