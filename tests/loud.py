"""A script for mitmdump: every logger that could say too much says all it can."""

import logging


def running() -> None:
    """When all is loaded: the gateway itself turns botocore's down."""
    for name in ("", "botocore", "asyncio", "urllib3", "boto3", "s3gateway", "mitmproxy", "mitmproxy.proxy.server"):
        logging.getLogger(name).setLevel(logging.DEBUG)
