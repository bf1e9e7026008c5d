"""Exchanges as one file to attach to a bug report: captures, the same as text, and what gateway decided. Pure.

Everything in a capture is redacted already; of the configuration only its shape goes in: no secret, no access key id,
no file name, no KMS key id.
"""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from s3gateway.config.model import BucketsOwn, Chain, Client, Config
from s3gateway.observed import capture, view
from s3gateway.observed.capture import Exchange
from s3gateway.rules.access import Access

_README = """\
capture.json   the exchanges, as scripts/diff_headers and the gateway's other tools read them
exchanges.txt  the same for people
gateway.json   versions, and the shape of the configuration
Signatures, tokens, secrets and SSE-C keys are not in here. Bucket and object names, hosts and other headers are.
"""


def bundle(exchanges: Sequence[Exchange], config: Config, versions: Mapping[str, str]) -> bytes:
    """Write the ZIP file; the same input gives the same bytes."""
    rule = "=" * (2 * view.WIDTH + 5)
    files = {
        "README.txt": _README,
        "capture.json": capture.dump(exchanges),
        "exchanges.txt": f"\n{rule}\n\n".join(map(view.render, exchanges)),
        "gateway.json": json.dumps({"versions": dict(versions), "configuration": shape(config)}, indent=1) + "\n",
    }
    out = io.BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(ZipInfo(name), text.encode(), ZIP_DEFLATED)
    return out.getvalue()


def shape(config: Config) -> dict[str, Any]:
    """Tell what a configuration has, not what is in it."""
    return {
        "listen": {
            "port": config.listen.port,
            "certificate": config.listen.certificate is not None,
            "regions": list(config.listen.regions),
        },
        "backend": {
            "scheme": config.backend.scheme,
            "port": config.backend.port,
            "region": config.backend.region,
            "ca_file": config.backend.ca_file is not None,
            "credentials": _credentials(config),
        },
        "clients": [_client(client) for client in config.clients.values()],
        "encryption": [
            {
                "bucket": rule.bucket,
                "prefix": rule.prefix,
                "client": rule.client,
                "role": rule.role,
                "sse": rule.sse.label if rule.sse else "",
            }
            for rule in config.encryption
        ],
        "sts": config.sts is not None,
        "roles": [role.name for role in config.roles],
        "cors": "bucket" if isinstance(config.cors, BucketsOwn) else config.cors and len(config.cors),
        "domains": len(config.domains),
        "limits": asdict(config.limits),
    }


def _credentials(config: Config) -> str:
    if isinstance(config.credentials, Chain):
        return "botocore's chain"
    return "temporary" if config.credentials.session_token else "static"


def _client(client: Client) -> dict[str, Any]:
    if not isinstance(client.access, Access):  # pragma: no cover - clients of a configuration have rules of their own
        return {"name": client.name}
    return {
        "name": client.name,
        "buckets": len(client.access.buckets),
        "prefixes": len(client.access.prefixes),
        "operations": list(client.access.operations),
        "read_only": client.access.read_only,
    }
