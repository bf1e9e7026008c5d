"""A real Iceberg catalogue, Nessie, vends credentials that it gets from the gateway; pyiceberg writes tables with them.

Only with `--downloads`, as scripts/vend gives it: Nessie is one of 245 MB.
"""

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from lab.backends import s3_client
from lab.certs import Certs
from lab.gateway import Gateway, gateway_config
from lab.minio import Minio
from lab.nessie import Nessie, Storage, nessie_jar
from lab.recorder import Recorder
from matrix.installing import python
from showcase.stage import Address
from tests.canary import CANARY
from tests.conftest import GatewayFactory, _have

pytestmark = pytest.mark.download
POLICIES = Path(__file__).parents[1] / "identity" / "policies" / "nessie-0.99.0.json"
CLIENT = {
    "name": "catalogue",
    "access_key_id": "CATALOGUEKEY",
    "secret_access_key": "catalogue-secret-of-the-lab",
    "buckets": ["ice-*"],
    "prefixes": ["warehouse/"],
}
ROLE = {"name": "tables", "clients": ["catalogue"], "buckets": ["ice-*"], "prefixes": ["warehouse/"]}
DENIED = (403, "AccessDenied")
JOB = """
import json, sys
import pyarrow as pa
from pyiceberg.catalog import load_catalog

catalog = load_catalog("lab", type="rest", uri=sys.argv[1], warehouse="lab")
catalog.create_namespace("db")
rows = pa.table({"a": range(1000)})
for name in ("db.numbers", "db.others"):
    catalog.create_table(name, rows.schema).append(rows)
table = catalog.load_table("db.numbers")
table.append(rows)
table.delete("a < 10")
told = {"rows": catalog.load_table("db.numbers").scan().to_arrow().num_rows, "location": table.location()}
told["other"] = catalog.load_table("db.others").location()
told["io"] = {name: value for name, value in table.io.properties.items() if name.startswith("s3.")}
print("TOLD", json.dumps(told))
"""


@pytest.fixture(scope="module")
def bucket(minio: Minio) -> str:
    name = f"ice-{uuid4().hex[:12]}"
    minio.client().create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="module")
def vending(minio: Minio, certs: Certs, session_gateway: GatewayFactory) -> Gateway:
    """A gateway with a role for what the catalogue hands on."""
    config = gateway_config(
        minio, certificate=certs.gateway, clients=[CLIENT], roles=[ROLE], sts={},
        encryption=[{"role": "tables", "sse-kms": "my-key"}],
    )  # fmt: skip
    return session_gateway(config)


@pytest.fixture(scope="module")
def asked(vending: Gateway, certs: Certs) -> Iterator[Recorder]:
    """A recorder between the catalogue and the gateway."""
    key, secret = str(CLIENT["access_key_id"]), str(CLIENT["secret_access_key"])
    with Recorder(Address(vending.tls_url, key, secret, "us-east-1", certs.ca), certs) as recorder:
        yield recorder


@pytest.fixture(scope="module")
def catalogue(asked: Recorder, vending: Gateway, bucket: str) -> Iterator[Nessie]:
    storage = Storage(
        asked.endpoint, vending.url, asked.ca_file, asked.access_key, asked.secret_key,
        "arn:aws:iam::000000000000:role/tables", f"s3://{bucket}/warehouse",
    )  # fmt: skip
    with Nessie(storage, jar=_have(nessie_jar)) as running:
        yield running


@pytest.fixture(scope="module")
def told(catalogue: Nessie) -> dict[str, Any]:
    """What the job said: rows, locations, and what the catalogue vended."""
    installed = _have(python("pyiceberg_driver.py", "pyiceberg[sql-sqlite,pyarrow]==0.12.0"))
    command = [sys.executable, "-c", JOB, catalogue.url]
    ended = subprocess.run(command, env=os.environ | installed.env, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:] + catalogue.log()[-3000:]
    (line,) = [line for line in ended.stdout.splitlines() if line.startswith("TOLD ")]
    found: dict[str, Any] = json.loads(line.removeprefix("TOLD "))
    for name in ("s3.secret-access-key", "s3.session-token"):
        CANARY.watch(name, found["io"][name])
    return found


def vended(gateway: Gateway, keys: dict[str, str]) -> Any:
    return s3_client(
        gateway.url, keys["s3.access-key-id"], keys["s3.secret-access-key"], session_token=keys["s3.session-token"]
    )


def code(call: Any, **parameters: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def key_of(location: str) -> str:
    return location.removeprefix("s3://").partition("/")[2]


def test_a_table_is_written_with_what_was_vended(told: dict[str, Any], minio: Minio, bucket: str) -> None:
    """Data and manifests by the client's session, encrypted by its role's rule; metadata by the catalogue's own key."""
    assert told["rows"] == 1980
    assert told["location"].startswith(f"s3://{bucket}/warehouse/db/numbers")
    s3 = minio.client()
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket, Prefix=key_of(told["location"]))["Contents"]]
    data = [key for key in keys if key.endswith(".parquet")]
    assert data
    assert all(s3.head_object(Bucket=bucket, Key=key)["SSEKMSKeyId"] == "arn:aws:kms:my-key" for key in data)
    written = [key for key in keys if key.endswith(".metadata.json")]
    assert written
    assert all("SSEKMSKeyId" not in s3.head_object(Bucket=bucket, Key=key) for key in written)


def test_what_was_vended_is_for_one_table(told: dict[str, Any], vending: Gateway, minio: Minio, bucket: str) -> None:
    s3 = vended(vending, told["io"])
    own, other = key_of(told["location"]), key_of(told["other"])
    found = s3.list_objects_v2(Bucket=bucket, Prefix=f"{own}/")["Contents"]
    assert s3.get_object(Bucket=bucket, Key=found[0]["Key"])["ResponseMetadata"]["HTTPStatusCode"] == 200
    foreign = minio.client().list_objects_v2(Bucket=bucket, Prefix=f"{other}/")["Contents"][0]["Key"]
    assert code(s3.get_object, Bucket=bucket, Key=foreign) == DENIED
    assert code(s3.put_object, Bucket=bucket, Key=f"{other}/planted", Body=b"x") == DENIED
    assert code(s3.copy_object, Bucket=bucket, Key=f"{own}/stolen", CopySource=f"{bucket}/{foreign}") == DENIED
    assert code(s3.list_objects_v2, Bucket=bucket, Prefix="warehouse/") == DENIED
    assert code(s3.list_objects_v2, Bucket=bucket) == DENIED


def test_a_table_whose_name_is_special_in_policies(
    catalogue: Nessie, vending: Gateway, bucket: str, told: dict[str, Any]
) -> None:
    """The catalogue writes IAM's own escapes for it, so that no other table is opened."""
    del told  # whose job has made the namespace
    schema = {"type": "struct", "schema-id": 0, "fields": [{"id": 1, "name": "a", "required": False, "type": "long"}]}
    table = {"name": "odd*$x", "schema": schema, "stage-create": False}
    config = ask(catalogue, "v1/config?warehouse=lab")
    prefix = (config["defaults"] | config["overrides"])["prefix"]
    made = ask(catalogue, f"v1/{prefix}/namespaces/db/tables", table)
    s3, own = vended(vending, made["config"]), key_of(made["metadata"]["location"])
    assert own.startswith("warehouse/db/odd*$x")
    s3.put_object(Bucket=bucket, Key=f"{own}/data", Body=b"x")
    assert code(s3.put_object, Bucket=bucket, Key=f"{own.replace('*', 'ly')}/data", Body=b"x") == DENIED


def test_what_the_catalogue_asks(asked: Recorder, bucket: str) -> None:
    """After the tests above: the policies that tests/identity reads without it, and nothing that it does not know."""
    forms = [parse_qs(one.body.decode()) for one in asked.requests() if (one.method, one.target) == ("POST", b"/")]
    assert {form["Action"][0] for form in forms} == {"AssumeRole"}
    assert set().union(*forms) == {
        "Action", "Version", "RoleArn", "RoleSessionName", "DurationSeconds", "Policy",
    }  # fmt: skip
    seen = [re.sub("_[0-9a-f-]{36}", "_1", form["Policy"][0]).replace(bucket, "lake") for form in forms]
    for known in json.loads(POLICIES.read_text(encoding="utf-8")).values():
        assert known in map(json.loads, seen)


def ask(catalogue: Nessie, path: str, body: Any = None) -> dict[str, Any]:
    """Ask the catalogue, and for a session as well, as engines do."""
    request = urllib.request.Request(
        f"{catalogue.url}/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "X-Iceberg-Access-Delegation": "vended-credentials"},
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
        return dict(json.load(answer))
