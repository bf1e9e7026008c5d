"""Default addons that have nothing to do are dismissed, and those that have something to do are not."""

import os

from mitmproxy import addons, options
from mitmproxy.addonmanager import _get_name
from mitmproxy.master import Master

from lab.gateway import gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from s3gateway.mitm.idle import ACTS_ON
from tests.conftest import GatewayFactory


async def test_the_list_is_mitmproxys_own() -> None:
    """Each addon listed is one of mitmproxy's defaults, and each option is an option of this mitmproxy."""
    master = Master(options.Options())
    master.addons.add(*addons.default_addons())
    names = {_get_name(addon) for addon in master.addons.chain}
    assert set(ACTS_ON) <= names
    assert {option for needed in ACTS_ON.values() for option in needed} <= set(master.options.keys())


def test_an_addon_that_the_command_line_uses_stays(gateway: GatewayFactory, recorder: Recorder, minio: Minio) -> None:
    """A header that mitmproxy's own modify_headers adds reaches the backend, and the signature holds.

    To a request without a body, that is: a streamed one has left when that addon looks at it.
    """
    bucket = f"idle-{os.urandom(4).hex()}"
    minio.client().create_bucket(Bucket=bucket)
    running = gateway(gateway_config(recorder), arguments=["--modify-headers", "/~q/x-amz-meta-added/by the operator"])
    running.client().put_object(Bucket=bucket, Key="k", Body=b"")
    assert minio.client().head_object(Bucket=bucket, Key="k")["Metadata"] == {"added": "by the operator"}
    (request,) = recorder.requests()
    assert "x-amz-meta-added" in request.signed_headers()
