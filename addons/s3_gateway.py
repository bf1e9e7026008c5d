"""An S3 gateway: verifies every client's SigV4, adds encryption headers by policy, re-signs for an HTTPS backend.

    mitmdump -s addons/s3_gateway.py --set s3_config=gateway.yaml

See README.md for the configuration. This file stays this small because mitmproxy reloads it when it changes.
"""

from s3gateway.mitm.addon import S3Gateway

addons = [S3Gateway()]
