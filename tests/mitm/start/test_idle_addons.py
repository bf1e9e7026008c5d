"""Default addons that have nothing to do are dismissed, and those that have something to do are not."""

import json
import os
import subprocess
import sys

from lab import CHECKOUT
from lab.gateway import gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from tests.conftest import GatewayFactory
from tests.sent import SENT

_ASK = """
import asyncio, json
from mitmproxy import addons, options
from mitmproxy.addonmanager import _get_name
from mitmproxy.master import Master
from s3gateway.mitm.start.idle_addons import ACTS_ON

async def ask():
    master = Master(options.Options())
    master.addons.add(*addons.default_addons())
    print(json.dumps({
        "acts_on": ACTS_ON,
        "addons": [_get_name(addon) for addon in master.addons.chain],
        "options": list(master.options.keys()),
    }))

asyncio.run(ask())
"""


def test_the_list_is_mitmproxys_own() -> None:
    """Each addon listed is one of mitmproxy's defaults, and each option is an option of this mitmproxy."""
    env = dict(os.environ) | {"PYTHONPATH": str(CHECKOUT / "addons")}  # on its own: importing mitmproxy warns a lot
    told = json.loads(subprocess.run([sys.executable, "-c", _ASK], env=env, capture_output=True, check=True).stdout)
    assert set(told["acts_on"]) <= set(told["addons"])
    assert {option for needed in told["acts_on"].values() for option in needed} <= set(told["options"])


def test_an_addon_that_the_command_line_uses_stays(gateway: GatewayFactory, recorder: Recorder, minio: Minio) -> None:
    """A header that mitmproxy's own modify_headers adds reaches the backend, and the signature holds.

    To a request without a body, that is: a streamed one has left when that addon looks at it.
    """
    bucket = f"idle-{os.urandom(4).hex()}"
    minio.client().create_bucket(Bucket=bucket)
    running = gateway(gateway_config(recorder), arguments=["--modify-headers", "/~q/x-amz-meta-added/by the operator"])
    running.client().put_object(Bucket=bucket, Key="k", Body=b"")
    SENT.clear()  # what went out has an operator's header as well
    assert minio.client().head_object(Bucket=bucket, Key="k")["Metadata"] == {"added": "by the operator"}
    (request,) = recorder.requests()
    assert "x-amz-meta-added" in request.signed_headers()
