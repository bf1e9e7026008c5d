"""Sessions with real clients before MinIO: boto3 as a catalogue vends, minio-py, the AWS CLI, Spark 3.5 and 4."""

import base64
import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from lab import MissingPartError
from lab.certs import Certs
from lab.gateway import SPARK_CLIENT, Gateway, gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from lab.spark import Spark, s3a_conf
from matrix.installing import python
from tests.canary import CANARY
from tests.conftest import GatewayFactory, _have
from tests.real.rawhttp import Raw
from tests.real.waiting import eventually

JOB = Path(__file__).with_name("sts_job.py")
S3A = "org.apache.hadoop.fs.s3a"
MIB = 1 << 20
ETL = "arn:aws:iam::000000000000:role/etl"
ROLES = [
    {"name": "etl", "clients": ["spark"], "buckets": ["sts-*"], "prefixes": ["etl/", "home/{user}/"]},
    {"name": "plain", "clients": ["spark"], "buckets": ["sts-*"]},
]
ENCRYPTION = [{"role": "etl", "sse-kms": "my-key"}]


def ring_text(*keys: bytes) -> str:
    """A ring whose last key is the newest."""
    lines = [
        f"- {{key: {base64.b64encode(key).decode()}, since: 2026-01-{day:02}T00:00:00Z}}"
        for day, key in enumerate(keys, 1)
    ]
    return "\n".join(["keys:", *lines, ""])


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ring") / "ring.yaml"
    path.write_text(ring_text(os.urandom(32)))
    return path


@pytest.fixture(scope="module")
def granting(minio: Minio, certs: Certs, ring: Path, session_gateway: GatewayFactory) -> Gateway:
    """A gateway with two roles; what one of them stores is encrypted."""
    return session_gateway(config_of(minio, certs, ring))


def config_of(backend: Minio | Recorder, certs: Certs, ring: Path, **sts: Any) -> dict[str, Any]:
    return gateway_config(
        backend, certificate=certs.gateway, encryption=ENCRYPTION, roles=ROLES, sts={"ring": str(ring), **sts}
    )


@pytest.fixture
def bucket(minio: Minio) -> str:
    name = f"sts-{uuid4().hex[:12]}"
    minio.client().create_bucket(Bucket=name)
    return name


def client(gateway: Gateway, service: str, keys: Mapping[str, Any] | None = None, *, tls: bool = False,
           ca: Path | None = None) -> Any:  # fmt: skip
    """boto3's, with the keys of the configuration or those of a session."""
    found = keys or {
        "AccessKeyId": SPARK_CLIENT["access_key_id"],
        "SecretAccessKey": SPARK_CLIENT["secret_access_key"],
    }
    make: Any = boto3.client  # its stubs have a signature for each service
    return make(
        service,
        endpoint_url=gateway.tls_url if tls else gateway.url,
        region_name="us-east-1",
        aws_access_key_id=found["AccessKeyId"],
        aws_secret_access_key=found["SecretAccessKey"],
        aws_session_token=found.get("SessionToken"),
        verify=str(ca) if ca else None,
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, signature_version=None),
    )


def assume(gateway: Gateway, **parameters: Any) -> dict[str, Any]:
    asked = {"RoleArn": ETL, "RoleSessionName": "a-job", "DurationSeconds": 900, **parameters}
    found: dict[str, Any] = client(gateway, "sts").assume_role(**asked)["Credentials"]
    for name in ("SecretAccessKey", "SessionToken"):
        CANARY.watch(name, found[name])
    return found


def code(call: Any, **parameters: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
def test_a_catalogue_vends_credentials_of_one_table(
    granting: Gateway, minio: Minio, bucket: str, certs: Certs, *, tls: bool
) -> None:
    """AssumeRole with an inline policy, as Polaris and Unity do; then a writer's requests, parts and all."""
    table = f"etl/db/{'tls' if tls else 'http'}"
    statements = [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject"],
         "Resource": f"arn:aws:s3:::{bucket}/{table}/*"},
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}",
         "Condition": {"StringLike": {"s3:prefix": [f"{table}/*"]}}},
        {"Effect": "Allow", "Action": "s3:GetBucketLocation", "Resource": f"arn:aws:s3:::{bucket}"},
    ]  # fmt: skip
    vended = assume(granting, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    s3 = client(granting, "s3", vended, tls=tls, ca=certs.ca)
    large = os.urandom(6 * MIB)
    parts = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    s3.upload_fileobj(io.BytesIO(large), bucket, f"{table}/large", Config=parts)
    s3.put_object(Bucket=bucket, Key=f"{table}/small", Body=b"data")
    assert s3.get_object(Bucket=bucket, Key=f"{table}/large")["Body"].read() == large
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"{table}/")["Contents"]
    assert [each["Key"] for each in listed] == [f"{table}/large", f"{table}/small"]
    s3.copy_object(Bucket=bucket, Key=f"{table}/copy", CopySource=f"{bucket}/{table}/small")
    head = minio.client().head_object(Bucket=bucket, Key=f"{table}/copy")
    assert head["SSEKMSKeyId"] == "arn:aws:kms:my-key"  # by the rule for the role
    deleted = s3.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": f"{table}/copy"}, {"Key": f"{table}/large"}]}
    )
    assert len(deleted["Deleted"]) == 2
    minio.client().put_object(Bucket=bucket, Key="etl/other", Body=b"x")
    denied = (403, "AccessDenied")
    assert code(s3.get_object, Bucket=bucket, Key="etl/other") == denied
    assert code(s3.copy_object, Bucket=bucket, Key=f"{table}/x", CopySource=f"{bucket}/etl/other") == denied
    assert code(s3.delete_objects, Bucket=bucket, Delete={"Objects": [{"Key": "etl/other"}]}) == denied
    assert code(s3.list_objects_v2, Bucket=bucket, Prefix="etl/") == denied
    assert code(s3.put_object_tagging, Bucket=bucket, Key=f"{table}/small", Tagging={"TagSet": []}) == denied
    assert minio.client().get_object(Bucket=bucket, Key="etl/other")["Body"].read() == b"x"


def test_a_role_without_its_rule_is_not_encrypted(granting: Gateway, minio: Minio, bucket: str) -> None:
    s3 = client(granting, "s3", assume(granting, RoleArn="arn:aws:iam::000000000000:role/plain"))
    s3.put_object(Bucket=bucket, Key="key", Body=b"")
    assert "ServerSideEncryption" not in minio.client().head_object(Bucket=bucket, Key="key")


def test_sessions_outlive_their_gateway_and_the_rings_rotation(
    minio: Minio, certs: Certs, gateway: GatewayFactory, tmp_path: Path, bucket: str
) -> None:
    """A second gateway opens what the first has sealed; a new key ends no session; without the old one it is over."""
    old, new = os.urandom(32), os.urandom(32)
    ring = tmp_path / "ring.yaml"
    ring.write_text(ring_text(old))
    first = gateway(config_of(minio, certs, ring))
    keys = assume(first)
    first.stop()
    second = gateway(config_of(minio, certs, ring))
    client(second, "s3", keys).put_object(Bucket=bucket, Key="etl/1", Body=b"1")

    def turn(text: str, reloads: int) -> None:
        part = tmp_path / "part"
        part.write_text(text)
        part.replace(ring)
        CANARY.watch_config({"sts": {"ring": str(ring)}})
        eventually(lambda: second.log().count("configuration reloaded") == reloads, "the ring is not read again")

    turn(ring_text(old, new), 1)
    client(second, "s3", keys).put_object(Bucket=bucket, Key="etl/2", Body=b"2")
    fresh = assume(second)
    turn("keys: [broken", 1)
    eventually(lambda: "configuration not reloaded" in second.log(), "the broken ring is not told of")
    client(second, "s3", keys).put_object(Bucket=bucket, Key="etl/3", Body=b"3")
    turn(ring_text(new), 2)
    assert code(client(second, "s3", keys).head_object, Bucket=bucket, Key="etl/1")[0] == 400
    assert code(client(second, "s3", keys).get_object, Bucket=bucket, Key="etl/1") == (400, "InvalidToken")
    client(second, "s3", fresh).get_object(Bucket=bucket, Key="etl/1")


def test_revoked_sessions(minio: Minio, certs: Certs, gateway: GatewayFactory, ring: Path, bucket: str) -> None:
    """By a reload; those issued later are not."""
    config = config_of(minio, certs, ring)
    running = gateway(config)
    keys = assume(running)
    client(running, "s3", keys).put_object(Bucket=bucket, Key="etl/1", Body=b"1")
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat(timespec="seconds")
    running.write_config(
        config_of(minio, certs, ring, revoked=[{"subject": "spark", "before": soon}]) | {"listen": config["listen"]}
    )
    eventually(lambda: "configuration reloaded" in running.log(), "the revocation is not read")
    assert code(client(running, "s3", keys).get_object, Bucket=bucket, Key="etl/1") == (400, "ExpiredToken")
    eventually(lambda: datetime.now(UTC).isoformat() > soon, "it is not later")
    client(running, "s3", assume(running)).get_object(Bucket=bucket, Key="etl/1")


@pytest.mark.parametrize("watched", [False, True], ids=["plain", "with flows"])
def test_passwords_and_tokens_are_kept_nowhere(
    minio: Minio, certs: Certs, ring: Path, gateway: GatewayFactory, tmp_path: Path, bucket: str, *, watched: bool
) -> None:
    """Not in the log, the capture or a flow file, wherever they come from: a form, a target, a session's request."""
    captures = tmp_path / "captures.jsonl"
    config = config_of(minio, certs, ring) | {"log": {"capture": str(captures)}}
    running = gateway(config, watched=watched)
    keys = assume(running)
    s3 = client(running, "s3", keys)
    s3.put_object(Bucket=bucket, Key="etl/key", Body=b"data")
    wrong = {**keys, "SecretAccessKey": "wrong"}
    assert code(client(running, "s3", wrong).get_object, Bucket=bucket, Key="etl/key") == (403, "SignatureDoesNotMatch")
    named = (
        "Action=AssumeRoleWithLDAPIdentity&Version=2011-06-15&LDAPUsername=alice&LDAPPassword=correct+horse%2Bstaple"
    )
    token = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&WebIdentityToken=eyJhbGciOiJSUzI1NiJ9.the-payload.sig"
    form = "Content-Type: application/x-www-form-urlencoded\r\n"
    for text in (named, token):
        for target, fields, body in ((f"/?{text}", "", ""), ("/", form, text)):
            head = f"POST {target} HTTP/1.1\r\nHost: sts\r\n{fields}Content-Length: {len(body)}\r\n\r\n"
            with Raw(running.port, certs.ca) as raw:
                answer = raw.ask(f"{head}{body}".encode())
            assert (answer.status, b"<Code>AccessDenied</Code>" in answer.body) == (403, True)
    eventually(lambda: captures.read_text().count("AssumeRoleWith") >= 4, "the captures are not written")
    kept = captures.read_bytes() + running.log().encode()
    running.stop()
    kept += running.flow_file.read_bytes() if watched else b""
    assert b"horse" not in kept
    assert b"the-payload" not in kept
    CANARY.check({"what is kept": kept})


def test_minio_py_assumes_a_role(granting: Gateway, bucket: str) -> None:
    """Its AssumeRoleProvider, in a process of its own."""
    script = """
import io, sys
from minio import Minio
from minio.credentials import AssumeRoleProvider
url, key, secret, bucket, arn = sys.argv[1:]
provider = AssumeRoleProvider(
    sts_endpoint=url, access_key=key, secret_key=secret, role_arn=arn, role_session_name="minio-py", region="us-east-1"
)
client = Minio(endpoint=url.removeprefix("http://"), credentials=provider, secure=False, region="us-east-1")
client.put_object(bucket_name=bucket, object_name="etl/minio-py", data=io.BytesIO(b"data"), length=4)
print(client.get_object(bucket_name=bucket, object_name="etl/minio-py").read())
try:
    client.put_object(bucket_name=bucket, object_name="other", data=io.BytesIO(b"data"), length=4)
except Exception as error:
    print(error.code)
"""
    installed = _have(python("minio_driver.py", "minio==7.2.20"))
    command = [sys.executable, "-c", script, granting.url, SPARK_CLIENT["access_key_id"],
               SPARK_CLIENT["secret_access_key"], bucket, ETL]  # fmt: skip
    ended = subprocess.run(command, env={**os.environ, **installed.env}, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "b'data'\nAccessDenied\n"), ended.stderr


def test_the_aws_cli_asks_who_it_is(granting: Gateway) -> None:
    """``aws sts get-caller-identity``, and with a profile that assumes a role."""
    installed = _have(python("awscli_driver.py", "awscli==1.46.2"))
    start = "import sys; from awscli.clidriver import main; sys.exit(main())"
    env = os.environ | installed.env | {
        "AWS_ACCESS_KEY_ID": SPARK_CLIENT["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": SPARK_CLIENT["secret_access_key"],
        "AWS_ENDPOINT_URL_STS": granting.url,
        "AWS_DEFAULT_REGION": "us-east-1",
    }  # fmt: skip
    ask = [sys.executable, "-c", start, "sts", "get-caller-identity", "--output", "json"]
    ended = subprocess.run(ask, env=env, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["Arn"] == "arn:aws:iam::000000000000:user/spark"


@pytest.fixture
def on_443(minio: Minio, certs: Certs, ring: Path, gateway: GatewayFactory) -> Gateway:
    """A gateway on HTTPS's own port, which is the only one that Hadoop 3.4's S3A asks for a session."""
    _have(_port_443)
    return gateway(config_of(minio, certs, ring) | {"listen": {"port": 443, "certificate": str(certs.gateway)}})


def _port_443() -> None:
    try:
        socket.create_server(("127.0.0.1", 443)).close()
    except OSError as error:
        message = f"port 443 cannot be had ({error}); set net.ipv4.ip_unprivileged_port_start=443, or end who has it"
        raise MissingPartError(message) from None


def role_conf(url: str) -> dict[str, str]:
    """What S3A needs to assume a role."""
    keys = s3a_conf(url, SPARK_CLIENT["access_key_id"], SPARK_CLIENT["secret_access_key"])
    return keys | {
        "spark.hadoop.fs.s3a.aws.credentials.provider": f"{S3A}.auth.AssumedRoleCredentialProvider",
        "spark.hadoop.fs.s3a.assumed.role.credentials.provider": f"{S3A}.SimpleAWSCredentialsProvider",
        "spark.hadoop.fs.s3a.assumed.role.arn": ETL,
        "spark.hadoop.fs.s3a.assumed.role.session.duration": "15m",
        "spark.hadoop.fs.s3a.assumed.role.sts.endpoint.region": "us-east-1",
    }


def run(
    spark: Spark, bucket: str, conf: Mapping[str, str], trust: Path | None = None, env: Mapping[str, str] | None = None
) -> None:
    paths = [f"s3a://{bucket}/etl", f"s3a://{bucket}/other"]
    ended = spark.submit(JOB, conf, paths, trust=trust, env=env, seconds=400)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-6000:]
    (line,) = [line for line in ended.stdout.splitlines() if line.startswith("TOLD ")]
    assert json.loads(line.removeprefix("TOLD ")) == {"rows": 1000, "refused": "AccessDenied"}


def check_job(minio: Minio, bucket: str) -> None:
    """What it wrote is encrypted by the rule for its role, and nothing is outside of it."""
    keys = [each["Key"] for each in minio.client().list_objects_v2(Bucket=bucket)["Contents"]]
    assert any(key.startswith("etl/numbers/half=1/part-") for key in keys)
    assert all(key.startswith("etl/") for key in keys)
    assert all(minio.client().head_object(Bucket=bucket, Key=key).get("SSEKMSKeyId") for key in keys)


def assumed(gateway: Gateway) -> int:
    records = [json.loads(line) for line in gateway.log().splitlines() if line.startswith("{")]
    return sum(record["operation"] == "AssumeRole" and record["status"] == 200 for record in records)


def test_spark_35_assumes_a_role(spark35: Spark, granting: Gateway, minio: Minio, bucket: str) -> None:
    """Hadoop 3.3: the endpoint of STS is a URL."""
    before = assumed(granting)
    conf = role_conf(granting.url) | {"spark.hadoop.fs.s3a.assumed.role.sts.endpoint": granting.url}
    run(spark35, bucket, conf)
    assert assumed(granting) > before
    check_job(minio, bucket)


def test_spark_4_assumes_a_role(spark4: Spark, on_443: Gateway, minio: Minio, bucket: str, certs: Certs) -> None:
    """Hadoop 3.4: the endpoint of STS is a host, asked over HTTPS."""
    conf = role_conf(on_443.tls_url) | {"spark.hadoop.fs.s3a.assumed.role.sts.endpoint": "localhost"}
    run(spark4, bucket, conf, certs.ca)
    assert assumed(on_443) > 0
    check_job(minio, bucket)


@pytest.mark.download
@pytest.mark.parametrize("scheme", ["http", "tls"])
def test_spark_42_assumes_a_role(granting: Gateway, minio: Minio, bucket: str, certs: Certs, scheme: str) -> None:
    """Hadoop 3.5: the endpoint of STS is in the environment, as a URL with any port."""
    url = granting.url if scheme == "http" else granting.tls_url
    before = assumed(granting)
    conf = role_conf(url)
    del conf["spark.hadoop.fs.s3a.assumed.role.sts.endpoint.region"]
    run(_have(Spark.v42), bucket, conf, certs.ca, {"AWS_ENDPOINT_URL_STS": url, "AWS_REGION": "us-east-1"})
    assert assumed(granting) > before
    check_job(minio, bucket)
