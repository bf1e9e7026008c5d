"""A bundle for a bug report: readable, repeatable, and no secret of the configuration in it."""

import io
import json
from pathlib import Path
from zipfile import ZipFile

from s3gateway.config.gateway_yaml import build
from s3gateway.config.model import Config
from s3gateway.observed import capture
from s3gateway.observed.bundle import bundle
from tests.observed.test_view import ADMITTED, REFUSED

SECRETS = (
    "BACKENDKEY",
    "backend-secret",
    "backend-token",
    "CLIENTKEY",
    "client-secret",
    "kms-key-of-finance",
    "/etc/ca",
)


def _config(tmp_path: Path) -> Config:
    (tmp_path / "ca.crt").write_text("")
    return build(
        {
            "backend": {
                "endpoint": "https://minio.example:9000",
                "ca_file": "ca.crt",
                "credentials": {
                    "access_key_id": "BACKENDKEY",
                    "secret_access_key": "backend-secret",
                    "session_token": "backend-token",
                },
            },
            "clients": [
                {"name": "spark", "access_key_id": "CLIENTKEY", "secret_access_key": "client-secret", "buckets": ["*"]}
            ],
            "encryption": [{"bucket": "finance-*", "sse-kms": "kms-key-of-finance"}, {"none": True}],
            "cors": "bucket",
        },
        tmp_path,
    )


def test_what_is_in_it(tmp_path: Path) -> None:
    """The capture can be read again, the text is there, and the configuration's shape without its values."""
    data = bundle([ADMITTED, REFUSED], _config(tmp_path), {"mitmproxy": "12"})
    with ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    assert capture.load(files["capture.json"]) == (ADMITTED, REFUSED)
    assert "verdict:     refused SignatureDoesNotMatch" in files["exchanges.txt"]
    told = json.loads(files["gateway.json"])
    assert told["versions"] == {"mitmproxy": "12"}
    assert told["configuration"]["backend"]["credentials"] == "temporary"
    assert [rule["sse"] for rule in told["configuration"]["encryption"]] == ["SSE-KMS", ""]
    assert told["configuration"]["cors"] == "bucket"
    assert [client["name"] for client in told["configuration"]["clients"]] == ["spark"]
    for secret in (*SECRETS, str(tmp_path)):
        assert all(secret not in text for text in files.values()), secret


def test_the_same_again(tmp_path: Path) -> None:
    config = _config(tmp_path)
    assert bundle([ADMITTED], config, {}) == bundle([ADMITTED], config, {})
